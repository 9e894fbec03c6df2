//! A session is a cursor: it leaves, comes back, and has the exact total.

use crate::support::reactions::bulk;
use crate::support::server::Server;

#[tokio::test]
async fn what_was_missed_arrives_as_one_merged_frame() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut absent = server.join().open().await;
    api.react(&bulk("main", "🔥", 5).into()).await;
    absent.until_total(5).await;
    let absent = absent.leave();
    let left_at = absent.seq;
    api.react(&bulk("main", "🔥", 30).into()).await;
    witness.until_total(35).await;
    api.react(&bulk("main", "👏", 12).into()).await;
    witness.until_total(47).await;
    witness
        .until("some windows more", |session| session.seq >= left_at + 8)
        .await;

    let mut back = absent.come_back().await;
    let missed = back.next_frame().await;
    assert_eq!(missed.total, 42);
    assert_eq!(
        missed.span,
        missed.seq - left_at,
        "every window of a live stream is in it"
    );
    assert_eq!(missed.start_ms, (left_at + 1) * 100);
    assert!(missed.seq >= left_at + 8);
    assert_eq!(missed.count("👏").map(|count| count.count), Some(12));
    api.react(&bulk("main", "🔥", 1).into()).await;
    back.until_total(48).await;
}

#[tokio::test]
async fn who_missed_nothing_is_sent_nothing_twice() {
    let server = Server::start(&["--window", "2s"]).await;
    let mut session = server.join().open().await;
    server.api().react(&bulk("main", "🔥", 9).into()).await;
    session.until_total(9).await;
    let mut back = session.leave().come_back().await;
    let next = back.next_frame().await;
    assert_eq!((next.span, next.total), (1, 0));
}

#[tokio::test]
async fn the_total_stays_exact_over_many_absences() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut wanderer = server.join().open().await;
    let mut sent = 0;
    for round in 1..=8 {
        sent += round;
        api.react(&bulk("main", "🔥", round).into()).await;
        if round % 2 == 0 {
            wanderer.until_total(sent).await;
        }
        let absent = wanderer.leave();
        witness.until_total(sent).await;
        wanderer = absent.come_back().await;
    }
    wanderer.until_total(sent).await;
    assert_eq!(wanderer.totals, witness.totals);
}

#[tokio::test]
async fn a_session_may_come_back_to_another_cluster() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut session = server.join().cluster(1).open().await;
    api.react(&bulk("main", "🔥", 5).into()).await;
    session.until_total(5).await;
    let left = session.leave();
    api.react(&bulk("main", "🔥", 6).into()).await;
    let mut back = server.join().cluster(2).since(left.seq).open().await;
    assert!(back.hello.recovered);
    assert_eq!(
        (back.hello.seq, back.hello.total, back.cluster),
        (left.seq, 5, 2)
    );
    back.until_total(11).await;
}

#[tokio::test]
async fn beyond_retention_the_session_stands_at_the_newest_window_and_is_told() {
    let server = Server::start(&["--window", "100ms", "--set", "session.retention=1s"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut absent = server.join().open().await;
    api.react(&bulk("main", "🔥", 5).into()).await;
    absent.until_total(5).await;
    let absent = absent.leave();
    api.react(&bulk("main", "👏", 6).into()).await;
    witness
        .until("more than retention holds", |session| {
            session.seq > absent.seq + 30
        })
        .await;
    assert_eq!(witness.total, 11);

    let mut back = server.join().since(absent.seq).open().await;
    assert!(!back.hello.recovered, "{:?}", back.hello);
    assert!(back.hello.seq >= witness.seq, "{:?}", back.hello);
    assert_eq!((back.total, &back.totals), (11, &witness.totals));
    api.react(&bulk("main", "🔥", 1).into()).await;
    back.until_total(12).await;
}

#[tokio::test]
async fn a_cursor_from_the_future_stands_at_the_newest_window() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    api.react(&bulk("main", "🔥", 5).into()).await;
    witness.until_total(5).await;
    let mut dreamer = server.join().since(witness.seq + 1_000_000).open().await;
    assert!(!dreamer.hello.recovered, "{:?}", dreamer.hello);
    assert!(
        dreamer.hello.seq < witness.seq + 1000,
        "{:?}",
        dreamer.hello
    );
    api.react(&bulk("main", "🔥", 1).into()).await;
    dreamer.until_total(6).await;
}
