//! One test at a time, and none without an end.

use std::io::Write as _;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

static MACHINE: Mutex<()> = Mutex::const_new(());

/// Runs a test that has the machine for itself, and fails it after that time.
pub(crate) async fn alone(limit: Duration, test: impl Future<Output = ()>) {
    let _machine = MACHINE.lock().await;
    let began = Instant::now();
    timeout(limit, test)
        .await
        .unwrap_or_else(|_| panic!("not over within {limit:?}"));
    say(&format!(
        "over after {:.1} s",
        began.elapsed().as_secs_f64()
    ));
}

/// Prints a line, also in a test that passes.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "faults: {line}");
}
