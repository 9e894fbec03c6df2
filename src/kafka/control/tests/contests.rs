//! Two nodes that decide at the same moment, before either has read what the other has written.

use super::house::*;
use crate::actors::messages::*;
use crate::domain::ClusterState;
use crate::kafka::control::state::Wanted;
use crate::kafka::control::*;
use crate::testkit::settle;

/// What both were answered, each of whom had written before the other was read.
async fn at_once<M>(house: &House, one: (&Node, M), two: (&Node, M)) -> (M::Result, M::Result)
where
    M: Message<Result: Send> + Send + 'static,
    Control: Handler<M>,
{
    house.log.hold();
    let (first, second) = (one.0.begin(one.1), two.0.begin(two.1));
    settle().await;
    house.log.release();
    (
        first.await.unwrap().unwrap(),
        second.await.unwrap().unwrap(),
    )
}

async fn two_nodes(house: &House, live: u16) -> (Node, Node) {
    let one = house.with_live(live).await;
    let two = house.node(live).await;
    a_look().await;
    (one, two)
}

fn same(one: &Node, two: &Node) {
    assert_eq!(*one.memory.state(), *two.memory.state());
}

#[actix::test]
async fn the_same_cluster_spawned_twice_at_once_is_one() {
    let house = House::new();
    let (one, two) = two_nodes(&house, 1).await;
    let (first, second) = at_once(&house, (&one, spawn(9)), (&two, spawn(9))).await;
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    settle().await;
    same(&one, &two);
}

#[actix::test]
async fn of_two_policies_at_once_the_first_in_the_log_wins_for_good() {
    let house = House::new();
    let (one, two) = two_nodes(&house, 1).await;
    let wishes = ((&one, spawn_with(9, 1)), (&two, spawn_with(9, 2)));
    let (first, second) = at_once(&house, wishes.0, wishes.1).await;
    assert_eq!(second.unwrap_err(), ClusterError::OtherPolicy);
    let Ok(Spawned::New(report)) = first else {
        panic!("it was the first");
    };
    assert_eq!(report.policy, policy(1));
    a_look().await;
    same(&one, &two);
    let held = one.memory.cluster(id(9)).unwrap();
    let kept = house.log.last("cluster:9");
    assert_eq!(kept, Some(held.record(id(9))), "what compaction keeps");
}

#[actix::test]
async fn a_spawn_that_was_overtaken_while_it_made_topics_does_not_hold() {
    let house = House::new();
    let (one, two) = two_nodes(&house, 1).await;
    house.log.topics_take.set(Duration::from_secs(1));
    let late = two.begin(spawn_with(9, 2));
    settle().await;
    house.log.topics_take.set(Duration::ZERO);
    let spawned = one.control.ask(spawn_with(9, 1)).await;
    assert!(spawned.is_ok());
    let late = late.await.unwrap().unwrap();
    assert_eq!(late.unwrap_err(), ClusterError::OtherPolicy);
    assert_eq!(one.memory.cluster(id(9)).unwrap().policy, policy(1));
}

#[actix::test]
async fn two_spawns_without_a_number_at_once_are_two_clusters() {
    let house = House::new();
    let (one, two) = two_nodes(&house, 1).await;
    let free = |min_count| SpawnCluster {
        id_opt: None,
        policy_opt: Some(policy(min_count)),
    };
    let (first, second) = at_once(&house, (&one, free(1)), (&two, free(2))).await;
    let (Ok(Spawned::New(first)), Ok(Spawned::New(second))) = (first, second) else {
        panic!("both are new");
    };
    assert_eq!((first.id.get(), second.id.get()), (2, 3));
    assert_eq!((first.policy, second.policy), (policy(1), policy(2)));
}

#[actix::test]
async fn the_last_two_retired_at_once_leave_one() {
    let house = House::new();
    let (one, two) = two_nodes(&house, 2).await;
    let (first, second) = at_once(&house, (&one, retire(1)), (&two, retire(2))).await;
    assert_eq!(first.unwrap().state, ClusterState::Draining);
    assert_eq!(second.unwrap_err(), ClusterError::Last);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let expected = [(1, ClusterState::Stopped), (2, ClusterState::Live)];
    assert_eq!(one.states(), expected);
    same(&one, &two);
}

#[actix::test]
async fn a_retirement_that_nobody_takes_back_leaves_one_live_all_the_same() {
    let house = House::new();
    let node = house.with_live(1).await;
    house.log.say(1, ClusterState::Draining, 100).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(node.states(), [(1, ClusterState::Live)]);
}

#[actix::test]
async fn the_last_room_is_given_once() {
    let house = House::new();
    let (one, two) = two_nodes(&house, MAX as u16 - 1).await;
    let (first, second) = at_once(&house, (&one, spawn(8)), (&two, spawn(9))).await;
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err(), ClusterError::TooMany);
    settle().await;
    assert_eq!(one.memory.state().num_active(), MAX);
    same(&one, &two);
}

#[actix::test]
async fn two_policies_for_one_cluster_at_once_both_come_into_force() {
    let house = House::new();
    let (one, two) = two_nodes(&house, 1).await;
    let change = |min_count| ChangeClusterPolicy {
        id: id(1),
        policy: policy(min_count),
    };
    let (first, second) = at_once(&house, (&one, change(1)), (&two, change(2))).await;
    assert!(first.is_ok());
    assert_eq!(second.unwrap().policy, policy(2), "the later one, after it");
    settle().await;
    same(&one, &two);
    assert_eq!(one.memory.cluster(id(1)).unwrap().policy, policy(2));
}

#[actix::test]
async fn what_does_not_hold_is_written_over_though_its_writer_is_gone() {
    let house = House::new();
    let node = house.with_live(1).await;
    let held = node.memory.cluster(id(1)).unwrap();
    let stale = Wanted {
        policy: policy(9),
        ..held
    };
    drop(house.log.append(&stale.record(id(1))));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let kept = node.memory.cluster(id(1)).unwrap();
    assert_eq!(kept.policy, held.policy);
    assert_eq!(house.log.last("cluster:1"), Some(kept.record(id(1))));
}

#[actix::test]
async fn a_loser_writes_over_its_record_at_once() {
    let house = House::new();
    let (one, two) = (house.node(0).await, house.node(0).await);
    settle().await;
    house.log.hold();
    let _answers = (one.begin(spawn_with(9, 1)), two.begin(spawn_with(9, 2)));
    settle().await;
    house.log.release();
    a_look().await;
    let held = one.memory.cluster(id(9)).unwrap();
    assert_eq!(held.policy, policy(1));
    assert_eq!(house.log.last("cluster:9"), Some(held.record(id(9))));
}

#[actix::test]
async fn first_clusters_of_two_nodes_are_the_same_ones() {
    let house = House::new();
    house.log.hold();
    let (one, two) = (house.node(3).await, house.node(3).await);
    a_look().await;
    house.log.release();
    one.serve(1..=3);
    a_look().await;
    a_look().await;
    let live = ClusterState::Live;
    assert_eq!(one.states(), [(1, live), (2, live), (3, live)]);
    same(&one, &two);
}
