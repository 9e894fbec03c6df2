//! A sender's end of an edge: an address that outlives the actor behind it.
//!
//! actix closes an address for good when its actor dies. A supervised actor therefore sits in a [`Slot`], and whoever
//! sends to it holds a [`Link`], which finds the address of the life that is on. Each sender keeps one address for
//! itself, because every fresh clone of an actix address is worth one extra place in the mailbox.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix::dev::ToEnvelope;
use actix::prelude::SendError;
use actix::{Actor, Addr, Handler, Message, Recipient};

/// Where a supervised actor can be found, in whichever life it is.
#[derive(Debug)]
pub struct Slot<A: Actor> {
    /// Counts lives; 0 before the first.
    life: AtomicU64,
    address: RwLock<Option<Addr<A>>>,
}

impl<A: Actor> Default for Slot<A> {
    fn default() -> Self {
        Self {
            life: AtomicU64::new(0),
            address: RwLock::new(None),
        }
    }
}

impl<A: Actor> Slot<A> {
    /// A new life has begun.
    pub fn fill(&self, address: Addr<A>) {
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
        self.life.fetch_add(1, Ordering::Release);
    }

    /// The life is over; senders keep what they have until the next one.
    pub fn clear(&self) {
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A sender's end for one type of message.
    pub fn link<M>(self: &Arc<Self>) -> Link<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        Link {
            source: self.clone(),
            held: None,
        }
    }
}

/// Tells whether an actor is alive, whatever its type.
pub trait Alive: Send + Sync {
    /// True while a life is on.
    fn is_alive(&self) -> bool;
}

impl<A: Actor> Alive for Slot<A> {
    fn is_alive(&self) -> bool {
        let address = self.address.read().unwrap_or_else(PoisonError::into_inner);
        address.as_ref().is_some_and(Addr::connected)
    }
}

/// Why a message came back, with the message.
#[derive(Debug)]
pub enum Undelivered<M> {
    /// The mailbox is full: the receiver is behind.
    Full(M),
    /// Nobody is there now: the receiver is being rebuilt.
    Gone(M),
}

impl<M> Undelivered<M> {
    /// The message that came back.
    pub fn into_message(self) -> M {
        match self {
            Self::Full(message) | Self::Gone(message) => message,
        }
    }
}

/// The receiver of a request ended before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stage is being restarted")]
pub struct Gone;

trait Source<M: Message + Send>: Send + Sync
where
    M::Result: Send,
{
    fn life(&self) -> u64;
    fn recipient(&self) -> Option<Recipient<M>>;
}

impl<A, M> Source<M> for Slot<A>
where
    M: Message + Send + 'static,
    M::Result: Send,
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
{
    fn life(&self) -> u64 {
        self.life.load(Ordering::Acquire)
    }

    fn recipient(&self) -> Option<Recipient<M>> {
        let address = self.address.read().unwrap_or_else(PoisonError::into_inner);
        address.clone().map(Addr::recipient)
    }
}

/// A sender's end of an edge. Clone it for another sender.
pub struct Link<M: Message + Send + 'static>
where
    M::Result: Send,
{
    source: Arc<dyn Source<M>>,
    held: Option<(u64, Recipient<M>)>,
}

impl<M: Message + Send + 'static> std::fmt::Debug for Link<M>
where
    M::Result: Send,
{
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Link").finish_non_exhaustive()
    }
}

impl<M: Message + Send + 'static> Clone for Link<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            held: None,
        }
    }
}

