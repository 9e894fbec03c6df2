//! A fleet at work: sessions watch, reactions flow, and at the end all of it adds up.

use crate::alone::say;
use crate::black_box::api::Api;
use crate::fleet::Fleet;
use crate::load::Load;
use crate::support::account::Account;
use crate::support::topics::Published;
use crate::watcher::{EMOJI, Watched, Watchers, summary};

/// The stream of all that is sent.
pub(crate) const STREAM: &str = "final";

/// A fleet under load.
pub(crate) struct Show {
    pub(crate) fleet: Fleet,
    account: Account,
    watchers: Watchers,
    load: Load,
}

/// What became of it.
pub(crate) struct Outcome {
    pub(crate) fleet: Fleet,
    pub(crate) account: Account,
    pub(crate) published: Published,
    pub(crate) watched: Vec<Watched>,
}

impl Show {
    /// Opens sessions over a fleet, and lets reactions flow.
    pub(crate) async fn begin(fleet: Fleet, num_sessions: usize) -> Self {
        let account = fleet.wake(STREAM).await;
        let watchers = Watchers::open(fleet.joins(STREAM, num_sessions));
        let apis: Vec<Api> = fleet.named("api").map(|node| node.api()).collect();
        let load = Load::start(&apis, STREAM);
        Self {
            fleet,
            account,
            watchers,
            load,
        }
    }

    /// Ends the load. Every acknowledged reaction has to be in exactly one window, no window may be missing, and every
    /// session has to stand on the sum of all.
    pub(crate) async fn end(mut self, name: &str) -> Outcome {
        let mut account = self.account;
        account.merge(self.load.finish().await);
        account.merge(self.watchers.quiet().await);
        let (published, last) = self.fleet.settled(STREAM, &account).await;
        assert_eq!(published.hole(STREAM), None, "no window is missing");
        let watched = self.watchers.finish(&published, STREAM, last).await;
        let [unknown, refused] =
            [&account.unknown, &account.refused].map(|counts| counts.values().sum::<u64>());
        say(&format!(
            "{name}: {} acknowledged, {unknown} unknown, {refused} refused, {} counted in {} windows; {}",
            account.num_acknowledged(),
            published.total(STREAM),
            published.stream(STREAM).len(),
            summary(&watched)
        ));
        Outcome {
            fleet: self.fleet,
            account,
            published,
            watched,
        }
    }
}

impl Outcome {
    /// Every reaction got its answer, and the answer was yes.
    pub(crate) fn assert_all_acknowledged(&self) {
        let Account {
            unknown, refused, ..
        } = &self.account;
        assert!(
            unknown.is_empty() && refused.is_empty(),
            "{unknown:?} {refused:?}"
        );
    }

    /// The same for all that was sent by HTTP; what a session had sent when it was cut off, nobody knows.
    pub(crate) fn assert_all_but_sessions_acknowledged(&self) {
        let unknown: Vec<_> = self.account.unknown.keys().collect();
        assert!(unknown.is_empty() || unknown == [EMOJI], "{unknown:?}");
        assert!(
            self.account.refused.is_empty(),
            "{:?}",
            self.account.refused
        );
    }

    /// No session was cut off.
    pub(crate) fn assert_nobody_cut_off(&self) {
        let losses = self.watched.iter().map(|one| one.losses).sum::<usize>();
        assert_eq!(losses, 0, "sessions were cut off");
    }
}
