//! `kill -9` of one role after the other in the middle of windows.

use std::time::Duration;

use tokio::time::sleep;

use crate::alone::{alone, say};
use crate::fleet::{EVERY_ROLE, Fleet};
use crate::load::Load;
use crate::support::account::Account;
use crate::support::broker::Broker;
use crate::watcher::{Watchers, summary};

const STREAM: &str = "final";

/// Kills of each role, unless `EMOSTREAM_KILLS` says another number when the tests are built.
const KILLS: u32 = 5;

/// Who dies; of two that share their work the other goes on.
const VICTIMS: [&str; 6] = [
    "api_1",
    "aggregator_1",
    "publisher",
    "cluster_1",
    "session_1",
    "aggregator_2",
];

/// The longest that one kill may take, its restart included.
const ONE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_role_is_killed_every_reaction_is_counted_once_and_every_session_is_right() {
    let kills = option_env!("EMOSTREAM_KILLS").and_then(|kills| kills.parse().ok());
    let kills: u32 = kills.unwrap_or(KILLS);
    let limit = Duration::from_secs(120) + ONE * kills * 6;
    alone(limit, async {
        let broker = Broker::shared().address();
        let mut fleet = Fleet::start(&broker, "faults.kills", &EVERY_ROLE, &[]).await;
        let mut account = fleet.wake(STREAM).await;
        let mut watchers = Watchers::open(fleet.joins(STREAM, 12));
        let apis: Vec<_> = fleet.named("api").map(|node| node.api()).collect();
        let load = Load::start(&apis, STREAM);
        for _ in 0..kills {
            for victim in VICTIMS {
                let node = fleet.node_mut(victim);
                sleep(random(300..1_200)).await;
                node.kill();
                sleep(random(0..500)).await;
                node.start_again().await;
            }
        }
        account.merge(load.finish().await);
        account.merge(watchers.quiet().await);
        assert!(account.refused.is_empty(), "{account:?}");

        let (published, last) = fleet.settled(STREAM, &account).await;
        assert_eq!(published.hole(STREAM), None);
        let watched = watchers.finish(&published, STREAM, last).await;
        assert!(watched.iter().all(|one| one.unrecovered == 0), "{watched:?}");
        say(&format!(
            "kills: {} of each role, {}, {} windows; {}",
            kills,
            told(&account),
            published.stream(STREAM).len(),
            summary(&watched)
        ));
    })
    .await;
}

fn random(millis: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(fastrand::u64(millis))
}

fn told(account: &Account) -> String {
    let unknown: u64 = account.unknown.values().sum();
    format!(
        "{} acknowledged, {unknown} unknown",
        account.num_acknowledged()
    )
}
