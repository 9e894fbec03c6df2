//! `bench windows --kafka`: reactions that lie in `emoji_topic` become windows in `emoji_topic_aggregated`.
//!
//! All reactions are written before the aggregator starts, so this measures how fast it catches up. By append time a
//! backlog lies in few windows, as many as writing it took: the cost of closing windows is in the figure for those alone.
//! It is the same for one reaction in a window as for a million.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::Instant;

use super::args::{PeerName, WindowsArgs};
use super::backlog;
use super::bare::{self, Effort};
use super::child::{Node, metric};
use super::failure::Failure;
use super::ground::Ground;
use super::peer::{self, PeerEffort};
use super::published::{Published, Repeats};
use super::report::{Figure, Ledger, Report, figure};
use crate::domain::Tally;
use crate::kafka::topics::Role;

/// The longest silence between two windows.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks whether the node has begun to read.
const GLANCE: Duration = Duration::from_millis(5);

/// The stage that reads reactions.
const STAGE: &str = "window_aggregator";

/// The figure to beat, in records per CPU-second of the node.
const WANTED: f64 = 300_000.0;

/// And in multiples of the peer.
const WANTED_OF_PEER: f64 = 10.0;

pub(super) fn measure(args: &WindowsArgs, bootstrap: &str) -> Result<Report, Failure> {
    let ground = Ground::take(bootstrap)?;
    ground.create(&ground.topics.reactions, Role::Reactions)?;
    ground.create(&ground.topics.aggregated, Role::Aggregated)?;
    let crowd = backlog::write(&ground, args.records)?;
    let bare = bare::read(&ground, args.records)?;
    let counted = count(&ground, args.records)?;
    let peer = match args.peer {
        Some(PeerName::Spark) => Some(peer::spark(&ground, args.records)?),
        None => None,
    };
    let title = format!(
        "windows of {} reactions that lie in Kafka at {bootstrap}",
        args.records
    );
    Ok(report(title, args, &crowd.made, bare, &counted, peer))
}

/// How the node fared.
struct Counted {
    effort: Effort,
    start_up: Duration,
    resident: u64,
    broker: Option<Duration>,
    num_transactions: Option<f64>,
    /// From the beginning of a transaction to its end, on the average, in milliseconds.
    transaction_ms: Option<f64>,
    published: Published,
}

fn count(ground: &Ground, written: u64) -> Result<Counted, Failure> {
    let mut flags = ground.flags();
    flags.extend(["--role".to_owned(), "aggregator".to_owned()]);
    let mut node = Node::start(&flags)?;
    let already = first_read(&mut node)?;
    let (began, before) = (Instant::now(), node.usage());
    let broker_before = ground.broker_usage();
    let consumer = bare::reader(ground, &ground.topics.aggregated)?;
    let mut published = Published::new(Repeats::Count);
    let ended = published.read_until(&consumer, written, PATIENCE, || node.check())?;
    let after = node.usage();
    let broker = broker_before.zip(ground.broker_usage());
    published.read_rest(&consumer)?;
    let metrics = node.get("/metrics")?.body;
    let of_transactions = |part| {
        metric(
            &metrics,
            &format!("emostream_kafka_transaction_seconds_{part}"),
            STAGE,
            &[],
        )
    };
    let (sum, num) = (of_transactions("sum"), of_transactions("count"));
    node.stop()?;
    let effort = Effort {
        records: written.saturating_sub(already),
        time: ended.unwrap_or_else(Instant::now) - began,
        cpu: after - before,
    };
    Ok(Counted {
        effort,
        start_up: before.cpu(),
        resident: after.resident,
        broker: broker.map(|(before, after)| after - before),
        num_transactions: num,
        transaction_ms: sum.zip(num).map(|(sum, num)| 1e3 * sum / num),
        published,
    })
}

