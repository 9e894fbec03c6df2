//! Nothing dies, and everything adds up over all nodes.

use std::time::Duration;

use tokio::time::sleep;

use crate::alone::{alone, say};
use crate::black_box::ledger::{Ledger, Row};
use crate::black_box::wait::wait_for;
use crate::fleet::{EVERY_ROLE, Fleet};
use crate::load::Load;
use crate::support::broker::Broker;
use crate::watcher::{Watchers, summary};

const STREAM: &str = "final";
const LOAD: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_adds_up_what_all_nodes_have_acknowledged() {
    alone(Duration::from_secs(120), async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.conservation", &EVERY_ROLE, &[]).await;
        let mut account = fleet.wake(STREAM).await;
        let mut watchers = Watchers::open(fleet.joins(STREAM, 30));
        let apis: Vec<_> = fleet.named("api").map(|node| node.api()).collect();
        let load = Load::start(&apis, STREAM);
        sleep(LOAD).await;
        account.merge(load.finish().await);
        let told = watchers.quiet().await;
        assert!(told.num_acknowledged() > 0, "sessions reacted");
        account.merge(told);
        assert!(
            account.unknown.is_empty() && account.refused.is_empty(),
            "{account:?}"
        );

        let (published, last) = fleet.settled(STREAM, &account).await;
        assert_eq!(published.hole(STREAM), None);
        let watched = watchers.finish(&published, STREAM, last).await;
        let sum = ledger(&fleet, account.num_acknowledged()).await;
        assert_eq!(sum.accepted, account.num_acknowledged());
        assert_eq!((sum.counted, sum.in_flight), (sum.accepted, 0), "{sum:?}");
        assert!(
            watched.iter().all(|one| one.losses == 0),
            "nobody was cut off"
        );
        say(&format!(
            "conservation: {} acknowledged, {} windows; {}",
            account.num_acknowledged(),
            published.stream(STREAM).len(),
            summary(&watched)
        ));
    })
    .await;
}

/// The rows of all nodes as one, once all is counted.
async fn ledger(fleet: &Fleet, counted: u64) -> Row {
    let sum = async || {
        let mut all = Row::default();
        for api in fleet.apis() {
            let row = Ledger::read(&api).await.sum;
            all.accepted += row.accepted;
            all.counted += row.counted;
            all.deduplicated += row.deduplicated;
            all.in_flight += row.in_flight;
        }
        all
    };
    let limit = Duration::from_secs(20);
    wait_for("the ledgers", limit, sum, |row| row.counted >= counted).await
}
