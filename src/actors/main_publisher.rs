//! Hands every whole window to every live cluster.
//!
//! - Receives: [`WindowsClosed`], [`AddCluster`], [`RemoveCluster`], [`Drain`].
//! - Emits: [`ClusterWindows`] to each cluster publisher.
//! - Owns: an outbox per cluster, and each stream's newest window for the cluster that joins next.
//! - When a cluster's mailbox is full: kept, then absorbed; see [`crate::actors::outbox`]. One slow cluster never holds
//!   the others.
//! - When it dies: the merger sends each stream's newest window again, and Clusters adds the clusters again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};

use crate::actors::messages::{AddCluster, ClusterWindows, Drain, RemoveCluster, WindowsClosed};
use crate::actors::outbox::Outbox;
use crate::domain::{ClusterId, StreamName, Window};
use crate::telemetry::Metrics;

const MAILBOX: usize = 256;
const RETRY: Duration = Duration::from_millis(50);

/// The actor.
#[derive(Debug)]
pub struct MainPublisher {
    clusters: BTreeMap<ClusterId, Outbox<ClusterWindows>>,
    newest: HashMap<StreamName, Arc<Window>>,
    metrics: Arc<Metrics>,
}

impl MainPublisher {
    /// A publisher without clusters.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            clusters: BTreeMap::new(),
            newest: HashMap::new(),
            metrics,
        }
    }

    fn flush(&mut self) -> usize {
        let mut waiting = 0;
        for outbox in self.clusters.values_mut() {
            outbox.flush(|windows| ClusterWindows { windows });
            waiting += outbox.len();
        }
        waiting
    }
}

impl Actor for MainPublisher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RETRY, |publisher, _| {
            publisher.flush();
        });
    }
}

impl Handler<WindowsClosed> for MainPublisher {
    type Result = ();

    fn handle(&mut self, closed: WindowsClosed, _: &mut Self::Context) {
        for window in &closed.windows {
            self.newest.insert(window.stream.clone(), window.clone());
        }
        for outbox in self.clusters.values_mut() {
            outbox.push(&closed.windows);
        }
        self.flush();
    }
}

impl Handler<AddCluster> for MainPublisher {
    type Result = ();

    /// A cluster that is known keeps its outbox: its publisher is the same in all its lives.
    fn handle(&mut self, added: AddCluster, _: &mut Self::Context) {
        if self.clusters.contains_key(&added.id) {
            return;
        }
        let mut outbox = Outbox::new("cluster_windows", added.publisher, self.metrics.clone());
        let newest: Vec<_> = self.newest.values().cloned().collect();
        outbox.push(&newest);
        self.clusters.insert(added.id, outbox);
        self.flush();
    }
}

impl Handler<RemoveCluster> for MainPublisher {
    type Result = ();

    fn handle(&mut self, removed: RemoveCluster, _: &mut Self::Context) {
        self.clusters.remove(&removed.id);
    }
}

