//! Reactions on their way between two actors, counted by ownership.
//!
//! A mailbox dies with its actor and drops what waits in it without a word. Whatever carries reactions therefore travels
//! inside an [`InFlight`]: taken out, it has arrived; dropped, it enters the ledger as lost.

use std::sync::Arc;

use crate::actors::streams::Streams;
use crate::domain::{Countable, Partial, Reaction, StreamName};

/// A payload whose weight in reactions is known per stream. Its default weighs nothing.
pub trait Weighed: Default {
    /// Calls `each` with a stream and a number of reactions, as often as is convenient.
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64));
}

impl Weighed for Vec<Reaction> {
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64)) {
        for reaction in self {
            each(&reaction.stream, u64::from(reaction.count));
        }
    }
}

impl Weighed for Vec<Countable> {
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64)) {
        for reaction in self {
            each(&reaction.stream, u64::from(reaction.count));
        }
    }
}

impl Weighed for Vec<Partial> {
    fn weigh(&self, each: &mut dyn FnMut(&StreamName, u64)) {
        for partial in self {
            each(
                &partial.stream,
                partial.tally.total() + partial.deduplicated,
            );
        }
    }
}

/// A payload that must arrive or be accounted for.
#[derive(Debug)]
pub struct InFlight<T: Weighed> {
    payload: T,
    streams: Arc<Streams>,
}

impl<T: Weighed> InFlight<T> {
    /// Sends a payload on its way.
    pub fn new(payload: T, streams: &Arc<Streams>) -> Self {
        Self {
            payload,
            streams: streams.clone(),
        }
    }

    /// The payload, for whoever holds it back and adds to it.
    pub fn payload(&mut self) -> &mut T {
        &mut self.payload
    }

    /// The payload has reached the next stage, which now answers for it.
    pub fn arrive(mut self) -> T {
        std::mem::take(&mut self.payload)
    }
}

impl<T: Weighed> Drop for InFlight<T> {
    fn drop(&mut self) {
        self.payload
            .weigh(&mut |stream, reactions| self.streams.lost(stream, reactions));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::messages::ReactionsAccepted;
    use crate::domain::{Ledger, Seq, Tally};
    use crate::testkit::{Ground, Probe, reaction, stream};

    fn of(name: &str, count: u32) -> Countable {
        Countable {
            stream: stream(name),
            count,
            ..reaction().into()
        }
    }

    /// Streams `a` and `b`, and what each has lost by now.
    fn directory() -> (Arc<Streams>, impl Fn() -> (u64, u64)) {
        let streams = Arc::new(Streams::new(2));
        let a = streams.open(&stream("a")).unwrap();
        let b = streams.open(&stream("b")).unwrap();
        (streams, move || (a.snapshot().lost, b.snapshot().lost))
    }

    #[test]
    fn what_arrives_is_handed_over_and_not_lost() {
        let (streams, lost) = directory();
        let sent = vec![of("a", 2), of("b", 3)];
        let in_flight = InFlight::new(sent.clone(), &streams);
        assert_eq!(in_flight.arrive(), sent);
        assert_eq!(lost(), (0, 0));
    }

    #[test]
    fn what_is_dropped_is_lost_with_every_copy_in_the_ledger_of_its_stream() {
        let (streams, lost) = directory();
        let sent = vec![of("a", 2), of("b", 3), of("a", 5)];
        drop(InFlight::new(sent, &streams));
        assert_eq!(lost(), (7, 3));
    }

    #[test]
    fn a_partial_weighs_what_it_counted_and_what_it_left_out_as_sent_before() {
        let (streams, lost) = directory();
        let partial = Partial {
            stream: stream("b"),
            seq: Seq(10),
            tally: [(reaction().emoji, 4)].into_iter().collect::<Tally>(),
            late: 1,
            deduplicated: 2,
        };
        drop(InFlight::new(vec![partial], &streams));
        assert_eq!(lost(), (0, 6));
    }

    #[actix::test]
    async fn what_waits_in_a_mailbox_is_lost_when_its_actor_dies() {
        let ground = Ground::new();
        let mut receiver = Probe::deaf(2);
        let batch = InFlight::new(vec![of("main", 1); 5], &ground.streams);
        let sent = receiver.link().try_send(ReactionsAccepted { batch });
        assert!(sent.is_ok());
        assert_eq!(ground.ledger(), Ledger::default());
        receiver.die().await;
        let expected = Ledger {
            lost: 5,
            ..Ledger::default()
        };
        assert_eq!(ground.ledger(), expected);
    }
}
