//! How long what comes in waits until its worker has time for it, and whether it is taken in then.
//!
//! Nobody can see that queue: it is spread over the sockets that are ready, the tasks that were woken and the kernel between
//! them. So a probe stands in it like everybody else: a byte is written into a socket of the worker's own, and the time until
//! the worker comes to read it is what a request would have waited. One at a time, and only while something comes in, or the
//! last one had to wait too long.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::Admission;
use crate::telemetry::Metrics;

/// The rest between two probes.
const PAUSE: Duration = Duration::from_millis(20);

/// The queue before one worker.
#[derive(Debug)]
pub struct Queue {
    admission: RefCell<Admission>,
    /// Something has come in since the last probe.
    came: Notify,
    is_probed: Cell<bool>,
    began: Instant,
    metrics: Arc<Metrics>,
}

impl Queue {
    /// A queue whose delay is to stay near `max_delay`. Without [`Queue::watch`] everybody is taken in.
    pub fn new(max_delay: Duration, metrics: Arc<Metrics>) -> Self {
        Self {
            admission: RefCell::new(Admission::new(max_delay)),
            came: Notify::new(),
            is_probed: Cell::new(false),
            began: Instant::now(),
            metrics,
        }
    }

    /// Whether the next one is taken in.
    pub fn admits(&self) -> bool {
        if !self.is_probed.replace(true) {
            self.came.notify_one();
        }
        self.admission.borrow_mut().admits()
    }

    /// Somebody had to wait that long, and was served at `now`, a time since any fixed moment.
    pub fn observe(&self, now: Duration, delay: Duration) {
        self.admission.borrow_mut().observe(now, delay);
        self.metrics.queue_delay.observe(delay.as_secs_f64());
    }

    /// Probes for as long as the worker lives.
    ///
    /// # Errors
    ///
    /// There is no socket to be had for it.
    pub fn watch(self: &Rc<Self>) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
        let (mine, theirs) = UnixStream::pair()?;
        let queue = self.clone();
        Ok(async move { queue.probe(mine, theirs).await })
    }

    async fn probe(&self, sends: UnixStream, mut reads: UnixStream) -> io::Result<()> {
        loop {
            let is_at_ease = self.admission.borrow().is_at_ease();
            if is_at_ease {
                self.came.notified().await;
            }
            let sent = Instant::now();
            sends.try_write(&[0])?;
            // With room for more than one: a buffer that is filled says nothing of what else may be there, and tokio would
            // not wait for the next byte to be told of.
            let _one = reads.read(&mut [0; 2]).await?;
            let (now, delay) = (self.began.elapsed(), sent.elapsed());
            self.observe(now, delay);
            tokio::time::sleep(PAUSE).await;
            self.is_probed.set(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A task that keeps this worker busy, turn by turn, and asks in each whether one more is taken in. Tells how many were
    /// not.
    #[expect(clippy::disallowed_methods, reason = "it is the thread that is busy")]
    async fn work(queue: &Rc<Queue>, turns: usize, each: Duration) -> usize {
        let queue = queue.clone();
        let working = async move {
            let mut refused = 0;
            for _ in 0..turns {
                refused += usize::from(!queue.admits());
                std::thread::sleep(each);
                step_aside().await;
            }
            refused
        };
        actix::spawn(working).await.unwrap()
    }

    /// Goes to the end of the line of tasks. Unlike tokio's way to yield, it does not have the sockets looked at before.
    async fn step_aside() {
        let mut has_waited = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[actix::test]
    async fn a_worker_that_is_behind_for_long_turns_some_away_until_it_has_caught_up() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let queue = Rc::new(Queue::new(Duration::from_millis(5), metrics));
        let watching = actix::spawn(queue.watch().unwrap());
        let each = Duration::from_millis(2);
        assert_eq!(work(&queue, 10, each).await, 0);
        let behind = async { while work(&queue, 100, each).await == 0 {} };
        let behind = tokio::time::timeout(PATIENCE, behind).await;
        behind.expect("some are turned away");
        // Nobody comes any more, and still it is seen that nobody waits.
        let caught_up = async {
            while !queue.admission.borrow().is_at_ease() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let caught_up = tokio::time::timeout(PATIENCE, caught_up).await;
        caught_up.expect("it catches up");
        assert_eq!(work(&queue, 1_000, Duration::ZERO).await, 0);
        watching.abort();
    }
}
