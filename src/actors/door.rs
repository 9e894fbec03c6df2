//! The way into the pipeline for the requests and sessions of one worker. Where nobody is there to take reactions, or the
//! worker is too far behind, they enter the ledger as shed, like all that is turned away.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::actors::link::Link;
use crate::actors::messages::{Shed, Submit};
use crate::actors::queue::Queue;
use crate::actors::streams::{Streams, add, weights};

/// The door. All of a worker share it, and with it one address of the ingest: an address of its own for each request would
/// cost more than the message, and would be one more place in the mailbox.
#[derive(Debug)]
pub struct Door {
    ingest: RefCell<Link<Submit>>,
    queue: Rc<Queue>,
    streams: Arc<Streams>,
}

impl Door {
    /// The door to an ingest, with the queue before it.
    pub fn new(ingest: Link<Submit>, queue: Rc<Queue>, streams: Arc<Streams>) -> Self {
        Self {
            ingest: RefCell::new(ingest),
            queue,
            streams,
        }
    }

    /// Submits reactions; what is returned waits for the answer, and for a place where the mailbox is full. Where they would
    /// wait too long they may be turned away as they come.
    pub fn offer(&self, submit: Submit) -> impl Future<Output = Result<(), Shed>> + use<> {
        let weights = weights(&submit.reactions);
        let admitted = self.queue.admits();
        let asked = admitted.then(|| self.ingest.borrow_mut().ask_held(submit));
        let streams = self.streams.clone();
        async move {
            let shed = match asked {
                None => Shed::Overloaded,
                Some(asked) => match asked.await {
                    Ok(answer) => return answer,
                    Err(_) => Shed::Unavailable,
                },
            };
            for (stream, count) in weights.iter() {
                streams.with_row(Some(stream), |row| add(&row.shed, *count));
            }
            Err(shed)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Reaction;
    use crate::testkit::{Desk, Ground, door, reaction, stream};

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
        let answer = door(&ground, &ingest).offer(Submit { reactions });
        assert_eq!(answer.await, Err(Shed::Unavailable));
        assert_eq!((ground.ledger().shed, other.snapshot().shed), (2, 5));
    }

    #[actix::test]
    async fn what_the_ingest_answers_is_passed_on_and_left_to_it_to_enter() {
        let ground = Ground::new();
        let ingest = Desk::<Submit>::new(|_| Err(Shed::Overloaded));
        let reactions = vec![reaction()];
        let answer = door(&ground, &ingest).offer(Submit { reactions });
        assert_eq!(answer.await, Err(Shed::Overloaded));
        assert_eq!(ground.ledger().shed, 0);
    }

    #[actix::test]
    async fn who_would_wait_too_long_is_shed_in_the_ledger_of_its_stream_and_asks_no_ingest() {
        let ground = Ground::new();
        let mut ingest = Desk::<Submit>::new(|_| Ok(()));
        let queue = Rc::new(Queue::new(Duration::from_millis(1), ground.metrics.clone()));
        for second in 1..=20 {
            queue.observe(Duration::from_secs(second), Duration::from_secs(1));
        }
        let door = Door::new(ingest.link(), queue, ground.streams.clone());
        let mut answers = Vec::new();
        for _ in 0..10 {
            let reactions = vec![reaction()];
            answers.push(door.offer(Submit { reactions }).await);
        }
        let shed = answers
            .iter()
            .filter(|answer| **answer == Err(Shed::Overloaded));
        let shed = shed.count();
        assert_eq!((shed, ground.ledger().shed), (5, 5));
        assert_eq!(ingest.drain().len(), 10 - shed);
    }
}
