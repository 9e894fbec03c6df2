//! `emostream bench --crowd` as a child process.

use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::wait::{PATIENCE, within};

/// A running crowd; killed when it goes out of scope.
pub(crate) struct Crowd {
    child: Child,
    /// Working directory without an `emostream.toml`.
    _home: TempDir,
}

impl Crowd {
    /// `args` stand after `--crowd --json`.
    pub(crate) fn start(args: &[&str]) -> Self {
        let home = TempDir::new().expect("a directory for the process");
        let child = Command::new(env!("CARGO_BIN_EXE_emostream"))
            .args(["bench", "--crowd", "--json"])
            .args(args)
            .current_dir(home.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        Self { child, _home: home }
    }

    /// Asks it to close.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().expect("the process runs");
        let id = i32::try_from(id).expect("process ids are small");
        let pid = Pid::from_raw(id).expect("process ids are not zero");
        kill_process(pid, Signal::INT).expect("the process takes a signal");
    }

    /// What it has written, and how it ended.
    pub(crate) async fn ended(self) -> Output {
        let ended = self.child.wait_with_output();
        within(PATIENCE, "the crowd ends", ended)
            .await
            .expect("the child's output")
    }
}
