//! The closing check: what the watchers have added up against what the node says, and that against what was accepted.

use super::hall::{Agreement, Counts};
use super::wire::Totals;

/// What is known in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The stream's totals before anybody came.
    pub(super) before: Totals,
    /// The node's last word. None, if it could not be asked.
    pub(super) after: Option<Totals>,
    /// How the watchers compare with it.
    pub(super) agreement: Agreement,
    pub(super) counts: Counts,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// Nothing to compare with.
    NoNode,
    Differ(usize),
    Faults(u64),
    Behind(usize),
    /// The node has begun to count anew, so that before and after are not of one count.
    Anew,
    /// Accepted, and not counted.
    Short(u64),
    Exact,
    /// Of those without an answer, so many count.
    OfUnknown(u64),
    /// Somebody else reacts as well.
    Others(u64),
}

impl Verdict {
    /// Whether everything is as it should be.
    pub(super) fn adds_up(&self) -> bool {
        use Finding::{Anew, Exact, OfUnknown, Others};
        matches!(self.finding(), Exact | OfUnknown(_) | Others(_) | Anew)
    }

    /// Reactions that the node has counted since the crowd began.
    pub(super) fn counted(&self) -> Option<u64> {
        self.after?.total.checked_sub(self.before.total)
    }

    fn finding(&self) -> Finding {
        let Counts {
            accepted,
            unknown,
            anew,
            faults,
            ..
        } = self.counts;
        let Some(_) = self.after else {
            return Finding::NoNode;
        };
        if self.agreement.differ > 0 {
            return Finding::Differ(self.agreement.differ);
        }
        if faults > 0 {
            return Finding::Faults(faults);
        }
        if self.agreement.behind > 0 {
            return Finding::Behind(self.agreement.behind);
        }
        let Some(counted) = self.counted().filter(|_| anew == 0) else {
            return Finding::Anew;
        };
        match counted.checked_sub(accepted) {
            None => Finding::Short(accepted - counted),
            Some(0) => Finding::Exact,
            Some(more) if more <= unknown => Finding::OfUnknown(more),
            Some(more) => Finding::Others(more - unknown),
        }
    }

    /// The finding, in words.
    pub(super) fn sentence(&self) -> String {
        let accepted = self.counts.accepted;
        let Agreement { agree, behind, .. } = self.agreement;
        let all = agree + behind + self.agreement.differ;
        let at = self.after.unwrap_or_default();
        let watchers = format!(
            "all {all} watchers stand at the node's total of {} through window {}",
            at.total, at.seq
        );
        match self.finding() {
            Finding::NoNode => "not checked: the node could not be asked for its totals".to_owned(),
            Finding::Differ(num) => {
                format!("{num} of {all} watchers hold another total than the node")
            }
            Finding::Faults(num) => format!(
                "{num} times a window came twice or a session did not go on where the last one ended"
            ),
            Finding::Behind(num) => {
                format!("not checked: {num} of {all} watchers did not get the last window in time")
            }
            Finding::Anew => format!(
                "{watchers}; it has begun to count anew in between, so the {accepted} accepted are not in it"
            ),
            Finding::Short(num) => {
                format!("{num} of {accepted} accepted reactions are not in the node's total")
            }
            Finding::Exact => {
                format!("adds up exactly: {accepted} accepted, {accepted} counted; {watchers}")
            }
            Finding::OfUnknown(num) => format!(
                "adds up: {accepted} accepted, and {num} counted of {} without an answer; {watchers}",
                self.counts.unknown
            ),
            Finding::Others(num) => format!(
                "adds up: {accepted} accepted, and at least {num} counted from others; {watchers}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(counted: u64, accepted: u64, unknown: u64) -> Verdict {
        Verdict {
            before: Totals { seq: 1, total: 50 },
            after: Some(Totals {
                seq: 9,
                total: 50 + counted,
            }),
            agreement: Agreement {
                agree: 3,
                ..Agreement::default()
            },
            counts: Counts {
                accepted,
                unknown,
                ..Counts::default()
            },
        }
    }

    #[test]
    fn a_silent_stream_adds_up_exactly() {
        let verdict = verdict(7, 7, 0);
        assert!(verdict.adds_up());
        assert_eq!(
            verdict.sentence(),
            "adds up exactly: 7 accepted, 7 counted; all 3 watchers stand at the node's total of 57 through window 9"
        );
    }

    #[test]
    fn what_has_no_answer_may_count_and_others_may_react() {
        assert_eq!(verdict(8, 7, 2).finding(), Finding::OfUnknown(1));
        assert_eq!(verdict(12, 7, 2).finding(), Finding::Others(3));
        assert!(verdict(12, 7, 2).adds_up() && verdict(8, 7, 2).adds_up());
    }

    #[test]
    fn an_accepted_reaction_that_does_not_count_is_a_failure() {
        let verdict = verdict(6, 7, 2);
        assert!(!verdict.adds_up());
        assert_eq!(
            verdict.sentence(),
            "1 of 7 accepted reactions are not in the node's total"
        );
    }

    #[test]
    fn watchers_who_differ_or_are_missing_are_a_failure() {
        let mut differ = verdict(7, 7, 0);
        differ.agreement.differ = 1;
        let mut behind = verdict(7, 7, 0);
        behind.agreement.behind = 1;
        let mut faults = verdict(7, 7, 0);
        faults.counts.faults = 1;
        let mut no_node = verdict(7, 7, 0);
        no_node.after = None;
        for failed in [differ, behind, faults, no_node] {
            assert!(!failed.adds_up(), "{failed:?}");
        }
    }

    #[test]
    fn a_node_that_counts_anew_is_only_compared_with_its_watchers() {
        let mut restarted = verdict(0, 7, 0);
        restarted.after = Some(Totals { seq: 9, total: 2 });
        assert!(restarted.adds_up());
        assert_eq!(restarted.finding(), Finding::Anew);
    }
}
