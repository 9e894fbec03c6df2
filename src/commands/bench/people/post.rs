//! A reaction by `POST /emoji`.

use jiff::Timestamp;
use tokio::time::Instant;

use super::super::viewers::wall_clock_ms;
use super::door::Refusal;
use super::hall::Outcome;
use super::person::Site;
use super::wire::ReactionOut;
use crate::domain::Emoji;

/// Sends it, and writes down what became of it; `chance` is drawn from 0 to 1.
pub(super) async fn post(site: &Site, number: usize, name: &str, emoji: Emoji, chance: f64) {
    let now = Timestamp::from_millisecond(wall_clock_ms() as i64).unwrap_or_default();
    let reaction = ReactionOut {
        user_id: name,
        emoji_type: emoji.as_str(),
        timestamp: &now.to_string(),
        stream: &site.args.stream,
    };
    let sent = Instant::now();
    let answer = site.door.react(&reaction).await;
    let mut hall = site.hall.borrow_mut();
    let outcome = outcome(&answer);
    if outcome != Outcome::Unknown {
        hall.answers.add(sent.elapsed().as_secs_f64() * 1e3);
    }
    if let Err(refusal) = answer {
        hall.trouble(&refusal.words("/emoji"));
        if refusal.may_pass() {
            hall.hold_back(number, refusal.retry_after(), chance);
        }
    }
    hall.answered(number, emoji, outcome);
}

fn outcome(answer: &Result<(), Refusal>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Accepted,
        Err(Refusal::NoNode(_)) => Outcome::Refused,
        Err(Refusal::Silence) => Outcome::Unknown,
        Err(Refusal::Problem { code, .. }) => Outcome::of(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_nobody_knows_the_outcome_is_unknown() {
        let problem = |code: &str| {
            Err(Refusal::Problem {
                status: 503,
                code: code.to_owned(),
                detail: String::new(),
                retry_after: None,
            })
        };
        for (answer, expected) in [
            (Ok(()), Outcome::Accepted),
            (problem("limited"), Outcome::Limited),
            (problem("overloaded"), Outcome::Refused),
            (problem("unknown_outcome"), Outcome::Unknown),
            (Err(Refusal::Silence), Outcome::Unknown),
            (Err(Refusal::NoNode(String::new())), Outcome::Refused),
        ] {
            assert_eq!(outcome(&answer), expected, "{answer:?}");
        }
    }
}
