//! How many connections the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that a node needs beside its sessions: listeners, logs, requests.
const BESIDE_SESSIONS: u64 = 100;

/// Raises the soft limit of open files to the hard one, and returns what it is then; none is no limit. Each session is a
/// descriptor, and a shell's usual soft limit of 1,024 is there for programs that use `select`.
pub(super) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "can't raise the limit of open files");
            limit.current
        }
    }
}

/// Raises the limit, and says so in the log where it is less than the sessions that are allowed.
pub(super) fn make_room_for(max_sessions: usize) {
    let has = raise_limit();
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
