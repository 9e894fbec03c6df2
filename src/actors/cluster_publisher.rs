//! Delivers whole windows to the session hubs under one cluster's policy.
//!
//! - Receives: [`ClusterWindows`], [`Introduce`], [`Drain`].
//! - Emits: [`SubscriberWindows`] and [`ClusterAnnounced`] to the hub of every worker.
//! - Owns: an outbox per hub. The policy is a cell shared with Clusters on the same thread, read when windows are handed
//!   on: a change counts from the next window.
//! - When a hub's mailbox is full: kept, then absorbed; see [`crate::actors::outbox`].
//! - When it dies: the main publisher sends each stream's newest window again.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture};

use crate::actors::link::Link;
use crate::actors::messages::{
    ClusterAnnounced, ClusterWindows, Drain, Introduce, SubscriberWindows,
};
use crate::actors::outbox::Outbox;
use crate::domain::{ClusterId, Policy};
use crate::telemetry::Metrics;

const MAILBOX: usize = 256;
const RETRY: Duration = Duration::from_millis(50);

/// A session hub, as a cluster publisher knows it.
#[derive(Debug, Clone)]
pub struct HubLinks {
    /// For windows.
    pub windows: Link<SubscriberWindows>,
    /// For introductions.
    pub announcements: Link<ClusterAnnounced>,
}

/// What Clusters shares with a publisher, on the same thread, through all its lives.
#[derive(Debug, Clone)]
pub struct ClusterShare {
    /// The cluster.
    pub id: ClusterId,
    /// Its policy now.
    pub policy: Rc<Cell<Policy>>,
    /// Number of the newest window it delivered; 0 before the first.
    pub last_window: Arc<AtomicU64>,
}

/// The actor.
#[derive(Debug)]
pub struct ClusterPublisher {
    share: ClusterShare,
    hubs: Vec<(Outbox<SubscriberWindows>, Link<ClusterAnnounced>)>,
}

impl ClusterPublisher {
    /// A publisher for one cluster over all hubs.
    pub fn new(share: ClusterShare, hubs: &[HubLinks], metrics: &Arc<Metrics>) -> Self {
        let outbox = |hub: &HubLinks| {
            Outbox::new("subscriber_windows", hub.windows.clone(), metrics.clone())
        };
        Self {
            share,
            hubs: hubs
                .iter()
                .map(|hub| (outbox(hub), hub.announcements.clone()))
                .collect(),
        }
    }

    fn flush(&mut self) -> usize {
        let cluster = self.share.id;
        let policy = self.share.policy.get();
        let mut waiting = 0;
        for (outbox, _) in &mut self.hubs {
            outbox.flush(|windows| SubscriberWindows {
                cluster,
                policy,
                windows,
            });
            waiting += outbox.len();
        }
        waiting
    }
}

impl Actor for ClusterPublisher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(RETRY, |publisher, _| {
            publisher.flush();
        });
    }
}

impl Handler<ClusterWindows> for ClusterPublisher {
    type Result = ();

    fn handle(&mut self, delivered: ClusterWindows, _: &mut Self::Context) {
        for (outbox, _) in &mut self.hubs {
            outbox.push(&delivered.windows);
        }
        self.flush();
        if let Some(newest) = delivered.windows.iter().map(|window| window.seq.0).max() {
            self.share.last_window.fetch_max(newest, Ordering::AcqRel);
        }
    }
}

impl Handler<Introduce> for ClusterPublisher {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Introduce, _: &mut Self::Context) -> Self::Result {
        let announced = ClusterAnnounced {
            cluster: self.share.id,
            policy: self.share.policy.get(),
        };
        let hubs: Vec<_> = self.hubs.iter().map(|(_, link)| link.clone()).collect();
        Box::pin(async move {
            for hub in hubs {
                if hub.ask(announced).await.is_err() {
                    return false;
                }
            }
            true
        })
    }
}

impl Handler<Drain> for ClusterPublisher {
    type Result = usize;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> usize {
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Die, Ground, Probe, Stage, mortal, settle, window_of};

    mortal!(ClusterPublisher);

