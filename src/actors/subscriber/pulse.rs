//! Whether a peer reads what it is sent. Nothing in the kernel says so: a frame that a socket has taken may lie unread for
//! hours. So the peer is pinged, and what it owes an answer to it has at least been sent.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// Bytes of windows that may be on their way to a peer that has not yet proved to have read them. What lies in the peer's
/// kernel can't be merged any more, and a ping behind it comes late.
pub(super) const MAX_UNREAD: usize = 32 * 1024;

/// How the hub watches its sessions.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// Silence after which a session is stalled.
    pub stall_timeout: Duration,
    /// Silence after which a session without traffic is asked for a sign.
    pub ping_interval: Duration,
}

/// What to do about a session's silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Fine,
    /// Nothing yet: it is stalled if that passes without a sign.
    Waiting(Duration),
    /// Ask for a sign.
    Ping,
    /// End it.
    Stalled,
}

/// The signs that one peer gives.
#[derive(Debug)]
pub(super) struct Pulse {
    /// When the peer last proved that it reads: by answering a ping, or by making room in a blocked socket. At first when
    /// it came.
    heard: Cell<Instant>,
    has_proved: Cell<bool>,
    /// When the ping was sent that is not answered yet.
    pinged: Cell<Option<Instant>>,
    /// Bytes of windows since the last ping.
    unread: Cell<usize>,
}

impl Pulse {
    /// Of a peer that has just come.
    pub(super) fn new() -> Self {
        Self {
            heard: Cell::new(Instant::now()),
            has_proved: Cell::new(false),
            pinged: Cell::new(None),
            unread: Cell::new(0),
        }
    }

    /// True if another window may be sent: not while a ping is unanswered and half of what may be unread lies behind it.
    pub(super) fn keeps_up(&self) -> bool {
        self.pinged.get().is_none() || self.unread.get() < MAX_UNREAD / 2
    }

    /// So many bytes of windows were sent. True if a ping has to follow.
    pub(super) fn sent(&self, bytes: usize) -> bool {
        self.unread.set(self.unread.get() + bytes);
        self.unread.get() >= MAX_UNREAD / 2
    }

    /// A ping is to be sent. False if one is unanswered as it is.
    pub(super) fn ping(&self) -> bool {
        let is_new = self.pinged.get().is_none();
        if is_new {
            self.pinged.set(Some(Instant::now()));
            self.unread.set(0);
        }
        is_new
    }

    /// The ping is answered, if there was one: what was sent before it has been read. False if there was none.
    pub(super) fn answered(&self) -> bool {
        self.prove();
        self.pinged.take().is_some()
    }

    /// The peer has read something.
    pub(super) fn prove(&self) {
        self.heard.set(Instant::now());
        self.has_proved.set(true);
    }

    /// Judges the silence. A session is stalled only if it left a ping unanswered: silence alone may be peace. It may have
    /// read until that ping, and has all of the time-out from there. Only whoever left the very first one unanswered, soon
    /// after coming, has it from the coming: nothing says that it has ever read.
    ///
    /// While windows flow, a ping goes out after half of the time-out, and the first one sooner; without traffic,
    /// `ping_interval` keeps middleboxes awake and finds the dead.
    pub(super) fn judge(&self, now: Instant, watch: Watch) -> Verdict {
        let heard = self.heard.get();
        if let Some(pinged) = self.pinged.get() {
            let is_new = !self.has_proved.get() && pinged - heard <= watch.stall_timeout / 2;
            let since = if is_new { heard } else { pinged.max(heard) };
            let end = since + watch.stall_timeout;
            return match end.checked_duration_since(now) {
                Some(rest) if !rest.is_zero() => Verdict::Waiting(rest),
                _ => Verdict::Stalled,
            };
        }
        let silent = now - heard;
        let patience = watch.stall_timeout / if self.has_proved.get() { 2 } else { 5 };
        let is_due = self.unread.get() > 0 && silent >= patience;
        if is_due || silent >= watch.ping_interval {
            Verdict::Ping
        } else {
            Verdict::Fine
        }
    }
}
