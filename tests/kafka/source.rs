//! The windows of every cluster reach the hubs of a session node: those that come, and those that were there.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler};
use emostream::actors::link::{Alive as _, Slot};
use emostream::actors::messages::{DeliveryChanged, StreamsStand, SubscriberWindows};
use emostream::actors::streams::Streams;
use emostream::domain::{ClusterId, Offset, Policy, Seq, Standing, Window};
use emostream::kafka::record::totals::TotalRecord;
use emostream::kafka::record::window;
use emostream::kafka::source::{SourceLinks, SourceSetup};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use super::support::broker::Broker;
use super::support::clients::{PATIENCE, create_topic};
use super::support::handed_on::{
    PARTITIONS, Rig, Running, health, id, own_window, stream, wait_until,
};

/// What a hub was sent.
#[derive(Debug, PartialEq)]
enum Heard {
    Window(ClusterId, Policy, Arc<Window>),
    Interrupted(bool),
    Standings(Vec<Standing>),
}

/// A hub that passes on whatever it is sent.
struct Ear(Sender<Heard>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<SubscriberWindows> for Ear {
    type Result = ();

    fn handle(&mut self, sent: SubscriberWindows, _: &mut Self::Context) {
        for window in sent.windows {
            let heard = Heard::Window(sent.cluster, sent.policy, window);
            self.0.try_send(heard).expect("the test listens");
        }
    }
}

impl Handler<DeliveryChanged> for Ear {
    type Result = ();

    fn handle(&mut self, changed: DeliveryChanged, _: &mut Self::Context) {
        let heard = Heard::Interrupted(changed.interrupted);
        self.0.try_send(heard).expect("the test listens");
    }
}

impl Handler<StreamsStand> for Ear {
    type Result = ();

    fn handle(&mut self, told: StreamsStand, _: &mut Self::Context) {
        let heard = Heard::Standings(told.standings.to_vec());
        self.0.try_send(heard).expect("the test listens");
    }
}

/// A hub that is not there until it is started.
struct Hub {
    slot: Arc<Slot<Ear>>,
    heard: Receiver<Heard>,
    ear: Sender<Heard>,
}

impl Hub {
    fn absent() -> Self {
        let (ear, heard) = channel(10_000);
        let slot = Arc::default();
        Self { slot, heard, ear }
    }

    fn start(&self) {
        self.slot.fill(Ear(self.ear.clone()).start());
    }

    /// The next thing that it is sent.
    async fn next(&mut self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv());
        heard.await.expect("in time").expect("an open channel")
    }

    /// Where streams stand, as it is told next.
    async fn next_standings(&mut self) -> Vec<Standing> {
        loop {
            if let Heard::Standings(standings) = self.next().await {
                return standings;
            }
        }
    }

    /// The next window, by its number.
    async fn next_window(&mut self) -> (ClusterId, Policy, Arc<Window>) {
        loop {
            if let Heard::Window(cluster, policy, window) = self.next().await {
                return (cluster, policy, window);
            }
        }
    }

    /// The numbers of the next windows of a cluster.
    async fn numbers(&mut self, cluster: u64, num: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < num {
            let (of, _, window) = self.next_window().await;
            if of == id(cluster) {
                numbers.push(window.seq.0);
            }
        }
        numbers
    }
}

/// A source at work for these hubs.
fn source(rig: &Rig, hubs: &[&Hub], max_streams: usize) -> Running {
    source_of(rig, hubs, &Arc::new(Streams::new(max_streams)))
}

/// The same, of a node that has these streams.
fn source_of(rig: &Rig, hubs: &[&Hub], streams: &Arc<Streams>) -> Running {
    let health = health("source");
    let links = hubs.iter().map(|hub| SourceLinks {
        windows: hub.slot.link(),
        delivery: hub.slot.link(),
        standings: hub.slot.link(),
    });
    let setup = SourceSetup {
        clients: rig.clients(&rig.address),
        topics: rig.topics.clone(),
        window: rig.window,
        retention: Duration::from_secs(600),
        table: rig.table.clone(),
        streams: streams.clone(),
        max_streams: 100,
        clock: rig.clock.clone(),
        health: health.clone(),
        hubs: links.collect(),
    };
    Running::start(setup.work(), health)
}

/// Writes a window for a cluster's subscribers.
fn deliver(rig: &Rig, cluster: u64, policy: &Policy, whole: &Window) {
    let topic = rig.topics.subscriber(id(cluster));
    for value in window::encode_shaped(whole, rig.window, id(cluster), policy) {
        rig.write(&topic, None, Some(whole.stream.as_str()), &value);
    }
    rig.flush();
}

