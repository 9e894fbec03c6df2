//! A session's own end of the board: what its socket takes next, when it can take more.
//!
//! Pull, not push: a cursor that is not polled costs nothing, and finds the newest state when it is polled again.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::actors::board::{Arrival, Board, Retired};
use crate::actors::close::Close;
use crate::actors::frames;
use crate::actors::messages::Seat;
use crate::actors::subscriber::{Outlet, Subscriber};
use crate::domain::StreamName;

/// The cursor. Dropping it takes the session off the board.
#[derive(Debug)]
pub struct Cursor {
    board: Rc<Board>,
    subscriber: Rc<Subscriber>,
    said_farewell: bool,
}

/// The part of a cursor that the session's actor holds: it tells, and never reads.
#[derive(Debug, Clone)]
pub struct CursorHandle {
    board: Rc<Board>,
    subscriber: Rc<Subscriber>,
}

impl Cursor {
    /// Seats a session on the board.
    pub fn open(board: &Rc<Board>, seat: Seat, arrival: Arrival) -> Result<Self, Retired> {
        Ok(Self {
            subscriber: board.attach(seat, arrival)?,
            board: board.clone(),
            said_farewell: false,
        })
    }

    /// A handle for the session's actor.
    pub fn handle(&self) -> CursorHandle {
        CursorHandle {
            board: self.board.clone(),
            subscriber: self.subscriber.clone(),
        }
    }

    /// The hub may write windows here.
    pub fn write_to(&self, outlet: Rc<dyn Outlet>) {
        self.subscriber.write_to(outlet);
    }

    /// True once the session is ending by the server's will.
    pub fn is_closing(&self) -> bool {
        self.subscriber.closing().is_some()
    }

    /// The bytes that go to the socket next: notices first, then what was missed, at last the close frame, and then
    /// nothing.
    pub fn poll_frame(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if self.said_farewell {
            return Poll::Ready(None);
        }
        self.subscriber.polled(cx);
        if let Some(notice) = self.subscriber.next_notice() {
            return Poll::Ready(Some(notice));
        }
        if self.may_still_count()
            && let Some(frame) = self.board.next_frame(&self.subscriber)
        {
            return Poll::Ready(Some(frame));
        }
        match self.subscriber.closing() {
            None => Poll::Pending,
            Some(reason) => {
                self.said_farewell = true;
                Poll::Ready(Some(frames::close(reason)))
            }
        }
    }

    /// A session that is sent away by a drain gets its last window before the close frame.
    fn may_still_count(&self) -> bool {
        matches!(self.subscriber.closing(), None | Some(Close::Draining))
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.board.detach(&self.subscriber);
    }
}

impl CursorHandle {
    /// Name of the client.
    pub fn client_id(&self) -> &str {
        &self.subscriber.client_id
    }

    /// The stream that is watched now.
    pub fn stream(&self) -> StreamName {
        self.subscriber.stream()
    }

    /// The peer answered a ping.
    pub fn answered(&self) {
        self.subscriber.answered();
    }

    /// Read nothing more from the peer, and end so when all that came before is answered.
    pub fn turn_deaf(&self, reason: Close) {
        self.subscriber.turn_deaf(reason);
    }

    /// Nothing more comes in: end the session if a frame broke a rule.
    pub fn input_ended(&self) {
        if let Some(reason) = self.subscriber.deaf() {
            self.close(reason);
        }
    }

    /// Watch another stream.
    pub fn subscribe(&self, stream: StreamName) {
        self.board.subscribe(&self.subscriber, stream);
    }

    /// End the session.
    pub fn close(&self, reason: Close) {
        self.board.close(&self.subscriber, reason);
    }

    /// True once the session is ending.
    pub fn is_closing(&self) -> bool {
        self.subscriber.closing().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Ground, Listener, board, deliver, kinds, seats};

