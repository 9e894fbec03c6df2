//! What became of reactions, as their senders were told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::black_box::api::Api;
use crate::black_box::reactions::reaction_with;

/// Reactions by emoji.
type Counts = BTreeMap<String, u64>;

/// The sender's side of the books.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    /// Answered with 200: in some window, once.
    pub(crate) acknowledged: Counts,
    /// No answer, or one that says that nobody knows: in some window, once, or in none.
    pub(crate) unknown: Counts,
    /// Turned away: in no window.
    pub(crate) refused: Counts,
}

impl Account {
    /// Sends that many reactions of an emoji in one batch, and books them. Gives the status; 0 is a lost connection.
    pub(crate) async fn send(&mut self, api: &Api, stream: &str, emoji: &str, number: u64) -> u16 {
        let one = reaction_with(json!({"stream": stream, "emoji_type": emoji}));
        let batch: Vec<Value> = (0..number).map(|_| one.clone()).collect();
        let reply = api.post("/emoji", &Value::Array(batch)).await;
        let code = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
        let side = match (reply.status, code["code"].as_str()) {
            (200, _) => &mut self.acknowledged,
            (0, _) | (503, Some("unknown_outcome" | "unavailable")) => &mut self.unknown,
            (503, _) => &mut self.refused,
            (status, _) => panic!(
                "an answer {status} that no batch should have: {}",
                reply.body
            ),
        };
        *side.entry(emoji.to_owned()).or_default() += number;
        reply.status
    }

    /// All that was acknowledged.
    pub(crate) fn num_acknowledged(&self) -> u64 {
        self.acknowledged.values().sum()
    }

    /// Adds another sender's.
    pub(crate) fn merge(&mut self, other: Self) {
        for (all, more) in [
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.unknown, other.unknown),
            (&mut self.refused, other.refused),
        ] {
            for (emoji, number) in more {
                *all.entry(emoji).or_default() += number;
            }
        }
    }

    /// Holds what was counted to what was told: all that was acknowledged is in it, beyond that at most what nobody knows.
    ///
    /// # Errors
    ///
    /// The first emoji of which too few or too many were counted.
    pub(crate) fn check(&self, counted: &Counts) -> Result<(), String> {
        let of = |counts: &Counts, emoji| counts.get(emoji).copied().unwrap_or_default();
        let known = [&self.acknowledged, &self.unknown, counted];
        for emoji in known.into_iter().flat_map(BTreeMap::keys) {
            let least = of(&self.acknowledged, emoji);
            let most = least + of(&self.unknown, emoji);
            let counted = of(counted, emoji);
            if !(least..=most).contains(&counted) {
                return Err(format!(
                    "{emoji}: {counted} counted, {least} to {most} expected"
                ));
            }
        }
        Ok(())
    }
}
