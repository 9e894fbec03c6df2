//! Nothing dies, and everything adds up over all nodes.

use std::time::Duration;

use tokio::time::sleep;

use crate::alone::alone;
use crate::black_box::ledger::{Ledger, Row};
use crate::black_box::wait::wait_for;
use crate::fleet::{EVERY_ROLE, Fleet};
use crate::show::{STREAM, Show};
use crate::support::broker::Broker;

const LOAD: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_adds_up_what_all_nodes_have_acknowledged() {
    alone(Duration::from_secs(150), async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.conservation", &EVERY_ROLE).await;
        let show = Show::begin(fleet, 30).await;
        sleep(LOAD).await;
        let outcome = show.end("conservation").await;
        outcome.assert_all_acknowledged();
        outcome.assert_nobody_cut_off();
        let acknowledged = outcome.account.num_acknowledged();
        assert_eq!(outcome.published.total(STREAM), acknowledged);
        let sum = ledger(&outcome.fleet, acknowledged).await;
        assert_eq!(sum.accepted, acknowledged, "{sum:?}");
        assert_eq!((sum.counted, sum.in_flight), (sum.accepted, 0), "{sum:?}");
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
