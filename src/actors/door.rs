//! The way into the pipeline for the requests and sessions of one worker. Where nobody is there to take reactions, or the
//! worker is too far behind, they enter the ledger as shed, like all that is turned away.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;

use crate::actors::credit::Credit;
use crate::actors::in_flight::InFlight;
use crate::actors::link::Link;
use crate::actors::messages::{Deposit, Shed, Submit};
use crate::actors::queue::Queue;
use crate::actors::streams::{Row, Streams, Weights, add, weights};
use crate::domain::StreamName;

/// What takes the reactions of a worker.
#[derive(Debug)]
pub struct Entrance {
    /// It can be asked.
    pub asked: Link<Submit>,
    /// What it takes without being asked. Kafka has to be asked.
    pub deposits_opt: Option<Deposits>,
}

/// Where reactions are handed in on credit: nothing is waited for, so a request is answered in the turn that it came in.
#[derive(Debug)]
pub struct Deposits {
    /// The way in.
    pub link: Link<Deposit>,
    /// The credit of whom it leads to.
    pub credit: Rc<Credit>,
}

/// The door. All of a worker share it, and with it its addresses of the ingest: one of its own for each request would cost more
/// than the message, and would be one more place in the mailbox.
#[derive(Debug)]
pub struct Door {
    entrance: RefCell<Entrance>,
    queue: Rc<Queue>,
    streams: Arc<Streams>,
    latest: RefCell<Option<Latest>>,
}

/// The stream that the last reaction was of, and its row: mostly those of the next one, too. A stream keeps its row.
type Latest = (StreamName, Arc<Row>);

/// What comes of reactions that were offered: known at once, or to be waited for.
#[expect(missing_debug_implementations, reason = "a future has none")]
pub enum Offer {
    /// It is known.
    Answered(Result<(), Shed>),
    /// It is to be waited for. Boxed, since whoever holds an offer is moved about, and mostly has its answer.
    Asked(LocalBoxFuture<'static, Result<(), Shed>>),
}

impl Future for Offer {
    type Output = Result<(), Shed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Answered(answer) => Poll::Ready(*answer),
            Self::Asked(asked) => asked.as_mut().poll(cx),
        }
    }
}

impl Door {
    /// The door to what takes reactions, with the queue before it.
    pub fn new(entrance: Entrance, queue: Rc<Queue>, streams: Arc<Streams>) -> Self {
        Self {
            entrance: RefCell::new(entrance),
            queue,
            streams,
            latest: RefCell::default(),
        }
    }

    /// Hands reactions in, or submits them; then the answer is waited for, and a place where the mailbox is full. Where they
    /// would wait too long they may be turned away as they come.
    pub fn offer(&self, submit: Submit) -> Offer {
        if !self.queue.admits() {
            turn_away(&self.streams, &weights(&submit.reactions));
            return Offer::Answered(Err(Shed::Overloaded));
        }
        let Err(submit) = self.deposit(submit) else {
            return Offer::Answered(Ok(()));
        };
        let weights = weights(&submit.reactions);
        let asked = self.entrance.borrow_mut().asked.ask_held(submit);
        let streams = self.streams.clone();
        Offer::Asked(Box::pin(async move {
            asked.await.unwrap_or_else(|_| {
                turn_away(&streams, &weights);
                Err(Shed::Unavailable)
            })
        }))
    }

    /// Hands a reaction in if it comes alone, there is credit for it and a place in the mailbox; gives it back otherwise.
    ///
    /// Where many come, an answer is the least of the work, and one turn more costs nothing. But the answers of that turn go
    /// out one after the other, so that a peer is woken once for all of them and not for each; that would cost the sender's
    /// core a tenth of what it takes to read a hundred.
    fn deposit(&self, submit: Submit) -> Result<(), Submit> {
        let [reaction] = submit.reactions.as_slice() else {
            return Err(submit);
        };
        let count = u64::from(reaction.count);
        let entrance = &mut *self.entrance.borrow_mut();
        let (Some(deposits), Some(row)) = (&mut entrance.deposits_opt, self.row(&reaction.stream))
        else {
            return Err(submit);
        };
        if !deposits.credit.take(1) {
            return Err(submit);
        }
        let reactions = InFlight::new(submit.reactions, &self.streams);
        match deposits.link.try_send(Deposit { reactions }) {
            Ok(()) => {
                add(&row.accepted, count);
                Ok(())
            }
            Err(undelivered) => {
                deposits.credit.give_back(1);
                let reactions = undelivered.into_message().reactions.arrive();
                Err(Submit { reactions })
            }
        }
    }

