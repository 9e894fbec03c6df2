use super::*;
use crate::actors::link::{Link, Undelivered};
use crate::actors::messages::ClusterSeats;
use crate::actors::outbox::Outbox;
use crate::domain::Policy;
use crate::testkit::{
    Ground, Listener, Stage, board, deliver, kinds, mortal, seats, settle, window_of,
};

mortal!(SessionHub);

const CONFIG: HubConfig = HubConfig {
    retention: Duration::from_secs(600),
    stall_timeout: Duration::from_secs(15),
    ping_interval: Duration::from_secs(25),
};

/// A hub over the board of a worker, with cluster 1 on it.
struct Worker {
    ground: Ground,
    one: ClusterSeats,
    board: Rc<Board>,
    hub: Stage<SessionHub>,
}

impl Worker {
    async fn new() -> Self {
        let ground = Ground::new();
        let one = seats(1);
        let board = board(&ground, 600, &[&one]);
        let shared = board.clone();
        let hub = Stage::start(&ground.metrics, move || {
            SessionHub::new(CONFIG, shared.clone())
        })
        .await;
        Self {
            ground,
            one,
            board,
            hub,
        }
    }

    /// Sessions in cluster 1 that have read their greeting.
    fn crowd(&self, number: usize) -> Vec<Listener> {
        let join = |_| {
            let mut listener = Listener::join(&self.board, &self.one);
            listener.read();
            listener
        };
        (0..number).map(join).collect()
    }

    fn closed(&self, reason: Close) -> u64 {
        let closed = &self.ground.metrics.sessions_closed;
        closed.with_label_values(&[reason.as_str()]).get()
    }
}

/// Windows of the stream `main` for cluster 1.
fn windows(seqs: impl IntoIterator<Item = u64>) -> SubscriberWindows {
    SubscriberWindows {
        cluster: seats(1).cluster,
        policy: Policy::default(),
        windows: seqs.into_iter().map(|seq| window_of("main", seq)).collect(),
    }
}

#[actix::test]
async fn every_session_is_told_once_that_nothing_can_come_and_that_it_comes_again() {
    let worker = Worker::new().await;
    let mut crowd = worker.crowd(SLICE + 1);
    let mut link: Link<DeliveryChanged> = worker.hub.link();
    for interrupted in [false, true, true] {
        link.try_send(DeliveryChanged { interrupted }).unwrap();
    }
    settle().await;
    for listener in &mut crowd {
        assert_eq!(kinds(&listener.read()), ["status"]);
    }
    let mut late = Listener::join(&worker.board, &worker.one);
    assert_eq!(kinds(&late.read()), ["hello", "status"]);
    let back = DeliveryChanged { interrupted: false };
    link.try_send(back).unwrap();
    settle().await;
    for listener in crowd.iter_mut().chain([&mut late]) {
        let frames = listener.read();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["delivery"], "resumed");
    }
}

fn num_woken(crowd: &[Listener]) -> usize {
    crowd.iter().filter(|listener| listener.is_woken()).count()
}

async fn seconds(number: u64) {
    tokio::time::sleep(Duration::from_secs(number)).await;
    settle().await;
}

// === its promises ===

#[actix::test]
async fn windows_wake_whoever_is_behind() {
    let worker = Worker::new().await;
    let mut crowd = worker.crowd(2);
    worker.hub.ask(windows([10])).await;
    assert_eq!(num_woken(&crowd), 2);
    assert_eq!(kinds(&crowd[0].read()), ["window 10"]);
    worker.hub.ask(windows([10])).await;
    assert!(!crowd[0].is_woken(), "it is up to date");
}

#[actix::test]
async fn a_crowd_is_woken_in_slices_with_other_work_between() {
    let worker = Worker::new().await;
    let crowd = worker.crowd(3 * SLICE + 1);
    worker.hub.put(windows([10]));
    let mut woken = vec![0];
    while woken.last() < Some(&crowd.len()) {
        tokio::task::yield_now().await;
        woken.push(num_woken(&crowd));
    }
    let largest = woken.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert_eq!(largest, Some(SLICE), "{woken:?}");
}

