//! One run: a crowd, two instances of each stage, and everything that can happen to them, all decided by the seed.

use std::time::Duration;

use emostream::domain::{
    Emoji, EpochMs, EventId, MergeTiming, PartitionTiming, StreamName, WindowSize,
};

use crate::broker::Broker;
use crate::group::Stage;
use crate::host::Host;
use crate::record::{Payload, Sent, Topic};
use crate::roles::{Aggregator, Merger, NUM_SHARDS, Role, Settings};
use crate::world::{Fault, Trouble, World};

pub(crate) const WINDOW_MS: u64 = 500;
/// How far append times go back in the log.
pub(crate) const DISORDER_MS: u64 = 500;
/// When it all begins; windows have numbers like real ones.
const START_MS: u64 = 1_764_692_000_000;
const NUM_STEPS: usize = 500;
/// Everything is closed, merged and idle if nothing is written for so long.
const SETTLED_MS: u64 = 5_000;
const MAX_SETTLING_MS: u64 = 60_000;
const STREAMS: [&str; 3] = ["main", "b", "c"];

/// Where a fault is planted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planted {
    pub(crate) stage: Stage,
    pub(crate) fault: Fault,
}

pub(crate) struct Run {
    pub(crate) settings: Settings,
    pub(crate) broker: Broker,
    pub(crate) trouble: Trouble,
    pub(crate) num_crashes: u64,
    pub(crate) has_settled: bool,
    rng: fastrand::Rng,
    now: u64,
    /// How much goes wrong, in percent.
    roughness: u8,
    planted: Option<Planted>,
    aggregators: Vec<Host<Aggregator>>,
    mergers: Vec<Host<Merger>>,
    num_lives: u64,
    /// Nobody sends before.
    silent_until: u64,
    emojis: Vec<Emoji>,
}

impl Run {
    pub(crate) fn new(seed: u64, planted: Option<Planted>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let settings = settings(&mut rng);
        let mut run = Self {
            broker: Broker::default(),
            trouble: Trouble::default(),
            num_crashes: 0,
            has_settled: false,
            now: START_MS,
            roughness: rng.u8(10..=100),
            planted,
            aggregators: Vec::new(),
            mergers: Vec::new(),
            num_lives: 0,
            silent_until: 0,
            emojis: Emoji::all().step_by(900).take(3).collect(),
            settings,
            rng,
        };
        for (stage, num_partitions) in [
            (Stage::Aggregator, run.settings.num_inputs),
            (Stage::Merger, NUM_SHARDS),
        ] {
            run.broker.groups.entry(stage).or_default().num_partitions = num_partitions;
        }
        for id in 0..2 {
            let aggregator = run.host(id);
            run.aggregators.push(aggregator);
            let merger = run.host(id + 2);
            run.mergers.push(merger);
        }
        run
    }

    /// A run in which nothing goes wrong.
    pub(crate) fn calm(seed: u64) -> Self {
        Self {
            roughness: 0,
            ..Self::new(seed, None)
        }
    }

    pub(crate) fn carry_out(&mut self) {
        for _ in 0..NUM_STEPS {
            self.now += self.rng.u64(..25);
            self.happen();
            self.environment();
        }
        self.heal();
        self.settle();
    }

    fn host<R: Role>(&mut self, id: usize) -> Host<R> {
        self.num_lives += 1;
        let planted = self.planted.filter(|planted| planted.stage == R::STAGE);
        let fault = planted.map_or(Fault::None, |planted| planted.fault);
        Host::start(id, self.num_lives, &mut self.rng, fault)
    }

    /// One thing that the seed decides.
    fn happen(&mut self) {
        match self.rng.u8(..100) {
            0..30 => self.send(),
            30..92 => self.run_one(),
            92..96 => self.go_wrong(),
            96..97 => self.silent_until = self.now + self.rng.u64(..3_000),
            97..98 => self.grow(),
            _ => self.broker.deliver_delayed(&mut self.rng),
        }
    }

