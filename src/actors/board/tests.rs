use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::*;
use crate::testkit::{Ground, Listener, arrival, board, deliver, kinds, seats, stream, window_of};

mod restart;

/// No frame, in a comparison.
const NOTHING: [Value; 0] = [];

/// Lists nothing below so many.
fn policy(min_count: u64) -> Policy {
    Policy {
        min_count,
        ..Policy::default()
    }
}

fn taken(seats: &ClusterSeats) -> usize {
    seats.taken.load(Ordering::Acquire)
}

fn sessions(ground: &Ground, seats: &ClusterSeats) -> i64 {
    let cluster = seats.cluster.to_string();
    ground.metrics.sessions.with_label_values(&[&cluster]).get()
}

fn to(seats: &[&ClusterSeats]) -> Vec<ClusterSeats> {
    seats.iter().map(|seats| (*seats).clone()).collect()
}

// === who comes ===

#[actix::test]
async fn a_session_is_greeted_where_the_stream_stands_with_exact_totals() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    deliver(&board, &one, 10..=12);
    let mut listener = Listener::join(&board, &one);
    let hello = json!({
        "type": "hello", "session": "session", "client_id": "client", "cluster": 1, "stream": "main",
        "window_ms": 1_000, "seq": 12, "recovered": false, "viewers": 1, "total": 12, "totals": {"🔥": 12},
    });
    assert_eq!(listener.read(), [hello]);
}

#[actix::test]
async fn whoever_comes_back_is_sent_what_it_missed_as_one_frame() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    deliver(&board, &one, 10..=14);
    let mut listener = Listener::arrive(&board, &one, arrival(Some(11))).unwrap();
    let frames = listener.read();
    assert_eq!(kinds(&frames), ["hello", "window 14"]);
    let (hello, window) = (&frames[0], &frames[1]);
    assert_eq!(
        (&hello["seq"], &hello["total"], &hello["recovered"]),
        (&json!(11), &json!(11), &json!(true))
    );
    assert_eq!(
        (&window["span"], &window["start_ms"], &window["end_ms"]),
        (&json!(3), &json!(12_000), &json!(15_000))
    );
    assert_eq!(listener.total(), 14);
}

#[actix::test]
async fn whoever_was_away_too_long_or_comes_from_the_future_stands_at_the_newest() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 3, &[&one]);
    deliver(&board, &one, 10..=20);
    for (since, seq, recovered) in [
        (16, 20, false),
        (17, 17, true),
        (20, 20, true),
        (21, 20, false),
    ] {
        let mut listener = Listener::arrive(&board, &one, arrival(Some(since))).unwrap();
        let hello = &listener.read()[0];
        assert_eq!(
            (&hello["seq"], &hello["recovered"]),
            (&json!(seq), &json!(recovered)),
            "since {since}"
        );
        assert_eq!(listener.total(), 20);
    }
}

#[actix::test]
async fn nobody_is_seated_in_a_cluster_that_is_not_there_and_the_seat_is_free_again() {
    let (ground, one, two) = (Ground::new(), seats(1), seats(2));
    let board = board(&ground, 10, &[&one, &two]);
    board.move_sessions(two.cluster, &to(&[&one]));
    let Err(Retired(back)) = Listener::arrive(&board, &two, arrival(Some(7))) else {
        panic!("cluster 2 has left");
    };
    assert_eq!(back.since, Some(Seq(7)));
    assert_eq!((taken(&two), sessions(&ground, &two)), (0, 0));
    assert!(Listener::arrive(&board, &one, back).is_ok());
}

#[actix::test]
async fn whoever_leaves_frees_the_seat_and_is_woken_no_more() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    let _stays = Listener::join(&board, &one);
    let leaves = Listener::join(&board, &one);
    assert_eq!((taken(&one), sessions(&ground, &one)), (2, 2));
    drop(leaves);
    assert_eq!((taken(&one), sessions(&ground, &one)), (1, 1));
    assert_eq!(deliver(&board, &one, 10..=10), 1);
}