#[actix::test]
async fn a_cluster_delivers_once_it_is_announced() {
    let worker = Worker::new().await;
    let two = seats(2);
    let announced = ClusterAnnounced {
        cluster: two.cluster,
        policy: Policy::default(),
    };
    let for_two = |seq| SubscriberWindows {
        cluster: two.cluster,
        ..windows([seq])
    };
    worker.hub.ask(for_two(10)).await;
    worker.hub.ask(announced).await;
    let mut listener = Listener::join(&worker.board, &two);
    assert_eq!(listener.read()[0]["seq"], 10, "what came early is kept");
    worker.hub.ask(for_two(11)).await;
    assert_eq!(kinds(&listener.read()), ["window 11"]);
}

#[actix::test]
async fn a_cluster_that_leaves_has_no_session_left_when_the_hub_answers() {
    let worker = Worker::new().await;
    let two = seats(2);
    worker.board.announce(two.cluster, Policy::default());
    let mut crowd = worker.crowd(3);
    let moving = MoveSessions {
        from: worker.one.cluster,
        to: vec![two.clone()],
    };
    assert_eq!(worker.hub.ask(moving.clone()).await, 3);
    for listener in &mut crowd {
        assert_eq!(kinds(&listener.read()), ["moved"]);
    }
    assert_eq!(worker.hub.ask(moving).await, 0);
}

#[actix::test]
async fn a_session_that_answers_its_pings_stays_and_a_silent_one_is_closed_in_time() {
    let worker = Worker::new().await;
    let mut reads = worker.crowd(1).remove(0);
    let mut silent = worker.crowd(1).remove(0);
    for seq in 10..10 + 14 {
        worker.hub.ask(windows([seq])).await;
        silent.read();
        if kinds(&reads.read()).contains(&"ping".to_owned()) {
            reads.handle().answered();
        }
        seconds(1).await;
        assert!(!silent.handle().is_closing(), "window {seq}");
    }
    seconds(2).await;
    assert!(silent.handle().is_closing());
    assert!(!reads.handle().is_closing());
    assert_eq!(worker.closed(Close::Stalled), 1);
    assert_eq!(kinds(&silent.read()).last().unwrap(), "close 4008");
}

#[actix::test]
async fn a_session_without_traffic_is_asked_for_a_sign() {
    let worker = Worker::new().await;
    let mut idle = worker.crowd(1).remove(0);
    seconds(24).await;
    assert!(!idle.is_woken());
    seconds(2).await;
    assert_eq!(kinds(&idle.read()), ["ping"]);
}

#[actix::test]
async fn sessions_are_sent_away_in_slices_each_after_its_last_window() {
    let worker = Worker::new().await;
    let mut crowd = worker.crowd(2 * SLICE + 1);
    deliver(&worker.board, &worker.one, [10]);
    let open = worker.hub.ask(CloseSessions).await;
    assert_eq!(open, 2 * SLICE + 1);
    for expected in [SLICE, 2 * SLICE, 2 * SLICE + 1] {
        settle().await;
        let closing = |listener: &&Listener| listener.handle().is_closing();
        assert_eq!(crowd.iter().filter(closing).count(), expected);
        tokio::time::sleep(FAREWELL_PAUSE).await;
    }
    for listener in &mut crowd {
        assert_eq!(kinds(&listener.read()), ["window 10", "close 1001"]);
    }
}

#[actix::test]
async fn asked_again_to_close_it_says_how_many_are_still_there() {
    let worker = Worker::new().await;
    let mut crowd = worker.crowd(3);
    assert_eq!(worker.hub.ask(CloseSessions).await, 3);
    settle().await;
    crowd.pop();
    assert_eq!(worker.hub.ask(CloseSessions).await, 2);
    let late = worker.crowd(1);
    assert!(late[0].handle().is_closing(), "whoever still comes");
    drop((crowd, late));
    assert_eq!(worker.hub.ask(CloseSessions).await, 0);
    assert_eq!(worker.closed(Close::Draining), 4, "each of them once");
}

// === somebody is full ===

#[actix::test]
async fn a_session_whose_socket_is_full_takes_one_merged_frame_later_and_delays_nobody() {
    let worker = Worker::new().await;
    worker.hub.ask(windows([10])).await;
    let mut full = worker.crowd(1).remove(0);
    let mut reads = worker.crowd(1).remove(0);
    for seq in 11..=20 {
        worker.hub.ask(windows([seq])).await;
        assert_eq!(kinds(&reads.read()), [format!("window {seq}")]);
    }
    assert_eq!(kinds(&full.read()), ["window 20"]);
    assert_eq!((full.total(), reads.total()), (20, 20));
}

