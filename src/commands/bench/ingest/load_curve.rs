//! Latency in an open loop, at loads below and beyond what the node can take.

use std::time::Duration;

use super::super::failure::Failure;
use super::super::load::{Dialect, Latencies, Load, Messages, OpenLoop, Sample};
use super::super::pacing::Pacing;
use super::super::process::Usage;
use super::super::progress;
use super::{Door, NUM_CONNECTIONS};

/// Connections of a crowd that comes all at once, each somebody who waits for an answer before sending on, and for as long
/// as a 503 says. The queue of all of them takes longer than [`MAX_DELAY`], so that some are turned away.
pub(super) const NUM_CROWD: u32 = 10_000;

/// `ingest.max_delay` of the node.
pub(super) const MAX_DELAY: &str = "40ms";

/// What passes before an overload is measured: until then it is a storm that may pass.
const SETTLING: Duration = Duration::from_secs(4);

/// One load and what came of it.
pub(super) struct Offered {
    /// Messages that were meant to be sent, per second.
    pub(super) rate: u32,
    /// Of which never were, as no connection was free.
    pub(super) unsent: u64,
    pub(super) sample: Sample,
    pub(super) latencies: Latencies,
}

/// Half of what the node can take.
pub(super) fn half(door: &mut Door<'_>, capacity: f64) -> Result<Offered, Failure> {
    progress("open loop at half of the capacity");
    offer(door, capacity / 2.0, NUM_CONNECTIONS, Load::offer)
}

/// Three times as much as the node can take. Whoever still waits for an answer does not react meanwhile.
pub(super) fn overload(door: &mut Door<'_>, capacity: f64) -> Result<Offered, Failure> {
    progress("open loop at three times the capacity");
    offer(
        door,
        capacity * 3.0,
        NUM_CROWD,
        |load, messages, pacing, server| load.insist(messages, pacing, SETTLING, server),
    )
}

fn offer(
    door: &mut Door<'_>,
    rate: f64,
    connections: u32,
    send: impl Fn(&mut Load, &mut Messages, Pacing, &dyn Fn() -> Usage) -> anyhow::Result<OpenLoop>,
) -> Result<Offered, Failure> {
    let pacing = Pacing {
        rate: rate as u32,
        num_senders: connections,
        duration: door.args.duration,
    };
    let mut messages = Messages::single(&door.node.address);
    let mut load = door.connect(connections, Dialect::Http)?;
    let node = &door.node;
    let open = send(&mut load, &mut messages, pacing, &|| node.usage())?;
    door.answered += load.counts();
    door.settle(&messages);
    Ok(Offered {
        rate: pacing.rate,
        unsent: pacing.num_sends().saturating_sub(open.sent),
        sample: open.sample,
        latencies: open.latencies,
    })
}
