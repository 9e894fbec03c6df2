//! The closing check of a run: what every session added up, what the node says the stream's total is, and what its ledger
//! says became of the reactions are one number.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::time::Instant;

use super::audience::Audience;
use crate::commands::bench::child::Node;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::report::Ledger;

/// How long the last windows may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What went in and what came out, of one run or of several.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    put_in: u64,
    came_out: u64,
    complaints: Vec<String>,
}

impl Books {
    /// Reactions have stopped, `accepted` of them were accepted: waits until the sessions that read stand there, and
    /// compares.
    pub(super) fn close(
        node: &Node,
        audience: &mut Audience,
        accepted: u64,
    ) -> Result<Self, Failure> {
        audience.run_until(Instant::now() + PATIENCE, |audience| {
            differing(audience, accepted).is_none()
        })?;
        let mut books = Self {
            put_in: accepted,
            came_out: differing(audience, accepted).unwrap_or(accepted),
            complaints: audience.seen.faults.clone(),
        };
        let totals = number(&node.get("/streams/main/totals")?.body, "total")?;
        let ledger = node.get("/admin/ledger")?.body;
        for (what, value) in [
            ("the total of the stream", totals),
            ("accepted in the ledger", number(&ledger, "accepted")?),
            ("counted in the ledger", number(&ledger, "counted")?),
        ] {
            if value != accepted {
                let complaint = format!("{what} is {value}, {accepted} were accepted");
                books.complaints.push(complaint);
            }
        }
        Ok(books)
    }

    /// A promise of the run was broken.
    pub(super) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    /// Another run.
    pub(super) fn add(&mut self, other: Self) {
        self.put_in += other.put_in;
        self.came_out += other.came_out;
        self.complaints.extend(other.complaints);
    }

    pub(super) fn complaints(&self) -> impl Iterator<Item = &String> {
        self.complaints.iter()
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger {
            put_in: self.put_in,
            unknown: 0,
            came_out: self.came_out,
            agrees_in_detail: self.complaints.is_empty(),
        }
    }
}

/// A total that is not the one wanted, of an open session that reads.
fn differing(audience: &Audience, wanted: u64) -> Option<u64> {
    let sessions = audience.sessions().iter();
    let mut reading = sessions.filter(|session| session.reads() && session.is_open());
    reading
        .find(|session| session.total != wanted)
        .map(|session| session.total)
}

fn number(document: &str, field: &str) -> Result<u64, Failure> {
    let value: Value = serde_json::from_str(document).context("the node's answer is no JSON")?;
    let number = value[field].as_u64();
    Ok(number.with_context(|| format!("the node's answer has no {field}: {document}"))?)
}
