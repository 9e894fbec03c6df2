//! What outlives each life of Control: what is read of the log, and the seats in the clusters. Its clones are the same one.

use std::cell::{Ref, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

use super::state::{ControlState, Effect, Outcome, Wanted};
use super::{Read, Unavailable};
use crate::actors::messages::{ClusterSeats, RosterChanged};
use crate::domain::{ClusterId, ClusterState, UserId};
use crate::kafka::table::{ClusterRow, ClusterRows};

/// How long a node waits for a record of its own to come back.
const ECHO_PATIENCE: Duration = Duration::from_secs(5);

/// The memory.
#[derive(Debug, Clone)]
pub struct Memory(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The name of this node among all.
    node: String,
    state: RefCell<ControlState>,
    seats: RefCell<BTreeMap<ClusterId, ClusterSeats>>,
    marks: RefCell<Marks>,
    /// Wakes whoever waits for something to be read or told.
    news: watch::Sender<()>,
}

/// How far things are.
#[derive(Debug, Default)]
struct Marks {
    /// The end of the log has been read once.
    is_caught_up: bool,
    /// The clusters that there are from the start are in the log.
    is_ready: bool,
    /// Live clusters that hubs and registry know of.
    told: BTreeSet<ClusterId>,
}

impl Memory {
    /// Of a node that has read nothing. It knows so many clients at most.
    pub fn new(max_clients: usize) -> Self {
        Self(Rc::new(Inner {
            node: format!("{:016x}", fastrand::u64(..)),
            state: RefCell::new(ControlState::new(max_clients)),
            seats: RefCell::default(),
            marks: RefCell::default(),
            news: watch::Sender::new(()),
        }))
    }

    /// Returns once the log is read to its end and the first clusters are in it; whether they deliver is another question.
    pub async fn until_ready(&self) {
        self.until(|memory| memory.0.marks.borrow().is_ready.then_some(()))
            .await;
    }

    // === what comes ===

    /// Takes what was read. Returns what it changed.
    pub(super) fn take(&self, read: Read) -> Vec<Effect> {
        let mut state = self.0.state.borrow_mut();
        let mut marks = self.0.marks.borrow_mut();
        if read.is_anew {
            state.forget();
            (marks.is_caught_up, marks.is_ready) = (false, false);
        }
        let effects = read.records.into_iter();
        let effects = effects.filter_map(|(offset, record)| state.apply(record, offset));
        let effects = effects.collect();
        state.pass(read.next);
        marks.is_caught_up |= read.is_end;
        drop((state, marks));
        self.0.news.send_replace(());
        effects
    }

    pub(super) fn set_ready(&self) {
        self.0.marks.borrow_mut().is_ready = true;
        self.0.news.send_replace(());
    }

    pub(super) fn set_told(&self, told: BTreeSet<ClusterId>) {
        self.0.marks.borrow_mut().told = told;
        self.0.news.send_replace(());
    }

    // === what is ===

    /// A name that no other node has.
    pub(super) fn node(&self) -> &str {
        &self.0.node
    }

    /// What the log says. Not to be held while something is awaited.
    pub(super) fn state(&self) -> Ref<'_, ControlState> {
        self.0.state.borrow()
    }

    pub(super) fn is_caught_up(&self) -> bool {
        self.0.marks.borrow().is_caught_up
    }

    pub(super) fn is_ready(&self) -> bool {
        self.0.marks.borrow().is_ready
    }

    pub(super) fn is_told(&self, id: ClusterId) -> bool {
        self.0.marks.borrow().told.contains(&id)
    }

    pub(super) fn cluster(&self, id: ClusterId) -> Option<Wanted> {
        self.state().cluster(id)
    }

    /// Clusters in this state.
    pub(super) fn in_state(&self, state: ClusterState) -> Vec<ClusterId> {
        self.state().in_state(state).collect()
    }

    /// The rows for all who share the table.
    pub(super) fn rows(&self) -> ClusterRows {
        let state = self.state();
        let rows = state.clusters().iter().map(|(id, wanted)| {
            let (state, policy) = (wanted.state, wanted.policy);
            (*id, ClusterRow { state, policy })
        });
        rows.collect()
    }

    /// Where sessions may sit.
    pub(super) fn roster(&self) -> RosterChanged {
        let live = self.in_state(ClusterState::Live).into_iter();
        RosterChanged {
            live: live.map(|id| self.seats(id)).collect(),
        }
    }

    /// The seats in a cluster.
    pub(super) fn seats(&self, id: ClusterId) -> ClusterSeats {
        let mut seats = self.0.seats.borrow_mut();
        let seats = seats.entry(id).or_insert_with(|| ClusterSeats {
            cluster: id,
            taken: Default::default(),
        });
        seats.clone()
    }

    /// Every client that is registered, as far as is read.
    pub(super) fn client_ids(&self) -> Vec<UserId> {
        let state = self.state();
        state
            .clients()
            .map(|(client_id, _)| client_id.clone())
            .collect()
    }

    // === what is waited for ===

    /// Waits until `find` finds something. It is asked again whenever there is news.
    pub(super) async fn until<T>(&self, find: impl Fn(&Self) -> Option<T>) -> T {
        let mut news = self.0.news.subscribe();
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            // The sender is in this memory.
            let _ = news.changed().await;
        }
    }

    /// Waits until a cluster's record that this node has written is read, and says what came of it.
    pub(super) async fn outcome(&self, offset: i64) -> Result<Outcome, Unavailable> {
        let read = self.until(|memory| {
            let state = memory.state();
            (state.next() > offset).then(|| state.outcome(offset))
        });
        let read = tokio::time::timeout(ECHO_PATIENCE, read).await;
        read.ok().flatten().ok_or(Unavailable)
    }
}
