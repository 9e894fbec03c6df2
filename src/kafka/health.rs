//! Whether a stage on Kafka can do its work, as `/ready` and `/metrics` show it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::actors::link::Alive;
use crate::telemetry::Metrics;
use crate::telemetry::kafka::{BrokersAway, BrokersBack};

/// The health of one stage, shared by its actor, its thread and its clients.
#[derive(Debug)]
pub struct Health {
    stage: &'static str,
    runs: AtomicBool,
    answers: AtomicBool,
    /// Whether the brokers have been heard at all, or are known to be away.
    is_known: AtomicBool,
    /// Has not read yet what was there when it began.
    is_behind: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Health {
    /// Of a stage that has not begun.
    pub fn new(stage: &'static str, metrics: Arc<Metrics>) -> Self {
        Self {
            stage,
            runs: AtomicBool::new(false),
            answers: AtomicBool::new(false),
            is_known: AtomicBool::new(false),
            is_behind: AtomicBool::new(false),
            metrics,
        }
    }

    /// The stage's name in logs and metrics.
    pub fn stage(&self) -> &'static str {
        self.stage
    }

    /// The counters of the node.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The stage has begun, or has ended.
    pub fn set_running(&self, runs: bool) {
        self.runs.store(runs, Ordering::Release);
    }

    /// The stage begins to read what is there already, or is through with it.
    pub fn set_behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Release);
    }

    /// The brokers have answered.
    pub fn answered(&self) {
        self.is_known.store(true, Ordering::Release);
        if !self.answers.swap(true, Ordering::AcqRel) {
            BrokersBack { stage: self.stage }.emit(&self.metrics);
        }
    }

    /// The brokers do not answer, and `cause` is what the client says. Told once, until they do.
    pub fn silent(&self, cause: &str) {
        let was_known = self.is_known.swap(true, Ordering::AcqRel);
        if self.answers.swap(false, Ordering::AcqRel) || !was_known {
            let stage = self.stage;
            BrokersAway { stage, cause }.emit(&self.metrics);
        }
    }

    /// Whether the brokers answered when they were last heard of.
    pub fn is_answered(&self) -> bool {
        self.answers.load(Ordering::Acquire)
    }

    /// Whether the brokers are known not to answer.
    pub fn is_silent(&self) -> bool {
        self.is_known.load(Ordering::Acquire) && !self.is_answered()
    }
}

impl Alive for Health {
    fn is_alive(&self) -> bool {
        let is_behind = self.is_behind.load(Ordering::Acquire);
        self.runs.load(Ordering::Acquire) && self.is_answered() && !is_behind
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn health() -> Health {
        Health::new("stage", Arc::new(Metrics::new().unwrap()))
    }

    fn shown(health: &Health) -> i64 {
        let reachable = &health.metrics.kafka.reachable;
        reachable.with_label_values(&["stage"]).get()
    }

    #[test]
    fn a_stage_is_ready_while_it_runs_and_is_answered() {
        let health = health();
        assert!(!health.is_alive());
        health.set_running(true);
        assert!(!health.is_alive(), "nobody has answered yet");
        health.answered();
        assert!(health.is_alive());
        assert_eq!(shown(&health), 1);
        health.silent("all brokers are down");
        assert!(!health.is_alive());
        assert_eq!(shown(&health), 0);
        health.answered();
        health.set_running(false);
        assert!(!health.is_alive());
    }

    #[test]
    fn a_stage_that_reads_what_was_there_is_not_ready() {
        let health = health();
        health.set_running(true);
        health.answered();
        health.set_behind(true);
        assert!(!health.is_alive());
        health.set_behind(false);
        assert!(health.is_alive());
    }

    #[test]
    fn brokers_that_nobody_has_asked_are_not_silent() {
        let health = health();
        assert!(!health.is_silent());
        health.silent("all brokers are down");
        assert!(health.is_silent());
        health.answered();
        assert!(!health.is_silent());
    }
}
