//! The closing check: what the node has answered is what it has counted, in its windows and in its ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::super::child::Node;
use super::super::failure::Failure;
use super::super::load::Counts;
use super::super::report::Ledger;
use crate::domain::{Emoji, Tally};

/// How long the last windows may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks at them.
const PAUSE: Duration = Duration::from_millis(100);

/// `GET /streams/main/totals`, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Totals {
    total: u64,
    totals: BTreeMap<String, u64>,
}

impl Totals {
    fn tally(&self) -> Option<Tally> {
        let counts = self.totals.iter();
        counts
            .map(|(emoji, count)| Some((Emoji::parse(emoji).ok()?, *count)))
            .collect()
    }
}

/// `GET /admin/ledger`, as far as it is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
struct Columns {
    received: u64,
    accepted: u64,
    rejected: u64,
    limited: u64,
    shed: u64,
    counted: u64,
    in_flight: i64,
    deduplicated: u64,
    lost: u64,
}

/// What the closing check has found.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) ledger: Ledger,
    /// What does not agree.
    pub(super) faults: Vec<String>,
}

/// Waits for the last windows, and compares.
pub(super) fn close(
    node: &mut Node,
    answered: &Counts,
    accepted: Option<&Tally>,
) -> Result<Check, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        node.check()?;
        let totals: Totals = read(node, "/streams/main/totals")?;
        let columns: Columns = read(node, "/admin/ledger")?;
        let has_all = totals.total >= answered.reactions && columns.in_flight == 0;
        if has_all || Instant::now() >= deadline {
            return Ok(compare(answered, accepted, &totals, columns));
        }
        std::thread::park_timeout(PAUSE);
    }
}

fn read<Shape: DeserializeOwned>(node: &Node, path: &str) -> Result<Shape, Failure> {
    let answer = node.get(path)?;
    let read = serde_json::from_str(&answer.body);
    Ok(read.with_context(|| format!("{path} answers {}: {}", answer.status, answer.body))?)
}

fn compare(
    answered: &Counts,
    accepted: Option<&Tally>,
    totals: &Totals,
    columns: Columns,
) -> Check {
    let mut faults = Vec::new();
    let tally = totals.tally();
    let is_exact = accepted.is_none_or(|accepted| tally.as_ref() == Some(accepted));
    if !is_exact {
        faults.push("the totals differ from what was accepted, emoji by emoji".to_owned());
    }
    let expected = expected(answered);
    if columns != expected {
        faults.push(format!(
            "the node's ledger says {columns:?}, and should {expected:?}"
        ));
    }
    Check {
        ledger: Ledger {
            put_in: answered.reactions,
            unknown: 0,
            came_out: totals.total,
            agrees_in_detail: faults.is_empty(),
        },
        faults,
    }
}

/// The ledger of a node that has answered this and is at rest. No message of the bench is invalid or over a limit.
fn expected(answered: &Counts) -> Columns {
    Columns {
        received: answered.reactions + answered.shed_reactions,
        accepted: answered.reactions,
        shed: answered.shed_reactions,
        counted: answered.reactions,
        ..Columns::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ANSWERED: Counts = Counts {
        accepted: 3,
        shed: 1,
        refused: 0,
        reactions: 3,
        shed_reactions: 1,
    };

    const COLUMNS: Columns = Columns {
        received: 4,
        accepted: 3,
        rejected: 0,
        limited: 0,
        shed: 1,
        counted: 3,
        in_flight: 0,
        deduplicated: 0,
        lost: 0,
    };

    fn totals(fire: u64, joy: u64) -> Totals {
        let answer = serde_json::json!({"total": fire + joy, "totals": {"🔥": fire, "😂": joy}});
        serde_json::from_value(answer).unwrap()
    }

    fn check(told: &Totals, columns: Columns) -> Check {
        let accepted = totals(2, 1).tally();
        compare(&ANSWERED, accepted.as_ref(), told, columns)
    }

    #[test]
    fn windows_and_ledger_agree_with_the_answers() {
        let check = check(&totals(2, 1), COLUMNS);
        assert!(check.ledger.adds_up(), "{:?}", check.faults);
    }

    #[test]
    fn a_reaction_that_became_another_one_is_found() {
        assert!(!check(&totals(1, 2), COLUMNS).ledger.adds_up());
    }

    #[test]
    fn every_column_of_the_ledger_has_to_agree() {
        let wrong = [
            Columns {
                received: 5,
                ..COLUMNS
            },
            Columns {
                accepted: 4,
                ..COLUMNS
            },
            Columns {
                rejected: 1,
                received: 5,
                ..COLUMNS
            },
            Columns {
                limited: 1,
                received: 5,
                ..COLUMNS
            },
            Columns { shed: 0, ..COLUMNS },
            Columns {
                counted: 2,
                ..COLUMNS
            },
            Columns {
                in_flight: 1,
                ..COLUMNS
            },
            Columns {
                deduplicated: 1,
                ..COLUMNS
            },
            Columns { lost: 1, ..COLUMNS },
        ];
        for columns in wrong {
            let check = check(&totals(2, 1), columns);
            assert!(!check.ledger.adds_up(), "{columns:?}");
        }
    }
}
