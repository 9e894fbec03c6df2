//! Streams whose newest window is older than what is read: `emoji_topic_totals` says where they stand.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::SourceSetup;
use crate::domain::{Standing, StreamName};
use crate::kafka::standings::Reading;
use crate::kafka::transaction::Unrestored;

/// How long one try reads; the hubs want to hear of the brokers in between.
const SLICE: Duration = Duration::from_millis(100);
/// The pause after a try that has failed.
const PAUSE: Duration = Duration::from_millis(500);

/// What is known of them until they are told to the hubs.
#[derive(Default)]
pub(super) struct Silent {
    /// The streams of which a window has come.
    spoken: HashSet<StreamName>,
    reading: Option<Reading>,
    failed_at: Option<Instant>,
}

impl Silent {
    /// A window of the stream has come.
    pub(super) fn note(&mut self, stream: &StreamName) {
        if !self.spoken.contains(stream) {
            self.spoken.insert(stream.clone());
        }
    }

    /// Reads on for a while. Where they stand, once everything is read.
    pub(super) fn read(
        &mut self,
        setup: &SourceSetup,
        num_partitions: usize,
    ) -> Option<Vec<Standing>> {
        if self.failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        match self.try_read(setup, num_partitions) {
            Ok(standings) => standings,
            Err(cause) => {
                tracing::debug!(?cause, "where silent streams stand is not known yet");
                self.failed_at = Some(Instant::now());
                None
            }
        }
    }

    fn try_read(
        &mut self,
        setup: &SourceSetup,
        num_partitions: usize,
    ) -> Result<Option<Vec<Standing>>, Unrestored> {
        let mut reading = match self.reading.take() {
            Some(begun) => begun,
            None => {
                let source = (setup.topics.totals.as_str(), setup.window);
                Reading::begin(&setup.clients, &setup.health, source, 0..num_partitions)?
            }
        };
        if !reading.read_for(SLICE)? {
            self.reading = Some(reading);
            return Ok(None);
        }
        let standings = reading.into_standings().into_values();
        let standings = standings.flat_map(|partition| partition.into_standings());
        let is_silent = |standing: &Standing| !self.spoken.contains(&standing.stream);
        Ok(Some(standings.filter(is_silent).collect()))
    }
}
