//! Two nodes that were given the same number.

use std::time::Duration;

use crate::alone::{alone, say};
use crate::fleet::{Fleet, ONE_OF_EACH};
use crate::show::Show;
use crate::support::broker::Broker;

/// How long the two may be there side by side.
const SEEN: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_aggregators_with_one_number_the_first_ends_and_says_why_and_nothing_counts_twice() {
    alone(Duration::from_secs(150), async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.twins", &ONE_OF_EACH).await;
        let mut show = Show::begin(fleet, 6).await;
        let began = tokio::time::Instant::now();
        show.fleet.add(("twin", "aggregator", "1")).await;
        let first = show.fleet.node_mut("aggregator_1");
        let exit = first.ended(SEEN).await;
        let log = first.log();
        assert_eq!(exit.code(), Some(70), "{log}");
        let said = "give each instance of this role its own `kafka.instance`";
        assert!(log.contains(said), "{log}");
        say(&format!(
            "twins: the first ended after {:.1} s",
            began.elapsed().as_secs_f64()
        ));
        show.fleet.forget("aggregator_1");
        let outcome = show.end("twins").await;
        outcome.assert_all_acknowledged();
    })
    .await;
}