    /// What goes wrong from outside, less in a calm run.
    fn go_wrong(&mut self) {
        match self.rng.u8(..100) {
            roll if roll >= self.roughness => {}
            roll if roll % 4 == 0 => {
                let stage = if self.rng.bool() {
                    Stage::Aggregator
                } else {
                    Stage::Merger
                };
                if let Some(group) = self.broker.groups.get_mut(&stage) {
                    group.start_rebalance();
                }
            }
            _ => self.trouble_one(),
        }
    }

    fn environment(&mut self) {
        for group in self.broker.groups.values_mut() {
            group.run(&mut self.rng, self.now);
        }
        if self.rng.u8(..100) < 60 {
            self.broker.write_marker(&mut self.rng);
        }
        self.broker.expire_transactions(self.now);
    }

    /// A few people react, or somebody writes what nobody can read.
    fn send(&mut self) {
        if self.now < self.silent_until {
            return;
        }
        for _ in 0..self.rng.u8(1..4) {
            let partition = self.rng.usize(..self.settings.num_inputs);
            let event = self.rng.u8(..40);
            let stream = *self.rng.choice(&STREAMS[..]).expect("there are some");
            let sent = Sent {
                at: EpochMs(self.now - self.rng.u64(..=DISORDER_MS)),
                stream: StreamName::parse(stream).expect("it is a name"),
                emoji: *self.rng.choice(&self.emojis).expect("there are some"),
                count: self.rng.u32(1..=3),
                event_id: (event < 6)
                    .then(|| EventId::parse(&format!("e{event}")).expect("it is an id")),
            };
            let is_poison = self.rng.u8(..20) == 0;
            let payload = if is_poison {
                Payload::Poison
            } else {
                Payload::Reaction(sent)
            };
            self.broker.append((Topic::Input, partition), payload);
        }
    }

    fn run_one(&mut self) {
        let num_steps = self.rng.usize(1..=10);
        let index = self
            .rng
            .usize(..self.aggregators.len() + self.mergers.len());
        self.run_host(index, num_steps, self.roughness > 0);
    }

    /// A few polls and what follows from them.
    fn run_to_rest(&mut self, index: usize) {
        for _ in 0..16 {
            self.run_host(index, 3, false);
            let is_busy = match index.checked_sub(self.aggregators.len()) {
                None => self.aggregators[index].is_busy(),
                Some(index) => self.mergers[index].is_busy(),
            };
            if !is_busy {
                return;
            }
        }
    }

    fn run_host(&mut self, index: usize, num_steps: usize, is_rough: bool) {
        let mut world = World {
            broker: &mut self.broker,
            rng: &mut self.rng,
            now: self.now,
            settings: &self.settings,
            is_rough,
        };
        for _ in 0..num_steps {
            match index.checked_sub(self.aggregators.len()) {
                None => self.aggregators[index].step(&mut world),
                Some(index) => self.mergers[index].step(&mut world),
            }
        }
    }

    fn trouble_one(&mut self) {
        let is_aggregator = self.rng.bool();
        if is_aggregator {
            let mut hosts = std::mem::take(&mut self.aggregators);
            self.trouble_among(&mut hosts);
            self.aggregators = hosts;
        } else {
            let mut hosts = std::mem::take(&mut self.mergers);
            self.trouble_among(&mut hosts);
            self.mergers = hosts;
        }
    }

    /// Kills, stops, stalls or doubles one instance.
    fn trouble_among<R: Role>(&mut self, hosts: &mut Vec<Host<R>>) {
        let victim = self.rng.usize(..hosts.len());
        let id = hosts[victim].id;
        match self.rng.u8(..10) {
            // Killed, and started again at once.
            0..4 => {
                self.num_crashes += 1;
                let fresh = self.host(id);
                let killed = std::mem::replace(&mut hosts[victim], fresh);
                self.enter(killed.trouble);
                // With a good end it leaves the group, with a bad one the group has to notice.
                if self.rng.bool() {
                    killed.leave(&mut self.broker);
                }
            }
            // Stopped in the middle of what it does, and continued.
            4..6 => hosts[victim].stopped_until = self.now + self.rng.u64(..5_000),
            // Stopped, replaced, and continued: now there are two with one transactional id.
            6..7 if hosts.len() < 4 => {
                hosts[victim].stopped_until = self.now + self.rng.u64(..3_000);
                let fresh = self.host(id);
                hosts.push(fresh);
            }
            _ => hosts[victim].stalled_until = self.now + self.rng.u64(..3_000),
        }
    }