    /// Both ears of a hub.
    struct Hub {
        windows: Probe<SubscriberWindows>,
        announcements: Probe<ClusterAnnounced>,
    }

    impl Hub {
        fn new() -> Self {
            Self::with_ear(Probe::new())
        }

        fn with_ear(windows: Probe<SubscriberWindows>) -> Self {
            Self {
                windows,
                announcements: Probe::new(),
            }
        }

        fn links(&self) -> HubLinks {
            HubLinks {
                windows: self.windows.link(),
                announcements: self.announcements.link(),
            }
        }

        /// Smallest count listed, and numbers of the windows, message by message.
        fn messages(&mut self) -> Vec<(u64, Vec<u64>)> {
            let messages = self.windows.drain().into_iter();
            messages
                .map(|message| {
                    assert_eq!(message.cluster, cluster());
                    let seqs = message.windows.iter().map(|window| window.seq.0);
                    (message.policy.min_count, seqs.collect())
                })
                .collect()
        }
    }

    fn cluster() -> ClusterId {
        ClusterId::try_new(7).unwrap()
    }

    fn listing_from(min_count: u64) -> Policy {
        Policy {
            min_count,
            ..Policy::default()
        }
    }

    fn share() -> ClusterShare {
        ClusterShare {
            id: cluster(),
            policy: Rc::new(Cell::new(listing_from(5))),
            last_window: Arc::default(),
        }
    }

    async fn publisher(
        ground: &Ground,
        share: &ClusterShare,
        hubs: &[&Hub],
    ) -> Stage<ClusterPublisher> {
        let (share, metrics) = (share.clone(), ground.metrics.clone());
        let hubs: Vec<_> = hubs.iter().map(|hub| hub.links()).collect();
        let factory = move || ClusterPublisher::new(share.clone(), &hubs, &metrics);
        Stage::start(&ground.metrics, factory).await
    }

    fn windows(seqs: std::ops::RangeInclusive<u64>) -> ClusterWindows {
        ClusterWindows {
            windows: seqs.map(|seq| window_of("main", seq)).collect(),
        }
    }

    /// Long enough for what waits to be offered again.
    async fn retried() {
        tokio::time::sleep(RETRY * 2).await;
    }

    #[actix::test]
    async fn every_hub_gets_every_window_with_the_cluster_and_its_policy() {
        let ground = Ground::new();
        let (mut one, mut two) = (Hub::new(), Hub::new());
        let share = share();
        let publisher = publisher(&ground, &share, &[&one, &two]).await;
        publisher.ask(windows(1..=2)).await;
        settle().await;
        assert_eq!(one.messages(), [(5, vec![1, 2])]);
        assert_eq!(two.messages(), [(5, vec![1, 2])]);
        assert_eq!(share.last_window.load(Ordering::Acquire), 2);
    }

    #[actix::test]
    async fn a_change_of_policy_counts_from_the_next_window_on() {
        let ground = Ground::new();
        let mut hub = Hub::new();
        let share = share();
        let publisher = publisher(&ground, &share, &[&hub]).await;
        publisher.ask(windows(1..=1)).await;
        share.policy.set(listing_from(9));
        publisher.ask(windows(2..=2)).await;
        settle().await;
        assert_eq!(hub.messages(), [(5, vec![1]), (9, vec![2])]);
    }

    #[actix::test]
    async fn a_window_that_comes_again_does_not_set_the_last_one_back() {
        let ground = Ground::new();
        let hub = Hub::new();
        let share = share();
        let publisher = publisher(&ground, &share, &[&hub]).await;
        publisher.ask(windows(1..=3)).await;
        publisher.ask(windows(2..=2)).await;
        assert_eq!(share.last_window.load(Ordering::Acquire), 3);
    }