    /// The row of a stream that has one, looked up only if it is another than the last time.
    fn row(&self, stream: &StreamName) -> Option<Arc<Row>> {
        let mut latest = self.latest.borrow_mut();
        match &*latest {
            Some((name, row)) if name == stream => Some(row.clone()),
            _ => {
                let row = self.streams.row(stream)?;
                *latest = Some((stream.clone(), row.clone()));
                Some(row)
            }
        }
    }
}

fn turn_away(streams: &Streams, weights: &Weights) {
    streams.enter(weights, |row, count| add(&row.shed, count));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::{Ledger, Reaction};
    use crate::testkit::{
        Desk, Ground, Probe, door, door_on_credit, reaction, reactions, settle, stream,
    };

    fn submit(number: usize) -> Submit {
        Submit {
            reactions: reactions(number),
        }
    }

    #[actix::test]
    async fn where_there_is_credit_a_reaction_is_handed_in_and_accepted_at_once() {
        let ground = Ground::new();
        let ingest = Desk::<Submit>::busy(|_| Ok(()));
        let mut deposits = Probe::new();
        let (door, credit) = door_on_credit(&ground, &ingest, &deposits, 5);
        assert_eq!(door.offer(submit(1)).now_or_never(), Some(Ok(())));
        assert_eq!((ground.ledger().accepted, credit.taken()), (1, 1));
        let handed_in = deposits.next().await.reactions.arrive();
        assert_eq!(handed_in, reactions(1));
        assert_eq!(ground.ledger().lost, 0);
    }

    #[actix::test]
    async fn each_reaction_is_accepted_in_the_row_of_its_stream() {
        let ground = Ground::new();
        let mut ingest = Desk::<Submit>::new(|_| Ok(()));
        let deposits = Probe::new();
        let (door, _) = door_on_credit(&ground, &ingest, &deposits, 10);
        let other = ground.streams.open(&stream("other")).unwrap();
        for (name, count) in [("main", 1), ("other", 20), ("main", 300)] {
            let reactions = vec![Reaction {
                stream: stream(name),
                count,
                ..reaction()
            }];
            assert_eq!(door.offer(Submit { reactions }).await, Ok(()));
        }
        assert_eq!(ground.ledger().accepted, 301);
        assert_eq!(other.snapshot().accepted, 20);

        let reactions = vec![Reaction {
            stream: stream("nowhere"),
            ..reaction()
        }];
        assert_eq!(door.offer(Submit { reactions }).await, Ok(()));
        assert_eq!(
            ingest.drain().len(),
            1,
            "a stream without a row is asked for"
        );
    }

    #[actix::test]
    async fn where_credit_or_room_does_not_suffice_and_for_many_the_ingest_is_asked() {
        let ground = Ground::new();
        let mut ingest = Desk::<Submit>::new(|_| Err(Shed::Overloaded));
        let deposits = Probe::deaf(1);
        let (door, credit) = door_on_credit(&ground, &ingest, &deposits, 2);
        assert_eq!(door.offer(submit(2)).await, Err(Shed::Overloaded), "many");
        assert_eq!(door.offer(submit(1)).await, Ok(()), "it has a place");
        assert_eq!(door.offer(submit(1)).await, Err(Shed::Overloaded), "none");
        assert_eq!(credit.taken(), 1, "what was not used came back");
        assert!(credit.take(1));
        deposits.hear();
        settle().await;
        assert_eq!(
            door.offer(submit(1)).await,
            Err(Shed::Overloaded),
            "no credit"
        );
        assert_eq!(ingest.drain().len(), 3);
        let expected = Ledger {
            accepted: 1,
            ..Ledger::default()
        };
        assert_eq!(ground.ledger(), expected);
    }

    #[actix::test]
    async fn where_nobody_takes_deposits_and_nobody_answers_reactions_are_shed() {
        let ground = Ground::new();
        let mut ingest = Desk::<Submit>::new(|_| Ok(()));
        ingest.die().await;
        let (door, credit) = door_on_credit(&ground, &ingest, &Probe::absent(), 5);
        assert_eq!(door.offer(submit(1)).await, Err(Shed::Unavailable));
        assert_eq!(credit.taken(), 0);
        let expected = Ledger {
            shed: 1,
            ..Ledger::default()
        };
        assert_eq!(ground.ledger(), expected);
    }

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
        let entrance = Entrance {
            asked: ingest.link(),
            deposits_opt: None,
        };
        let door = Door::new(entrance, queue, ground.streams.clone());
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