#[actix::test]
async fn once_the_node_drains_whoever_still_comes_is_sent_on() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    let _here = Listener::join(&board, &one);
    assert_eq!(board.subscribers(false).len(), 1);
    let mut before = Listener::join(&board, &one);
    assert_eq!(kinds(&before.read()), ["hello"]);
    assert_eq!(board.subscribers(true).len(), 2);
    let mut after = Listener::join(&board, &one);
    assert_eq!(kinds(&after.read()), ["hello", "close 1001"]);
    assert_eq!(before.read(), NOTHING, "to send it away is for the hub");
}

// === windows come ===

#[actix::test]
async fn a_window_wakes_those_behind_in_its_cluster_and_stream_alone() {
    let (ground, one, two) = (Ground::new(), seats(1), seats(2));
    let board = board(&ground, 10, &[&one, &two]);
    let mut here = Listener::join(&board, &one);
    let mut elsewhere = Listener::join(&board, &two);
    let mut other = Listener::join(&board, &one);
    other.handle().subscribe(stream("other"));
    for listener in [&mut here, &mut elsewhere, &mut other] {
        listener.read();
    }
    assert_eq!(deliver(&board, &one, 10..=10), 1);
    assert!(here.is_woken());
    assert_eq!(kinds(&here.read()), ["window 10"]);
    assert_eq!(elsewhere.read(), NOTHING);
    assert_eq!(other.read(), NOTHING);
    assert_eq!(deliver(&board, &one, 10..=10), 0, "it is no news");
    assert_eq!(deliver(&board, &two, 10..=10), 1);
    assert_eq!(kinds(&elsewhere.read()), ["window 10"]);
}

#[actix::test]
async fn a_window_of_a_cluster_that_is_not_there_yet_is_kept_and_wakes_nobody() {
    let (ground, one, two) = (Ground::new(), seats(1), seats(2));
    let board = board(&ground, 10, &[&one]);
    let mut listener = Listener::join(&board, &one);
    listener.read();
    assert_eq!(deliver(&board, &two, 10..=10), 0);
    assert_eq!(
        listener.read(),
        NOTHING,
        "its own cluster has not delivered"
    );
    assert_eq!(board.windows(&stream("main"), 5), [window_of("main", 10)]);
    assert_eq!(deliver(&board, &one, 10..=10), 1);
    assert_eq!(kinds(&listener.read()), ["window 10"]);
}

#[actix::test]
async fn a_cluster_that_is_announced_late_has_lost_nothing_of_what_it_delivered() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[]);
    deliver(&board, &one, 10..=14);
    board.announce(one.cluster, Policy::default());
    let mut returned = Listener::arrive(&board, &one, arrival(Some(11))).unwrap();
    let mut new = Listener::join(&board, &one);
    let frames = returned.read();
    assert_eq!(kinds(&frames), ["hello", "window 14"]);
    assert_eq!(
        (&frames[0]["recovered"], &frames[1]["span"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(kinds(&new.read()), ["hello"]);
    assert_eq!(deliver(&board, &one, 15..=15), 2);
    for listener in [&mut returned, &mut new] {
        assert_eq!(kinds(&listener.read()), ["window 15"]);
        assert_eq!(listener.total(), 15);
    }
}

#[actix::test]
async fn those_who_stand_together_share_one_encoded_frame() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    let mut listeners: Vec<_> = (0..3).map(|_| Listener::join(&board, &one)).collect();
    listeners.iter_mut().for_each(|listener| {
        listener.read();
    });
    deliver(&board, &one, 10..=10);
    let frames: Vec<_> = listeners.iter_mut().map(Listener::poll).collect();
    let places: Vec<_> = frames
        .iter()
        .map(|frame| match frame {
            std::task::Poll::Ready(Some(bytes)) => bytes.as_ptr(),
            none => panic!("{none:?}"),
        })
        .collect();
    assert!(places.iter().all(|place| *place == places[0]));
    let counted = |kind| ground.metrics.frames.with_label_values(&[kind]).get();
    assert_eq!((counted("single"), counted("merged")), (3, 0));
}

#[actix::test]
async fn a_policy_counts_from_the_next_window_and_cuts_no_total() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    let mut listener = Listener::join(&board, &one);
    listener.read();
    for (seq, min_count, listed) in [(10, 0, 1), (11, 2, 0), (12, 1, 1)] {
        board.deliver(one.cluster, policy(min_count), &[window_of("main", seq)]);
        let window = &listener.read()[0];
        let counts = window["counts"].as_array().unwrap();
        assert_eq!((counts.len(), &window["total"]), (listed, &json!(1)));
    }
}

