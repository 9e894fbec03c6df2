//! Reactions at the door of an ingest. Where nobody is there to take them they enter the ledger as shed, like all that
//! is turned away.

use std::sync::Arc;

use crate::actors::link::Link;
use crate::actors::messages::{Shed, Submit};
use crate::actors::streams::{Streams, add, weights};

/// Submits reactions and waits for the answer.
pub async fn offer(
    ingest: Link<Submit>,
    streams: Arc<Streams>,
    submit: Submit,
) -> Result<(), Shed> {
    let weights = weights(&submit.reactions);
    ingest.ask(submit).await.unwrap_or_else(|_| {
        for (stream, count) in &weights {
            streams.with_row(Some(stream), |row| add(&row.shed, *count));
        }
        Err(Shed::Unavailable)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reaction;
    use crate::testkit::{Desk, Ground, reaction, stream};

    #[actix::test]
    async fn what_finds_no_ingest_is_shed_in_the_ledger_of_its_stream() {
        let ground = Ground::new();
        let mut ingest = Desk::<Submit>::new(|_| Ok(()));
        ingest.die().await;
        let other = ground.streams.open(&stream("other")).unwrap();
        let elsewhere = Reaction {
            stream: stream("other"),
            count: 5,
            ..reaction()
        };
        let reactions = vec![reaction(), elsewhere, reaction()];
        let answer = offer(ingest.link(), ground.streams.clone(), Submit { reactions });
        assert_eq!(answer.await, Err(Shed::Unavailable));
        assert_eq!((ground.ledger().shed, other.snapshot().shed), (2, 5));
    }

    #[actix::test]
    async fn what_the_ingest_answers_is_passed_on_and_left_to_it_to_enter() {
        let ground = Ground::new();
        let ingest = Desk::<Submit>::new(|_| Err(Shed::Overloaded));
        let reactions = vec![reaction()];
        let answer = offer(ingest.link(), ground.streams.clone(), Submit { reactions });
        assert_eq!(answer.await, Err(Shed::Overloaded));
        assert_eq!(ground.ledger().shed, 0);
    }
}
