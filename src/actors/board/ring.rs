//! One stream on the board: its recent windows, and how far each cluster has delivered them.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::shelf::Shelf;
use crate::actors::subscriber::Subscriber;
use crate::domain::{ClusterId, History, Seq, Tally};

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) history: History,
    pub(super) heads: HashMap<ClusterId, Head>,
}

/// How far one cluster has delivered one stream, and to whom.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) seq: Seq,
    /// Frames from where a cursor stands to `seq`.
    pub(super) shelf: Shelf,
    /// By their numbers, so that they can be gone through slice by slice while others come and go.
    pub(super) subscribers: BTreeMap<u64, Rc<Subscriber>>,
}

impl Ring {
    /// A cluster that is new to the stream has delivered what all others have.
    pub(super) fn head(&mut self, cluster: ClusterId) -> &mut Head {
        let newest = self.history.newest_seq();
        self.heads.entry(cluster).or_insert_with(|| Head {
            seq: newest,
            ..Head::default()
        })
    }

    /// Where a cursor stands that has seen `since`, the totals there, and whether `since` could be honoured.
    pub(super) fn stand(&self, since: Option<Seq>) -> (Seq, Arc<Tally>, bool) {
        let at_since = since.and_then(|seq| Some((seq, self.history.totals_at(seq)?)));
        match at_since {
            Some((seq, totals)) => (seq, totals, true),
            None => (self.history.newest_seq(), self.history.totals(), false),
        }
    }
}
