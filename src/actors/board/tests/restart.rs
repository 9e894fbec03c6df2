//! A node that was restarted.

use super::*;

/// A board that is told of everything after window 100.
fn restarted(ground: &Ground, one: &ClusterSeats) -> Rc<Board> {
    let (streams, metrics) = (ground.streams.clone(), ground.metrics.clone());
    let board = Board::new(ground.window, 10, Seq(100), streams, metrics);
    board.announce(one.cluster, Policy::default());
    Rc::new(board)
}

/// Where the stream `main` stands after that window.
fn standing(seq: u64) -> Standing {
    let window = window_of("main", seq);
    Standing {
        stream: window.stream.clone(),
        seq: window.seq,
        running: window.running.clone(),
        ordinal: window.ordinal,
        empty_in_a_row: 0,
    }
}

#[actix::test]
async fn what_was_published_before_a_restart_is_known_after_it() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = restarted(&ground, &one);
    deliver(&board, &one, 101..=108);
    let mut listener = Listener::arrive(&board, &one, arrival(Some(103))).unwrap();
    let frames = listener.read();
    assert_eq!(kinds(&frames), ["hello", "window 108"]);
    assert_eq!(
        (&frames[0]["recovered"], &frames[0]["total"]),
        (&json!(true), &json!(103))
    );
    assert_eq!(listener.total(), 108);
}

#[actix::test]
async fn a_stream_that_was_silent_for_long_stands_on_its_totals_after_a_restart() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = restarted(&ground, &one);
    deliver(&board, &one, [40, 41, 39]);
    let mut listener = Listener::join(&board, &one);
    let hello = &listener.read()[0];
    assert_eq!((&hello["seq"], &hello["total"]), (&json!(100), &json!(41)));
    let mut returned = Listener::arrive(&board, &one, arrival(Some(41))).unwrap();
    assert_eq!(returned.read()[0]["recovered"], json!(false));
    assert_eq!(returned.total(), 41, "it is told all the same");
    deliver(&board, &one, 101..=101);
    assert_eq!(listener.read()[0]["seq"], json!(101));
    assert_eq!(listener.total(), 42, "the window counts one");
}

#[actix::test]
async fn a_stream_is_exact_where_only_its_totals_are_known_and_shows_no_window_that_was_not() {
    let (ground, one) = (Ground::new(), seats(1));
    for (stands_at, seq) in [(41, 100), (120, 120)] {
        let board = restarted(&ground, &one);
        board.stand(&[standing(stands_at)]);
        assert_eq!(board.windows(&stream("main"), 5), []);
        let (through, totals) = board.totals(&stream("main"));
        assert_eq!((through, totals.total()), (Seq(seq), stands_at));
        let mut listener = Listener::join(&board, &one);
        let hello = &listener.read()[0];
        assert_eq!(
            (&hello["seq"], &hello["total"]),
            (&json!(seq), &json!(stands_at))
        );
        // The newest one was on its way.
        deliver(&board, &one, [stands_at - 1, stands_at]);
        assert_eq!(listener.read(), NOTHING);
        let mut next = (*window_of("main", 121)).clone();
        next.running = Arc::new(
            next.running
                .iter()
                .map(|(emoji, _)| (emoji, stands_at + 1))
                .collect(),
        );
        next.ordinal = stands_at + 1;
        board.deliver(one.cluster, Policy::default(), &[Arc::new(next)]);
        assert_eq!(kinds(&listener.read()), ["window 121"]);
        assert_eq!(listener.total(), stands_at + 1);
    }
}

#[actix::test]
async fn where_a_stream_stood_is_no_news_once_there_are_windows() {
    let (ground, one) = (Ground::new(), seats(1));
    let board = restarted(&ground, &one);
    deliver(&board, &one, 101..=104);
    let mut listener = Listener::join(&board, &one);
    listener.read();
    for seq in [41, 103, 120] {
        board.stand(&[standing(seq)]);
    }
    assert_eq!(board.totals(&stream("main")).0, Seq(104));
    deliver(&board, &one, 105..=105);
    assert_eq!(kinds(&listener.read()), ["window 105"]);
    assert_eq!(listener.total(), 105);
}

#[actix::test]
async fn windows_that_two_clusters_bring_again_change_nothing() {
    let (ground, one, two) = (Ground::new(), seats(1), seats(2));
    let board = restarted(&ground, &one);
    board.announce(two.cluster, Policy::default());
    deliver(&board, &one, 101..=104);
    let mut listener = Listener::join(&board, &two);
    deliver(&board, &two, 101..=104);
    assert_eq!(kinds(&listener.read()), ["hello"]);
    deliver(&board, &two, 105..=105);
    assert_eq!(kinds(&listener.read()), ["window 105"]);
    assert_eq!(listener.total(), 105);
}
