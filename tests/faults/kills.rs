//! `kill -9` of one role after the other in the middle of windows.

use std::ops::Range;
use std::time::Duration;

use tokio::time::sleep;

use crate::alone::alone;
use crate::fleet::{EVERY_ROLE, Fleet};
use crate::show::Show;
use crate::support::broker::Broker;

/// Kills of each role, unless `EMOSTREAM_KILLS` says another number when the tests are built.
const KILLS: u32 = 5;

/// Who dies; of those that share their work the other goes on.
const VICTIMS: [&str; 5] = [
    "api_1",
    "aggregator_1",
    "publisher",
    "cluster_1",
    "session_1",
];

/// The longest that one kill may take, its restart included.
const ONE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_role_is_killed_every_reaction_is_counted_once_and_every_session_is_right() {
    let kills = option_env!("EMOSTREAM_KILLS").and_then(|kills| kills.parse().ok());
    let kills: u32 = kills.unwrap_or(KILLS);
    alone(Duration::from_secs(120) + ONE * kills * 5, async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.kills", &EVERY_ROLE).await;
        let mut show = Show::begin(fleet, 12).await;
        for _ in 0..kills {
            for victim in VICTIMS {
                let node = show.fleet.node_mut(victim);
                sleep(random(300..1_200)).await;
                node.kill();
                sleep(random(0..500)).await;
                node.start_again().await;
            }
        }
        let outcome = show.end(&format!("kills: {kills} of each role")).await;
        let unrecovered: usize = outcome.watched.iter().map(|one| one.unrecovered).sum();
        assert_eq!(unrecovered, 0, "whoever comes back stands where it left");
    })
    .await;
}

fn random(millis: Range<u64>) -> Duration {
    Duration::from_millis(fastrand::u64(millis))
}
