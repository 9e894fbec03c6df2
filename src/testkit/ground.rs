//! What every stage is built with, and time under control.

use std::sync::Arc;
use std::time::Duration;

use crate::actors::clock::Clock;
use crate::actors::streams::{Row, Streams};
use crate::domain::{EpochMs, Ledger, Seq, StreamName, WindowSize};
use crate::telemetry::Metrics;

/// A node without stages, in which window 10 of one second has just begun and time stands still until everyone waits.
pub(crate) struct Ground {
    pub(crate) clock: Clock,
    pub(crate) window: WindowSize,
    pub(crate) streams: Arc<Streams>,
    pub(crate) metrics: Arc<Metrics>,
    /// The row of the stream `main`.
    pub(crate) main: Arc<Row>,
}

impl Ground {
    /// Pauses the time of the test, so there is one per test.
    pub(crate) fn new() -> Self {
        tokio::time::pause();
        let streams = Arc::new(Streams::new(16));
        let main = streams.open(&StreamName::main()).unwrap();
        Self {
            clock: Clock::following_tokio(EpochMs(10_000)),
            window: WindowSize::try_new(Duration::from_secs(1)).unwrap(),
            streams,
            metrics: Arc::new(Metrics::new().unwrap()),
            main,
        }
    }

    /// The window before the first one.
    pub(crate) fn start(&self) -> Seq {
        Seq(9)
    }

    /// Waits until `ms` milliseconds have passed since window 10 began.
    pub(crate) async fn at_ms(&self, ms: u64) {
        tokio::time::sleep(self.clock.until(EpochMs(10_000 + ms))).await;
    }

    /// The ledger of the stream `main`.
    pub(crate) fn ledger(&self) -> Ledger {
        self.main.snapshot()
    }

    /// How many sends have met a full mailbox on an edge.
    pub(crate) fn mailbox_full(&self, edge: &str) -> u64 {
        self.metrics.mailbox_full.with_label_values(&[edge]).get()
    }
}

/// Waits until every actor has come to rest: paused time moves only when nobody has anything to do.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
