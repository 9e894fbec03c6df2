//! Nodes over a log in memory: each has a Control among probes, and reads what any of them writes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::actors::link::Gone;
use crate::actors::messages::*;
use crate::actors::streams::Streams;
use crate::domain::{ClusterId, ClusterState};
use crate::kafka::control::log::Log;
use crate::kafka::control::state::Wanted;
use crate::kafka::control::*;
use crate::testkit::{Desk, Ground, Probe, Stage, mortal, settle, stream};

mortal!(Control);

pub(super) const LEASE: Duration = Duration::from_secs(60);
pub(super) const MAX: usize = 4;

/// The log of all nodes.
pub(super) struct Paper {
    pub(super) records: RefCell<Vec<ControlRecord>>,
    /// How long it takes to create topics.
    pub(super) topics_take: Cell<Duration>,
    is_reachable: Cell<bool>,
    /// How much of it may be read.
    shown: watch::Sender<usize>,
    is_held: Cell<bool>,
}

impl Log for Paper {
    fn is_reachable(&self) -> bool {
        self.is_reachable.get()
    }

    fn append(&self, record: &ControlRecord) -> LocalBoxFuture<'static, Result<i64, Unavailable>> {
        if !self.is_reachable.get() {
            return async { Err(Unavailable) }.boxed_local();
        }
        let mut records = self.records.borrow_mut();
        records.push(record.clone());
        let offset = records.len() as i64 - 1;
        if !self.is_held.get() {
            self.shown.send_replace(records.len());
        }
        async move { Ok(offset) }.boxed_local()
    }

    fn make_topics(&self, _: ClusterId) -> LocalBoxFuture<'static, Result<(), Unavailable>> {
        let time = self.topics_take.get();
        async move {
            tokio::time::sleep(time).await;
            Ok(())
        }
        .boxed_local()
    }
}

impl Paper {
    /// What is written from now on, nobody reads.
    pub(super) fn hold(&self) {
        self.is_held.set(true);
    }

    /// Everything is read again.
    pub(super) fn release(&self) {
        self.is_held.set(false);
        self.shown.send_replace(self.records.borrow().len());
    }

    /// Whether the broker answers.
    pub(super) fn reach(&self, is_reachable: bool) {
        self.is_reachable.set(is_reachable);
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.borrow().len()
    }

    /// What compaction keeps of a key.
    pub(super) fn last(&self, key: &str) -> Option<ControlRecord> {
        let records = self.records.borrow();
        records
            .iter()
            .rev()
            .find(|record| record.key() == key)
            .cloned()
    }

    /// Somebody writes that a cluster should be so.
    pub(super) async fn say(&self, number: u64, state: ClusterState, revision: u64) {
        let wanted = Wanted {
            state,
            policy: Policy::default(),
            revision,
        };
        drop(self.append(&wanted.record(id(number))));
    }
}

/// A folder of nodes with one log.
pub(super) struct House {
    pub(super) ground: Ground,
    pub(super) log: Rc<Paper>,
}

/// A node.
pub(super) struct Node {
    pub(super) control: Stage<Control>,
    pub(super) memory: Memory,
    pub(super) table: Arc<ClusterTable>,
    pub(super) streams: Arc<Streams>,
    pub(super) register: Desk<Register>,
    pub(super) deregister: Desk<Deregister>,
    pub(super) learned: Probe<LeasesLearned>,
    pub(super) held: Rc<RefCell<Vec<Lease>>>,
    _held: Desk<HeldLeases>,
    pub(super) roster: Probe<RosterChanged>,
    pub(super) announced: Probe<ClusterAnnounced>,
    pub(super) moves: Probe<MoveSessions>,
}

impl House {
    pub(super) fn new() -> Self {
        let log = Paper {
            records: RefCell::default(),
            topics_take: Cell::default(),
            is_reachable: Cell::new(true),
            shown: watch::Sender::new(0),
            is_held: Cell::new(false),
        };
        Self {
            ground: Ground::new(),
            log: Rc::new(log),
        }
    }

