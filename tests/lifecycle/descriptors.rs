//! As many connections as the system allows, not as many as a shell is given.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::wait::{PATIENCE, within};

const LOWERED: &str = "256";

#[tokio::test]
async fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let home = tempfile::TempDir::new().expect("a directory for the process");
    let lower = format!("ulimit -Sn {LOWERED}; exec \"$0\" serve --bind 127.0.0.1:0");
    let mut process = Command::new("sh")
        .args(["-c", &lower, env!("CARGO_BIN_EXE_emostream")])
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the process starts");
    let stdout = process.stdout.take().expect("its output");
    let mut lines = BufReader::new(stdout).lines();
    within(PATIENCE, "the process listens", async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if line.starts_with("listening on") {
                return;
            }
        }
        panic!("the process ended");
    })
    .await;
    let id = process.id().expect("the process runs");
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).expect("its limits");
    let open_files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = open_files.expect("the limit").split_whitespace().skip(3);
    let (soft, hard) = (words.next().expect("soft"), words.next().expect("hard"));
    assert_eq!(soft, hard);
    assert_ne!(soft, LOWERED);
}
