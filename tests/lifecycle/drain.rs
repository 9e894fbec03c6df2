//! SIGTERM: not ready, flush, tell everyone, leave with 0 in time.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::api::Api;
use crate::support::raw_socket::RawSocket;
use crate::support::reactions::{bulk, one_of_each, reaction};
use crate::support::server::Server;
use crate::support::subscriber::Subscriber;
use crate::support::wait::{PATIENCE, wait_for};

/// `shutdown.timeout` unless set, and what a loaded machine may take to notice the end of a process.
const IN_TIME: Duration = Duration::from_secs(11);

const CROWD: usize = 1000;

/// Opens `number` sessions, some at a time.
async fn crowd(server: &Server, number: usize) -> Vec<Subscriber> {
    let mut open = Vec::new();
    let mut opening = JoinSet::new();
    for _ in 0..number {
        if opening.len() >= 50 {
            open.extend(
                opening
                    .join_next()
                    .await
                    .map(|session| session.expect("a session")),
            );
        }
        opening.spawn(server.join().open());
    }
    open.extend(opening.join_all().await);
    open
}

/// The crowd's ends are open files of this process, and a shell's usual soft limit is 1,024.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised to the hard one");
}

/// A session with far more to read than its kernel takes, which it never reads.
async fn stalled(server: &Server) -> RawSocket {
    let api = server.api();
    let mut witness = server.join().stream("loud").open().await;
    let stalled = RawSocket::open(&server.join().stream("loud").receive_buffer(2048)).await;
    for round in 1..=2 {
        let all = one_of_each("loud");
        let number = all.as_array().map_or(0, Vec::len) as u64;
        api.react(&all).await;
        witness.until_total(round * number).await;
    }
    stalled
}

#[tokio::test]
async fn a_thousand_sessions_are_told_and_the_process_leaves_in_time() {
    raise_descriptor_limit();
    let args = ["--window", "2s", "--set", "session.stall_timeout=60s"];
    let mut server = Server::start(&args).await;
    let api = server.api();
    let _stalled = stalled(&server).await;
    let sessions = crowd(&server, CROWD).await;
    wait_for(
        "all are counted",
        PATIENCE,
        async || api.all_sessions().await,
        |count| *count > CROWD as u64,
    )
    .await;

    api.react(&bulk("main", "🔥", 777).into()).await;
    server.terminate();
    let told_at = Instant::now();
    let mut ends: JoinSet<_> = sessions
        .into_iter()
        .map(|mut session| async move {
            let closed = session.until_closed().await;
            (session.total, closed)
        })
        .collect();
    let mut waits = BTreeSet::new();
    while let Some(end) = ends.join_next().await {
        let (total, closed) = end.expect("a session");
        assert_eq!(
            total, 777,
            "what was accepted before the signal is delivered before the close"
        );
        assert_eq!(closed.code, 1001);
        waits.insert(closed.retry_after_ms());
    }
    assert!(
        waits.len() > CROWD / 10,
        "only {} different waits",
        waits.len()
    );
    let status = server
        .ended(IN_TIME.saturating_sub(told_at.elapsed()))
        .await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn reactions_of_every_stream_are_delivered_before_the_close() {
    let mut server = Server::start(&["--window", "60s"]).await;
    let api = server.api();
    let mut red = server.join().stream("red").open().await;
    let mut blue = server.join().stream("blue").open().await;
    let mut sender = server.join().stream("red").open().await;
    api.react(
        &[bulk("red", "❤️", 12), bulk("blue", "💙", 3400)]
            .concat()
            .into(),
    )
    .await;
    sender.react("❤️", "the last one").await;
    server.terminate();
    for (session, total) in [(&mut red, 13), (&mut blue, 3400), (&mut sender, 13)] {
        assert_eq!(session.until_closed().await.code, 1001);
        assert_eq!(session.total, total);
    }
    assert_eq!(server.ended(IN_TIME).await.code(), Some(0));
}

#[tokio::test]
async fn a_draining_process_is_not_ready_and_accepts_nothing() {
    let mut server = Server::start(&["--window", "2s"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    server.terminate();
    let mut ready = Vec::new();
    while ready.last() != Some(&0) {
        ready.push(api.get("/ready").await.status);
        let refused = api.post("/emoji", &reaction("late", "🔥")).await;
        if ready.contains(&503) {
            assert!([0, 503].contains(&refused.status), "{refused:?}");
        }
    }
    let first_no = ready
        .iter()
        .position(|status| *status != 200)
        .expect("it ends");
    assert!(
        ready[first_no..]
            .iter()
            .all(|status| [0, 503].contains(status)),
        "{ready:?}"
    );
    session.until_closed().await;
    assert_eq!(server.ended(IN_TIME).await.code(), Some(0));
}

#[tokio::test]
async fn what_is_answered_with_200_during_the_drain_is_delivered() {
    let mut server = Server::start(&["--window", "100ms"]).await;
    let mut session = server.join().open().await;
    let sender = tokio::spawn(send_until_refused(server.api()));
    session
        .until("reactions under way", |session| session.total > 100)
        .await;
    server.terminate();
    session.until_closed().await;
    let (accepted, unknown) = sender.await.expect("the sender ends");
    let counted = session.total;
    assert!(
        counted >= accepted && counted <= accepted + unknown,
        "{accepted} accepted, {counted} delivered"
    );
    assert_eq!(server.ended(IN_TIME).await.code(), Some(0));
}

/// How many reactions were answered with 200, and how many of the last request without an answer may have been counted.
async fn send_until_refused(api: Api) -> (u64, u64) {
    let batch: Value = vec![reaction("fan", "🔥"); 10].into();
    let mut accepted = 0;
    loop {
        match api.post("/emoji", &batch).await.status {
            200 => accepted += 10,
            0 => return (accepted, 10),
            503 => return (accepted, 0),
            other => panic!("{other} during a drain"),
        }
    }
}

#[tokio::test]
async fn an_idle_process_leaves_at_once() {
    let mut server = Server::start(&[]).await;
    server.terminate();
    let status = server.ended(Duration::from_secs(3)).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_process() {
    let mut server = Server::start(&[]).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(
            tokio::net::TcpStream::connect(&server.addresses[0])
                .await
                .expect("a connection"),
        );
    }
    server.api().get("/health").await.expect(200);
    server.terminate();
    assert_eq!(server.ended(IN_TIME).await.code(), Some(0));
}

#[tokio::test]
async fn the_timeout_bounds_the_drain() {
    let args = [
        "--window",
        "2s",
        "--set",
        "session.stall_timeout=60s",
        "--set",
        "shutdown.timeout=2s",
    ];
    let mut server = Server::start(&args).await;
    let _stalled = stalled(&server).await;
    server.terminate();
    assert_eq!(server.ended(Duration::from_secs(4)).await.code(), Some(0));
}
