//! Counts add up: windows, totals, frames and the ledger tell one story.

use serde_json::{Value, json};

use crate::support::ledger::Ledger;
use crate::support::metrics::Scrape;
use crate::support::reactions::{bulk, reaction_with};
use crate::support::server::Server;

fn with_event(id: &str, stream: &str) -> Value {
    reaction_with(json!({"event_id": id, "stream": stream}))
}

#[tokio::test]
async fn a_reaction_sent_again_within_a_window_is_counted_once() {
    let server = Server::start(&["--window", "2s"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    api.react(&reaction_with(json!({}))).await;
    session.next_full_frame().await;
    // The next window has just begun: a retry falls into the same one.
    api.react(&with_event("goal-1", "main")).await;
    api.react(&with_event("goal-1", "main")).await;
    api.react(&json!([
        with_event("goal-2", "main"),
        with_event("goal-2", "main"),
        with_event("goal-1", "main")
    ]))
    .await;
    let frame = session.next_full_frame().await;
    assert_eq!(frame.total, 2);
    let ledger = Ledger::settled(&api, 3).await;
    assert_eq!(
        (
            ledger.sum.accepted,
            ledger.sum.counted,
            ledger.sum.deduplicated
        ),
        (6, 3, 3)
    );
}

#[tokio::test]
async fn the_same_event_in_another_stream_or_window_is_another_reaction() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    let mut other = server.join().stream("other").open().await;
    api.react(&json!([
        with_event("goal", "main"),
        with_event("goal", "other")
    ]))
    .await;
    session.until_total(1).await;
    other.until_total(1).await;
    api.react(&with_event("goal", "main")).await;
    session.until_total(2).await;
    assert_eq!(Ledger::settled(&api, 3).await.sum.deduplicated, 0);
}

#[tokio::test]
async fn windows_agree_with_the_frames() {
    let server = Server::start(&["--window", "200ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    for round in 1..=5 {
        api.react(
            &[bulk("main", "🔥", round * 10), bulk("main", "👏", round)]
                .concat()
                .into(),
        )
        .await;
        session.next_full_frame().await;
    }
    let body = api
        .get("/streams/main/windows?limit=200")
        .await
        .expect(200)
        .json();
    assert_eq!(body["stream"], "main");
    let windows = body["windows"].as_array().expect("windows");
    let seqs: Vec<_> = windows
        .iter()
        .map(|window| window["seq"].as_u64().expect("a seq"))
        .collect();
    assert!(seqs.is_sorted_by(|older, newer| older < newer), "{seqs:?}");
    for frame in session.frames.iter().filter(|frame| frame.span == 1) {
        let window = windows.iter().find(|window| window["seq"] == frame.seq);
        let window = window.unwrap_or_else(|| panic!("{} is missing in {seqs:?}", frame.seq));
        assert_eq!(window["start_ms"], frame.start_ms);
        assert_eq!(window["end_ms"], frame.end_ms);
        assert_eq!(window["total"], frame.total);
        for count in &frame.counts {
            let listed = window["counts"].as_array().expect("counts");
            let same = |entry: &&Value| {
                entry["emoji_type"] == count.emoji_type && entry["count"] == count.count
            };
            assert!(
                listed.iter().any(|entry| same(&entry)),
                "{count:?} in {window}"
            );
        }
    }
}

#[tokio::test]
async fn the_newest_windows_come_last_and_limit_bounds_them() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    api.react(&reaction_with(json!({}))).await;
    session
        .until("ten windows", |session| session.frames.len() >= 10)
        .await;
    let seen = session.seq;
    let body = api
        .get("/streams/main/windows?limit=3")
        .await
        .expect(200)
        .json();
    let seqs: Vec<_> = body["windows"]
        .as_array()
        .expect("windows")
        .iter()
        .map(|window| window["seq"].clone())
        .collect();
    let newest = seqs.last().and_then(Value::as_u64).expect("a window");
    assert!(newest >= seen);
    assert_eq!(seqs, [newest - 2, newest - 1, newest]);
    for limit in ["-1", "many"] {
        let reply = api
            .get(&format!("/streams/main/windows?limit={limit}"))
            .await;
        assert!([400, 422].contains(&reply.status), "{limit}: {reply:?}");
        let status = reply.status;
        reply.problem(status);
    }
}

#[tokio::test]
async fn totals_are_exact_up_to_their_seq() {
    let server = Server::start(&["--window", "200ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    api.react(
        &[bulk("main", "🔥", 3785), bulk("main", "👏", 12)]
            .concat()
            .into(),
    )
    .await;
    session.until_total(3797).await;
    let body = api.get("/streams/main/totals").await.expect(200).json();
    assert!(body["seq"].as_u64().expect("a seq") >= session.seq);
    assert_eq!(
        (&body["stream"], &body["total"]),
        (&json!("main"), &json!(3797))
    );
    assert_eq!(body["totals"], json!({"🔥": 3785, "👏": 12}));
}

#[tokio::test]
async fn a_stream_that_nobody_has_named_is_404() {
    let server = Server::start(&[]).await;
    let api = server.api();
    api.get("/streams/nowhere/windows").await.problem(404);
    api.get("/streams/nowhere/totals").await.problem(404);
    let _first_subscriber = server.join().stream("nowhere").open().await;
    let totals = api.get("/streams/nowhere/totals").await.expect(200).json();
    assert_eq!(
        (&totals["total"], &totals["totals"]),
        (&json!(0), &json!({}))
    );
    let windows = api.get("/streams/nowhere/windows").await.expect(200).json();
    assert_eq!(windows["windows"], json!([]));
}

#[tokio::test]
async fn the_ledger_balances_in_sum_and_per_stream() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    api.react(
        &[bulk("main", "🔥", 2500), bulk("red", "❤️", 30)]
            .concat()
            .into(),
    )
    .await;
    api.post("/emoji", &reaction_with(json!({"emoji_type": "fire"})))
        .await
        .problem(422);
    api.react(&json!([with_event("a", "red"), with_event("a", "red")]))
        .await;
    session.react("🔥", "x").await;
    session.until_total(2501).await;
    let ledger = Ledger::settled(&api, 2532).await;
    let main = ledger.stream("main");
    let red = ledger.stream("red");
    assert_eq!((main.accepted, main.counted), (2501, 2501));
    assert_eq!(red.accepted, red.counted + red.deduplicated);
    assert_eq!(ledger.sum.accepted, main.accepted + red.accepted);
    assert_eq!(
        (ledger.sum.rejected, ledger.sum.limited, ledger.sum.shed),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn the_ledger_balances_at_every_moment() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let batch: Value = [bulk("main", "🔥", 100), bulk("red", "❤️", 100)]
        .concat()
        .into();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (api, batch) = (api.clone(), batch.clone());
            tokio::spawn(async move {
                for _ in 0..50 {
                    api.react(&batch).await;
                }
            })
        })
        .collect();
    while !senders.iter().all(tokio::task::JoinHandle::is_finished) {
        Ledger::read(&api).await;
    }
    assert_eq!(Ledger::settled(&api, 40_000).await.sum.counted, 40_000);
}

#[tokio::test]
async fn the_metrics_tell_what_the_ledger_tells() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    api.react(&bulk("main", "🔥", 120).into()).await;
    api.post("/emoji", &reaction_with(json!({"count": 0})))
        .await
        .problem(422);
    let ledger = Ledger::settled(&api, 120).await.sum;
    let scrape = Scrape::read(&api).await;
    for (outcome, number) in [
        ("accepted", ledger.accepted),
        ("counted", ledger.counted),
        ("rejected", ledger.rejected),
    ] {
        let label = format!("outcome=\"{outcome}\"");
        let told = scrape.sum("emostream_reactions_total", &label);
        assert!(
            (told - number as f64).abs() < 0.5,
            "{outcome}: {told} and {number}"
        );
    }
}
