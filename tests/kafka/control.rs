//! Clusters and registrations are known on every node: Controls of several nodes over a real control topic.

use std::time::Duration;

use actix::Message;
use emostream::actors::messages::{
    ChangeClusterPolicy, ClusterError, ClusterReport, Deregister, ListClusters, PlaceSession,
    PlacementError, Register, RetireCluster, Seat, SpawnCluster, Spawned,
};
use emostream::domain::{ClusterId, ClusterState, Policy};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::support::broker::Broker;
use super::support::clients::{PATIENCE, config};
use super::support::control_node::{Cluster, Node};

const LIVE: ClusterState = ClusterState::Live;

fn id(number: u64) -> ClusterId {
    ClusterId::try_new(number).expect("a cluster's number")
}

fn policy(min_count: u64) -> Policy {
    Policy {
        min_count,
        ..Policy::default()
    }
}

fn spawn(number: u64, min_count: u64) -> SpawnCluster {
    SpawnCluster {
        id_opt: Some(id(number)),
        policy_opt: Some(policy(min_count)),
    }
}

fn register(client_id: &str, cluster: u64) -> Register {
    Register {
        client_id: client_id.to_owned(),
        cluster_opt: Some(id(cluster)),
    }
}

fn deregister(client_id: &str) -> Deregister {
    Deregister {
        client_id: client_id.to_owned(),
    }
}

async fn seat(node: &Node, client_id: &str) -> Seat {
    let place = PlaceSession {
        client_id: client_id.to_owned(),
        cluster_opt: None,
    };
    let seat = node.place.ask(place).await.expect("the registry is alive");
    seat.expect("a place")
}

/// Clusters by number and state, as a node shows them.
async fn states(node: &Node) -> Vec<(u16, ClusterState)> {
    let reports: Vec<ClusterReport> = node.ask(ListClusters).await;
    let reports = reports.iter();
    reports
        .map(|report| (report.id.get(), report.state))
        .collect()
}

async fn until_states(node: &Node, expected: &[(u16, ClusterState)]) {
    let waiting = async {
        while states(node).await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("{:?} is not {expected:?}", states(node).await);
    }
}

