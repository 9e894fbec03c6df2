//! A model of a consumer group with eager rebalances: who shares the partitions of a stage.
//!
//! A rebalance waits for every member to give back what it has; a member that does not answer is thrown out. Until the
//! next generation begins, commits of the present one are accepted, also from a member that has not noticed.

use std::collections::BTreeMap;

/// Which part of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Aggregator,
    Merger,
}

/// How long the group waits for a member.
const PATIENCE_MS: u64 = 2_500;

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) generation: u64,
    pub(crate) num_partitions: usize,
    /// When each member was last heard.
    members: BTreeMap<u64, u64>,
    owners: BTreeMap<usize, u64>,
    /// The members that have not given back their partitions, while there is a rebalance.
    rebalance: Option<Vec<u64>>,
}

/// What a member learns by polling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// All as before.
    Stay,
    /// Give back everything, and say so by [`Group::give_back`].
    GiveBack,
    /// A new generation has begun and these partitions are yours.
    Assigned(u64, Vec<usize>),
    /// The group does not know you.
    ThrownOut,
}

impl Group {
    pub(crate) fn join(&mut self, member: u64, now: u64) {
        self.members.insert(member, now);
        self.start_rebalance();
        self.give_back(member);
    }

    pub(crate) fn leave(&mut self, member: u64) {
        if self.members.remove(&member).is_some() {
            self.start_rebalance();
        }
    }

    pub(crate) fn grow(&mut self, num_partitions: usize) {
        self.num_partitions = num_partitions;
        self.start_rebalance();
    }

    /// Asks everyone to give back what they have, for no other reason than that it happens.
    pub(crate) fn start_rebalance(&mut self) {
        self.rebalance = Some(self.members.keys().copied().collect());
    }

    pub(crate) fn poll(&mut self, member: u64, generation: u64, now: u64) -> Notice {
        let Some(last_heard) = self.members.get_mut(&member) else {
            return Notice::ThrownOut;
        };
        *last_heard = now;
        if let Some(waiting) = &self.rebalance {
            return if waiting.contains(&member) {
                Notice::GiveBack
            } else {
                Notice::Stay
            };
        }
        if generation == self.generation {
            return Notice::Stay;
        }
        let owned = self.owners.iter().filter(|&(_, &owner)| owner == member);
        Notice::Assigned(
            self.generation,
            owned.map(|(&partition, _)| partition).collect(),
        )
    }

    pub(crate) fn give_back(&mut self, member: u64) {
        if let Some(waiting) = &mut self.rebalance {
            waiting.retain(|&other| other != member);
        }
    }

    /// Throws out the silent, and begins the next generation when everyone has answered.
    pub(crate) fn run(&mut self, rng: &mut fastrand::Rng, now: u64) {
        let num_members = self.members.len();
        self.members
            .retain(|_, &mut last_heard| last_heard + PATIENCE_MS >= now);
        if self.members.len() < num_members && self.rebalance.is_none() {
            self.start_rebalance();
        }
        let Some(waiting) = &mut self.rebalance else {
            return;
        };
        waiting.retain(|member| self.members.contains_key(member));
        if waiting.is_empty() {
            self.rebalance = None;
            self.generation += 1;
            let members: Vec<u64> = self.members.keys().copied().collect();
            self.owners.clear();
            for partition in 0..self.num_partitions {
                self.owners
                    .extend(rng.choice(&members).map(|&owner| (partition, owner)));
            }
        }
    }
}
