//! `emostream bench --crowd` as a child process.

use std::process::Output;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Child;

use super::program;
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
        let args = [&["bench", "--crowd", "--json"], args].concat();
        let child = program::command(&args, &home)
            .spawn()
            .expect("the binary starts");
        Self { child, _home: home }
    }

    /// Asks it to close.
    pub(crate) fn interrupt(&self) {
        program::signal(&self.child, Signal::INT);
    }

    /// What it has written, and how it ended.
    pub(crate) async fn ended(self) -> Output {
        let ended = self.child.wait_with_output();
        within(PATIENCE, "the crowd ends", ended)
            .await
            .expect("the child's output")
    }
}
