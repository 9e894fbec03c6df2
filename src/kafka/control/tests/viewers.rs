//! How many watch, on all nodes together.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::house::*;
use crate::actors::messages::Drain;
use crate::domain::EpochMs;
use crate::kafka::control::log::Log as _;
use crate::kafka::record::control::ControlRecord;
use crate::testkit::{settle, stream};

const TURN: Duration = Duration::from_secs(5);

async fn turns(number: u32) {
    tokio::time::sleep(TURN * number).await;
    settle().await;
}

impl Node {
    fn is_watched(&self, name: &str, viewers: u64) {
        let row = self.streams.open(&stream(name)).unwrap();
        row.viewers.store(viewers, Ordering::Release);
    }

    fn elsewhere(&self, name: &str) -> u64 {
        let row = self.streams.open(&stream(name)).unwrap();
        row.viewers_elsewhere.load(Ordering::Acquire)
    }
}

#[actix::test]
async fn every_node_knows_the_viewers_of_all_others() {
    let house = House::new();
    let nodes = [
        house.node(1).await,
        house.node(1).await,
        house.node(1).await,
    ];
    for (node, viewers) in nodes.iter().zip([3, 20, 100]) {
        node.is_watched("main", viewers);
    }
    nodes[2].is_watched("final", 7);
    turns(2).await;
    let main: Vec<u64> = nodes.iter().map(|node| node.elsewhere("main")).collect();
    assert_eq!(main, [120, 103, 23]);
    assert_eq!(
        (nodes[0].elsewhere("final"), nodes[2].elsewhere("final")),
        (7, 0)
    );
}

#[actix::test]
async fn the_viewers_of_a_node_that_says_nothing_more_do_not_stand_for_long_and_are_buried() {
    let house = House::new();
    let node = house.node(1).await;
    let last_words = ControlRecord::Viewers {
        node: "lost".to_owned(),
        streams: [(stream("main"), 9)].into(),
        until: EpochMs(house.ground.clock.now().0 + 15_000),
    };
    house.log.append(&last_words).await.unwrap();
    node.is_watched("main", 1);
    turns(2).await;
    assert_eq!(node.elsewhere("main"), 9);
    turns(2).await;
    assert_eq!(node.elsewhere("main"), 0);
    turns(14).await;
    let gone = ControlRecord::ViewersGone("lost".to_owned());
    assert_eq!(house.log.last(&last_words.key()), Some(gone));
}

#[actix::test]
async fn what_is_said_for_ever_does_not_count() {
    let house = House::new();
    let node = house.node(1).await;
    let boast = ControlRecord::Viewers {
        node: "boaster".to_owned(),
        streams: [(stream("main"), 1_000_000_000)].into(),
        until: EpochMs(u64::MAX),
    };
    house.log.append(&boast).await.unwrap();
    turns(3).await;
    assert_eq!(node.elsewhere("main"), 0);
    let gone = ControlRecord::ViewersGone("boaster".to_owned());
    assert_eq!(house.log.last(&boast.key()), Some(gone));
}

#[actix::test]
async fn a_node_that_leaves_takes_its_viewers_back_at_once() {
    let house = House::new();
    let (node, leaving) = (house.node(1).await, house.node(1).await);
    leaving.is_watched("main", 9);
    turns(2).await;
    leaving.control.ask(Drain).await;
    turns(1).await;
    assert_eq!(node.elsewhere("main"), 0);
}

#[actix::test]
async fn nodes_without_viewers_write_nothing_and_one_whose_last_has_gone_says_so_once() {
    let house = House::new();
    let (node, other) = (house.with_live(1).await, house.node(1).await);
    turns(3).await;
    let before = house.log.len();
    turns(6).await;
    assert_eq!(house.log.len(), before);
    node.is_watched("main", 1);
    turns(2).await;
    assert_eq!(other.elsewhere("main"), 1);
    node.is_watched("main", 0);
    turns(2).await;
    assert_eq!(other.elsewhere("main"), 0);
    let after = house.log.len();
    turns(6).await;
    assert_eq!(house.log.len(), after);
}

#[actix::test]
async fn a_node_is_the_same_one_in_every_life_of_control() {
    let house = House::new();
    let (node, other) = (house.node(1).await, house.node(1).await);
    other.is_watched("main", 4);
    turns(2).await;
    other.control.die_and_come_back().await;
    turns(2).await;
    assert_eq!(node.elsewhere("main"), 4);
}
