//! The way into the pipeline for the requests and sessions of one worker. Where nobody is there to take reactions they enter
//! the ledger as shed, like all that is turned away.

use std::cell::RefCell;
use std::sync::Arc;

use crate::actors::link::Link;
use crate::actors::messages::{Shed, Submit};
use crate::actors::streams::{Streams, add, weights};

/// The door. All of a worker share it, and with it one address of the ingest: an address of its own for each request would
/// cost more than the message, and would be one more place in the mailbox.
#[derive(Debug)]
pub struct Door {
    ingest: RefCell<Link<Submit>>,
    streams: Arc<Streams>,
}

impl Door {
    /// The door to an ingest.
    pub fn new(ingest: Link<Submit>, streams: Arc<Streams>) -> Self {
        Self {
            ingest: RefCell::new(ingest),
            streams,
        }
    }

    /// Submits reactions; what is returned waits for the answer, and for a place where the mailbox is full.
    pub fn offer(&self, submit: Submit) -> impl Future<Output = Result<(), Shed>> + use<> {
        let weights = weights(&submit.reactions);
        let asked = self.ingest.borrow_mut().ask_held(submit);
        let streams = self.streams.clone();
        async move {
            asked.await.unwrap_or_else(|_| {
                for (stream, count) in weights.iter() {
                    streams.with_row(Some(stream), |row| add(&row.shed, *count));
                }
                Err(Shed::Unavailable)
            })
        }
    }
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
        let answer = Door::new(ingest.link(), ground.streams.clone()).offer(Submit { reactions });
        assert_eq!(answer.await, Err(Shed::Unavailable));
        assert_eq!((ground.ledger().shed, other.snapshot().shed), (2, 5));
    }

    #[actix::test]
    async fn what_the_ingest_answers_is_passed_on_and_left_to_it_to_enter() {
        let ground = Ground::new();
        let ingest = Desk::<Submit>::new(|_| Err(Shed::Overloaded));
        let reactions = vec![reaction()];
        let answer = Door::new(ingest.link(), ground.streams.clone()).offer(Submit { reactions });
        assert_eq!(answer.await, Err(Shed::Overloaded));
        assert_eq!(ground.ledger().shed, 0);
    }
}
