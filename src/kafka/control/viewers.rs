//! How many sessions watch each stream, on all nodes together. Each node writes its own numbers now and then, and adds up what
//! the others have written; numbers that are not written again do not stand for long.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::Office;
use crate::actors::streams::Streams;
use crate::domain::{EpochMs, StreamName};
use crate::kafka::record::control::{ControlRecord, MAX_WATCHED};

/// How often a node with viewers writes.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// How long its numbers stand: it may miss two turns.
const STANDS: Duration = Duration::from_secs(15);

/// How long numbers that stand no more lie in the topic, and how far the clock of another node may be wrong.
const BURIED_AFTER: Duration = Duration::from_secs(60);

/// The viewers of this node, and of the others as far as is read.
pub(super) struct Viewers {
    office: Office,
    streams: Arc<Streams>,
    /// What it has written last, or tried to.
    told: RefCell<BTreeMap<StreamName, u64>>,
}

impl Viewers {
    pub(super) fn new(office: Office, streams: Arc<Streams>) -> Self {
        Self {
            office,
            streams,
            told: RefCell::default(),
        }
    }

    /// Writes how many watch here, and buries what nodes have left behind that are gone. What fails is due again.
    pub(super) async fn tell(&self) {
        self.write(self.streams.watched(MAX_WATCHED)).await;
        for record in self.dead() {
            if self.office.log.append(&record).await.is_err() {
                return;
            }
        }
    }

    /// Takes back what this node has written: its viewers will be elsewhere.
    pub(super) async fn leave(&self) {
        self.write(BTreeMap::new()).await;
    }

    async fn write(&self, streams: BTreeMap<StreamName, u64>) {
        if streams.is_empty() && self.told.borrow().is_empty() {
            return;
        }
        let node = self.office.memory.node().to_owned();
        self.told.replace(streams.clone());
        let record = if streams.is_empty() {
            ControlRecord::ViewersGone(node)
        } else {
            ControlRecord::Viewers {
                node,
                streams,
                until: self.after(STANDS),
            }
        };
        if self.office.log.append(&record).await.is_err() {
            tracing::debug!("viewers could not be told, and are told again");
        }
    }

    /// Adds up the viewers of the other nodes, for every stream that this one knows.
    pub(super) fn sum_up(&self) {
        let memory = &self.office.memory;
        // What is said for longer than any node says it is not ours.
        let stands = self.office.clock.now()..self.after(BURIED_AFTER);
        let mut elsewhere: HashMap<StreamName, u64> = HashMap::new();
        for (node, audience) in memory.state().audiences() {
            if node != memory.node() && stands.contains(&audience.until) {
                for (stream, viewers) in &audience.streams {
                    *elsewhere.entry(stream.clone()).or_default() += viewers;
                }
            }
        }
        self.streams.watched_elsewhere(&elsewhere);
    }

    fn dead(&self) -> Vec<ControlRecord> {
        let (now, long) = (self.office.clock.now().0, BURIED_AFTER.as_millis() as u64);
        let state = self.office.memory.state();
        let dead = state.audiences().iter();
        let dead = dead.filter(|(_, audience)| audience.until.0.abs_diff(now) > long);
        dead.map(|(node, _)| ControlRecord::ViewersGone(node.clone()))
            .collect()
    }

    fn after(&self, time: Duration) -> EpochMs {
        EpochMs(self.office.clock.now().0 + time.as_millis() as u64)
    }
}
