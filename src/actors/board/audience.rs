//! How many sessions there are: by stream for the viewers, by cluster and by pace for whoever is on call.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::actors::streams::Streams;
use crate::domain::{ClusterId, StreamName};
use crate::telemetry::Metrics;

/// The sessions of one worker, in the figures that all workers share.
#[derive(Debug)]
pub(super) struct Audience {
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
    /// What this worker has put into the gauge of slow sessions.
    slow: Cell<i64>,
}

impl Audience {
    pub(super) fn new(streams: Arc<Streams>, metrics: Arc<Metrics>) -> Self {
        Self {
            streams,
            metrics,
            slow: Cell::new(0),
        }
    }

    pub(super) fn comes(&self, stream: &StreamName, cluster: ClusterId) {
        self.count(stream, 1);
        self.seat(cluster, 1);
    }

    pub(super) fn leaves(&self, stream: &StreamName, cluster: ClusterId) {
        self.count(stream, -1);
        self.seat(cluster, -1);
    }

    pub(super) fn turns(&self, from: &StreamName, to: &StreamName) {
        self.count(from, -1);
        self.count(to, 1);
    }

    pub(super) fn moves(&self, from: ClusterId, to: ClusterId) {
        self.seat(from, -1);
        self.seat(to, 1);
    }

    /// So many of them have not taken the newest window, as their sockets are full or their pings unanswered.
    pub(super) fn are_slow(&self, num: usize) {
        let num = num as i64;
        self.metrics.sessions_slow.add(num - self.slow.replace(num));
    }

    /// Sessions that watch the stream, of all workers and all nodes.
    pub(super) fn viewers(&self, stream: &StreamName) -> u64 {
        let row = self.streams.row(stream);
        row.map_or(0, |row| {
            let here = row.viewers.load(Ordering::Acquire);
            here.saturating_add(row.viewers_elsewhere.load(Ordering::Acquire))
        })
    }

    fn count(&self, stream: &StreamName, change: i64) {
        if let Some(row) = self.streams.row(stream) {
            shift(&row.viewers, change);
        }
    }

    fn seat(&self, cluster: ClusterId, change: i64) {
        let labels = [&*cluster.to_string()];
        self.metrics.sessions.with_label_values(&labels).add(change);
    }
}

/// A worker that is gone has no slow sessions.
impl Drop for Audience {
    fn drop(&mut self) {
        self.are_slow(0);
    }
}

fn shift(counter: &AtomicU64, change: i64) {
    counter.fetch_add(change as u64, Ordering::AcqRel);
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use bytes::Bytes;

    use super::*;
    use crate::actors::subscriber::Outlet;
    use crate::testkit::{Ground, Listener, board, deliver, seats, stream};

    fn worker(ground: &Ground) -> Audience {
        Audience::new(ground.streams.clone(), ground.metrics.clone())
    }

    #[actix::test]
    async fn the_viewers_of_a_stream_are_those_of_all_workers() {
        let ground = Ground::new();
        let (main, other, cluster) = (stream("main"), stream("other"), seats(1).cluster);
        ground.streams.open(&main).unwrap();
        ground.streams.open(&other).unwrap();
        let workers = [worker(&ground), worker(&ground)];
        workers
            .iter()
            .for_each(|worker| worker.comes(&main, cluster));
        workers[0].turns(&main, &other);
        let viewers = |worker: &Audience| (worker.viewers(&main), worker.viewers(&other));
        assert_eq!(viewers(&workers[1]), (1, 1));
        workers[0].leaves(&other, cluster);
        workers[1].leaves(&main, cluster);
        assert_eq!(viewers(&workers[0]), (0, 0));
        assert_eq!(workers[0].viewers(&stream("unknown")), 0);
        ground.main.viewers_elsewhere.store(5, Ordering::Release);
        assert_eq!(viewers(&workers[0]), (5, 0));
    }

    #[actix::test]
    async fn the_gauge_of_slow_sessions_is_the_sum_of_what_each_worker_saw_last() {
        let ground = Ground::new();
        let (one, two) = (worker(&ground), worker(&ground));
        for (worker, num, sum) in [(&one, 3, 3), (&two, 2, 5), (&one, 1, 3), (&two, 0, 1)] {
            worker.are_slow(num);
            assert_eq!(ground.metrics.sessions_slow.get(), sum);
        }
        drop(one);
        assert_eq!(ground.metrics.sessions_slow.get(), 0);
    }

    /// A socket that takes frames when it is told to.
    #[derive(Default)]
    struct Socket {
        is_free: Cell<bool>,
    }

    impl Outlet for Socket {
        fn is_free(&self) -> bool {
            self.is_free.get()
        }

        fn send(&self, _: &Bytes) -> bool {
            true
        }
    }

    #[actix::test]
    async fn slow_is_who_is_behind_and_cannot_take_the_newest_window() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let sockets = [(); 2].map(|()| Rc::new(Socket::default()));
        let mut listeners = [(); 2].map(|()| Listener::join(&board, &one));
        let mut seated = board.subscribers(false);
        seated.sort_by_key(|subscriber| subscriber.key);
        for (subscriber, socket) in seated.iter().zip(&sockets) {
            subscriber.write_to(socket.clone());
        }
        listeners
            .iter_mut()
            .for_each(|listener| drop(listener.read()));
        let slow = || {
            board.look_at_all(|_| {});
            ground.metrics.sessions_slow.get()
        };
        assert_eq!(slow(), 0, "nobody is behind");
        sockets[0].is_free.set(true);
        deliver(&board, &one, [10]);
        assert_eq!(slow(), 1, "one socket is full");
        sockets[1].is_free.set(true);
        assert_eq!(slow(), 0, "it will take the window");
        deliver(&board, &one, [11]);
        assert_eq!(slow(), 0, "it has");
    }
}
