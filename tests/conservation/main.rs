//! Conservation: whatever is merged, missed, moved or sent twice, the counts add up. Two hundred
//! sessions over three clusters watch two streams while a hundred thousand reactions come by HTTP
//! and WebSocket, one cluster is spawned and one is retired.

mod plan;
mod account;
mod session;
mod crowd;
mod load;
mod books;
mod support;

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use account::number;
use crowd::{Fan, Manner, NUM_SESSIONS, RETIRED, Report, SPAWNED, Signals};
use plan::{Expected, Plan, STREAMS};
use session::Session;
use support::{Server, say, seed};

/// Over which the load is spread, if the server keeps up.
const LOAD: Duration = Duration::from_secs(14);
const SETTLE_TIMEOUT: Duration = Duration::from_secs(15);
const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Small windows and buffers: many frames, and slow readers that are soon behind.
const SETTINGS: [&str; 3] = [
    "window.size=200ms",
    "session.send_buffer=4KiB",
    "log.level=warn",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_adds_up_exactly_what_was_accepted_and_the_ledger_balances() {
    let rng = Rng::with_seed(seed("conservation"));
    timeout(TEST_TIMEOUT, conserve(rng))
        .await
        .expect("over within a minute");
}

async fn conserve(mut rng: Rng) {
    let mut plan = Plan::draw(&mut rng);
    let server = Arc::new(Server::start(&SETTINGS));
    wake_streams(&server, &mut plan.expected).await;

    let (spawned, spawned_signal) = watch::channel(false);
    let (last_seq, last_seq_signal) = watch::channel(None);
    let signals = Signals {
        spawned: spawned_signal,
        last_seq: last_seq_signal,
    };
    let mut fans = JoinSet::new();
    for (fan, session) in open_sessions(&server, &mut plan, &mut rng, &signals).await {
        fans.spawn(fan.attend(session, LOAD));
    }
    let audit = tokio::spawn(books::audit(Arc::clone(&server), signals.last_seq.clone()));

    let requests = std::mem::take(&mut plan.requests);
    tokio::join!(
        load::send_all(&server, requests, LOAD),
        change_clusters(&server, &spawned)
    );
    let accepted = plan.expected.iter().map(|expected| expected.accepted).sum();
    let ledger = server.settled_ledger(accepted, SETTLE_TIMEOUT).await;
    let mut totals = Vec::new();
    for (stream, expected) in STREAMS.into_iter().zip(&plan.expected) {
        totals.push(books::check_stream(&server, &ledger, stream, expected).await);
    }
    books::check_sum(&ledger, &plan);
    let seqs = [number(&totals[0], "seq"), number(&totals[1], "seq")];
    last_seq.send(Some(seqs)).expect("the sessions listen");

    let reports = fans.join_all().await;
    audit.await.expect("the ledger balanced all along");
    check_reports(&reports, &totals);
    books::await_stopped(&server, RETIRED, SETTLE_TIMEOUT).await;
}

/// One reaction to each stream, so that its windows run before anyone comes: every session can
/// then be held to a sequence without gaps.
async fn wake_streams(server: &Server, expected: &mut [Expected; 2]) {
    for (stream, expected) in STREAMS.into_iter().zip(expected) {
        let reaction = json!({"user_id": "first", "emoji_type": "🔥", "stream": stream,
            "timestamp": "2026-06-01T20:00:00Z"});
        let post = server.http.post(server.url("/emoji")).json(&reaction);
        assert_eq!(server.send(post).await, (200, json!({"status": "success"})));
        expected.count("🔥", 1);
        server.totals_of(stream, 1, SETTLE_TIMEOUT).await;
    }
}

/// All fans; those who are there from the beginning with their open session.
async fn open_sessions(
    server: &Server,
    plan: &mut Plan,
    rng: &mut Rng,
    signals: &Signals,
) -> Vec<(Fan, Option<Session>)> {
    let mut opening = JoinSet::new();
    for index in 0..NUM_SESSIONS {
        let fan = Fan {
            index,
            manner: Manner::of(index),
            address: server.addresses[index / 3 % 2],
            rng: rng.fork(),
            reacts: plan
                .reacts
                .get_mut(index)
                .map(std::mem::take)
                .unwrap_or_default(),
            signals: signals.clone(),
        };
        opening.spawn(async move {
            let early = fan.manner.is_early();
            let session = if early { Some(fan.enter().await) } else { None };
            (fan, session)
        });
    }
    opening.join_all().await
}

/// Spawns a cluster at a third of the load and retires another at two thirds.
async fn change_clusters(server: &Server, spawned: &watch::Sender<bool>) {
    sleep(LOAD / 3).await;
    let post = server.http.post(server.url("/admin/clusters"));
    let wish = json!({"id": SPAWNED, "policy": {"scale": "legacy"}});
    let (status, cluster) = server.send(post.json(&wish)).await;
    assert_eq!(status, 201, "{cluster}");
    spawned.send_replace(true);

    sleep(LOAD / 3).await;
    let path = format!("/admin/clusters/{RETIRED}");
    let (status, body) = server.send(server.http.delete(server.url(&path))).await;
    assert_eq!(status, 202, "{body}");
}

/// Holds each session to the totals of its stream, and the retired cluster to its retirement.
fn check_reports(reports: &[Report], totals: &[Value]) {
    assert_eq!(reports.len(), NUM_SESSIONS);
    for report in reports {
        let account = &report.account;
        let stream = STREAMS.iter().position(|&stream| stream == account.stream);
        let totals = &totals[stream.expect("one of the streams")];
        assert_eq!(
            json!(account.totals),
            totals["totals"],
            "{:?}",
            report.manner
        );
        assert_eq!(
            account.total,
            number(totals, "total"),
            "{:?}",
            report.manner
        );
        assert_ne!(
            account.cluster, RETIRED,
            "left on a cluster that is gone: {report:?}"
        );
        let stayed = report.manner.is_early() && report.manner != Manner::Returning;
        if stayed && report.first_cluster == RETIRED {
            assert_eq!(report.moves.len(), 1, "{:?}", report.moves);
        }
    }

    let slow = reports
        .iter()
        .filter(|report| report.manner == Manner::Slow);
    let merged: usize = slow.map(|report| report.account.merged).sum();
    assert!(
        merged > 0,
        "no slow session was ever behind, so nothing was shown"
    );
    let moved = reports
        .iter()
        .filter(|report| !report.moves.is_empty())
        .count();
    say(&format!(
        "conservation: {merged} merged frames to slow sessions, {moved} sessions moved"
    ));
}
