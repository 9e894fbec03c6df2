//! The door of a whole node on Kafka, from outside: what its answers mean for windows and screens, and what it says while
//! its broker is away.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::support::account::Account;
use super::support::broker::Broker;
use super::support::node::Node;
use super::support::topics::Topics;
use crate::black_box::frames::Message;
use crate::black_box::ledger::Ledger;
use crate::black_box::reactions::reaction;
use crate::black_box::wait::wait_for;

/// For whatever a node does, on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

#[actix::test]
async fn what_was_acknowledged_is_in_one_window_each_and_on_the_screen() {
    let topics = Topics::new(&Broker::shared().address(), "door.counted");
    let node = Node::start(&[("window.size", "500ms")], &topics).await;
    node.until_live(1).await;
    let (api, mut viewer) = (node.api(), node.join().open().await);
    let mut account = Account::default();
    for round in 0..20 {
        for emoji in ["🔥", "👏", "😀"] {
            let status = account.send(&api, "main", emoji, 10 + round).await;
            assert_eq!(status, 200);
        }
    }
    let total = account.num_acknowledged();
    viewer.until_total(total).await;
    let published = topics.until_total("main", total, LONG).await;
    assert_eq!(account.check(&published.counts("main")), Ok(()));
    assert_eq!(published.hole("main"), None);
    assert_eq!(viewer.totals, published.counts("main"));
    let books = Ledger::settled(&api, total).await.sum;
    assert_eq!(
        (books.accepted, books.counted, books.shed),
        (total, total, 0)
    );
}

#[actix::test]
async fn while_the_broker_is_away_the_door_says_so_and_sessions_stay() {
    let mut broker = Broker::start();
    let topics = Topics::new(&broker.address(), "door.away");
    let node = Node::start(&[("window.size", "500ms")], &topics).await;
    node.until_live(1).await;
    let (api, mut viewer) = (node.api(), node.join().open().await);
    let mut account = Account::default();
    account.send(&api, "main", "🔥", 100).await;
    viewer.until_total(100).await;

    broker.kill();
    let fire = reaction("fan", "🔥");
    let ask = async || api.post("/emoji", &fire).await;
    let away = wait_for("the broker is away", LONG, ask, |reply| {
        reply.body.contains("broker_away")
    })
    .await;
    assert_eq!(away.headers["retry-after"], "2");
    away.problem(503);
    match viewer.react("🔥", "7").await {
        Message::Error { code, id } => {
            assert_eq!((code.as_str(), id.as_deref()), ("broker_away", Some("7")));
        }
        answer => panic!("an error, not {answer:?}"),
    }
    assert_eq!(api.get("/health").await.status, 200);
    let ready = api.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(stage(&ready.json(), "ingest"), Some(false));

    // Meanwhile the viewer reads: a session that nobody reads is closed.
    let back = tokio::task::spawn_blocking(move || {
        broker.restart();
        broker
    });
    let more = timeout(LONG, async {
        while viewer.total == 100 {
            viewer.next().await;
        }
    });
    let (broker, more, _) = tokio::join!(
        back,
        more,
        wait_for("the door is open", LONG, ask, |reply| reply.status == 200)
    );
    let _broker = broker.expect("the broker is back");
    more.expect("what was sent after is on the screen");
    let least = 101;
    let published = topics.until_total("main", least, LONG).await;
    assert_eq!(published.total("main"), viewer.total);
    let books = Ledger::read(&api).await.sum;
    assert_eq!(books.accepted, 101);
    assert!(
        (101..=101 + books.unknown_outcome).contains(&viewer.total),
        "{} counted, {books:?}",
        viewer.total
    );
}

/// Whether a stage is up, as `/ready` says.
fn stage(ready: &Value, name: &str) -> Option<bool> {
    let stages = ready["stages"].as_array()?;
    let stages: BTreeMap<&str, bool> = stages
        .iter()
        .filter_map(|stage| Some((stage["stage"].as_str()?, stage["up"].as_bool()?)))
        .collect();
    stages.get(name).copied()
}
