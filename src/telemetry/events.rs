//! Notable events: each is a log line and a counter, so that the two can never disagree.

use std::time::Duration;

use super::Metrics;
use crate::domain::{ClusterId, Seq, StreamName};

/// A supervised actor ended without being asked to.
#[derive(Debug)]
pub struct ActorDied<'a> {
    /// The actor's name.
    pub actor: &'a str,
    /// How it ended.
    pub exit: &'a str,
    /// How long until it is rebuilt; none if it is given up.
    pub rebuilt_in_opt: Option<Duration>,
}

impl ActorDied<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.actor_deaths.with_label_values(&[self.actor]).inc();
        tracing::error!(
            actor = self.actor,
            exit = self.exit,
            rebuilt_in_ms = self.rebuilt_in_opt.map(|pause| pause.as_millis() as u64),
            "actor died"
        );
    }
}

/// A window left the merger.
#[derive(Debug)]
pub struct WindowPublished<'a> {
    /// Its stream.
    pub stream: &'a StreamName,
    /// Its number.
    pub seq: Seq,
    /// Reactions in it.
    pub total: u64,
    /// From its end until now.
    pub delay: Duration,
}

impl WindowPublished<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.windows.inc();
        metrics.window_delay.observe(self.delay.as_secs_f64());
        tracing::debug!(
            stream = %self.stream,
            seq = self.seq.0,
            total = self.total,
            delay_ms = self.delay.as_millis() as u64,
            "window published"
        );
    }
}

/// The merge deadline passed without word from a partition.
#[derive(Debug)]
pub struct PartitionsLate<'a> {
    /// The partitions that are behind.
    pub partitions: &'a [usize],
}

impl PartitionsLate<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.partitions_late.inc_by(self.partitions.len() as u64);
        tracing::warn!(
            partitions = ?self.partitions,
            "window published without waiting for all partitions"
        );
    }
}

/// A send met a full mailbox; the sender holds on to the message.
#[derive(Debug)]
pub struct MailboxFull {
    /// The edge, named after its receiver.
    pub edge: &'static str,
}

impl MailboxFull {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.mailbox_full.with_label_values(&[self.edge]).inc();
        tracing::debug!(edge = self.edge, "mailbox full");
    }
}

/// Windows were left to the running totals of the next one.
#[derive(Debug)]
pub struct WindowsAbsorbed {
    /// The edge, named after its receiver.
    pub edge: &'static str,
    /// How many.
    pub windows: u64,
}

impl WindowsAbsorbed {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        let counter = metrics.windows_absorbed.with_label_values(&[self.edge]);
        counter.inc_by(self.windows);
        tracing::warn!(
            edge = self.edge,
            windows = self.windows,
            "windows absorbed by the next one"
        );
    }
}

/// The server ended a session.
#[derive(Debug)]
pub struct SessionClosed<'a> {
    /// The close reason's name.
    pub reason: &'static str,
    /// The session.
    pub session: &'a str,
}

impl SessionClosed<'_> {
    /// Logs and counts.
    pub fn emit(&self, metrics: &Metrics) {
        let counter = metrics.sessions_closed.with_label_values(&[self.reason]);
        counter.inc();
        tracing::debug!(
            session = self.session,
            reason = self.reason,
            "session closed"
        );
    }
}

/// A cluster changed its state.
#[derive(Debug)]
pub struct ClusterChanged {
    /// The cluster.
    pub cluster: ClusterId,
    /// The state it is in now.
    pub state: &'static str,
}

impl ClusterChanged {
    /// Logs.
    pub fn emit(&self) {
        tracing::info!(
            cluster = self.cluster.get(),
            state = self.state,
            "cluster changed"
        );
    }
}