/// Writes where a stream stands after a window.
fn write_totals(rig: &Rig, partition: i32, newest: &Window) -> Standing {
    let standing = Standing {
        stream: newest.stream.clone(),
        seq: newest.seq,
        running: newest.running.clone(),
        ordinal: newest.ordinal,
        empty_in_a_row: 0,
    };
    for record in TotalRecord::of(&standing, std::slice::from_ref(newest), Offset(1)) {
        let value = record.encode(rig.window);
        rig.write(
            &rig.topics.totals,
            Some(partition),
            Some(&record.key()),
            &value,
        );
    }
    rig.flush();
    standing
}

async fn until_ready(running: &Running) {
    let begun = Instant::now();
    while !running.health.is_alive() {
        assert!(begun.elapsed() < PATIENCE, "not ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[actix::test]
async fn what_was_there_comes_first_then_what_follows_with_the_policy_of_each() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "backfill", &[1, 2]).await;
    let base = Seq(rig.now().0 - 100);
    let strict = Policy {
        min_count: 3,
        ..Policy::default()
    };
    for number in 1..=30 {
        deliver(&rig, 1, &strict, &own_window("a", base, number));
    }
    let (mut one, mut two) = (Hub::absent(), Hub::absent());
    one.start();
    two.start();
    let running = source(&rig, &[&one, &two], 100);
    assert!(!running.health.is_alive(), "it has read nothing yet");
    until_ready(&running).await;
    let known: Vec<u64> = (1..=30).map(|number| base.0 + number).collect();
    assert_eq!(one.numbers(1, 30).await, known);
    assert_eq!(two.numbers(1, 30).await, known);
    deliver(&rig, 1, &strict, &own_window("a", base, 31));
    let last = Arc::new(own_window("a", base, 31));
    assert_eq!(one.next_window().await, (id(1), strict, last.clone()));
    assert_eq!(two.next_window().await, (id(1), strict, last));
}

#[actix::test]
async fn clusters_come_and_go_while_others_keep_their_places() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "changes", &[1]).await;
    let base = Seq(rig.now().0 - 100);
    let mut hub = Hub::absent();
    hub.start();
    let running = source(&rig, &[&hub], 100);
    until_ready(&running).await;
    let policy = Policy::default();
    deliver(&rig, 1, &policy, &own_window("a", base, 1));
    assert_eq!(hub.numbers(1, 1).await, [base.0 + 1]);
    rig.set_clusters(&[1, 2]);
    rig.create_cluster(2).await;
    deliver(&rig, 2, &policy, &own_window("a", base, 1));
    assert_eq!(hub.next_window().await.0, id(2));
    deliver(&rig, 1, &policy, &own_window("a", base, 2));
    let (cluster, _, next) = hub.next_window().await;
    assert_eq!(
        (cluster, next.seq.0),
        (id(1), base.0 + 2),
        "nothing comes twice"
    );
    rig.create_cluster(3).await;
    deliver(&rig, 3, &policy, &own_window("a", base, 1));
    rig.set_clusters(&[2, 3]);
    assert_eq!(hub.next_window().await.0, id(3), "the change is made");
    deliver(&rig, 1, &policy, &own_window("a", base, 3));
    deliver(&rig, 2, &policy, &own_window("a", base, 2));
    assert_eq!(
        hub.next_window().await.0,
        id(2),
        "cluster 1 is read no more"
    );
}

#[actix::test]
async fn a_hub_that_is_rebuilt_gets_the_newest_windows_again() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "rebuilt", &[1]).await;
    let base = Seq(rig.now().0 - 100);
    let mut hub = Hub::absent();
    hub.start();
    let running = source(&rig, &[&hub], 100);
    until_ready(&running).await;
    for number in 1..=3 {
        deliver(&rig, 1, &Policy::default(), &own_window("a", base, number));
    }
    assert_eq!(hub.numbers(1, 3).await.len(), 3);
    hub.start();
    assert_eq!(hub.numbers(1, 1).await, [base.0 + 3]);
}

