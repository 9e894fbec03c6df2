//! How the crowd fares at one moment: what the table, the lines and the last word are made of.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::delays::Typical;
use super::hall::{Agreement, Counts, Whereabouts};
use super::person::{Phase, Site};
use super::verdict::Verdict;
use super::wire::Totals;

/// Emojis that are shown.
const TOP: usize = 10;

/// One moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) address: String,
    pub(super) stream: String,
    pub(super) phase: Phase,
    pub(super) elapsed: Duration,
    /// How long it is to last.
    pub(super) duration: Option<Duration>,
    pub(super) people: usize,
    pub(super) here: usize,
    pub(super) away: usize,
    pub(super) coming: usize,
    /// People who are registered in each cluster.
    pub(super) clusters: BTreeMap<u64, usize>,
    pub(super) counts: Counts,
    /// What the node said last.
    pub(super) node: Option<Totals>,
    /// How those who are here compare with it.
    pub(super) agreement: Agreement,
    /// The smallest and the largest total that somebody who is here holds.
    pub(super) sums: Option<(u64, u64)>,
    pub(super) answers: Typical,
    pub(super) arrivals: Typical,
    /// The most accepted first.
    pub(super) emojis: Vec<(&'static str, u64)>,
    /// The most frequent first.
    pub(super) troubles: Vec<(String, u64)>,
}

impl Picture {
    /// Takes it.
    pub(super) fn of(site: &Site, phase: Phase) -> Self {
        let hall = site.hall.borrow();
        let mut clusters = BTreeMap::new();
        for cluster in hall.seats.iter().filter_map(|seat| seat.cluster) {
            *clusters.entry(cluster).or_default() += 1;
        }
        let sums = || {
            hall.here()
                .filter_map(|seat| Some(seat.place.newest()?.total))
        };
        let ranked = hall.emojis.ranked().into_iter().take(TOP);
        let mut troubles: Vec<_> = hall.troubles.clone().into_iter().collect();
        troubles.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self {
            address: site.door.address().to_owned(),
            stream: site.args.stream.clone(),
            phase,
            elapsed: site.started.elapsed(),
            duration: site.args.duration,
            people: hall.seats.len(),
            here: hall.num(Whereabouts::Here),
            away: hall.num(Whereabouts::Away),
            coming: hall.num(Whereabouts::Coming),
            clusters,
            counts: hall.counts,
            node: hall.newest_told(),
            agreement: hall.compare(hall.here(), 0),
            sums: sums().min().zip(sums().max()),
            answers: hall.answers.typical(),
            arrivals: hall.arrivals.typical(),
            emojis: ranked
                .map(|(emoji, count)| (emoji.as_str(), count))
                .collect(),
            troubles,
        }
    }

    /// Takes the last one, when everybody has left: what stays of the watchers is what the check has found.
    pub(super) fn last(site: &Site, verdict: &Verdict) -> Self {
        let hall = site.hall.borrow();
        let sums = || {
            hall.watchers()
                .filter_map(|seat| Some(seat.place.newest()?.total))
        };
        Self {
            agreement: verdict.agreement,
            sums: sums().min().zip(sums().max()),
            ..Self::of(site, Phase::Over)
        }
    }

    /// The whole of it as one object on one line, with what came out.
    pub(super) fn json(&self, verdict: &Verdict) -> String {
        let delays = |typical: Typical| json!({"p50": typical.p50, "p99": typical.p99});
        let emojis = self.emojis.iter();
        let emojis = emojis.map(|(emoji, count)| json!({"emoji_type": emoji, "count": count}));
        let troubles = self.troubles.iter();
        let troubles = troubles.map(|(words, count)| json!({"words": words, "count": count}));
        let object = json!({
            "title": format!("a crowd of {} at {}, stream {}", self.people, self.address, self.stream),
            "figures": {
                "people": self.people,
                "seconds": self.elapsed.as_secs_f64(),
                "counts": self.counts,
                "answer_ms": delays(self.answers),
                "window_arrival_ms": delays(self.arrivals),
                "top_emojis": emojis.collect::<Value>(),
            },
            "troubles": troubles.collect::<Value>(),
            "ledger": {
                "before": verdict.before.total,
                "accepted": verdict.counts.accepted,
                "unknown": verdict.counts.unknown,
                "counted": verdict.counted(),
                "after": verdict.after.map(|after| after.total),
                "seq": verdict.after.map(|after| after.seq),
                "watchers": {
                    "agree": verdict.agreement.agree,
                    "differ": verdict.agreement.differ,
                    "behind": verdict.agreement.behind,
                },
                "adds_up": verdict.adds_up(),
                "verdict": verdict.sentence(),
            },
            "version": env!("CARGO_PKG_VERSION"),
        });
        format!("{object}\n")
    }
}
