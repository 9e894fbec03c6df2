//! What sessions read: the frame that takes a cursor from where it stands to where its cluster has delivered.

use std::ops::Bound::{Excluded, Unbounded};

use bytes::Bytes;

use super::ring::{Head, Ring};
use super::shelf::{Shelf, Shelved};
use super::{Board, Place};
use crate::actors::close::Close;
use crate::actors::frames;
use crate::actors::subscriber::Subscriber;
use crate::domain::{History, Seq};

impl Board {
    /// The frame that brings a session up to date, and marks it as seen. `None` if it is.
    pub fn next_frame(&self, subscriber: &Subscriber) -> Option<Bytes> {
        let mut rings = self.rings.borrow_mut();
        let Ring { history, heads } = rings.get_mut(&subscriber.stream())?;
        let head = heads.get_mut(&subscriber.cluster())?;
        self.frame_of(history, head.seq, &mut head.shelf, subscriber)
            .cloned()
    }

    /// The frame from where a session stands to `seq`, and marks it as seen. `None` if there is none, or it may not have it.
    fn frame_of<'a>(
        &self,
        history: &History,
        seq: Seq,
        shelf: &'a mut Shelf,
        subscriber: &Subscriber,
    ) -> Option<&'a Bytes> {
        let seen = subscriber.seen();
        if seq <= seen || !subscriber.keeps_up() {
            return None;
        }
        let shelved = shelf.take(seen, || self.encode(history, seen, seq, subscriber));
        let Some(Shelved { frame, sent }) = shelved else {
            self.close(subscriber, Close::Stalled);
            return None;
        };
        sent.inc();
        subscriber.advance(seq, frame.len());
        Some(frame)
    }

    /// None where the ring does not reach back so far.
    fn encode(
        &self,
        history: &History,
        seen: Seq,
        seq: Seq,
        subscriber: &Subscriber,
    ) -> Option<Shelved> {
        let span = history.span(seen, seq)?;
        let (stream, cluster) = (subscriber.stream(), subscriber.cluster());
        let policy = self.clusters.borrow().get(&cluster).copied();
        let policy = policy.unwrap_or_default();
        let viewers = self.audience.viewers(&stream);
        let kind = if span.windows > 1 { "merged" } else { "single" };
        Some(Shelved {
            frame: frames::window(&stream, cluster, &policy, self.window, &span, viewers),
            sent: self.metrics.frames.with_label_values(&[kind]),
        })
    }

    /// Hands what they are behind by to the next `num` sessions of a place, in the order of their numbers. Returns the
    /// last one's number, to go on after; none if there is nobody more.
    pub fn push_next(&self, place: &Place, after: Option<u64>, num: usize) -> Option<u64> {
        let mut rings = self.rings.borrow_mut();
        let Ring { history, heads } = rings.get_mut(&place.stream)?;
        let Head {
            seq,
            shelf,
            subscribers,
        } = heads.get_mut(&place.cluster)?;
        let rest = (after.map_or(Unbounded, Excluded), Unbounded);
        let mut last = None;
        for (key, subscriber) in subscribers.range(rest).take(num) {
            last = Some(*key);
            self.push(history, *seq, shelf, subscriber);
        }
        last
    }

    /// Into its socket where that is free, else by waking it.
    fn push(&self, history: &History, seq: Seq, shelf: &mut Shelf, subscriber: &Subscriber) {
        let Some(outlet) = subscriber.free_outlet() else {
            return subscriber.wake();
        };
        if let Some(frame) = self.frame_of(history, seq, shelf, subscriber)
            && !outlet.send(frame)
        {
            subscriber.wake();
        }
    }
}
