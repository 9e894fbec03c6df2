//! Registrations that every node knows.

use super::house::*;
use crate::actors::messages::*;
use crate::domain::EpochMs;
use crate::kafka::control::*;
use crate::testkit::settle;

fn register(client_id: &str) -> Register {
    Register {
        client_id: client_id.to_owned(),
        cluster_opt: None,
    }
}

fn deregister(client_id: &str) -> Deregister {
    Deregister {
        client_id: client_id.to_owned(),
    }
}

fn held(client_id: &str, cluster: u64) -> Lease {
    Lease {
        client_id: client_id.to_owned(),
        cluster: id(cluster),
        remaining: LEASE,
    }
}

fn lease_end(house: &House, client_id: &str) -> Option<EpochMs> {
    match house.log.last(&format!("client:{client_id}"))? {
        ControlRecord::Client { lease_end, .. } => Some(lease_end),
        _ => None,
    }
}

/// Who was learnt of since the last call, and who was forgotten.
fn news(node: &mut Node) -> (Vec<String>, Vec<String>) {
    let (mut learned, mut forgotten) = (Vec::new(), Vec::new());
    for message in node.learned.drain() {
        learned.extend(message.held.into_iter().map(|lease| lease.client_id));
        forgotten.extend(message.forgotten);
    }
    (learned, forgotten)
}

#[actix::test]
async fn who_registers_on_one_node_is_known_and_can_leave_on_the_other() {
    let house = House::new();
    let (mut one, mut two) = (house.with_live(1).await, house.node(1).await);
    let registered = one.control.ask(register("a")).await.unwrap();
    assert_eq!(registered.cluster, id(1));
    settle().await;
    assert_eq!(news(&mut two).0, ["a"]);

    assert_eq!(two.control.ask(deregister("a")).await, Ok(true));
    settle().await;
    assert_eq!(news(&mut one).1, ["a"]);
    assert_eq!(one.control.ask(deregister("a")).await, Ok(false));
    assert_eq!(one.deregister.drain().len(), 1);
}

#[actix::test]
async fn a_registration_that_is_refused_is_not_written() {
    let house = House::new();
    let mut node = house.with_live(1).await;
    let num_records = house.log.len();
    let refused = Register {
        client_id: "\n".to_owned(),
        cluster_opt: None,
    };
    assert!(node.control.ask(refused).await.is_err());
    house.log.reach(false);
    let refused = node.control.ask(register("a")).await;
    assert_eq!(refused.unwrap_err(), PlacementError::Unavailable);
    let refused = node.control.ask(deregister("a")).await;
    assert_eq!(refused.unwrap_err(), PlacementError::Unavailable);
    assert_eq!(house.log.len(), num_records);
    assert!(node.register.drain().is_empty(), "nor decided");
    house.log.reach(true);
    assert!(node.control.ask(register("a")).await.is_ok());
}

#[actix::test]
async fn a_lease_that_a_session_holds_is_renewed_for_all_nodes() {
    let house = House::new();
    let node = house.with_live(1).await;
    node.control.ask(register("a")).await.unwrap();
    let begun = lease_end(&house, "a").unwrap();
    node.held.borrow_mut().push(held("a", 1));
    tokio::time::sleep(LEASE / 2).await;
    let renewed = lease_end(&house, "a").unwrap();
    assert!(renewed > begun, "{renewed:?} is after {begun:?}");
    let num_records = house.log.len();
    tokio::time::sleep(LEASE * 2).await;
    let written = house.log.len() - num_records;
    assert!((5..=7).contains(&written), "thrice in a lease: {written}");
    assert!(lease_end(&house, "a").unwrap() > house.ground.clock.now());
}

#[actix::test]
async fn a_session_that_was_moved_takes_its_registration_along() {
    let house = House::new();
    let node = house.with_live(2).await;
    node.control.ask(register("a")).await.unwrap();
    node.held.borrow_mut().push(held("a", 2));
    tokio::time::sleep(LEASE / 2).await;
    let client_id = crate::domain::UserId::parse("a").unwrap();
    let known = node.memory.state().client(&client_id).unwrap();
    assert_eq!(known.cluster, id(2));
}

#[actix::test]
async fn who_left_is_not_brought_back_by_a_session() {
    let house = House::new();
    let node = house.with_live(1).await;
    node.control.ask(register("a")).await.unwrap();
    settle().await;
    node.held.borrow_mut().push(held("a", 1));
    assert_eq!(node.control.ask(deregister("a")).await, Ok(true));
    tokio::time::sleep(LEASE).await;
    assert_eq!(lease_end(&house, "a"), None);
}

#[actix::test]
async fn a_lease_that_ended_long_ago_is_buried() {
    let house = House::new();
    let node = house.with_live(1).await;
    node.control.ask(register("a")).await.unwrap();
    tokio::time::sleep(LEASE + LEASE / 2).await;
    assert!(lease_end(&house, "a").is_some(), "it ended a moment ago");
    assert_eq!(node.control.ask(deregister("b")).await, Ok(false));
    tokio::time::sleep(LEASE).await;
    assert_eq!(
        house.log.last("client:a"),
        Some(ControlRecord::ClientGone(
            crate::domain::UserId::parse("a").unwrap()
        ))
    );
}

#[actix::test]
async fn a_registry_that_was_rebuilt_learns_of_everyone_whose_lease_stands() {
    let house = House::new();
    let mut node = house.with_live(1).await;
    node.control.ask(register("old")).await.unwrap();
    tokio::time::sleep(LEASE / 2).await;
    node.control.ask(register("new")).await.unwrap();
    tokio::time::sleep(LEASE * 3 / 4).await;
    news(&mut node);
    node.learned.die().await;
    node.learned.start();
    a_look().await;
    assert_eq!(news(&mut node).0, ["new"]);
}

#[actix::test]
async fn a_node_that_leaves_does_no_more_than_it_is_asked() {
    let house = House::new();
    let node = house.with_live(1).await;
    node.control.ask(register("a")).await.unwrap();
    node.held.borrow_mut().push(held("a", 1));
    assert_eq!(node.control.ask(Drain).await, 0);
    let num_records = house.log.len();
    tokio::time::sleep(LEASE).await;
    assert_eq!(house.log.len(), num_records);
    assert!(node.control.ask(register("b")).await.is_ok());
}