impl Handler<Drain> for MainPublisher {
    type Result = usize;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Ground, Probe, Stage, mortal, settle, window_of};

    mortal!(MainPublisher);

    type Publisher = Probe<ClusterWindows>;

    async fn main_publisher(ground: &Ground) -> Stage<MainPublisher> {
        let metrics = ground.metrics.clone();
        Stage::start(&ground.metrics, move || MainPublisher::new(metrics.clone())).await
    }

    fn id(number: u64) -> ClusterId {
        ClusterId::try_new(number).unwrap()
    }

    fn add(number: u64, publisher: &Publisher) -> AddCluster {
        AddCluster {
            id: id(number),
            publisher: publisher.link(),
        }
    }

    fn windows(seqs: std::ops::RangeInclusive<u64>) -> WindowsClosed {
        WindowsClosed {
            windows: seqs.map(|seq| window_of("main", seq)).collect(),
        }
    }

    /// Numbers of the windows that have come by now, message by message.
    fn messages(publisher: &mut Publisher) -> Vec<Vec<u64>> {
        let messages = publisher.drain().into_iter();
        messages
            .map(|message| message.windows.iter().map(|window| window.seq.0).collect())
            .collect()
    }

    fn seqs(publisher: &mut Publisher) -> Vec<u64> {
        messages(publisher).concat()
    }

    /// Long enough for what waits to be offered again.
    async fn retried() {
        tokio::time::sleep(RETRY * 2).await;
    }

    const NOTHING: [u64; 0] = [];

    #[actix::test]
    async fn every_live_cluster_gets_every_window_until_it_is_removed() {
        let ground = Ground::new();
        let (mut one, mut two) = (Probe::new(), Probe::new());
        let publisher = main_publisher(&ground).await;
        publisher.ask(add(1, &one)).await;
        publisher.ask(add(2, &two)).await;
        publisher.ask(windows(1..=2)).await;
        publisher.ask(windows(3..=3)).await;
        settle().await;
        assert_eq!(messages(&mut one), [vec![1, 2], vec![3]]);
        assert_eq!(messages(&mut two), [vec![1, 2], vec![3]]);

        publisher.ask(RemoveCluster { id: id(1) }).await;
        publisher.ask(windows(4..=4)).await;
        settle().await;
        assert_eq!(seqs(&mut one), NOTHING);
        assert_eq!(seqs(&mut two), [4]);
    }

    #[actix::test]
    async fn a_cluster_that_joins_is_sent_the_newest_window_of_each_stream() {
        let ground = Ground::new();
        let mut joins = Probe::new();
        let publisher = main_publisher(&ground).await;
        publisher.ask(windows(1..=3)).await;
        let other = vec![window_of("other", 2)];
        publisher.ask(WindowsClosed { windows: other }).await;
        publisher.ask(add(1, &joins)).await;
        settle().await;
        let mut newest: Vec<_> = joins.drain().remove(0).windows;
        newest.sort_by(|one, other| one.stream.cmp(&other.stream));
        assert_eq!(newest, [window_of("main", 3), window_of("other", 2)]);
    }

    #[actix::test]
    async fn a_cluster_that_is_added_again_keeps_what_waits_for_it_and_gets_nothing_twice() {
        let ground = Ground::new();
        let mut slow = Probe::deaf(1);
        let publisher = main_publisher(&ground).await;
        publisher.ask(add(1, &slow)).await;
        for seq in 1..=3 {
            publisher.ask(windows(seq..=seq)).await;
        }
        publisher.ask(add(1, &slow)).await;
        slow.hear();
        retried().await;
        assert_eq!(messages(&mut slow), [vec![1], vec![2, 3]]);
    }

    #[actix::test]
    async fn a_cluster_with_a_full_mailbox_does_not_hold_the_others_and_catches_up_in_order() {
        let ground = Ground::new();
        let (mut slow, mut quick) = (Probe::deaf(1), Probe::new());
        let publisher = main_publisher(&ground).await;
        publisher.ask(add(1, &slow)).await;
        publisher.ask(add(2, &quick)).await;
        for seq in 1..=4 {
            publisher.ask(windows(seq..=seq)).await;
        }
        settle().await;
        assert_eq!(seqs(&mut quick), [1, 2, 3, 4]);
        assert!(ground.mailbox_full("cluster_windows") > 0);
        slow.hear();
        retried().await;
        assert_eq!(messages(&mut slow), [vec![1], vec![2, 3, 4]]);
        assert_eq!(seqs(&mut quick), NOTHING);
    }

    #[actix::test]
    async fn a_cluster_publisher_that_is_rebuilt_is_sent_the_newest_window_again() {
        let ground = Ground::new();
        let (mut dies, mut lives) = (Probe::new(), Probe::new());
        let publisher = main_publisher(&ground).await;
        publisher.ask(add(1, &dies)).await;
        publisher.ask(add(2, &lives)).await;
        publisher.ask(windows(1..=2)).await;
        settle().await;
        assert_eq!(seqs(&mut dies), [1, 2]);
        dies.die().await;
        dies.start();
        retried().await;
        assert_eq!(seqs(&mut dies), [2]);
        assert_eq!(seqs(&mut lives), [1, 2], "nothing twice");
    }

    #[actix::test]
    async fn the_next_life_stands_on_exact_totals_in_whichever_order_its_neighbours_tell_it() {
        for windows_first in [true, false] {
            let ground = Ground::new();
            let mut cluster = Probe::new();
            let publisher = main_publisher(&ground).await;
            publisher.ask(add(1, &cluster)).await;
            publisher.ask(windows(1..=2)).await;
            publisher.die_and_come_back().await;
            assert_eq!(seqs(&mut cluster), [1, 2]);

            if windows_first {
                publisher.ask(windows(2..=2)).await;
                publisher.ask(add(1, &cluster)).await;
            } else {
                publisher.ask(add(1, &cluster)).await;
                publisher.ask(windows(2..=2)).await;
            }
            publisher.ask(windows(3..=3)).await;
            settle().await;
            assert_eq!(seqs(&mut cluster), [2, 3], "windows first: {windows_first}");
            tokio::time::resume();
        }
    }

    #[actix::test]
    async fn a_drain_asks_to_be_repeated_while_a_cluster_has_no_room() {
        let ground = Ground::new();
        let (mut slow, quick) = (Probe::deaf(1), Probe::new());
        let publisher = main_publisher(&ground).await;
        publisher.ask(add(1, &slow)).await;
        publisher.ask(add(2, &quick)).await;
        publisher.ask(windows(1..=1)).await;
        publisher.ask(windows(2..=3)).await;
        assert_eq!(publisher.ask(Drain).await, 2);
        slow.hear();
        settle().await;
        assert_eq!(publisher.ask(Drain).await, 0);
        settle().await;
        assert_eq!(seqs(&mut slow), [1, 2, 3]);
    }
}
