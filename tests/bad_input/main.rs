//! Bad input: ten thousand bodies, requests, frames and messages that nobody should send. Each is
//! answered at once with what it deserves, none is counted, the server's memory stays flat, and
//! good clients notice nothing.

mod values;
mod bodies;
mod wire;
mod frames;
mod messages;
mod good;
#[path = "../conservation/account.rs"]
mod account;
#[path = "../conservation/support.rs"]
mod support;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use bodies::BadBody;
use frames::{BadFrame, BadRequest};
use messages::BadMessage;
use support::{Server, assert_balanced, column, say, seed};
use values::STREAM;
use wire::Wire;

const NUM_CASES: usize = 10_000;
/// After these the server has met every kind once, and its buffers have the size they keep.
const NUM_WARM_UP: usize = 1_500;
/// Enough that the second for which a closed connection lingers is not the measure of the whole.
const NUM_LANES: usize = 32;
const MAX_FAILED: usize = 20;
/// What "flat" allows for, in KiB.
const MAX_GROWTH_KIB: u64 = 30 * 1024;
const WEIGH_INTERVAL: Duration = Duration::from_millis(100);
const SETTLE_TIMEOUT: Duration = Duration::from_secs(15);
const TEST_TIMEOUT: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_answered_at_once_counted_nowhere_and_noticed_by_no_good_client() {
    let seed = seed("bad_input");
    timeout(TEST_TIMEOUT, endure(seed))
        .await
        .expect("over within three minutes");
}

async fn endure(seed: u64) {
    let server = Arc::new(Server::start(&["window.size=200ms", "log.level=error"]));
    good::post_one(&server).await;
    server.totals_of(STREAM, 1, SETTLE_TIMEOUT).await;

    let (over, over_signal) = watch::channel(false);
    let (last_seq, last_seq_signal) = watch::channel(0);
    let watcher = tokio::spawn(good::watch(Arc::clone(&server), last_seq_signal));
    let poster = tokio::spawn(good::post(Arc::clone(&server), over_signal.clone()));
    let reactor = tokio::spawn(good::react(Arc::clone(&server), over_signal.clone()));

    attack(&server, seed, 0..NUM_WARM_UP).await;
    let warm_kib = server.resident_kib();
    let scale = tokio::spawn(heaviest(Arc::clone(&server), over_signal));
    attack(&server, seed, NUM_WARM_UP..NUM_CASES).await;
    over.send_replace(true);

    let heaviest_kib = scale.await.expect("the server was weighed");
    say(&format!(
        "bad_input: {warm_kib} KiB resident when warm, at most {heaviest_kib} KiB after"
    ));
    let posted = poster.await.expect("the good poster noticed nothing");
    let reacted = reactor.await.expect("the good reactor noticed nothing");
    say(&format!(
        "bad_input: good clients waited at most {:?}",
        posted.slowest.max(reacted.slowest)
    ));

    let (posted, reacted) = (posted.accepted + 1, reacted.accepted);
    let seq = check_books(&server, posted, reacted).await;
    last_seq.send_replace(seq);
    let account = watcher.await.expect("the good watcher noticed nothing");
    assert_eq!(
        json!(account.totals),
        json!({good::POSTED: posted, good::REACTED: reacted})
    );
    assert_eq!(account.total, posted + reacted);
    let growth_kib = heaviest_kib.saturating_sub(warm_kib);
    assert!(
        growth_kib < MAX_GROWTH_KIB,
        "the server grew by {growth_kib} KiB"
    );
}

/// Runs the cases of `range`, several at a time. It goes on after a failure, so that one run shows
/// more than one of them, but not for ever.
async fn attack(server: &Arc<Server>, seed: u64, range: Range<usize>) {
    let next = Arc::new(AtomicUsize::new(range.start));
    let num_failed = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for lane in 0..NUM_LANES {
        let (server, next, end) = (Arc::clone(server), Arc::clone(&next), range.end);
        let num_failed = Arc::clone(&num_failed);
        lanes.spawn(async move {
            let address = server.addresses[lane % 2];
            let mut wire = None;
            while num_failed.load(Ordering::Relaxed) < MAX_FAILED {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= end {
                    return;
                }
                let case = Case::draw(seed, index);
                let description = case.describe();
                let judged = case.judge(&server, address, &mut wire);
                if AssertUnwindSafe(judged).catch_unwind().await.is_err() {
                    say(&format!(
                        "bad_input: case {index} of seed {seed} failed: {description}"
                    ));
                    num_failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    lanes.join_all().await;
    assert_eq!(
        num_failed.load(Ordering::Relaxed),
        0,
        "cases failed, each shown above"
    );
}

#[derive(Debug)]
enum Case {
    Body(BadBody),
    Request(BadRequest),
    Frame(BadFrame),
    Message(BadMessage),
}

impl Case {
    /// Case `index` is the same whatever came before it.
    fn draw(seed: u64, index: usize) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_add(index as u64));
        match rng.u8(..20) {
            0..10 => Self::Body(BadBody::draw(&mut rng)),
            10..11 => Self::Request(BadRequest::draw(&mut rng)),
            11..15 => Self::Frame(BadFrame::draw(&mut rng)),
            _ => Self::Message(BadMessage::draw(&mut rng)),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Body(bad) => bad.describe(),
            Self::Request(bad) => bad.describe(),
            Self::Frame(bad) => bad.describe(),
            Self::Message(bad) => bad.describe(),
        }
    }

    async fn judge(self, server: &Server, address: std::net::SocketAddr, wire: &mut Option<Wire>) {
        match self {
            Self::Body(bad) => bad.judge(server).await,
            Self::Request(bad) => bad.judge(address).await,
            Self::Frame(bad) => bad.judge(address).await,
            Self::Message(bad) => bad.judge(address, wire).await,
        }
    }
}

/// The most memory the server is seen to hold until `over`, in KiB.
async fn heaviest(server: Arc<Server>, over: watch::Receiver<bool>) -> u64 {
    let mut heaviest = 0;
    while !*over.borrow() {
        heaviest = heaviest.max(server.resident_kib());
        sleep(WEIGH_INTERVAL).await;
    }
    heaviest.max(server.resident_kib())
}

/// Holds the ledger and the totals to what the good clients sent, and gives the window up to which
/// the totals are exact.
async fn check_books(server: &Server, posted: u64, reacted: u64) -> u64 {
    let good = posted + reacted;
    let ledger = server.settled_ledger(good, SETTLE_TIMEOUT).await;
    let sum = &ledger["sum"];
    assert_balanced(sum, "sum");
    for (name, num) in [
        ("accepted", good),
        ("counted", good),
        ("limited", 0),
        ("shed", 0),
    ] {
        assert_eq!(column(sum, name), num, "{name}: {sum}");
    }
    assert!(
        column(sum, "rejected") > 0,
        "nothing was booked as rejected: {sum}"
    );
    assert_eq!(
        column(&ledger["streams"][STREAM], "accepted"),
        good,
        "{ledger}"
    );

    let totals = server.totals_of(STREAM, good, SETTLE_TIMEOUT).await;
    assert_eq!(
        totals["totals"],
        json!({good::POSTED: posted, good::REACTED: reacted})
    );
    let (status, _) = server.get("/health").await;
    assert_eq!(status, 200);
    totals["seq"].as_u64().expect("a window number")
}
