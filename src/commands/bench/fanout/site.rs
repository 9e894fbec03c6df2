//! What every scenario stands on: the load that was asked for, the cores, and nodes that are started afresh.

use std::time::Duration;

use tokio::time::Instant;

use super::args::FanoutArgs;
use super::audience::Audience;
use super::session::{Door, Manner};
use crate::commands::bench::child::Node;
use crate::commands::bench::cores::Cores;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::progress;
use crate::commands::descriptors;

/// Clusters that share the sessions.
const NUM_CLUSTERS: usize = 3;

/// Sessions that come in at the same time.
pub(super) const AT_ONCE: usize = 64;

/// Files that the bench needs beside its sessions.
const BESIDE_SESSIONS: u64 = 400;

/// What every scenario stands on.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) cores: Cores,
    pub(super) sessions: usize,
    pub(super) runs: u32,
    pub(super) idle: Duration,
}

impl Site {
    /// Takes the generator's cores for this thread, and makes sure that so many sessions may be open.
    pub(super) fn take(args: &FanoutArgs) -> Result<Self, Failure> {
        let cores = Cores::split()?;
        cores.take_generator()?;
        let allowed = descriptors::raise_limit().unwrap_or(u64::MAX);
        if allowed < u64::from(args.sessions) + BESIDE_SESSIONS {
            return Err(Failure::Ground(format!(
                "this process may open {allowed} files, {} sessions need more: ask for {} with --sessions, or raise the hard limit",
                args.sessions,
                allowed.saturating_sub(BESIDE_SESSIONS)
            )));
        }
        Ok(Self {
            cores,
            sessions: args.sessions as usize,
            runs: args.runs,
            idle: args.idle,
        })
    }

    /// A node of its own, ready, with windows of this size and nothing in it.
    pub(super) fn node(&self, window: &str) -> Result<Node, Failure> {
        let clusters = NUM_CLUSTERS.to_string();
        let settings = ["--window", window, "--clusters", &clusters, "--set"];
        let mut settings: Vec<String> = settings.map(str::to_owned).into();
        settings.push(format!("session.max={}", self.sessions * 2));
        let mut node = Node::start_pinned(&settings, &self.cores)?;
        node.await_ready(NUM_CLUSTERS)?;
        Ok(node)
    }

    /// What each of the runs that were asked for has found.
    pub(super) fn repeat<Run>(
        &self,
        name: &str,
        run: impl Fn(&Self) -> Result<Run, Failure>,
    ) -> Result<Vec<Run>, Failure> {
        let numbered = (1..=self.runs).map(|number| {
            progress(&format!("{name}: run {number} of {}", self.runs));
            run(self)
        });
        numbered.collect()
    }

    /// The whole crowd before a node, each with its hello.
    pub(super) fn audience(
        &self,
        node: &Node,
        manner: impl Fn(usize) -> Manner,
    ) -> Result<Audience, Failure> {
        let mut audience = Audience::before(&node.address, Door::Node)?;
        let all_in = audience.join(self.sessions, manner, AT_ONCE)?;
        match all_in {
            true => Ok(audience),
            false => Err(not_in(&audience)),
        }
    }
}

/// Some sessions did not come in.
pub(super) fn not_in(audience: &Audience) -> Failure {
    let complaints = audience.seen.complaints().join("; ");
    anyhow::anyhow!(
        "{} sessions came in and the others did not: {complaints}",
        audience.seen.num_opened
    )
    .into()
}

/// Waits until one more window has reached that many sessions, so that a mark lies between two windows. One that was merged
/// for some never does: then for two windows at most.
pub(super) fn settle(
    audience: &mut Audience,
    sessions: usize,
    window: Duration,
) -> Result<(), Failure> {
    let before = audience.seen.newest().map(|newest| newest.window.seq);
    audience.run_until(Instant::now() + 2 * window, |audience| {
        let newest = audience.seen.newest();
        let whole = newest.filter(|newest| newest.num_sessions == sessions);
        whole.map(|whole| whole.window.seq) > before
    })?;
    Ok(())
}