    /// The input gets one more partition.
    fn grow(&mut self) {
        if self.roughness > 0 && self.settings.num_inputs < 3 && self.rng.bool() {
            self.settings.num_inputs += 1;
            if let Some(group) = self.broker.groups.get_mut(&Stage::Aggregator) {
                group.grow(self.settings.num_inputs);
            }
        }
    }

    /// The end of all trouble: whoever was stopped goes on, whoever halted is started again.
    fn heal(&mut self) {
        let mut aggregators = std::mem::take(&mut self.aggregators);
        self.heal_all(&mut aggregators);
        self.aggregators = aggregators;
        let mut mergers = std::mem::take(&mut self.mergers);
        self.heal_all(&mut mergers);
        self.mergers = mergers;
    }

    fn heal_all<R: Role>(&mut self, hosts: &mut Vec<Host<R>>) {
        for host in hosts.iter_mut() {
            host.stopped_until = 0;
            host.stalled_until = 0;
        }
        // One that was doubled is still there to be fenced; at least one of each id goes on.
        for id in hosts.iter().map(|host| host.id).collect::<Vec<_>>() {
            if hosts.iter().all(|host| host.id != id || host.is_halted) {
                let fresh = self.host(id);
                hosts.push(fresh);
            }
        }
    }

    /// Runs on without trouble until nothing is written any more.
    fn settle(&mut self) {
        let start = self.now;
        let mut quiet_since = self.now;
        while self.now - quiet_since < SETTLED_MS && self.now - start < MAX_SETTLING_MS {
            let num_committed = self.broker.num_committed;
            self.now += 250;
            for index in 0..self.aggregators.len() + self.mergers.len() {
                self.run_to_rest(index);
            }
            self.broker.deliver_delayed(&mut self.rng);
            while self.broker.write_marker(&mut self.rng) {}
            self.environment();
            if self.broker.num_committed > num_committed {
                quiet_since = self.now;
            }
        }
        self.has_settled = self.now - quiet_since >= SETTLED_MS;
        let troubles = self.aggregators.iter().map(|host| host.trouble);
        let troubles = troubles.chain(self.mergers.iter().map(|host| host.trouble));
        for trouble in troubles.collect::<Vec<_>>() {
            self.enter(trouble);
        }
    }

    fn enter(&mut self, of_host: Trouble) {
        self.trouble.aborted += of_host.aborted;
        self.trouble.unclear += of_host.unclear;
        self.trouble.fenced += of_host.fenced;
        self.trouble.revoked += of_host.revoked;
        self.trouble.unstable += of_host.unstable;
        self.trouble.proofs += of_host.proofs;
    }
}

fn settings(rng: &mut fastrand::Rng) -> Settings {
    let window = WindowSize::try_new(Duration::from_millis(WINDOW_MS)).expect("it is in the range");
    // With less lateness than disorder some reactions are late; with as much none may be.
    let lateness = if rng.u8(..4) == 0 {
        Duration::from_millis(150)
    } else {
        Duration::from_millis(DISORDER_MS)
    };
    Settings {
        timing: PartitionTiming {
            window,
            lateness,
            silence_margin: Duration::from_millis(250),
            idle_after: Duration::from_millis(1_500),
        },
        merging: MergeTiming {
            window,
            grace: Duration::from_millis(1_800),
            deadline: Duration::from_millis(2_800),
            idle_after: 3,
        },
        num_inputs: 2,
    }
}
