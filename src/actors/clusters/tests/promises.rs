//! What Clusters promises while all is well.

use std::sync::atomic::Ordering;

use super::house::{House, MAX, NONE, a_look, begin, id, policy, retire, spawn, states};
use crate::actors::clusters::*;
use crate::actors::messages::Seat;
use crate::testkit::{Desk, Probe, settle};

#[actix::test]
async fn a_cluster_is_live_when_hubs_then_main_publisher_then_registry_know_it() {
    let mut house = House::new();
    house.publishers.introduce = Desk::busy(|_| true);
    let clusters = house.clusters().await;
    let spawned = begin(&clusters, spawn(7));
    settle().await;
    assert_eq!(house.built(), [7]);
    assert_eq!(house.added(), NONE, "the hubs do not know it yet");
    house.publishers.introduce.open();
    settle().await;
    assert_eq!((house.added(), house.rosters()), (vec![7], vec![vec![7]]));
    let Ok(Ok(Spawned::New(report))) = spawned.await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!((report.id, report.state), (id(7), ClusterState::Live));
}

#[actix::test]
async fn the_registry_hears_of_a_cluster_after_the_main_publisher() {
    let mut house = House::new();
    house.main_publisher = Probe::deaf(1);
    let clusters = house.clusters().await;
    let spawned = begin(&clusters, spawn(1));
    settle().await;
    assert_eq!(house.rosters(), Vec::<Vec<u16>>::new());
    house.main_publisher.hear();
    assert!(spawned.await.unwrap().unwrap().is_ok());
    assert_eq!(house.rosters(), [[1]]);
}

#[actix::test]
async fn a_cluster_without_a_number_gets_the_lowest_free_one() {
    let mut house = House::new();
    let clusters = house.with_live(1).await;
    clusters.ask(spawn(3)).await.unwrap();
    let anywhere = SpawnCluster {
        id_opt: None,
        policy_opt: Some(policy(5)),
    };
    let Ok(Spawned::New(report)) = clusters.ask(anywhere).await else {
        panic!("there is room");
    };
    assert_eq!((report.id, report.policy), (id(2), policy(5)));
}

#[actix::test]
async fn the_same_wish_again_finds_the_cluster_and_another_policy_does_not() {
    let mut house = House::new();
    let clusters = house.with_live(1).await;
    let again = clusters.ask(spawn(1)).await;
    assert!(matches!(again, Ok(Spawned::Existing(report)) if report.id == id(1)));
    let otherwise = SpawnCluster {
        policy_opt: Some(policy(5)),
        ..spawn(1)
    };
    let refused = clusters.ask(otherwise).await.unwrap_err();
    assert_eq!(refused, ClusterError::OtherPolicy);
    assert_eq!((house.built(), house.added()), (vec![1], vec![]));
}

#[actix::test]
async fn there_are_no_more_clusters_than_the_maximum() {
    let mut house = House::new();
    let clusters = house.with_live(MAX as u64).await;
    let one_more = clusters.ask(spawn(9)).await.unwrap_err();
    assert_eq!(one_more, ClusterError::TooMany);
    clusters.ask(retire(1)).await.unwrap();
    assert!(clusters.ask(spawn(9)).await.is_ok());
}

#[actix::test]
async fn a_changed_policy_reaches_the_publisher_and_no_unknown_one() {
    let mut house = House::new();
    let clusters = house.with_live(1).await;
    let change = |number| ChangeClusterPolicy {
        id: id(number),
        policy: policy(5),
    };
    let report = clusters.ask(change(1)).await.unwrap();
    assert_eq!(report.policy, policy(5));
    assert_eq!(house.publishers.built.borrow()[0].1.get(), policy(5));
    let unknown = clusters.ask(change(2)).await.unwrap_err();
    assert_eq!(unknown, ClusterError::Unknown);
}