impl<M: Message + Send + 'static> Link<M>
where
    M::Result: Send,
{
    /// Which life of the receiver is on; 0 before the first. A change tells that what it knew is gone.
    pub fn life(&self) -> u64 {
        self.source.life()
    }

    /// Puts the message into the mailbox if there is room; gives it back otherwise.
    pub fn try_send(&mut self, message: M) -> Result<(), Undelivered<M>> {
        let Some(recipient) = self.current() else {
            return Err(Undelivered::Gone(message));
        };
        recipient.try_send(message).map_err(|error| match error {
            SendError::Full(message) => Undelivered::Full(message),
            SendError::Closed(message) => Undelivered::Gone(message),
        })
    }

    /// Asks and waits for the answer, also for a place in the mailbox.
    pub async fn ask(&self, message: M) -> Result<M::Result, Gone> {
        let recipient = self.source.recipient().ok_or(Gone)?;
        recipient.send(message).await.map_err(|_| Gone)
    }

    /// The same on the address that this sender keeps.
    pub fn ask_held(
        &mut self,
        message: M,
    ) -> impl Future<Output = Result<M::Result, Gone>> + use<M> {
        let asked = self.current().map(|recipient| recipient.send(message));
        async move { asked.ok_or(Gone)?.await.map_err(|_| Gone) }
    }

    fn current(&mut self) -> Option<&Recipient<M>> {
        let life = self.source.life();
        if self.held.as_ref().is_none_or(|(held, _)| *held != life) {
            self.held = self.source.recipient().map(|recipient| (life, recipient));
        }
        self.held.as_ref().map(|(_, recipient)| recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Ground, Probe, settle};

    #[derive(Debug, PartialEq, Message)]
    #[rtype(result = "usize")]
    struct Note(u64);

    /// Sends until the mailbox is full; tells how many found room.
    fn fill(link: &mut Link<Note>) -> usize {
        (0..100)
            .take_while(|number| link.try_send(Note(*number)).is_ok())
            .count()
    }

    #[actix::test]
    async fn a_message_to_nobody_comes_back_until_the_first_life() {
        let mut receiver = Probe::absent();
        let mut link = receiver.link();
        assert_eq!(link.life(), 0);
        let undelivered = link.try_send(Note(1)).unwrap_err();
        assert!(matches!(undelivered, Undelivered::Gone(Note(1))));
        assert_eq!(link.ask(Note(2)).await, Err(Gone));

        receiver.start();
        assert_eq!(link.life(), 1);
        assert!(link.try_send(Note(3)).is_ok());
        assert_eq!(receiver.next().await, Note(3));
    }

    #[actix::test]
    async fn a_link_outlives_its_receiver_and_finds_the_next_life() {
        let mut receiver = Probe::new();
        let mut link = receiver.link();
        assert!(link.try_send(Note(1)).is_ok());
        assert_eq!(receiver.next().await, Note(1));

        receiver.die().await;
        let undelivered = link.try_send(Note(2)).unwrap_err();
        assert!(matches!(undelivered, Undelivered::Gone(Note(2))));
        assert_eq!(link.ask(Note(3)).await, Err(Gone));
        assert_eq!(link.life(), 1, "the next life has not begun");

        receiver.start();
        assert_eq!(link.life(), 2);
        assert_eq!(link.ask(Note(4)).await, Ok(0));
        assert!(link.try_send(undelivered.into_message()).is_ok());
        assert_eq!(receiver.next().await, Note(4));
        assert_eq!(receiver.next().await, Note(2));
    }

    #[actix::test]
    async fn a_full_mailbox_gives_the_message_back_and_takes_it_once_there_is_room() {
        let _ground = Ground::new();
        let mut receiver = Probe::deaf(2);
        let mut link = receiver.link();
        assert!(link.try_send(Note(1)).is_ok());
        assert!(link.try_send(Note(2)).is_ok());
        let undelivered = link.try_send(Note(3)).unwrap_err();
        assert!(matches!(undelivered, Undelivered::Full(Note(3))));

        receiver.hear();
        settle().await;
        assert!(link.try_send(undelivered.into_message()).is_ok());
        settle().await;
        assert_eq!(receiver.drain(), [Note(1), Note(2), Note(3)]);
    }

    #[actix::test]
    async fn a_sender_has_one_place_beyond_the_mailbox_however_often_it_sends() {
        let receiver = Probe::deaf(3);
        let mut first = receiver.link();
        assert_eq!(fill(&mut first), 3);
        assert_eq!(fill(&mut first), 0);
        let mut second = first.clone();
        assert_eq!(fill(&mut second), 1);
        assert_eq!(fill(&mut second), 0);
    }

    #[actix::test]
    async fn an_ask_waits_for_a_place_and_for_the_answer() {
        let _ground = Ground::new();
        let receiver = Probe::deaf(1);
        let mut link = receiver.link();
        assert_eq!(fill(&mut link), 1);
        let answer = actix::spawn(async move { link.ask(Note(7)).await });
        settle().await;
        assert!(!answer.is_finished());
        receiver.hear();
        assert_eq!(answer.await.unwrap(), Ok(0));
    }

    #[actix::test]
    async fn an_ask_whose_receiver_dies_is_told_so() {
        let _ground = Ground::new();
        let mut receiver = Probe::deaf(1);
        let link = receiver.link();
        let answer = actix::spawn(async move { link.ask(Note(7)).await });
        settle().await;
        assert!(!answer.is_finished());
        receiver.die().await;
        assert_eq!(answer.await.unwrap(), Err(Gone));
    }

    #[actix::test]
    async fn a_slot_is_alive_while_a_life_is_on() {
        struct Idle;

        impl Actor for Idle {
            type Context = actix::Context<Self>;
        }

        let slot = Slot::default();
        assert!(!slot.is_alive());
        slot.fill(Idle.start());
        assert!(slot.is_alive());
        slot.clear();
        assert!(!slot.is_alive());
    }
}
