//! An aggregator that hangs for so long that another one has taken over, and then goes on.

use std::time::Duration;

use tokio::time::sleep;

use crate::alone::alone;
use crate::black_box::wait::wait_for;
use crate::fleet::{Fleet, ONE_OF_EACH};
use crate::show::Show;
use crate::support::broker::Broker;

/// Twice as long as a member of a group may be silent, and a transaction open.
const HANGS: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregator_that_goes_on_after_another_has_taken_over_counts_nothing_twice() {
    alone(Duration::from_secs(150), async {
        let broker = Broker::shared().address();
        let nodes = [&ONE_OF_EACH[..], &[("aggregator_2", "aggregator", "2")]].concat();
        let fleet = Fleet::start(&broker, "faults.zombie", &nodes).await;
        let show = Show::begin(fleet, 6).await;
        sleep(Duration::from_secs(3)).await;
        let zombie = show.fleet.node("aggregator_1");
        zombie.pause();
        sleep(HANGS).await;
        zombie.resume();
        let api = zombie.api();
        let ready = async || api.get("/ready").await.status;
        let limit = Duration::from_secs(30);
        wait_for("it has its place again", limit, ready, |status| {
            *status == 200
        })
        .await;
        sleep(Duration::from_secs(4)).await;
        let outcome = show.end("zombie").await;
        outcome.assert_all_acknowledged();
        outcome.assert_nobody_cut_off();
    })
    .await;
}