/// Waits until the node has begun to read, and tells how far it is. What came before is its start: joining a group takes
/// as long for one record as for all.
fn first_read(node: &mut Node) -> Result<u64, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        node.check()?;
        let read = metric(
            &node.get("/metrics")?.body,
            "emostream_kafka_records_total",
            STAGE,
            &["direction=\"read\""],
        );
        match read {
            Some(read) if read > 0.0 => return Ok(read as u64),
            _ if Instant::now() >= deadline => {
                return Err(anyhow!("the node does not begin to read").into());
            }
            _ => std::thread::park_timeout(GLANCE),
        }
    }
}

fn report(
    title: String,
    args: &WindowsArgs,
    written: &Tally,
    bare: Effort,
    counted: &Counted,
    peer: Option<PeerEffort>,
) -> Report {
    let published = &counted.published;
    let ours = counted.effort.per_cpu_second();
    let share = |theirs: Option<f64>| ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
    let mut ratio = vec![
        figure(
            "to_limit",
            "records per CPU-second, to a bare consumer",
            share(bare.per_cpu_second()),
            "",
        ),
        figure(
            "to_wanted",
            "records per CPU-second, to the 300,000 wanted",
            ours.map(|ours| ours / WANTED),
            "",
        ),
    ];
    let mut notes = vec![
        "a backlog: by append time it lies in few windows, so this is the cost of records, not of closing windows".to_owned(),
    ];
    if let Some(peer) = peer {
        let to_peer = share(peer.effort.per_cpu_second());
        ratio.push(figure(
            "to_peer",
            "records per CPU-second, to Spark (10 wanted)",
            to_peer,
            "",
        ));
        notes.push("Spark: availableNow, update mode, one shuffle partition per core; CPU of its whole process tree".to_owned());
        if peer.total != args.records {
            notes.push(format!(
                "Spark published {} of {} reactions",
                peer.total, args.records
            ));
        }
        if to_peer.is_some_and(|ratio| ratio < WANTED_OF_PEER) {
            notes.push("below ten times the peer".to_owned());
        }
    }
    Report {
        title,
        figures: ours_in_figures(counted),
        limit: effort_in_figures(&bare),
        peer: peer.iter().flat_map(peer_in_figures).collect(),
        ratio,
        ledger: Ledger {
            put_in: args.records,
            unknown: 0,
            came_out: published.total(),
            agrees_in_detail: published.is_exactly(written),
        },
        notes,
    }
}

fn ours_in_figures(counted: &Counted) -> Vec<Figure> {
    let mut figures = effort_in_figures(&counted.effort);
    let seconds = |time: Duration| time.as_secs_f64();
    figures.extend([
        figure(
            "start_up_cpu",
            "CPU until the first record",
            seconds(counted.start_up),
            "s",
        ),
        figure(
            "resident",
            "resident memory",
            megabytes(counted.resident),
            "MB",
        ),
        figure(
            "windows",
            "windows",
            counted.published.num_windows() as f64,
            "",
        ),
        figure(
            "transactions",
            "transactions of the aggregator",
            counted.num_transactions,
            "",
        ),
        figure(
            "transaction_ms",
            "mean time of one",
            counted.transaction_ms,
            "ms",
        ),
        figure(
            "broker_cpu",
            "CPU of the broker",
            counted.broker.map(seconds),
            "s",
        ),
    ]);
    figures
}

fn peer_in_figures(peer: &PeerEffort) -> Vec<Figure> {
    let mut figures = effort_in_figures(&peer.effort);
    figures.extend([
        figure(
            "start_up_cpu",
            "CPU until it was ready",
            peer.start_up.as_secs_f64(),
            "s",
        ),
        figure(
            "resident",
            "resident memory",
            megabytes(peer.resident),
            "MB",
        ),
    ]);
    figures
}

fn effort_in_figures(effort: &Effort) -> Vec<Figure> {
    vec![
        figure(
            "records_per_second",
            "records per second",
            effort.per_second(),
            "1/s",
        ),
        figure(
            "records_per_cpu_second",
            "records per CPU-second",
            effort.per_cpu_second(),
            "1/s",
        ),
        figure("seconds", "time", effort.time.as_secs_f64(), "s"),
        figure("cpu", "CPU", effort.cpu.as_secs_f64(), "s"),
    ]
}

pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