#[actix::test]
async fn the_newest_windows_and_the_totals_are_there_for_whoever_asks() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 3, &[&one]);
    assert_eq!(board.totals(&stream("main")), (Seq(9), Arc::default()));
    deliver(&board, &one, 10..=20);
    let seqs = |limit| -> Vec<u64> {
        let windows = board.windows(&stream("main"), limit);
        windows.iter().map(|window| window.seq.0).collect()
    };
    assert_eq!((seqs(2), seqs(9)), (vec![19, 20], vec![18, 19, 20]));
    let (seq, totals) = board.totals(&stream("main"));
    assert_eq!((seq, totals.total()), (Seq(20), 20));
}

// === who reads slowly ===

#[actix::test]
async fn whoever_does_not_prove_to_read_is_sent_no_more_and_loses_nothing() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 1_000, &[&one]);
    deliver(&board, &one, 10..=10);
    let mut listener = Listener::join(&board, &one);
    let mut frames = Vec::new();
    for seq in 11..=900 {
        deliver(&board, &one, [seq]);
        frames.extend(listener.read());
    }
    assert!(kinds(&frames).contains(&"ping".to_owned()));
    let heard = listener.total();
    assert!(heard < 900, "all {heard} were sent unread");
    assert_eq!(frames.last().unwrap()["seq"], heard);

    listener.handle().answered();
    assert!(listener.is_woken());
    let rest = kinds(&listener.read());
    assert_eq!(rest[0], "window 900", "all of it in one frame");
    assert_eq!(listener.total(), 900);
}

#[actix::test]
async fn whoever_falls_behind_all_that_is_kept_is_sent_away_to_come_back() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 3, &[&one]);
    deliver(&board, &one, 10..=10);
    let mut listener = Listener::join(&board, &one);
    let mut reader = Listener::join(&board, &one);
    listener.read();
    reader.read();
    for seq in 11..=14 {
        deliver(&board, &one, [seq]);
        reader.read();
    }
    let frames = listener.read();
    assert_eq!(kinds(&frames), ["close 4008"]);
    assert!(frames[0]["reason"]["retry_after_ms"].is_u64());
    assert_eq!(reader.total(), 14);
}

// === who moves ===

#[actix::test]
async fn a_cluster_that_leaves_hands_its_sessions_to_the_emptiest_and_each_is_told() {
    let (ground, one, two, three) = (Ground::new(), seats(1), seats(2), seats(3));
    let board = board(&ground, 10, &[&one, &two, &three]);
    let _there = Listener::join(&board, &two);
    let mut movers = [(); 3].map(|()| Listener::join(&board, &one));
    for mover in &mut movers {
        mover.read();
    }
    assert_eq!(board.move_sessions(one.cluster, &to(&[&two, &three])), 3);
    assert_eq!((taken(&one), taken(&two), taken(&three)), (0, 2, 2));
    let counted = [&one, &two, &three].map(|seats| sessions(&ground, seats));
    assert_eq!(counted, [0, 2, 2]);
    for mover in &mut movers {
        assert!(mover.is_woken());
        let frames = mover.read();
        assert_eq!(kinds(&frames), ["moved"]);
        assert!([json!(2), json!(3)].contains(&frames[0]["cluster"]));
    }
    assert_eq!(board.move_sessions(one.cluster, &to(&[&two])), 0);
}