#[actix::test]
async fn what_a_full_hub_does_not_take_waits_with_its_sender_and_no_count_is_lost() {
    let worker = Worker::new().await;
    worker.hub.ask(windows([10])).await;
    let mut listener = worker.crowd(1).remove(0);
    let metrics = worker.ground.metrics.clone();
    let mut outbox = Outbox::new("subscriber_windows", worker.hub.link(), metrics);
    let mut flush = |seq| {
        outbox.push(&windows([seq]).windows);
        outbox.flush(|windows| SubscriberWindows {
            windows,
            ..self::windows([])
        })
    };
    let last = 10 + MAILBOX as u64 + 3;
    let taken: Vec<bool> = (11..last).map(&mut flush).collect();
    assert_eq!(taken.iter().filter(|taken| **taken).count(), MAILBOX);
    assert!(!taken[MAILBOX], "the next one is kept");

    settle().await;
    assert!(flush(last));
    settle().await;
    assert_eq!(kinds(&listener.read()), [format!("window {last}")]);
    assert_eq!(listener.total(), last);
}

// === it dies ===

#[actix::test]
async fn sessions_keep_their_places_through_its_death() {
    let worker = Worker::new().await;
    worker.hub.ask(windows([10])).await;
    let mut crowd = worker.crowd(2);
    worker.hub.die_and_come_back().await;
    worker.hub.ask(windows([11])).await;
    for listener in &mut crowd {
        assert_eq!(kinds(&listener.read()), ["window 11"]);
        assert_eq!(listener.total(), 11);
    }
}

#[actix::test]
async fn windows_that_die_with_it_are_made_good_by_the_newest() {
    let worker = Worker::new().await;
    worker.hub.ask(windows([10])).await;
    let mut listener = worker.crowd(1).remove(0);
    worker.hub.put(crate::testkit::Die);
    worker.hub.put(windows([11]));
    worker.hub.come_back().await;
    assert!(!listener.is_woken(), "window 11 is gone");
    worker.hub.ask(windows([12])).await;
    assert_eq!(kinds(&listener.read()), ["window 12"]);
    assert_eq!(listener.total(), 12);
}

#[actix::test]
async fn while_it_is_dead_its_senders_are_told() {
    let worker = Worker::new().await;
    let mut link: Link<SubscriberWindows> = worker.hub.link();
    worker.hub.put(crate::testkit::Die);
    settle().await;
    let undelivered = link.try_send(windows([10])).unwrap_err();
    assert!(matches!(undelivered, Undelivered::Gone(_)));
}

#[actix::test]
async fn a_crowd_that_came_together_is_not_pinged_in_one_go() {
    let worker = Worker::new().await;
    let mut crowd = worker.crowd(4 * SLICE);
    worker.hub.ask(windows([10])).await;
    let mut most_at_once = 0;
    let mut pinged = 0;
    for _ in 0..10_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let frames = crowd.iter_mut().flat_map(Listener::read);
        let frames = kinds(&frames.collect::<Vec<_>>());
        let now = frames.iter().filter(|frame| *frame == "ping").count();
        most_at_once = most_at_once.max(now);
        pinged += now;
    }
    assert_eq!((pinged, most_at_once), (4 * SLICE, SLICE));
}

#[actix::test]
async fn a_silent_session_is_closed_by_the_next_life() {
    let worker = Worker::new().await;
    let mut silent = worker.crowd(1).remove(0);
    worker.hub.ask(windows([10])).await;
    silent.read();
    seconds(3).await;
    assert_eq!(kinds(&silent.read()), ["ping"]);
    worker.hub.die_and_come_back().await;
    seconds(12).await;
    assert_eq!(kinds(&silent.read()), ["close 4008"]);
}

#[actix::test]
async fn everyone_is_sent_away_though_it_dies_meanwhile() {
    let worker = Worker::new().await;
    let crowd = worker.crowd(3 * SLICE);
    worker.hub.ask(CloseSessions).await;
    worker.hub.die_and_come_back().await;
    seconds(1).await;
    assert_eq!(worker.hub.ask(CloseSessions).await, 3 * SLICE);
    assert!(crowd.iter().all(|listener| listener.handle().is_closing()));
    assert_eq!(worker.closed(Close::Draining), 3 * SLICE as u64);
}
