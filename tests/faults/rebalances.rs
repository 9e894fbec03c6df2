//! Aggregators that come and go all the time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::alone::{alone, say};
use crate::fleet::{Fleet, ONE_OF_EACH};
use crate::show::Show;
use crate::support::broker::Broker;

/// For how long they come and go.
const STORM: Duration = Duration::from_secs(60);

/// How long one is away. It has a stable number, so it may find its partitions still its own.
const AWAY: Duration = Duration::from_secs(2);

/// No session may go longer without a window.
const PROGRESS: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregators_that_come_and_go_for_a_minute_neither_stop_the_windows_nor_count_twice() {
    alone(Duration::from_secs(240), async {
        let broker = Broker::shared().address();
        let guests = [
            ("guest_1", "aggregator", "11"),
            ("guest_2", "aggregator", "12"),
            ("guest_3", "aggregator", "13"),
        ];
        let nodes = [
            &ONE_OF_EACH[..],
            &[("aggregator_2", "aggregator", "2")],
            &guests,
        ]
        .concat();
        let fleet = Fleet::start(&broker, "faults.rebalances", &nodes).await;
        let mut show = Show::begin(fleet, 6).await;
        let began = Instant::now();
        let mut moves = 0;
        while began.elapsed() < STORM {
            for (guest, _, _) in guests {
                let node = show.fleet.node_mut(guest);
                match moves % 2 {
                    0 => node.kill(),
                    _ => drop(node.stop(Duration::from_secs(20)).await),
                }
                sleep(AWAY).await;
                node.start_again().await;
                moves += 1;
            }
        }
        let outcome = show
            .end(&format!("rebalances: {moves} left and came back"))
            .await;
        outcome.assert_all_acknowledged();
        outcome.assert_nobody_cut_off();
        let silence = outcome.watched.iter().map(|one| one.silence).max();
        let silence = silence.unwrap_or_default();
        assert!(silence < PROGRESS, "no window for {silence:?}");
        say(&format!("rebalances: {moves} in {STORM:?}"));
    })
    .await;
}