    #[actix::test]
    async fn a_hub_with_a_full_mailbox_does_not_hold_the_others_and_catches_up_in_order() {
        let ground = Ground::new();
        let (mut slow, mut quick) = (Hub::with_ear(Probe::deaf(1)), Hub::new());
        let publisher = publisher(&ground, &share(), &[&slow, &quick]).await;
        for seq in 1..=3 {
            publisher.ask(windows(seq..=seq)).await;
        }
        settle().await;
        let one_by_one = [(5, vec![1]), (5, vec![2]), (5, vec![3])];
        assert_eq!(quick.messages(), one_by_one);
        assert!(ground.mailbox_full("subscriber_windows") > 0);
        slow.windows.hear();
        retried().await;
        assert_eq!(slow.messages(), [(5, vec![1]), (5, vec![2, 3])]);
        assert_eq!(quick.messages(), [], "nothing twice");
    }

    #[actix::test]
    async fn a_hub_that_is_rebuilt_is_sent_the_newest_window_again() {
        let ground = Ground::new();
        let mut hub = Hub::new();
        let publisher = publisher(&ground, &share(), &[&hub]).await;
        publisher.ask(windows(1..=2)).await;
        settle().await;
        assert_eq!(hub.messages(), [(5, vec![1, 2])]);
        hub.windows.die().await;
        hub.windows.start();
        retried().await;
        assert_eq!(hub.messages(), [(5, vec![2])]);
    }

    #[actix::test]
    async fn an_introduction_is_done_once_every_hub_knows_the_cluster() {
        let ground = Ground::new();
        let mut quick = Hub::new();
        let mut slow = Hub::new();
        slow.announcements = Probe::deaf(1);
        let publisher = publisher(&ground, &share(), &[&quick, &slow]).await;
        let link = publisher.link();
        let introduced = actix::spawn(async move { link.ask(Introduce).await });
        retried().await;
        assert!(!introduced.is_finished());
        slow.announcements.hear();
        assert_eq!(introduced.await.unwrap(), Ok(true));
        for hub in [&mut quick, &mut slow] {
            let announced = hub.announcements.next().await;
            assert_eq!(announced.cluster, cluster());
            assert_eq!(announced.policy, listing_from(5));
        }
    }

    #[actix::test]
    async fn an_introduction_fails_while_a_hub_is_being_rebuilt() {
        let ground = Ground::new();
        let mut hub = Hub::new();
        let publisher = publisher(&ground, &share(), &[&hub]).await;
        hub.announcements.die().await;
        assert!(!publisher.ask(Introduce).await);
        hub.announcements.start();
        assert!(publisher.ask(Introduce).await);
    }

    #[actix::test]
    async fn its_next_life_is_sent_the_newest_window_by_whoever_feeds_it_and_passes_it_on() {
        let ground = Ground::new();
        let mut hub = Hub::with_ear(Probe::deaf(1));
        let share = share();
        let publisher = publisher(&ground, &share, &[&hub]).await;
        let mut feed = Outbox::new("cluster_windows", publisher.link(), ground.metrics.clone());
        let mut flush = |windows: &[_]| {
            feed.push(windows);
            feed.flush(|windows| ClusterWindows { windows })
        };
        assert!(flush(&[window_of("main", 1)]));
        assert!(flush(&[window_of("main", 2)]));
        settle().await;
        publisher.put(Die);
        assert!(flush(&[window_of("main", 3)]), "it dies in the mailbox");
        publisher.come_back().await;
        hub.windows.hear();
        assert!(flush(&[]));
        settle().await;
        assert_eq!(hub.messages(), [(5, vec![1]), (5, vec![3])]);
        assert_eq!(share.last_window.load(Ordering::Acquire), 3);
    }

    #[actix::test]
    async fn a_drain_asks_to_be_repeated_while_a_hub_has_no_room() {
        let ground = Ground::new();
        let (mut slow, quick) = (Hub::with_ear(Probe::deaf(1)), Hub::new());
        let publisher = publisher(&ground, &share(), &[&slow, &quick]).await;
        publisher.ask(windows(1..=1)).await;
        publisher.ask(windows(2..=3)).await;
        assert_eq!(publisher.ask(Drain).await, 2);
        slow.windows.hear();
        settle().await;
        assert_eq!(publisher.ask(Drain).await, 0);
        settle().await;
        assert_eq!(slow.messages(), [(5, vec![1]), (5, vec![2, 3])]);
    }
}