    /// A node that serves clusters and wants so many from the start.
    pub(super) async fn node(&self, initial: u16) -> Node {
        let (memory, table) = (Memory::new(100), Arc::<ClusterTable>::default());
        let register = Desk::new(|register: &Register| {
            let cluster = register.cluster_opt.unwrap_or(id(1));
            let lease = LEASE;
            Ok(Registered { cluster, lease })
        });
        let deregister = Desk::new(|_: &Deregister| Ok(false));
        let held: Rc<RefCell<Vec<Lease>>> = Rc::default();
        let lent = held.clone();
        let held_desk = Desk::new(move |_: &HeldLeases| lent.borrow().clone());
        let (learned, roster) = (Probe::new(), Probe::new());
        let (announced, moves) = (Probe::new(), Probe::new());
        let streams = Arc::new(Streams::new(16));
        for name in ["main", "final"] {
            streams.open(&stream(name)).unwrap();
        }
        let neighbours = Neighbours {
            register: register.link(),
            deregister: deregister.link(),
            learned: learned.link(),
            held: held_desk.link(),
            roster: roster.link(),
            streams: streams.clone(),
            hubs: vec![HubLinks {
                announcements: announced.link(),
                moves: moves.link(),
            }],
        };
        let config = ControlConfig {
            initial,
            max: MAX,
            policy: Policy::default(),
            lease: LEASE,
            serves: true,
        };
        let (log, clock) = (self.log.clone(), self.ground.clock.clone());
        let (kept, shared) = (memory.clone(), table.clone());
        let control = Stage::start(&self.ground.metrics, move || {
            let (log, table) = (log.clone(), shared.clone());
            Control::new(
                config.clone(),
                kept.clone(),
                log,
                table,
                clock.clone(),
                neighbours.clone(),
            )
        })
        .await;
        actix::spawn(read_on(self.log.clone(), control.link(), control.link()));
        Node {
            control,
            memory,
            table,
            streams,
            register,
            deregister,
            learned,
            held,
            _held: held_desk,
            roster,
            announced,
            moves,
        }
    }

    /// A node on which so many clusters are live, and which serves whatever is spawned up to 9.
    pub(super) async fn with_live(&self, number: u16) -> Node {
        let mut node = self.node(number).await;
        node.serve(1..=9);
        a_look().await;
        a_look().await;
        let live = node.memory.in_state(ClusterState::Live);
        assert_eq!(live.len(), usize::from(number));
        node.announced.drain();
        node.roster.drain();
        node
    }
}

impl Node {
    pub(super) fn serve(&self, numbers: impl IntoIterator<Item = u64>) {
        let served: BTreeSet<_> = numbers.into_iter().map(id).collect();
        self.table.serve(served);
    }

    /// Asks without waiting for the answer.
    pub(super) fn begin<M>(&self, message: M) -> JoinHandle<Result<M::Result, Gone>>
    where
        M: Message<Result: Send> + Send + 'static,
        Control: Handler<M>,
    {
        let link = self.control.link();
        actix::spawn(async move { link.ask(message).await })
    }

    pub(super) fn states(&self) -> Vec<(u16, ClusterState)> {
        let state = self.memory.state();
        let clusters = state.clusters().iter();
        clusters
            .map(|(id, wanted)| (id.get(), wanted.state))
            .collect()
    }

    /// Rosters since the last call.
    pub(super) fn rosters(&mut self) -> Vec<Vec<u16>> {
        let rosters = self.roster.drain();
        rosters.iter().map(|roster| seated(&roster.live)).collect()
    }

    /// Announcements to the hub since the last call.
    pub(super) fn announcements(&mut self) -> Vec<u16> {
        let announced = self.announced.drain();
        announced
            .iter()
            .map(|announced| announced.cluster.get())
            .collect()
    }

    /// Moves since the last call.
    pub(super) fn moved(&mut self) -> Vec<(u16, Vec<u16>)> {
        let moves = self.moves.drain();
        moves
            .iter()
            .map(|moving| (moving.from.get(), seated(&moving.to)))
            .collect()
    }
}

fn seated(seats: &[ClusterSeats]) -> Vec<u16> {
    seats.iter().map(|seats| seats.cluster.get()).collect()
}

/// In place of the reading thread.
async fn read_on(log: Rc<Paper>, from: Link<ReadFrom>, read: Link<Read>) {
    let mut shown = log.shown.subscribe();
    loop {
        if let Ok(next) = from.ask(ReadFrom).await {
            let end = *shown.borrow_and_update();
            let records = log.records.borrow()[next as usize..end].to_vec();
            let offsets = next..end as i64;
            let taken = Read {
                is_anew: false,
                records: offsets.zip(records).collect(),
                next: end as i64,
                is_end: true,
            };
            if read.ask(taken).await.is_ok() {
                shown.changed().await.unwrap();
                continue;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(super) fn id(number: u64) -> ClusterId {
    ClusterId::try_new(number).unwrap()
}

/// Lists nothing below so many.
pub(super) fn policy(min_count: u64) -> Policy {
    Policy {
        min_count,
        ..Policy::default()
    }
}

pub(super) fn spawn(number: u64) -> SpawnCluster {
    SpawnCluster {
        id_opt: Some(id(number)),
        policy_opt: None,
    }
}

pub(super) fn spawn_with(number: u64, min_count: u64) -> SpawnCluster {
    SpawnCluster {
        policy_opt: Some(policy(min_count)),
        ..spawn(number)
    }
}

pub(super) fn retire(number: u64) -> RetireCluster {
    RetireCluster { id: id(number) }
}

/// Waits until Control has looked around once more.
pub(super) async fn a_look() {
    tokio::time::sleep(LOOK).await;
    settle().await;
}
