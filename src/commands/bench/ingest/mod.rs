//! `bench ingest`: how many reactions one core takes in, as single requests, arrays, lines and frames.
//!
//! The node runs on a core of its own and the generator on the others, with every rate limit evaluated and none reached.
//! What is compared with a limit is measured in turn with it, over the same number of connections by the same generator.

mod check;
mod figures;
mod load_curve;

use anyhow::anyhow;

use super::args::IngestArgs;
use super::child::Node;
use super::cores::Cores;
use super::failure::Failure;
use super::launch::Launched;
use super::limit::{self, LimitKind};
use super::load::{Counts, Dialect, Load, Messages, Sample};
use super::progress;
use super::report::Report;
use super::sources;
use crate::domain::Tally;

/// Keep-alive connections.
const NUM_CONNECTIONS: u32 = 64;

/// WebSockets.
const NUM_SESSIONS: u32 = 1_000;

/// Reactions in an array, and lines in a body.
const BATCH: usize = 100;

/// Clusters of a node that was not told otherwise.
const NUM_CLUSTERS: usize = 3;

/// Evaluated for every reaction, reached by none.
const LIMITS: [&str; 4] = [
    "limits.user=1000000000/s",
    "limits.address=1000000000/s",
    "limits.socket=1000000000/s",
    "limits.total=1000000000/s",
];

pub(super) fn measure(args: &IngestArgs) -> Result<Report, Failure> {
    let cores = Cores::split()?;
    cores.take_generator()?;
    let mut door = Door::open(args, &cores)?;
    let single = door.single()?;
    let arrays = door.batches("arrays of 100", Messages::arrays)?;
    let lines = door.batches("lines of 100", Messages::ndjson)?;
    let frames = door.frames()?;
    let capacity = figures::capacity(&single);
    let half = load_curve::half(&mut door, capacity)?;
    let overload = load_curve::overload(&mut door, capacity)?;
    progress("closing check");
    let check = check::close(&mut door.node, &door.answered, door.accepted.as_ref())?;
    door.node.stop()?;
    let measured = figures::Measured {
        single,
        arrays,
        lines,
        frames,
        half,
        overload,
    };
    Ok(figures::report(args, &cores, &measured, check))
}

/// The node under load, and the servers to measure it next to.
struct Door<'a> {
    args: &'a IngestArgs,
    node: Node,
    empty: Launched,
    echo: Launched,
    /// All that the node has answered.
    answered: Counts,
    /// And accepted, emoji by emoji; none once something was accepted in part.
    accepted: Option<Tally>,
}

/// The node next to its limit, run by run.
struct Pair {
    limit: Vec<Sample>,
    ours: Vec<Sample>,
}

impl<'a> Door<'a> {
    fn open(args: &'a IngestArgs, cores: &Cores) -> Result<Self, Failure> {
        let max_delay = format!("ingest.max_delay={}", load_curve::MAX_DELAY);
        let settings = LIMITS.into_iter().chain([&*max_delay]);
        let settings = settings.flat_map(|setting| ["--set", setting]);
        let settings: Vec<String> = settings.map(str::to_owned).collect();
        let mut node = Node::start_pinned(&settings, cores)?;
        node.await_ready(NUM_CLUSTERS)?;
        progress(&format!("the node is process {}", node.id()));
        Ok(Self {
            args,
            node,
            empty: limit::start(LimitKind::EmptyHandler, cores)?,
            echo: limit::start(LimitKind::Echo, cores)?,
            answered: Counts::default(),
            accepted: Some(Tally::new()),
        })
    }

    fn single(&mut self) -> Result<Pair, Failure> {
        let mut ours = Messages::single(&self.node.address);
        let mut bare = Messages::get(&self.empty.address);
        let pair = self.in_turn("single reactions", |door| {
            let limit = saturate(
                door.args,
                &door.empty,
                &mut bare,
                (NUM_CONNECTIONS, Dialect::Http),
            )?;
            Ok((
                limit,
                door.saturate(&mut ours, (NUM_CONNECTIONS, Dialect::Http))?,
            ))
        })?;
        self.settle(&ours);
        Ok(pair)
    }

    fn frames(&mut self) -> Result<Pair, Failure> {
        let (mut ours, mut bare) = (Messages::frames(), Messages::frames());
        let pair = self.in_turn("frames", |door| {
            let limit = saturate(
                door.args,
                &door.echo,
                &mut bare,
                (NUM_SESSIONS, Dialect::Echo),
            )?;
            Ok((
                limit,
                door.saturate(&mut ours, (NUM_SESSIONS, Dialect::WebSocket))?,
            ))
        })?;
        self.settle(&ours);
        Ok(pair)
    }

    fn batches(
        &mut self,
        what: &str,
        make: fn(&str, usize) -> Messages,
    ) -> Result<Vec<Sample>, Failure> {
        let mut messages = make(&self.node.address, BATCH);
        let mut samples = Vec::new();
        for run in 1..=self.args.runs {
            progress(&format!("{what}: run {run} of {}", self.args.runs));
            samples.push(self.saturate(&mut messages, (NUM_CONNECTIONS, Dialect::Http))?);
        }
        self.settle(&messages);
        Ok(samples)
    }

    fn in_turn(
        &mut self,
        what: &str,
        mut both: impl FnMut(&mut Self) -> Result<(Sample, Sample), Failure>,
    ) -> Result<Pair, Failure> {
        let (mut limit, mut ours) = (Vec::new(), Vec::new());
        for run in 1..=self.args.runs {
            progress(&format!(
                "{what}, and their limit: run {run} of {}",
                self.args.runs
            ));
            let (bare, node) = both(self)?;
            limit.push(bare);
            ours.push(node);
        }
        Ok(Pair { limit, ours })
    }

    /// One run on the node.
    fn saturate(
        &mut self,
        messages: &mut Messages,
        (connections, dialect): (u32, Dialect),
    ) -> Result<Sample, Failure> {
        let mut load = self.connect(connections, dialect)?;
        let node = &self.node;
        let sample = load.saturate(messages, self.args.duration, &|| node.usage())?;
        self.answered += load.counts();
        answers_came(&sample)?;
        Ok(sample)
    }

    fn connect(&mut self, connections: u32, dialect: Dialect) -> Result<Load, Failure> {
        self.node.check()?;
        let address = sources::parse(&self.node.address)?;
        Ok(Load::open(address, connections, dialect)?)
    }

    /// Enters what was accepted of these messages.
    fn settle(&mut self, messages: &Messages) {
        let both = self.accepted.take().zip(messages.accepted());
        self.accepted = both.map(|(mut sum, more)| {
            sum.merge(&more);
            sum
        });
    }
}

/// One run on a bare server.
fn saturate(
    args: &IngestArgs,
    server: &Launched,
    messages: &mut Messages,
    (connections, dialect): (u32, Dialect),
) -> Result<Sample, Failure> {
    let mut load = Load::open(sources::parse(&server.address)?, connections, dialect)?;
    let sample = load.saturate(messages, args.duration, &|| server.usage())?;
    answers_came(&sample)?;
    Ok(sample)
}

fn answers_came(sample: &Sample) -> Result<(), Failure> {
    match sample.counts.accepted {
        0 => Err(anyhow!("the server has accepted nothing: {:?}", sample.counts).into()),
        _ => Ok(()),
    }
}