    #[actix::test]
    async fn notices_come_first_then_what_was_missed_then_the_farewell_and_then_nothing() {
        let (ground, one, two) = (Ground::new(), seats(1), seats(2));
        let board = board(&ground, 10, &[&one, &two]);
        let mut listener = Listener::join(&board, &one);
        deliver(&board, &one, 10..=11);
        deliver(&board, &two, 10..=11);
        board.move_sessions(one.cluster, std::slice::from_ref(&two));
        listener.handle().close(Close::Draining);
        let frames = kinds(&listener.read());
        assert_eq!(frames, ["hello", "moved", "window 11", "close 1001"]);
        assert_eq!(listener.poll(), Poll::Ready(None));
    }

    #[actix::test]
    async fn a_drain_brings_even_a_session_that_owes_a_pong_up_to_date() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 1_000, &[&one]);
        let mut listener = Listener::join(&board, &one);
        let mut seq = 10;
        loop {
            deliver(&board, &one, seq..=seq);
            let windows = kinds(&listener.read());
            if !windows.contains(&format!("window {seq}")) {
                break;
            }
            seq += 1;
        }
        listener.handle().close(Close::Draining);
        let last = format!("window {seq}");
        assert_eq!(kinds(&listener.read()), [last.as_str(), "close 1001"]);
    }

    #[actix::test]
    async fn nothing_follows_the_farewell() {
        let (ground, one, two) = (Ground::new(), seats(1), seats(2));
        let board = board(&ground, 10, &[&one, &two]);
        let mut listener = Listener::join(&board, &one);
        listener.handle().close(Close::Draining);
        assert_eq!(kinds(&listener.read()), ["hello", "close 1001"]);
        deliver(&board, &one, 10..=10);
        board.move_sessions(one.cluster, &[two]);
        assert_eq!(listener.poll(), Poll::Ready(None));
    }

    #[actix::test]
    async fn a_session_that_broke_a_rule_is_told_no_more_windows() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let mut listener = Listener::join(&board, &one);
        listener.read();
        deliver(&board, &one, 10..=10);
        listener.handle().close(Close::Policy);
        assert_eq!(kinds(&listener.read()), ["close 1008"]);
    }

    #[actix::test]
    async fn a_cursor_that_is_not_polled_finds_the_newest_state_in_one_frame() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 100, &[&one]);
        deliver(&board, &one, 10..=10);
        let mut listener = Listener::join(&board, &one);
        listener.read();
        deliver(&board, &one, 11..=60);
        let frames = listener.read();
        assert_eq!(kinds(&frames), ["window 60"]);
        assert_eq!(
            (frames[0]["span"].as_u64(), listener.total()),
            (Some(50), 60)
        );
    }

    #[actix::test]
    async fn a_cursor_with_nothing_to_say_waits_to_be_woken() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let mut listener = Listener::join(&board, &one);
        listener.read();
        assert!(listener.poll().is_pending());
        assert!(!listener.is_woken());
        deliver(&board, &one, 10..=10);
        assert!(listener.is_woken());
        listener.read();
        listener.handle().close(Close::Overloaded);
        assert!(listener.is_woken());
    }

    #[actix::test]
    async fn the_first_reason_to_end_stands_and_is_counted_once() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let mut listener = Listener::join(&board, &one);
        listener.handle().close(Close::TooBig);
        listener.handle().close(Close::Policy);
        assert!(listener.handle().is_closing());
        assert_eq!(kinds(&listener.read()), ["hello", "close 1009"]);
        let closed = |reason| {
            ground
                .metrics
                .sessions_closed
                .with_label_values(&[reason])
                .get()
        };
        assert_eq!((closed("too_big"), closed("policy")), (1, 0));
    }

    #[actix::test]
    async fn what_a_deaf_session_asked_before_is_answered_before_it_ends() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let mut listener = Listener::join(&board, &one);
        listener.handle().turn_deaf(Close::TooBig);
        deliver(&board, &one, 10..=10);
        assert_eq!(kinds(&listener.read()), ["hello", "window 10"]);
        listener.handle().input_ended();
        assert_eq!(kinds(&listener.read()), ["close 1009"]);
    }

    #[actix::test]
    async fn the_end_of_the_input_alone_is_no_reason_to_end() {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        let listener = Listener::join(&board, &one);
        listener.handle().input_ended();
        assert!(!listener.handle().is_closing());
    }
}
