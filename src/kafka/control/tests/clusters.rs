//! What one node promises about clusters.

use super::house::*;
use crate::actors::messages::*;
use crate::domain::{ClusterState, Seq};
use crate::kafka::control::*;
use crate::testkit::settle;

#[actix::test]
async fn the_first_clusters_are_in_the_log_before_a_node_is_ready() {
    let house = House::new();
    house.log.reach(false);
    let node = house.node(2).await;
    let memory = node.memory.clone();
    let ready = actix::spawn(async move { memory.until_ready().await });
    a_look().await;
    assert!(!ready.is_finished(), "nothing can be written");
    house.log.reach(true);
    a_look().await;
    assert!(ready.is_finished());
    let starting = ClusterState::Starting;
    assert_eq!(node.states(), [(1, starting), (2, starting)]);
}

#[actix::test]
async fn what_was_decided_about_a_first_cluster_is_left_alone() {
    let house = House::new();
    house.log.say(1, ClusterState::Stopped, 4).await;
    let node = house.node(1).await;
    a_look().await;
    node.memory.until_ready().await;
    assert_eq!(node.states(), [(1, ClusterState::Stopped)]);
}

#[actix::test]
async fn a_spawn_is_answered_when_it_is_served_and_everyone_knows() {
    let house = House::new();
    let mut node = house.node(0).await;
    settle().await;
    let spawned = node.begin(spawn(9));
    a_look().await;
    assert!(!spawned.is_finished(), "nobody serves it");
    assert_eq!(node.announcements(), [9], "windows may come");
    assert_eq!(node.rosters(), [[0; 0]], "sessions may not");
    let row = node.table.rows()[&id(9)];
    assert_eq!(row.state, ClusterState::Starting);

    node.serve([9]);
    a_look().await;
    let Ok(Ok(Spawned::New(report))) = spawned.await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(report.state, ClusterState::Live);
    assert_eq!(node.rosters(), [[9]]);
}

#[actix::test]
async fn a_spawn_waits_for_the_registry_to_know() {
    let house = House::new();
    let mut node = house.node(0).await;
    settle().await;
    node.serve([9]);
    node.roster.die().await;
    let spawned = node.begin(spawn(9));
    a_look().await;
    a_look().await;
    assert_eq!(node.states(), [(9, ClusterState::Live)]);
    assert!(!spawned.is_finished(), "no session could sit in it");
    node.roster.start();
    a_look().await;
    assert!(matches!(spawned.await.unwrap(), Ok(Ok(Spawned::New(_)))));
}

#[actix::test]
async fn a_cluster_that_nobody_serves_is_waited_for_again() {
    let house = House::new();
    let node = house.node(0).await;
    settle().await;
    let refused = node.control.ask(spawn(9)).await;
    assert_eq!(refused.unwrap_err(), ClusterError::NotServed);
    assert_eq!(node.states(), [(9, ClusterState::Starting)]);
    let again = node.begin(spawn(9));
    settle().await;
    node.serve([9]);
    assert!(matches!(again.await.unwrap(), Ok(Ok(Spawned::New(_)))));
}

#[actix::test]
async fn a_spawn_obeys_what_is_there() {
    let house = House::new();
    let node = house.with_live(2).await;
    let answer = node.control.ask(spawn(2)).await;
    assert!(matches!(answer, Ok(Spawned::Existing(_))));
    let answer = node.control.ask(spawn_with(2, 7)).await;
    assert_eq!(answer.unwrap_err(), ClusterError::OtherPolicy);
    for expected in [3, 4] {
        let free = SpawnCluster {
            id_opt: None,
            policy_opt: None,
        };
        let Ok(Spawned::New(report)) = node.control.ask(free).await else {
            panic!("there is room");
        };
        assert_eq!(report.id.get(), expected, "the lowest free number");
    }
    let answer = node.control.ask(spawn(7)).await;
    assert_eq!(answer.unwrap_err(), ClusterError::TooMany);
}

#[actix::test]
async fn another_policy_is_in_the_table_when_it_is_answered() {
    let house = House::new();
    let node = house.with_live(1).await;
    let change = |number| ChangeClusterPolicy {
        id: id(number),
        policy: policy(5),
    };
    let report = node.control.ask(change(1)).await.unwrap();
    assert_eq!(report.policy, policy(5));
    assert_eq!(node.table.rows()[&id(1)].policy, policy(5));
    let num_records = house.log.len();
    node.control.ask(change(1)).await.unwrap();
    assert_eq!(house.log.len(), num_records, "it is the same");
    let unknown = node.control.ask(change(8)).await;
    assert_eq!(unknown.unwrap_err(), ClusterError::Unknown);
}

