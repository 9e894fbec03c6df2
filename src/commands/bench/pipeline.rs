//! `bench pipeline`: from requests to sessions, all roles in one process, with `--kafka` through every topic.
//!
//! Reactions come one in a request, as people send them, at an even rate and whether or not the node keeps up. What is timed
//! is each window's way from its end to the last session, by the one clock of the machine.

use std::time::Duration;

use anyhow::anyhow;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::args::PipelineArgs;
use super::child::Node;
use super::cores::Cores;
use super::failure::Failure;
use super::ground::Ground;
use super::pacing::Pacing;
use super::percentiles::Percentiles;
use super::process::{self, Usage};
use super::relay;
use super::report::{Figure, Ledger, Report, figure};
use super::senders::{self, Sent};
use super::viewers::{Arrival, Viewers, wall_clock_ms};
use super::windows::megabytes;

/// Keep-alive connections. Each waits for its answer, so at 5,000 a second one has 51 ms for it.
const NUM_SENDERS: u32 = 256;

/// Clusters that share the sessions.
const NUM_CLUSTERS: usize = 3;

/// What is not timed: the first windows, in which topics get their first records and every path is taken anew.
const WARM_UP: Duration = Duration::from_secs(4);

/// How long the last windows may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The figure to stay below, in milliseconds.
const WANTED_MS: f64 = 150.0;

/// The one thread of the generator has no more to give beyond this share of its time.
const BUSY: f64 = 0.85;

/// Where one send in a hundred is later than this, in milliseconds, other work of the machine is measured too.
const LATE_MS: f64 = 25.0;

pub(super) fn measure(args: &PipelineArgs) -> Result<Report, Failure> {
    match &args.kafka {
        Some(bootstrap) => on_kafka(args, bootstrap),
        None => embedded(args),
    }
}

/// Node, broker and generator share all cores.
fn on_kafka(args: &PipelineArgs, bootstrap: &str) -> Result<Report, Failure> {
    let ground = Ground::take(bootstrap)?;
    let relay = relay::measure(&ground)?;
    let mut flags = ground.flags();
    flags.extend(flags_of(args));
    let run = load(args, Some(&ground), Node::start(&flags)?)?;
    let place = format!("over Kafka at {bootstrap}");
    let mut report = report(args, &place, &run);
    let broker = run.used.broker.map(|cpu| run.used.share(cpu));
    let broker = figure("broker_cpu", "CPU of the broker", broker, "% of a core");
    report.figures.push(broker);
    report.limit = limit(&relay);
    report.ratio = ratio(&run.latency(args.sessions), &relay);
    Ok(report)
}

/// The node has a core of its own, and so has the generator. There is no limit beside it: between the same two ends
/// without Emostream there are only function calls and the frames' way to the sessions, which `bench fanout` measures.
fn embedded(args: &PipelineArgs) -> Result<Report, Failure> {
    let cores = Cores::split()?;
    let node = Node::start_pinned(&flags_of(args), &cores)?;
    cores.take_generator()?;
    let run = load(args, None, node)?;
    let mut report = report(args, "in memory", &run);
    report.notes.extend(cores.note());
    Ok(report)
}

fn flags_of(args: &PipelineArgs) -> [String; 4] {
    let num_clusters = NUM_CLUSTERS.to_string();
    let [window, clusters] = ["--window", "--clusters"].map(str::to_owned);
    [window, args.window.clone(), clusters, num_clusters]
}

/// Loads a node that has just been started, and ends it.
fn load(args: &PipelineArgs, ground: Option<&Ground>, mut node: Node) -> Result<Run, Failure> {
    node.await_ready(NUM_CLUSTERS)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let run = runtime.block_on(local.run_until(run(args, ground, &node)))?;
    node.stop()?;
    Ok(run)
}

/// What was used between two moments.
#[derive(Debug, Clone, Copy)]
struct Used {
    time: Duration,
    node: Duration,
    resident: u64,
    own: Duration,
    broker: Option<Duration>,
}

