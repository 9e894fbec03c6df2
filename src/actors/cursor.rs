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
use crate::actors::subscriber::Subscriber;
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

    /// True once the session is ending by the server's will.
    pub fn is_closing(&self) -> bool {
        self.subscriber.closing().is_some()
    }

    /// The bytes that go to the socket next: notices first, then what was missed, at last the close frame, and then
    /// nothing.
    pub fn poll_frame(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
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
            Some(_) if self.said_farewell => Poll::Ready(None),
            Some(reason) => {
                self.said_farewell = true;
                Poll::Ready(Some(frames::close(reason)))
            }
        }
    }

    /// A session that is sent away by a drain gets its last window before the close frame.
    fn may_still_count(&self) -> bool {
        matches!(self.subscriber.closing(), None | Some(Close::Draining)) && !self.said_farewell
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