#[actix::test]
async fn a_cluster_that_is_retired_loses_its_sessions_and_stops() {
    let house = House::new();
    let mut node = house.with_live(2).await;
    let report = node.control.ask(retire(2)).await.unwrap();
    assert_eq!(report.state, ClusterState::Draining);
    settle().await;
    assert_eq!(node.rosters(), [[1]]);
    assert_eq!(node.moved(), [(2, vec![1])]);
    assert_eq!(
        node.control.ask(spawn(2)).await.unwrap_err(),
        ClusterError::Draining
    );
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(node.states()[1], (2, ClusterState::Draining));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(node.states()[1], (2, ClusterState::Stopped));
    assert_eq!(
        node.control.ask(retire(2)).await.unwrap_err(),
        ClusterError::Unknown
    );

    assert_eq!(node.announcements(), [0; 0]);
    node.control.ask(spawn(2)).await.unwrap();
    assert_eq!(node.announcements(), [2], "hubs had forgotten it");
}

#[actix::test]
async fn sessions_that_came_late_to_a_draining_cluster_are_moved_too() {
    let house = House::new();
    let mut node = house.with_live(2).await;
    node.control.ask(retire(2)).await.unwrap();
    a_look().await;
    node.moved();
    let seat = Seat::take(&node.memory.seats(id(2)), None);
    a_look().await;
    assert!(!node.moved().is_empty());
    drop(seat);
    a_look().await;
    node.moved();
    a_look().await;
    assert_eq!(node.moved(), []);
}

#[actix::test]
async fn the_last_live_cluster_stays() {
    let house = House::new();
    let node = house.with_live(1).await;
    let refused = node.control.ask(retire(1)).await;
    assert_eq!(refused.unwrap_err(), ClusterError::Last);
}

#[actix::test]
async fn a_report_tells_who_sits_here_and_what_came_last() {
    let house = House::new();
    let node = house.with_live(1).await;
    let _seat = Seat::take(&node.memory.seats(id(1)), None);
    node.table.delivered(id(1), Seq(7));
    let reports = node.control.ask(ListClusters).await;
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].sessions, 1);
    assert_eq!(reports[0].last_window_opt, Some(Seq(7)));
}

#[actix::test]
async fn nothing_is_changed_while_kafka_does_not_answer_and_all_is_well_after() {
    let house = House::new();
    let node = house.with_live(2).await;
    let num_records = house.log.len();
    house.log.reach(false);
    let spawned = node.control.ask(spawn(9)).await;
    assert_eq!(spawned.unwrap_err(), ClusterError::Unavailable);
    let retired = node.control.ask(retire(2)).await;
    assert_eq!(retired.unwrap_err(), ClusterError::Unavailable);
    assert_eq!(house.log.len(), num_records);
    house.log.reach(true);
    assert!(node.control.ask(spawn(9)).await.is_ok());
}

#[actix::test]
async fn neighbours_that_were_rebuilt_are_told_again() {
    let house = House::new();
    let mut node = house.with_live(2).await;
    node.announced.die().await;
    node.roster.die().await;
    node.announced.start();
    node.roster.start();
    a_look().await;
    assert_eq!(node.announcements(), [1, 2]);
    assert_eq!(node.rosters(), [[1, 2]]);
    a_look().await;
    assert_eq!(node.announcements(), [0; 0], "once is enough");
}

#[actix::test]
async fn a_control_that_was_rebuilt_knows_what_was_read() {
    let house = House::new();
    let mut node = house.with_live(2).await;
    node.control.die_and_come_back().await;
    a_look().await;
    assert_eq!(node.rosters(), [[1, 2]]);
    assert!(node.control.ask(spawn(3)).await.is_ok());
}

#[actix::test]
async fn a_topic_that_was_made_anew_is_believed() {
    let house = House::new();
    let node = house.with_live(3).await;
    let anew = Read {
        is_anew: true,
        records: vec![],
        next: 0,
        is_end: false,
    };
    node.control.ask(anew).await;
    assert_eq!(node.control.ask(ReadFrom).await, 0);
    assert_eq!(node.table.rows().len(), 3, "until the end is reached");
    let refused = node.control.ask(spawn(9)).await;
    assert_eq!(refused.unwrap_err(), ClusterError::Unavailable);
    node.control
        .ask(Read {
            is_end: true,
            ..Read::default()
        })
        .await;
    a_look().await;
    let wanted: Vec<_> = node.table.rows().keys().map(|id| id.get()).collect();
    assert_eq!(wanted, [1, 2, 3], "the first ones are spawned again");
}
