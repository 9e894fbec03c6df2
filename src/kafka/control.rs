//! Which clusters should exist, who is registered and how many watch, as every node of a Kafka knows it.
//!
//! The compacted control topic is one order of changes, and **the log decides**: a change is checked against what is read,
//! written, and answered once the node has read its own record and found that it holds. So any node takes any request, and
//! two that contradict each other end in the same state everywhere.
//!
//! - Receives: [`SpawnCluster`], [`ChangeClusterPolicy`], [`RetireCluster`], [`ListClusters`], [`Register`],
//!   [`Deregister`] from HTTP; what its [reading thread](reader::ReaderSetup) reads.
//! - Emits: records; the rows of the [`ClusterTable`]; what changed to the registry and the hubs, awaited and one after the
//!   other. Hubs know of a cluster before its windows can come: it is live only after that.
//! - Owns: nothing. What it knows is in a [`Memory`] that its factory keeps.
//! - When Kafka does not answer: changes and registrations are refused at once; what is known stays in force.
//! - When it dies: neighbours are told everything anew. Requests that were waiting are refused; what they wrote stands, and
//!   asking again finds it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult, ResponseFuture};

use crate::actors::clock::Clock;
use crate::actors::link::Link;
use crate::actors::messages::{
    ChangeClusterPolicy, ClusterError, ClusterReport, Deregister, Drain, HeldLeases, ListClusters,
    PlacementError, Register, Registered, RetireCluster, SpawnCluster, Spawned,
};
use crate::domain::Policy;
use crate::kafka::record::control::ControlRecord;
use crate::kafka::table::ClusterTable;
use crate::telemetry::events::ClusterChanged;

mod changes;
mod chores;
pub mod log;
pub mod memory;
pub mod reader;
mod registrations;
pub mod state;
mod teller;
mod viewers;
#[cfg(test)]
mod tests;

use chores::Chores;
use log::Log;
use memory::Memory;
use state::Effect;
use teller::Teller;
pub use teller::{HubLinks, Neighbours};
use viewers::Viewers;

const MAILBOX: usize = 4_096;

/// How often the actor looks whether there is something to do.
const LOOK: Duration = Duration::from_millis(100);

/// Leases are renewed so many times before they could end.
const RENEWALS: u32 = 3;

/// Settings under `clusters` and `registry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlConfig {
    /// Clusters 1 to this one are spawned unless the log knows something else of them.
    pub initial: u16,
    /// Clusters there may be.
    pub max: usize,
    /// The policy of clusters that are spawned without one.
    pub policy: Policy,
    /// How long a registration stands without a session.
    pub lease: Duration,
    /// Whether this node has the role `cluster`, and with it a say in when a cluster has stopped.
    pub serves: bool,
}

/// What all of Control works with.
#[derive(Clone)]
struct Office {
    config: ControlConfig,
    memory: Memory,
    log: Rc<dyn Log>,
    table: Arc<ClusterTable>,
    clock: Clock,
    register: Link<Register>,
    deregister: Link<Deregister>,
    held: Link<HeldLeases>,
}

/// Kafka or a stage did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

impl From<Unavailable> for ClusterError {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Unavailable> for PlacementError {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// The actor.
#[expect(missing_debug_implementations, reason = "a log has none")]
pub struct Control {
    office: Office,
    teller: Rc<Teller>,
    chores: Rc<Chores>,
    viewers: Rc<Viewers>,
    /// Whether the work is being done, and whether it has to be done once more.
    telling: Turn,
    learning: Turn,
    chores_are_on: bool,
    renewing_is_on: bool,
    counting_is_on: bool,
    /// The node leaves: what is left to do is for others.
    leaves: bool,
}

/// One piece of work that is done by one future at a time.
#[derive(Debug, Default)]
struct Turn {
    is_on: bool,
    is_due: bool,
}

impl Turn {
    /// There is something to do. True if it can begin.
    fn begin(&mut self) -> bool {
        self.is_due = self.is_on;
        !std::mem::replace(&mut self.is_on, true)
    }