#[actix::test]
async fn a_move_loses_and_repeats_nothing_however_far_the_clusters_are() {
    let (ground, one, two) = (Ground::new(), seats(1), seats(2));
    for (ahead, behind) in [(13, 13), (15, 12), (12, 15)] {
        let board = board(&ground, 10, &[&one, &two]);
        deliver(&board, &one, 10..=ahead);
        deliver(&board, &two, 10..=behind);
        let mut listener = Listener::arrive(&board, &one, arrival(Some(11))).unwrap();
        let mut frames = listener.read();
        board.move_sessions(one.cluster, &to(&[&two]));
        frames.extend(listener.read());
        for seq in behind + 1..=20 {
            deliver(&board, &two, [seq]);
            frames.extend(listener.read());
        }
        let seqs: Vec<u64> = frames
            .iter()
            .filter(|frame| frame["type"] == "window")
            .map(|frame| frame["seq"].as_u64().unwrap())
            .collect();
        assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
        assert_eq!((seqs.last(), listener.total()), (Some(&20), 20));
    }
}

#[actix::test]
async fn whoever_changes_the_stream_is_greeted_there_and_hears_no_more_of_the_former() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    let other = |seq| [window_of("other", seq)];
    board.deliver(one.cluster, Policy::default(), &other(12));
    let mut listener = Listener::join(&board, &one);
    listener.read();
    deliver(&board, &one, 10..=10);
    listener.handle().subscribe(stream("other"));
    assert_eq!(listener.handle().stream(), stream("other"));
    let frames = listener.read();
    assert_eq!(kinds(&frames), ["hello"]);
    assert_eq!(
        (&frames[0]["stream"], &frames[0]["seq"]),
        (&json!("other"), &json!(12))
    );
    assert_eq!(deliver(&board, &one, 11..=11), 0);
    board.deliver(one.cluster, Policy::default(), &other(13));
    assert_eq!(kinds(&listener.read()), ["window 13"]);
    assert_eq!(listener.total(), 13);
}

#[actix::test]
async fn who_has_seen_a_window_on_one_worker_finds_no_other_behind_it() {
    let (ground, one) = (Ground::new(), seats(1));
    let (ahead, behind) = (board(&ground, 10, &[&one]), board(&ground, 10, &[&one]));
    deliver(&ahead, &one, 10..=12);
    let catching_up = async {
        behind.caught_up(&StreamName::main()).await;
        behind.totals(&StreamName::main()).0
    };
    let delivering = async {
        deliver(&behind, &one, 10..=11);
        tokio::task::yield_now().await;
        deliver(&behind, &one, 12..=12);
    };
    assert_eq!(tokio::join!(catching_up, delivering).0, Seq(12));
}

#[actix::test]
async fn a_worker_that_stays_behind_keeps_nobody_waiting_for_long() {
    let (ground, one) = (Ground::new(), seats(1));
    let (ahead, behind) = (board(&ground, 10, &[&one]), board(&ground, 10, &[&one]));
    deliver(&ahead, &one, 10..=12);
    let begun = tokio::time::Instant::now();
    behind.caught_up(&StreamName::main()).await;
    assert!((CATCH_UP..CATCH_UP * 2).contains(&begun.elapsed()));
}

// === whether windows can come ===

#[actix::test]
async fn whoever_comes_while_nothing_can_come_is_told_after_the_greeting() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = board(&ground, 10, &[&one]);
    assert!(board.interrupt(true));
    let mut listener = Listener::join(&board, &one);
    let frames = listener.read();
    assert_eq!(kinds(&frames), ["hello", "status"]);
    assert_eq!(
        frames[1],
        json!({"type": "status", "delivery": "interrupted"})
    );
    assert!(!board.interrupt(true), "that is no news");
    assert!(board.interrupt(false));
    for subscriber in board.subscribers(false) {
        board.tell_delivery(&subscriber);
        board.tell_delivery(&subscriber);
    }
    assert_eq!(
        listener.read(),
        [json!({"type": "status", "delivery": "resumed"})]
    );
    let mut later = Listener::join(&board, &one);
    assert_eq!(kinds(&later.read()), ["hello"]);
}