impl Used {
    /// CPU time in per cent of one core.
    fn share(&self, cpu: Duration) -> f64 {
        100.0 * cpu.as_secs_f64() / self.time.as_secs_f64()
    }
}

struct Snapshot {
    at: Instant,
    node: Usage,
    own: Usage,
    broker: Option<Usage>,
}

impl Snapshot {
    fn take(ground: Option<&Ground>, node: &Node) -> Self {
        Self {
            at: Instant::now(),
            node: node.usage(),
            own: process::own(),
            broker: ground.and_then(Ground::broker_usage),
        }
    }

    fn until(&self, later: &Self) -> Used {
        let broker = self.broker.zip(later.broker);
        Used {
            time: later.at - self.at,
            node: later.node - self.node,
            resident: later.node.resident,
            own: later.own - self.own,
            broker: broker.map(|(before, after)| after - before),
        }
    }
}

struct Run {
    sent: Sent,
    /// Those that ended under the load.
    windows: Vec<Arrival>,
    /// Those that ended in the silence after it: no newer record closes them, so the clock does.
    silent: Vec<Arrival>,
    merged: u64,
    totals: Vec<u64>,
    faults: Vec<String>,
    used: Used,
}

impl Run {
    /// From the end of each window to the last of so many sessions, where all had it in a frame of its own.
    fn latency(&self, num_sessions: u32) -> Percentiles {
        let all = self.windows.iter();
        let whole = all.filter(|arrival| arrival.num_sessions == num_sessions as usize);
        Percentiles::of(whole.map(Arrival::latency_ms))
    }
}

async fn run(args: &PipelineArgs, ground: Option<&Ground>, node: &Node) -> Result<Run, Failure> {
    let viewers = Viewers::join(&node.address, args.sessions).await?;
    let pacing = |duration| Pacing {
        rate: args.rate,
        num_senders: NUM_SENDERS,
        duration,
    };
    let warm = senders::send(&node.address, pacing(WARM_UP), Instant::now()).await?;
    let timed_from = viewers.seen.borrow().windows.keys().next_back().copied();
    let before = Snapshot::take(ground, node);
    let mut sent = senders::send(&node.address, pacing(args.duration), Instant::now()).await?;
    let used = before.until(&Snapshot::take(ground, node));
    let silent_from = wall_clock_ms();
    sent.accepted += warm.accepted;
    sent.unknown += warm.unknown;
    sent.refused += warm.refused;
    let possible = sent.accepted..=sent.accepted + sent.unknown;
    if sent.accepted == 0 {
        return Err(anyhow!("the node has accepted nothing of {}", sent.refused).into());
    }
    viewers.reach(possible, PATIENCE).await;
    let seen = viewers.seen.borrow();
    let after = timed_from.unwrap_or_default();
    let windows = seen.windows.range(after + 1..).map(|(_, arrival)| *arrival);
    let windows = windows.filter(|arrival| arrival.total > 0);
    let (silent, windows) = windows.partition(|arrival| arrival.end_ms as f64 >= silent_from);
    Ok(Run {
        windows,
        silent,
        merged: seen.merged,
        totals: seen.totals.clone(),
        faults: seen.faults.clone(),
        used,
        sent,
    })
}

fn report(args: &PipelineArgs, place: &str, run: &Run) -> Report {
    let latency = run.latency(args.sessions);
    Report {
        title: format!(
            "{} reactions/s to {} sessions {place}, {} s, all roles in one process",
            args.rate,
            args.sessions,
            args.duration.as_secs()
        ),
        figures: figures(run, &latency),
        limit: Vec::new(),
        peer: Vec::new(),
        ratio: Vec::new(),
        ledger: ledger(run),
        notes: notes(run, &latency),
    }
}

