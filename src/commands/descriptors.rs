//! How many connections the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that a node needs beside its sessions: listeners, logs, requests.
const BESIDE_SESSIONS: u64 = 100;

/// Raises the soft limit of open files to the hard one: each session is a descriptor, and a shell's usual soft limit of
/// 1,024 is there for programs that use `select`. Says so where that is less than the sessions that are allowed.
pub(super) fn raise_limit(max_sessions: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let had = limit.current;
    let has = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "can't raise the limit of open files");
            had
        }
    };
    let wanted = (max_sessions as u64).saturating_add(BESIDE_SESSIONS);
    match has {
        Some(has) if has < wanted => tracing::info!(
            open_files = has,
            session_max = max_sessions,
            "fewer open files than sessions"
        ),
        _ => tracing::debug!(open_files = ?has, "limit of open files"),
    }
}
