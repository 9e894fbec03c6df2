//! A steady load of reactions by HTTP that goes on, whatever the node says, and books what it is told.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::black_box::api::Api;
use crate::support::account::Account;

/// Reactions of one batch, and between two batches of a lane.
const BATCH: u64 = 100;
const EVERY: Duration = Duration::from_millis(200);

/// How long a node may be away.
const BACK: Duration = Duration::from_secs(60);

/// Each lane has an emoji of its own: 500 reactions a second of each.
const EMOJIS: [&str; 4] = ["🔥", "😀", "🎉", "😂"];

/// A running load: 2,000 reactions a second.
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    lanes: JoinSet<Account>,
}

impl Load {
    /// Sends reactions to a stream through all of these nodes.
    pub(crate) fn start(nodes: &[Api], stream: &'static str) -> Self {
        let stop = watch::Sender::new(false);
        let mut lanes = JoinSet::new();
        for (emoji, api) in EMOJIS.into_iter().zip(nodes.iter().cycle()) {
            lanes.spawn(send(api.clone(), stream, emoji, stop.subscribe()));
        }
        Self { stop, lanes }
    }

    /// Ends it, and gives the books.
    pub(crate) async fn finish(self) -> Account {
        self.stop.send_replace(true);
        let mut all = Account::default();
        for account in self.lanes.join_all().await {
            all.merge(account);
        }
        all
    }
}

async fn send(api: Api, stream: &str, emoji: &str, stop: watch::Receiver<bool>) -> Account {
    let mut account = Account::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !*stop.borrow() {
        ticks.tick().await;
        // What is sent to a node that is not there says nothing about the next.
        if account.send(&api, stream, emoji, BATCH).await == 0 {
            await_back(&api).await;
        }
    }
    account
}

async fn await_back(api: &Api) {
    let give_up = Instant::now() + BACK;
    while api.get("/ready").await.status != 200 {
        assert!(Instant::now() < give_up, "the node is not back");
        sleep(EVERY).await;
    }
}