#[actix::test]
async fn a_report_counts_sessions_and_names_the_last_window() {
    let mut house = House::new();
    let clusters = house.clusters().await;
    clusters.ask(spawn(1)).await.unwrap();
    let roster = house.registry.next().await;
    let _seats = [(); 2].map(|()| Seat::take(&roster.live[0], None));
    let before = clusters.ask(ListClusters).await;
    assert_eq!((before[0].sessions, before[0].last_window_opt), (2, None));
    house.publishers.last_window.store(77, Ordering::Release);
    let after = clusters.ask(ListClusters).await;
    assert_eq!(after[0].last_window_opt.unwrap().0, 77);
}

#[actix::test]
async fn a_retired_cluster_loses_new_sessions_then_sessions_then_windows_then_its_publisher() {
    let mut house = House::new();
    house.hubs[1] = Probe::deaf(1);
    house.leavers = Probe::deaf(1);
    let clusters = house.with_live(3).await;
    let report = clusters.ask(retire(2)).await.unwrap();
    assert_eq!(report.state, ClusterState::Draining, "answered at once");
    settle().await;
    assert_eq!(house.rosters(), [[1, 3]]);
    assert_eq!(house.moves(0), [(2, vec![1, 3])]);

    house.leavers.hear();
    settle().await;
    assert_eq!(house.removed(), NONE, "a hub still has sessions in it");
    house.hubs[1].hear();
    settle().await;
    assert_eq!(house.moves(1), [(2, vec![1, 3])]);
    assert_eq!((house.removed(), house.stopped()), (vec![2], vec![2]));
    assert_eq!(states(&clusters).await[1], (2, ClusterState::Stopped));
}

#[actix::test]
async fn a_publisher_is_stopped_only_when_the_main_publisher_feeds_it_no_longer() {
    let mut house = House::new();
    house.leavers = Probe::deaf(1);
    let clusters = house.with_live(2).await;
    clusters.ask(retire(2)).await.unwrap();
    settle().await;
    assert_eq!(house.stopped(), NONE);
    house.leavers.hear();
    settle().await;
    assert_eq!(house.stopped(), [2]);
}

#[actix::test]
async fn a_retirement_is_refused_where_there_is_none_or_no_other() {
    let mut house = House::new();
    let clusters = house.with_live(2).await;
    let unknown = clusters.ask(retire(9)).await.unwrap_err();
    assert_eq!(unknown, ClusterError::Unknown);
    clusters.ask(retire(1)).await.unwrap();
    let last = clusters.ask(retire(2)).await.unwrap_err();
    assert_eq!(last, ClusterError::Last);
    settle().await;
    let stopped = clusters.ask(retire(1)).await.unwrap_err();
    assert_eq!(stopped, ClusterError::Unknown);
}

#[actix::test]
async fn a_cluster_that_leaves_can_not_be_spawned_until_it_has_stopped() {
    let mut house = House::new();
    house.leavers = Probe::deaf(1);
    let clusters = house.with_live(2).await;
    clusters.ask(retire(2)).await.unwrap();
    let again = clusters.ask(retire(2)).await.unwrap();
    assert_eq!(again.state, ClusterState::Draining);
    let refused = clusters.ask(spawn(2)).await.unwrap_err();
    assert_eq!(refused, ClusterError::Draining);
    house.leavers.hear();
    settle().await;
    assert!(matches!(
        clusters.ask(spawn(2)).await,
        Ok(Spawned::New(report)) if report.state == ClusterState::Live
    ));
}

#[actix::test]
async fn what_publishers_hold_is_added_up_and_a_silent_one_counts_as_one() {
    let mut house = House::new();
    let clusters = house.with_live(3).await;
    assert_eq!(clusters.ask(Drain).await, 6);
    house.publishers.drain.die().await;
    assert_eq!(clusters.ask(Drain).await, 3);
}

#[actix::test]
async fn the_registry_is_left_with_every_live_cluster_whatever_was_asked_at_once() {
    let mut house = House::new();
    let clusters = house.with_live(2).await;
    clusters.put(retire(1));
    clusters.put(spawn(3));
    a_look().await;
    assert_eq!(house.rosters().last().unwrap(), &[2, 3]);
    assert_eq!(house.stopped(), [1]);
}