    /// It is done. True if there is more.
    fn end(&mut self) -> bool {
        self.is_on = false;
        std::mem::take(&mut self.is_due)
    }
}

/// The reading thread asks: from which offset on?
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "i64")]
pub struct ReadFrom;

/// What the thread has read. Answered once it is taken; a second time it changes nothing.
#[derive(Debug, Clone, Default, Message)]
#[rtype(result = "()")]
pub struct Read {
    /// The topic was made anew: what was read before holds no more.
    pub is_anew: bool,
    /// Records with their offsets.
    pub records: Vec<(i64, ControlRecord)>,
    /// The offset after the last one, also of those that were passed by.
    pub next: i64,
    /// This is the end, for now.
    pub is_end: bool,
}

impl Control {
    /// Over a memory that an earlier life may have begun.
    pub fn new(
        config: ControlConfig,
        memory: Memory,
        log: Rc<dyn Log>,
        table: Arc<ClusterTable>,
        clock: Clock,
        neighbours: Neighbours,
    ) -> Self {
        let office = Office {
            config,
            memory: memory.clone(),
            log,
            table,
            clock: clock.clone(),
            register: neighbours.register.clone(),
            deregister: neighbours.deregister.clone(),
            held: neighbours.held.clone(),
        };
        Self {
            chores: Rc::new(Chores::new(office.clone())),
            viewers: Rc::new(Viewers::new(office.clone(), neighbours.streams.clone())),
            office,
            teller: Rc::new(Teller::new(memory, clock, neighbours)),
            telling: Turn::default(),
            learning: Turn::default(),
            chores_are_on: false,
            renewing_is_on: false,
            counting_is_on: false,
            leaves: false,
        }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if !self.office.memory.is_caught_up() {
            return;
        }
        if self.teller.is_behind() {
            self.tell(ctx);
        }
        if self.teller.has_leases_to_tell() {
            self.learn(ctx);
        }
        if !self.leaves && !self.chores_are_on && self.office.log.is_reachable() {
            self.chores_are_on = true;
            let chores = self.chores.clone();
            let doing = wrap_future::<_, Self>(async move { chores.do_all().await });
            ctx.spawn(doing.map(|(), control, _| control.chores_are_on = false));
        }
    }

    fn tell(&mut self, ctx: &mut Context<Self>) {
        if !self.telling.begin() {
            return;
        }
        let teller = self.teller.clone();
        let telling = wrap_future::<_, Self>(async move { teller.tell_clusters().await });
        ctx.spawn(telling.map(|told, control, ctx| {
            // Someone who is gone is told at a later look.
            if control.telling.end() && told.is_ok() {
                control.tell(ctx);
            }
        }));
    }

    fn learn(&mut self, ctx: &mut Context<Self>) {
        if !self.learning.begin() {
            return;
        }
        let teller = self.teller.clone();
        let telling = wrap_future::<_, Self>(async move { teller.tell_leases().await });
        ctx.spawn(telling.map(|told, control, ctx| {
            if control.learning.end() && told.is_ok() {
                control.learn(ctx);
            }
        }));
    }

    fn keep_leases(&mut self, ctx: &mut Context<Self>) {
        let memory = &self.office.memory;
        if self.leaves || self.renewing_is_on || !memory.is_caught_up() {
            return;
        }
        self.renewing_is_on = true;
        let office = self.office.clone();
        let keeping = wrap_future::<_, Self>(async move { office.keep_leases().await });
        ctx.spawn(keeping.map(|(), control, _| control.renewing_is_on = false));
    }