#[actix::test]
async fn streams_beyond_the_maximum_are_left_out_and_counted() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "streams", &[1]).await;
    let base = Seq(rig.now().0 - 100);
    let mut hub = Hub::absent();
    hub.start();
    let running = source(&rig, &[&hub], 1);
    let policy = Policy::default();
    deliver(&rig, 1, &policy, &own_window("a", base, 1));
    assert_eq!(hub.next_window().await.2.stream.as_str(), "a");
    deliver(&rig, 1, &policy, &own_window("b", base, 1));
    let poison = &running.health.metrics().kafka.poison;
    let left_out = poison.with_label_values(&["subscriber", "too_many_streams"]);
    let begun = Instant::now();
    while left_out.get() == 0 {
        assert!(begun.elapsed() < PATIENCE, "not counted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    deliver(&rig, 1, &policy, &own_window("a", base, 2));
    assert_eq!(hub.next_window().await.2.stream.as_str(), "a");
}

#[actix::test]
async fn hubs_are_told_that_the_broker_is_away_and_that_it_is_back() {
    let mut broker = Broker::start();
    let rig = Rig::new(&broker.address(), "told", &[1]).await;
    let base = Seq(rig.now().0 - 100);
    let mut hub = Hub::absent();
    hub.start();
    let running = source(&rig, &[&hub], 100);
    until_ready(&running).await;
    assert_eq!(hub.next().await, Heard::Interrupted(false));
    broker.kill();
    assert_eq!(hub.next().await, Heard::Interrupted(true));
    hub.start();
    assert_eq!(
        hub.next().await,
        Heard::Interrupted(true),
        "a hub that was rebuilt is told again"
    );
    broker.restart();
    assert_eq!(hub.next().await, Heard::Interrupted(false));
    deliver(&rig, 1, &Policy::default(), &own_window("a", base, 1));
    assert_eq!(hub.numbers(1, 1).await, [base.0 + 1]);
    broker.pause();
    assert_eq!(hub.next().await, Heard::Interrupted(true));
    broker.resume();
    assert_eq!(hub.next().await, Heard::Interrupted(false));
}

#[actix::test]
async fn streams_that_have_long_been_silent_stand_where_their_totals_say() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "silent", &[1]).await;
    create_topic(&rig.address, &rig.topics.totals, PARTITIONS).await;
    let (base, long_ago) = (Seq(rig.now().0 - 100), Seq(rig.now().0 - 100_000));
    let policy = Policy::default();
    deliver(&rig, 1, &policy, &own_window("a", base, 1));
    write_totals(&rig, 0, &own_window("a", base, 1));
    write_totals(&rig, 0, &own_window("quiet", long_ago, 3));
    let quiet = write_totals(&rig, 0, &own_window("quiet", long_ago, 4));
    let other = write_totals(&rig, 2, &own_window("other", long_ago, 2));
    let mut hub = Hub::absent();
    let streams = Arc::new(Streams::new(100));
    let running = source_of(&rig, &[&hub], &streams);
    hub.start();
    let told = hub.next_standings().await;
    assert_eq!(told, [quiet.clone(), other.clone()], "`a` has a window");
    until_ready(&running).await;
    for name in ["a", "quiet", "other"] {
        assert!(streams.row(&stream(name)).is_some(), "{name}");
    }
    hub.start();
    assert_eq!(
        hub.next_standings().await,
        [quiet, other],
        "it is told again"
    );
    let next = Arc::new(own_window("quiet", base, 5));
    deliver(&rig, 1, &policy, &next);
    while hub.next_window().await.2 != next {}
}

#[actix::test]
async fn a_node_is_not_ready_while_a_hub_does_not_know_where_silent_streams_stand() {
    let broker = Broker::shared();
    let rig = Rig::new(&broker.address(), "unready", &[1]).await;
    create_topic(&rig.address, &rig.topics.totals, PARTITIONS).await;
    let long_ago = Seq(rig.now().0 - 100_000);
    let quiet = write_totals(&rig, 1, &own_window("quiet", long_ago, 4));
    let mut hub = Hub::absent();
    let streams = Arc::new(Streams::new(1));
    let running = source_of(&rig, &[&hub], &streams);
    wait_until("the totals are read", PATIENCE, || {
        streams.row(&quiet.stream).is_some()
    });
    // Windows that no hub is to get, so that the source has come by twice with nothing else to wait for.
    let poison = &running.health.metrics().kafka.poison;
    let left_out = poison.with_label_values(&["subscriber", "too_many_streams"]);
    let base = Seq(rig.now().0 - 100);
    for number in 1..=2 {
        deliver(
            &rig,
            1,
            &Policy::default(),
            &own_window("beyond", base, number),
        );
        wait_until("it is read", PATIENCE, || left_out.get() >= number);
    }
    assert!(!running.health.is_alive());
    hub.start();
    assert_eq!(hub.next_standings().await, [quiet]);
    until_ready(&running).await;
}
