//! The tests' own tools do what tests ask of them: a check that finds nothing wrong with anything proves nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::support::account::Account;
use super::support::broker::Broker;
use super::support::clients::Found;
use super::support::node::Node;
use super::support::topics::{Published, Topics};

/// Part `index` of `of` of a window of the stream `main`.
fn part(seq: u64, (index, of): (u64, u64), (emoji, count): (&str, u64), running: u64) -> Found {
    let value = json!({"seq": seq, "index": index, "of": of, "emoji_type": emoji, "count": count,
        "running_total": running});
    Found {
        partition: 0,
        key: None,
        value: value.to_string(),
    }
}

/// Three windows, the second empty.
fn windows() -> Vec<Found> {
    vec![
        part(7, (0, 2), ("🔥", 5), 8),
        part(7, (1, 2), ("😀", 3), 8),
        part(8, (0, 1), ("🔥", 0), 8),
        part(9, (0, 1), ("🔥", 2), 10),
    ]
}

#[test]
fn windows_are_put_together_and_summed() {
    let published = Published::of(&windows()).expect("nothing is wrong");
    let expected = BTreeMap::from([("🔥".to_owned(), 7), ("😀".to_owned(), 3)]);
    assert_eq!(published.counts("main"), expected);
    assert_eq!(published.total("main"), 10);
    assert_eq!(published.hole("main"), None);
    assert_eq!(published.total("other"), 0);
}

#[test]
fn a_window_that_is_twice_there_or_torn_or_out_of_order_is_found() {
    let twice = [windows(), vec![part(9, (0, 1), ("🔥", 2), 12)]].concat();
    let late = [windows(), vec![part(8, (0, 1), ("🔥", 1), 11)]].concat();
    let torn = [windows(), vec![part(10, (0, 2), ("🔥", 1), 11)]].concat();
    let run_over = [torn.clone(), vec![part(11, (0, 1), ("🔥", 1), 12)]].concat();
    let miscounted = [windows(), vec![part(10, (0, 1), ("🔥", 1), 12)]].concat();
    for (found, fault) in [
        (twice, "is not part 1"),
        (late, "comes after window 9"),
        (torn, "window 10 has 1 of 2 parts"),
        (run_over, "window 10 is not whole"),
        (miscounted, "a running total of 12 for 11"),
    ] {
        let told = Published::of(&found).expect_err(fault);
        assert!(told.contains(fault), "{told} and not {fault}");
    }
    let mut lacking = windows();
    lacking.remove(2);
    let lacking = Published::of(&lacking).expect("a hole is for the test to judge");
    assert_eq!(lacking.hole("main"), Some(8));
}

#[test]
fn counts_are_held_to_what_senders_were_told() {
    let counts = |fires: u64| BTreeMap::from([("🔥".to_owned(), fires)]);
    let account = Account {
        acknowledged: counts(10),
        unknown: counts(3),
        refused: counts(5),
    };
    for (fires, is_right) in [(9, false), (10, true), (13, true), (14, false)] {
        assert_eq!(account.check(&counts(fires)).is_ok(), is_right, "{fires}");
    }
    let foreign = BTreeMap::from([("🔥".to_owned(), 10), ("😀".to_owned(), 1)]);
    assert!(account.check(&foreign).is_err());
}

#[actix::test]
async fn a_node_can_be_paused_killed_and_stopped_and_comes_back_at_its_address() {
    let topics = Topics::new(&Broker::shared().address(), "tools.node");
    let mut node = Node::start(&[("role", "all"), ("window.size", "200ms")], &topics).await;
    let api = node.api();
    let answers = async || {
        let reply = tokio::time::timeout(Duration::from_secs(1), api.get("/health")).await;
        reply.is_ok_and(|reply| reply.status == 200)
    };
    assert!(answers().await, "a fresh node answers");
    node.pause();
    assert!(!answers().await, "a paused node is silent");
    node.resume();
    assert!(answers().await, "a resumed node answers");
    node.kill();
    assert!(!answers().await, "a killed node is gone");
    node.start_again().await;
    assert!(answers().await, "a node that starts again is where it was");
    let exit = node.stop(Duration::from_secs(15)).await;
    assert_eq!(exit.code(), Some(0), "{}", node.log());
}