    fn count_viewers(&mut self, ctx: &mut Context<Self>) {
        let office = &self.office;
        if self.leaves || self.counting_is_on || !office.memory.is_caught_up() {
            return;
        }
        self.viewers.sum_up();
        if !office.log.is_reachable() {
            return;
        }
        self.counting_is_on = true;
        let viewers = self.viewers.clone();
        let telling = wrap_future::<_, Self>(async move { viewers.tell().await });
        ctx.spawn(telling.map(|(), control, _| control.counting_is_on = false));
    }
}

impl Actor for Control {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(LOOK, Self::look);
        ctx.run_interval(self.office.config.lease / RENEWALS, Self::keep_leases);
        ctx.run_interval(viewers::EVERY, Self::count_viewers);
    }
}

impl Handler<ReadFrom> for Control {
    type Result = MessageResult<ReadFrom>;

    fn handle(&mut self, _: ReadFrom, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.office.memory.state().next())
    }
}

impl Handler<Read> for Control {
    type Result = ();

    /// Until the end is reached nothing is passed on: what is read first may be long past.
    fn handle(&mut self, read: Read, ctx: &mut Self::Context) {
        let memory = &self.office.memory;
        let before = self.office.table.rows();
        for effect in memory.take(read) {
            if let Effect::Client(client_id) = effect {
                self.teller.note_lease(client_id);
            }
        }
        if !memory.is_caught_up() {
            return;
        }
        let after = memory.rows();
        if *before != after {
            for (id, row) in &after {
                if before.get(id).map(|row| row.state) != Some(row.state) {
                    let state = row.state.as_str();
                    ClusterChanged {
                        cluster: *id,
                        state,
                    }
                    .emit();
                }
            }
            self.office.table.set(after);
            self.tell(ctx);
        }
        if self.teller.has_leases_to_tell() {
            self.learn(ctx);
        }
    }
}

impl Handler<SpawnCluster> for Control {
    type Result = ResponseFuture<Result<Spawned, ClusterError>>;

    fn handle(&mut self, spawn: SpawnCluster, _: &mut Self::Context) -> Self::Result {
        let office = self.office.clone();
        Box::pin(async move { office.spawn(spawn).await })
    }
}

impl Handler<ChangeClusterPolicy> for Control {
    type Result = ResponseFuture<Result<ClusterReport, ClusterError>>;

    fn handle(&mut self, change: ChangeClusterPolicy, _: &mut Self::Context) -> Self::Result {
        let office = self.office.clone();
        Box::pin(async move { office.change_policy(change).await })
    }
}

impl Handler<RetireCluster> for Control {
    type Result = ResponseFuture<Result<ClusterReport, ClusterError>>;

    fn handle(&mut self, retire: RetireCluster, _: &mut Self::Context) -> Self::Result {
        let office = self.office.clone();
        Box::pin(async move { office.retire(retire.id).await })
    }
}

impl Handler<ListClusters> for Control {
    type Result = MessageResult<ListClusters>;

    fn handle(&mut self, _: ListClusters, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.office.reports())
    }
}

impl Handler<Register> for Control {
    type Result = ResponseFuture<Result<Registered, PlacementError>>;

    fn handle(&mut self, register: Register, _: &mut Self::Context) -> Self::Result {
        let office = self.office.clone();
        Box::pin(async move { office.register(register).await })
    }
}

impl Handler<Deregister> for Control {
    type Result = ResponseFuture<Result<bool, PlacementError>>;

    fn handle(&mut self, deregister: Deregister, _: &mut Self::Context) -> Self::Result {
        let office = self.office.clone();
        Box::pin(async move { office.deregister(deregister).await })
    }
}

impl Handler<Drain> for Control {
    type Result = MessageResult<Drain>;

    /// Requests are answered still; the work that any node can do is left to the others.
    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) -> Self::Result {
        if !std::mem::replace(&mut self.leaves, true) {
            let viewers = self.viewers.clone();
            ctx.spawn(wrap_future::<_, Self>(async move { viewers.leave().await }));
        }
        MessageResult(0)
    }
}
