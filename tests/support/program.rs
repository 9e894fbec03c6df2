//! The binary under test as a child process: how it is started, and told to end.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// `emostream` with `args` in an empty working directory, its output in pipes; killed when it goes out of scope.
pub(crate) fn command<Arg: AsRef<str>>(args: &[Arg], home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emostream"));
    command
        .args(args.iter().map(AsRef::as_ref))
        .current_dir(home.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Sends a signal to a process that runs.
pub(crate) fn signal(child: &Child, signal: Signal) {
    let id = child.id().expect("the process runs");
    let id = i32::try_from(id).expect("process ids are small");
    let pid = Pid::from_raw(id).expect("process ids are not zero");
    kill_process(pid, signal).expect("the process takes a signal");
}