fn limit(relay: &Percentiles) -> Vec<Figure> {
    vec![
        figure(
            "relay_p50",
            "four hops by bare clients, p50",
            relay.at(0.5),
            "ms",
        ),
        figure("relay_p99", "p99", relay.at(0.99), "ms"),
    ]
}

fn ratio(latency: &Percentiles, relay: &Percentiles) -> Vec<Figure> {
    let to_wanted = latency.at(0.99).map(|p99| p99 / WANTED_MS);
    let to_relay = latency.at(0.5).zip(relay.at(0.5));
    vec![
        figure(
            "to_limit",
            "p50 to that of the four hops",
            to_relay.map(|(ours, bare)| ours / bare),
            "",
        ),
        figure("to_wanted", "p99 to the 150 ms wanted", to_wanted, ""),
    ]
}

fn figures(run: &Run, latency: &Percentiles) -> Vec<Figure> {
    let (answers, delays) = (run.sent.latency(), run.sent.delay());
    let silent = Percentiles::of(run.silent.iter().map(Arrival::latency_ms));
    let share = |cpu| run.used.share(cpu);
    vec![
        figure(
            "window_p50",
            "end of a window to the last session, p50",
            latency.at(0.5),
            "ms",
        ),
        figure("window_p99", "p99", latency.at(0.99), "ms"),
        figure("window_max", "max", latency.max(), "ms"),
        figure(
            "silent",
            "a window that ends in silence, max",
            silent.max(),
            "ms",
        ),
        figure("windows", "windows timed", latency.len() as f64, ""),
        figure(
            "answer_p50",
            "intended send to answer, p50",
            answers.at(0.5),
            "ms",
        ),
        figure("answer_p99", "p99", answers.at(0.99), "ms"),
        figure(
            "accepted",
            "reactions accepted",
            run.sent.accepted as f64,
            "",
        ),
        figure("refused", "refused", run.sent.refused as f64, ""),
        figure(
            "merged",
            "frames that sum several windows",
            run.merged as f64,
            "",
        ),
        figure(
            "node_cpu",
            "CPU of the node",
            share(run.used.node),
            "% of a core",
        ),
        figure(
            "generator_cpu",
            "of the generator",
            share(run.used.own),
            "% of a core",
        ),
        figure(
            "generator_delay_p99",
            "generator behind its times, p99",
            delays.at(0.99),
            "ms",
        ),
        figure(
            "resident",
            "resident memory of the node",
            megabytes(run.used.resident),
            "MB",
        ),
    ]
}

fn ledger(run: &Run) -> Ledger {
    let possible = run.sent.accepted..=run.sent.accepted + run.sent.unknown;
    let wrong = run.totals.iter().find(|total| !possible.contains(total));
    let came_out = wrong.or(run.totals.first());
    let first = run.totals.first();
    Ledger {
        put_in: run.sent.accepted,
        unknown: run.sent.unknown,
        came_out: came_out.copied().unwrap_or_default(),
        agrees_in_detail: run.faults.is_empty()
            && run.totals.iter().all(|total| Some(total) == first),
    }
}

fn notes(run: &Run, latency: &Percentiles) -> Vec<String> {
    let mut notes = vec![
        "the time of a window includes the generator's own reading of every session".to_owned(),
    ];
    let share = run.used.share(run.used.own) / 100.0;
    let delay = run.sent.delay().at(0.99).unwrap_or_default();
    if share > BUSY {
        notes.push(format!(
            "THE GENERATOR WAS THE BOTTLENECK, its thread was busy {:.0} % of the time: these are not the node's figures",
            share * 100.0
        ));
    }
    if delay > LATE_MS {
        notes.push(format!(
            "THE MACHINE WAS SHORT OF CPU, the generator was {delay:.0} ms behind its times (p99): these are not the node's figures"
        ));
    }
    let missed = run.windows.len() - latency.len();
    if missed > 0 {
        notes.push(format!("{missed} windows reached some sessions only as part of a merged frame and are not timed"));
    }
    notes.extend(run.faults.iter().take(3).cloned());
    notes
}