async fn until_answered<M>(
    node: &Node,
    message: impl Fn() -> M,
    wanted: impl Fn(&M::Result) -> bool,
) where
    M: Message<Result: Send> + Send + 'static,
    emostream::kafka::control::Control: actix::Handler<M>,
{
    let waiting = async {
        while !wanted(&node.ask(message()).await) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.expect("the answer in time");
}

#[actix::test]
async fn a_cluster_spawned_on_one_node_is_live_when_another_serves_it() {
    let cluster = Cluster::new(Broker::shared(), "control.spawn").await;
    let (one, two) = (cluster.node(1).await, cluster.node(1).await);
    let refused = one.ask(spawn(9, 0)).await;
    assert_eq!(refused.unwrap_err(), ClusterError::NotServed);
    two.serve(1..=9);
    until_states(&one, &[(1, LIVE), (9, LIVE)]).await;

    let spawned = one.ask(spawn(5, 3)).await;
    let Ok(Spawned::New(report)) = spawned else {
        panic!("it is new: {spawned:?}");
    };
    assert_eq!((report.state, report.policy), (LIVE, policy(3)));
    assert!(one.announced().contains(&5), "the hub knows of it");
    let topics = cluster.topic_names();
    for topic in ["cluster_5", "subscriber_5"] {
        let name = format!("control.spawn.{topic}");
        assert!(topics.contains(&name), "{name} is in {topics:?}");
    }
    assert!(matches!(
        two.ask(spawn(5, 3)).await,
        Ok(Spawned::Existing(_))
    ));
    assert_eq!(
        two.ask(spawn(5, 4)).await.unwrap_err(),
        ClusterError::OtherPolicy
    );
}

#[actix::test]
async fn of_two_policies_at_once_one_wins_on_every_node() {
    let cluster = Cluster::new(Broker::shared(), "control.contest").await;
    let (one, two) = (cluster.node(1).await, cluster.node(1).await);
    two.serve(1..=99);
    for number in 10..20 {
        let (first, second) = tokio::join!(one.ask(spawn(number, 1)), two.ask(spawn(number, 2)));
        let winner = match (&first, &second) {
            (Ok(_), Err(ClusterError::OtherPolicy)) => policy(1),
            (Err(ClusterError::OtherPolicy), Ok(_)) => policy(2),
            _ => panic!("one wins: {first:?} {second:?}"),
        };
        let late = cluster.node(0).await;
        for node in [&one, &two, &late] {
            let reports = node.ask(ListClusters).await;
            let report = reports.iter().find(|report| report.id == id(number));
            assert_eq!(report.expect("it is there").policy, winner);
        }
        one.ask(RetireCluster { id: id(number) })
            .await
            .expect("others are left");
    }
}

#[actix::test]
async fn a_retired_cluster_stops_on_every_node_and_a_restart_knows_all_of_it() {
    let cluster = Cluster::new(Broker::shared(), "control.retire").await;
    let (one, two) = (cluster.node(2).await, cluster.node(2).await);
    two.serve(1..=9);
    until_states(&one, &[(1, LIVE), (2, LIVE)]).await;
    let change = ChangeClusterPolicy {
        id: id(1),
        policy: policy(8),
    };
    one.ask(change).await.expect("it is there");
    let report = one.ask(RetireCluster { id: id(2) }).await;
    assert_eq!(
        report.expect("another is left").state,
        ClusterState::Draining
    );
    let expected = [(1, LIVE), (2, ClusterState::Stopped)];
    until_states(&two, &expected).await;
    until_states(&one, &expected).await;
    assert!(two.moved_from().contains(&2), "sessions were moved");
    assert_eq!(
        two.ask(RetireCluster { id: id(1) }).await.unwrap_err(),
        ClusterError::Last
    );
    drop((one, two));

    let anew = cluster.node(2).await;
    let reports = anew.ask(ListClusters).await;
    assert_eq!(reports[0].policy, policy(8));
    until_states(&anew, &expected).await;
}

#[actix::test]
async fn a_registration_on_one_node_seats_sessions_on_another_and_ends_there() {
    let cluster = Cluster::new(Broker::shared(), "control.register").await;
    let (one, two) = (cluster.node(3).await, cluster.node(3).await);
    two.serve(1..=3);
    for node in [&one, &two] {
        until_states(node, &[(1, LIVE), (2, LIVE), (3, LIVE)]).await;
    }
    let registered = until_registered(&one, "ada", 3).await;
    assert_eq!(registered, id(3));
    let waiting = async {
        while seat(&two, "ada").await.cluster() != id(3) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.expect("the other node learns of it");
    assert_eq!(two.ask(deregister("ada")).await, Ok(true));
    until_answered(&one, || deregister("ada"), |known| *known == Ok(false)).await;
}

/// The roster may come a moment after the state is shown.
async fn until_registered(node: &Node, client_id: &str, cluster: u64) -> ClusterId {
    until_answered(
        node,
        || register(client_id, cluster),
        |answer| answer.is_ok(),
    )
    .await;
    let registered = node.ask(register(client_id, cluster)).await;
    registered.expect("a place").cluster
}

#[actix::test]
async fn a_session_on_one_node_holds_the_lease_on_all() {
    let mut cluster = Cluster::new(Broker::shared(), "control.lease").await;
    cluster.lease = Duration::from_millis(1_500);
    let (one, two) = (cluster.node(1).await, cluster.node(1).await);
    two.serve([1]);
    until_states(&one, &[(1, LIVE)]).await;
    until_registered(&one, "here", 1).await;
    until_registered(&one, "gone", 1).await;
    let held = seat(&one, "here").await;
    tokio::time::sleep(cluster.lease * 3).await;
    assert_eq!(two.ask(deregister("gone")).await, Ok(false), "it ran out");
    assert_eq!(two.ask(deregister("here")).await, Ok(true));
    drop(held);
}

#[actix::test]
async fn what_is_no_record_of_ours_is_passed_by() {
    let cluster = Cluster::new(Broker::shared(), "control.poison").await;
    let producer: BaseProducer = config(&cluster.address).create().expect("a producer");
    for (key, value) in [
        ("cluster:1", "{"),
        ("cluster:x", "{}"),
        ("what", "ever"),
        ("", ""),
    ] {
        let record = BaseRecord::to(&cluster.topics.control)
            .key(key)
            .payload(value);
        producer.send(record).expect("room in the queue");
    }
    producer.flush(PATIENCE).expect("the broker takes them");
    let node = cluster.node(1).await;
    node.serve([1]);
    until_states(&node, &[(1, LIVE)]).await;
}

#[actix::test]
async fn without_a_broker_changes_are_refused_and_all_comes_back_by_itself() {
    let mut broker = Broker::start();
    let cluster = Cluster::new(&broker, "control.away").await;
    let (one, two) = (cluster.node(1).await, cluster.node(1).await);
    two.serve(1..=9);
    until_states(&one, &[(1, LIVE)]).await;
    until_registered(&one, "ada", 1).await;
    broker.kill();
    let begun = tokio::time::Instant::now();
    assert_eq!(
        one.ask(spawn(9, 0)).await.unwrap_err(),
        ClusterError::Unavailable
    );
    assert_eq!(
        one.ask(register("bob", 1)).await.unwrap_err(),
        PlacementError::Unavailable
    );
    assert!(begun.elapsed() < Duration::from_secs(25), "in bounded time");
    assert_eq!(states(&one).await, [(1, LIVE)], "what is known stands");
    assert_eq!(seat(&two, "ada").await.cluster(), id(1));

    broker.restart();
    until_answered(&one, || spawn(9, 0), |answer| answer.is_ok()).await;
    until_states(&two, &[(1, LIVE), (9, LIVE)]).await;
    until_registered(&two, "bob", 9).await;
}
