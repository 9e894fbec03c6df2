//! Deadlines, and conditions that only asking again can tell.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long a test waits for anything before it calls it missing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Time between two questions of `wait_for`.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The outcome of `work`, or a failure that says what was missing.
pub(crate) async fn within<T>(deadline: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match timeout(deadline, work).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: nothing within {deadline:?}"),
    }
}

/// Asks the server through `question` until the answer satisfies `enough`; returns that answer.
pub(crate) async fn wait_for<T: std::fmt::Debug>(
    what: &str,
    deadline: Duration,
    mut question: impl AsyncFnMut() -> T,
    enough: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        let answer = question().await;
        if enough(&answer) {
            return answer;
        }
        assert!(
            Instant::now() < end,
            "{what}: not within {deadline:?}, last answer {answer:?}"
        );
        sleep(ASK_AGAIN).await;
    }
}

/// Milliseconds since the epoch, by the clock that the server reads too.
#[expect(
    clippy::disallowed_methods,
    reason = "frames carry wall clock times, and the tests compare with them"
)]
pub(crate) fn now_ms() -> u64 {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("the clock stands after 1970");
    u64::try_from(since_epoch.as_millis()).expect("milliseconds fit into 64 bits")
}
