//! Slow readers are merged, not dropped; those who never read are ended; neither delays anybody.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::api::Api;
use crate::support::metrics::Scrape;
use crate::support::raw_socket::RawSocket;
use crate::support::reactions::{one_of_each, reaction_with};
use crate::support::server::Server;
use crate::support::subscriber::{Join, Subscriber};
use crate::support::wait::{PATIENCE, now_ms, wait_for};

/// What the kernel of a slow client takes in: far less than one frame of `one_of_each`.
const TINY_BUFFER: u32 = 2048;

/// The pause of a client that reads on and on, but less than it is sent.
const LEISURE: Duration = Duration::from_millis(300);

/// From the end of a window to its arrival, on a loaded machine with two cores.
const TIMELY_MS: u64 = 1000;

fn slow(server: &Server) -> Join {
    server.join().receive_buffer(TINY_BUFFER)
}

/// Sends one of each emoji, `rounds` times, and waits each time until `witness` has them; returns how many were sent.
async fn flood(api: &Api, witness: &mut Subscriber, rounds: usize) -> u64 {
    let all = one_of_each("main");
    let per_round = all.as_array().map_or(0, Vec::len) as u64;
    let before = witness.total;
    for round in 1..=rounds as u64 {
        api.react(&all).await;
        witness.until_total(before + round * per_round).await;
    }
    rounds as u64 * per_round
}

#[tokio::test]
async fn a_session_that_reads_slowly_gets_merged_frames_and_the_exact_total() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut slow = slow(&server).open().await;
    let sent = flood(&api, &mut witness, 15).await;
    slow.until_total(sent).await;
    assert_eq!(slow.totals, witness.totals);
    assert!(
        slow.frames.iter().any(|frame| frame.span > 1),
        "nothing was merged"
    );
    let full = |session: &Subscriber| {
        session
            .frames
            .iter()
            .filter(|frame| frame.total > 0)
            .count()
    };
    assert!(
        full(&slow) < 15,
        "{} frames for 15 windows: a queue, not a cursor",
        full(&slow)
    );
    let spans: u64 = slow.frames.iter().map(|frame| frame.span).sum();
    let first = slow.frames[0].start_ms / 100;
    assert_eq!(
        spans,
        slow.seq + 1 - first,
        "the spans cover every window once"
    );
}

#[tokio::test]
async fn a_session_that_reads_now_and_then_keeps_the_exact_total() {
    let server = Server::start(&["--window", "100ms", "--set", "session.stall_timeout=20s"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut slow = slow(&server).open().await;
    for _ in 0..4 {
        flood(&api, &mut witness, 3).await;
        slow.next_frame().await;
    }
    slow.until_total(witness.total).await;
    assert_eq!(slow.totals, witness.totals);
}

#[tokio::test]
async fn a_slow_session_does_not_delay_another() {
    let server = Server::start(&["--window", "200ms", "--set", "session.stall_timeout=60s"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut stuck = Vec::new();
    for _ in 0..20 {
        stuck.push(slow(&server).open().await);
    }
    flood(&api, &mut witness, 3).await;
    for round in 0..15 {
        api.react(&reaction_with(json!({"count": round + 1}))).await;
        let frame = witness.next_full_frame().await;
        let delay = now_ms().saturating_sub(frame.end_ms);
        assert!(delay < TIMELY_MS, "a window came {delay} ms after its end");
        assert_eq!((frame.span, frame.total), (1, round + 1));
    }
    assert_eq!(
        api.all_sessions().await,
        21,
        "no session was ended for slowness"
    );
}

#[tokio::test]
async fn a_session_that_never_reads_is_ended_after_the_stall_timeout() {
    let server = Server::start(&["--window", "100ms", "--set", "session.stall_timeout=2s"]).await;
    let api = server.api();
    let mut witness = server.join().cluster(1).open().await;
    let mut stuck = RawSocket::open(&slow(&server).cluster(2)).await;
    wait_for(
        "the session is there",
        PATIENCE,
        async || api.sessions(2).await,
        |count| *count == 1,
    )
    .await;
    let began = now_ms();
    while api.sessions(2).await > 0 {
        assert!(
            now_ms() < began + 15_000,
            "still there after {} ms",
            now_ms() - began
        );
        flood(&api, &mut witness, 1).await;
    }
    assert!(
        now_ms() >= began + 1_500,
        "ended after {} ms",
        now_ms() - began
    );
    stuck.until_gone().await;
    let scrape = Scrape::read(&api).await;
    assert!(
        (scrape.sum("emostream_sessions_closed_total", "stalled") - 1.0).abs() < 0.5,
        "{scrape:?}"
    );
    assert!(
        scrape.sum("emostream_sessions", r#"cluster="2""#).abs() < 0.5,
        "{scrape:?}"
    );
    witness.next_frame().await;
}

/// Reads one frame, pauses, and so on until `end`, in milliseconds since the epoch.
async fn read_leisurely(mut session: Subscriber, end: u64) -> Subscriber {
    while now_ms() < end {
        session.next_frame().await;
        sleep(LEISURE).await;
    }
    session
}

#[tokio::test]
async fn a_session_that_keeps_reading_is_never_ended_for_slowness() {
    let server = Server::start(&["--window", "100ms", "--set", "session.stall_timeout=2s"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let end = now_ms() + 8_000;
    let mut readers = JoinSet::new();
    for buffer in [TINY_BUFFER, 16 * 1024, 128 * 1024] {
        let session = server.join().receive_buffer(buffer).open().await;
        readers.spawn(read_leisurely(session, end));
    }
    let crowd: Value = one_of_each("main").as_array().expect("an array")[..200].into();
    while now_ms() < end {
        api.react(&crowd).await;
        witness.next_full_frame().await;
    }
    while let Some(reader) = readers.join_next().await {
        let mut session = reader.expect("a session that is still open");
        session.until_total(witness.total).await;
        assert_eq!(session.totals, witness.totals);
    }
}
