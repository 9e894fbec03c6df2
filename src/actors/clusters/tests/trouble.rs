//! What Clusters promises when a mailbox is full or somebody dies.

use super::house::{House, NONE, a_look, begin, id, retire, spawn, states};
use crate::actors::clusters::*;
use crate::testkit::{Desk, Probe, settle};

// === a neighbour's mailbox is full ===

#[actix::test]
async fn a_spawn_waits_behind_a_full_mailbox() {
    let mut house = House::new();
    house.main_publisher = Probe::deaf(1);
    let clusters = house.clusters().await;
    a_look().await;
    let mut filler = house.main_publisher.link();
    let mut fill = || {
        filler.try_send(AddCluster {
            id: id(99),
            publisher: house.publishers.windows.link(),
        })
    };
    assert!(fill().is_ok());
    assert!(fill().is_err(), "it is full");
    let spawned = begin(&clusters, spawn(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!spawned.is_finished());
    house.main_publisher.hear();
    assert!(spawned.await.unwrap().unwrap().is_ok());
    assert_eq!(house.added(), [99, 1]);
}

#[actix::test]
async fn a_busy_hub_delays_a_retirement_and_is_asked_once() {
    let mut house = House::new();
    house.hubs[0] = Probe::deaf(1);
    let clusters = house.with_live(2).await;
    clusters.ask(retire(2)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(states(&clusters).await[1], (2, ClusterState::Draining));
    house.hubs[0].hear();
    a_look().await;
    assert_eq!(states(&clusters).await[1], (2, ClusterState::Stopped));
    assert_eq!(house.moves(0).len(), 1);
    assert_eq!(house.moves(1).len(), 1);
}

// === a neighbour dies ===

#[actix::test]
async fn a_spawn_that_not_every_hub_hears_of_is_undone_and_refused() {
    let mut house = House::new();
    house.publishers.introduce = Desk::new(|_| false);
    let clusters = house.clusters().await;
    let refused = clusters.ask(spawn(1)).await.unwrap_err();
    assert_eq!(refused, ClusterError::Unavailable);
    a_look().await;
    assert_eq!(states(&clusters).await, [(1, ClusterState::Stopped)]);
    assert_eq!((house.added(), house.stopped()), (vec![], vec![1]));
    assert!(house.rosters().iter().all(Vec::is_empty));
}

#[actix::test]
async fn a_spawn_without_a_registry_is_undone_and_refused() {
    let mut house = House::new();
    let clusters = house.with_live(1).await;
    house.registry.die().await;
    let refused = clusters.ask(spawn(2)).await.unwrap_err();
    assert_eq!(refused, ClusterError::Unavailable);
    house.registry.start();
    a_look().await;
    assert_eq!(states(&clusters).await[1], (2, ClusterState::Stopped));
    assert_eq!(house.rosters().last().unwrap(), &[1]);
    assert_eq!((house.removed(), house.stopped()), (vec![2], vec![2]));
    assert!(clusters.ask(spawn(2)).await.is_ok());
}

#[actix::test]
async fn a_rebuilt_main_publisher_is_given_every_live_cluster_again() {
    let mut house = House::new();
    let clusters = house.with_live(3).await;
    clusters.ask(retire(1)).await.unwrap();
    a_look().await;
    house.main_publisher.die().await;
    a_look().await;
    house.main_publisher.start();
    a_look().await;
    assert_eq!(house.added(), [2, 3]);
    a_look().await;
    assert_eq!(house.added(), NONE, "once is enough");
}

#[actix::test]
async fn what_could_not_be_told_at_once_is_told_at_a_later_look() {
    let mut house = House::new();
    let _clusters = house.with_live(2).await;
    house.publishers.introduce.die().await;
    house.main_publisher.die().await;
    house.main_publisher.start();
    a_look().await;
    assert_eq!(house.added(), NONE, "the publishers can't be reached");
    house.publishers.introduce.start();
    a_look().await;
    assert_eq!(
        (house.added(), house.rosters()),
        (vec![1, 2], vec![vec![1, 2]])
    );
}

#[actix::test]
async fn a_rebuilt_registry_is_sent_the_roster_again() {
    let mut house = House::new();
    let _clusters = house.with_live(2).await;
    house.registry.die().await;
    a_look().await;
    house.registry.start();
    a_look().await;
    assert_eq!(house.rosters(), [[1, 2]]);
}

#[actix::test]
async fn what_a_rebuilt_neighbour_is_told_does_not_bring_back_a_cluster_that_left() {
    let mut house = House::new();
    let clusters = house.with_live(2).await;
    house.publishers.introduce.close();
    house.publishers.introduce.die().await;
    house.publishers.introduce.start();
    house.main_publisher.die().await;
    house.main_publisher.start();
    a_look().await;
    let retired = begin(&clusters, retire(1));
    a_look().await;
    assert_eq!(house.removed(), NONE, "first it is told what there is");
    house.publishers.introduce.open();
    a_look().await;
    assert!(retired.await.unwrap().unwrap().is_ok());
    assert_eq!(states(&clusters).await[0], (1, ClusterState::Stopped));
    assert_eq!((house.added(), house.removed()), (vec![1, 2], vec![1]));
    assert_eq!(house.rosters().last().unwrap(), &[2]);
}

#[actix::test]
async fn a_retirement_is_finished_when_a_dead_hub_is_back() {
    let mut house = House::new();
    let clusters = house.with_live(2).await;
    house.hubs[1].die().await;
    clusters.ask(retire(2)).await.unwrap();
    a_look().await;
    assert_eq!((house.removed(), house.stopped()), (vec![], vec![]));
    house.hubs[1].start();
    a_look().await;
    assert_eq!(house.moves(1), [(2, vec![1])]);
    assert_eq!((house.removed(), house.stopped()), (vec![2], vec![2]));
}

// === it dies ===

#[actix::test]
async fn desired_state_and_publishers_outlive_it_and_neighbours_are_told_again() {
    let mut house = House::new();
    let clusters = house.with_live(2).await;
    let before = states(&clusters).await;
    clusters.die_and_come_back().await;
    assert_eq!(states(&clusters).await, before);
    assert_eq!((house.built(), house.stopped()), (vec![1, 2], vec![]));
    a_look().await;
    assert_eq!(
        (house.added(), house.rosters()),
        (vec![1, 2], vec![vec![1, 2]])
    );
}

#[actix::test]
async fn a_retirement_is_finished_by_the_next_life() {
    let mut house = House::new();
    house.hubs[0] = Probe::deaf(1);
    let clusters = house.with_live(2).await;
    clusters.ask(retire(2)).await.unwrap();
    clusters.die_and_come_back().await;
    house.hubs[0].hear();
    a_look().await;
    assert_eq!(states(&clusters).await[1], (2, ClusterState::Stopped));
    assert_eq!((house.removed(), house.stopped()), (vec![2], vec![2]));
}

#[actix::test]
async fn a_spawn_that_a_life_did_not_finish_is_undone_by_the_next() {
    let mut house = House::new();
    house.publishers.introduce = Desk::busy(|_| true);
    let first = house.clusters().await;
    let spawned = begin(&first, spawn(1));
    settle().await;
    first.stop().await;
    assert_eq!(spawned.await.unwrap().unwrap_err(), Gone);

    let next = house.clusters().await;
    a_look().await;
    assert_eq!(states(&next).await, [(1, ClusterState::Stopped)]);
    assert_eq!((house.added(), house.stopped()), (vec![], vec![1]));
    house.publishers.introduce.open();
    assert!(next.ask(spawn(1)).await.is_ok());
}
