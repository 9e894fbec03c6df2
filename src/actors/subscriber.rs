//! What a hub knows of one session: where its cursor stands, what it must be told, and when it was last heard.
//!
//! A subscriber is shared by the hub and the session's own cursor on one thread. It owns no queue of windows, only
//! `seen`: what it has missed is a subtraction.

mod pulse;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use self::pulse::Pulse;
pub use self::pulse::{Verdict, Watch};
use crate::actors::close::Close;
use crate::actors::frames;
use crate::actors::messages::{ClusterSeats, Seat};
use crate::domain::{ClusterId, Seq, StreamName};

/// A socket that takes this long to become writable after it was woken was blocked until its peer read.
const BLOCKED_AFTER: Duration = Duration::from_millis(500);

/// A session's socket, to which its hub writes windows. A hub wakes a crowd, and of a delivery's time a task that is woken,
/// polls everything it listens to, writes, and polls again takes a third.
pub trait Outlet {
    /// Whether everything said before has been taken, so that a frame may follow.
    fn is_free(&self) -> bool;
    /// Sends a frame. False if the socket has not taken all of it: the session's task, woken, sends the rest.
    fn send(&self, frame: &Bytes) -> bool;
}

/// One session, as its hub sees it.
pub struct Subscriber {
    /// Its number in this hub.
    pub key: u64,
    /// Its name, for the client and the log.
    pub session: String,
    /// Whose session.
    pub client_id: String,
    stream: RefCell<StreamName>,
    seat: RefCell<Seat>,
    seen: Cell<Seq>,
    /// Whether it was told that windows cannot come.
    interrupted: Cell<bool>,
    /// Hello, status, moved and ping frames that wait to be sent; each is put here once per event of the session's own.
    notices: RefCell<VecDeque<Bytes>>,
    close: Cell<Option<Close>>,
    /// Why nothing more is read from the peer, once a frame broke a rule.
    deaf: Cell<Option<Close>>,
    waker: RefCell<Option<Waker>>,
    /// None while all its frames are taken by its task.
    outlet: OnceCell<Rc<dyn Outlet>>,
    /// Since when it has been woken and not polled.
    woken: Cell<Option<Instant>>,
    pulse: Pulse,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscriber")
            .field("session", &self.session)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Subscriber {
    /// A session that has just come.
    pub fn new(
        key: u64,
        session: String,
        client_id: String,
        stream: StreamName,
        seat: Seat,
        seen: Seq,
    ) -> Self {
        Self {
            key,
            session,
            client_id,
            stream: RefCell::new(stream),
            seat: RefCell::new(seat),
            seen: Cell::new(seen),
            interrupted: Cell::new(false),
            notices: RefCell::default(),
            close: Cell::new(None),
            deaf: Cell::new(None),
            waker: RefCell::new(None),
            outlet: OnceCell::new(),
            woken: Cell::new(None),
            pulse: Pulse::new(),
        }
    }

    /// The stream it watches.
    pub fn stream(&self) -> StreamName {
        self.stream.borrow().clone()
    }

    /// The cluster it sits in.
    pub fn cluster(&self) -> ClusterId {
        self.seat.borrow().cluster()
    }

    /// The last window it was sent.
    pub fn seen(&self) -> Seq {
        self.seen.get()
    }

    /// It watches another stream from now on, standing at `seen`.
    pub fn watch(&self, stream: StreamName, seen: Seq) {
        *self.stream.borrow_mut() = stream;
        self.seen.set(seen);
    }

    /// It sits in another cluster from now on, and is told.
    pub fn change_seat(&self, to: &ClusterSeats) {
        self.seat.borrow_mut().change(to);
        self.notify(frames::moved(to.cluster));
    }

    /// True if it may be handed another window, as far as it has proved to read. A last one it may always have.
    pub fn keeps_up(&self) -> bool {
        self.close.get().is_some() || self.pulse.keeps_up()
    }

    /// True if it cannot be handed a window now, as it has not read what came before.
    pub fn is_held_up(&self) -> bool {
        let is_full = self.outlet.get().is_none_or(|outlet| !outlet.is_free());
        is_full || !self.keeps_up()
    }

    /// It has been handed everything through `seq`, in a frame of so many bytes.
    pub fn advance(&self, seq: Seq, frame_bytes: usize) {
        self.seen.set(seq);
        if self.pulse.sent(frame_bytes) {
            self.ping();
        }
    }

    /// Says whether windows can come, if that is not what it was told last.
    pub fn tell_delivery(&self, interrupted: bool) {
        if self.interrupted.replace(interrupted) != interrupted {
            self.notify(frames::delivery(interrupted));
        }
    }

    /// Puts a notice before the next window.
    pub fn notify(&self, frame: Bytes) {
        self.notices.borrow_mut().push_back(frame);
        self.wake();
    }

    /// The next notice.
    pub fn next_notice(&self) -> Option<Bytes> {
        self.notices.borrow_mut().pop_front()
    }

    /// Asks the peer for a sign that it reads, unless it has been asked.
    pub fn ping(&self) {
        if self.pulse.ping() {
            self.notify(frames::ping());
        }
    }

    /// Ends the session; the first reason stands. True if this was the first.
    pub fn close(&self, reason: Close) -> bool {
        let first = self.close.get().is_none();
        if first {
            self.close.set(Some(reason));
            self.wake();
        }
        first
    }

    /// Why it is ending, if it is.
    pub fn closing(&self) -> Option<Close> {
        self.close.get()
    }

    /// Nothing more is read from the peer; the session ends so when all that came before is answered.
    pub fn turn_deaf(&self, reason: Close) {
        self.deaf.set(Some(reason));
    }

    /// Why nothing more is read, if so.
    pub fn deaf(&self) -> Option<Close> {
        self.deaf.get()
    }

    /// The peer has answered a ping, so it has read everything before it.
    pub fn answered(&self) {
        if self.pulse.answered() {
            self.wake();
        }
    }

    /// The socket can take more.
    pub fn polled(&self, cx: &Context<'_>) {
        if let Some(woken) = self.woken.take()
            && woken.elapsed() >= BLOCKED_AFTER
        {
            self.pulse.prove();
        }
        let mut waker = self.waker.borrow_mut();
        if waker
            .as_ref()
            .is_none_or(|held| !held.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
    }

    /// There is something to send.
    pub fn wake(&self) {
        if self.woken.get().is_none() {
            self.woken.set(Some(Instant::now()));
        }
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Windows may be written here from now on; the first one stands.
    pub fn write_to(&self, outlet: Rc<dyn Outlet>) {
        let _ = self.outlet.set(outlet);
    }

    /// Where a window may be written now: nothing is to be said before it, and nothing waits in the socket.
    pub fn free_outlet(&self) -> Option<&dyn Outlet> {
        let outlet = self.outlet.get().filter(|outlet| outlet.is_free())?;
        let is_at_peace = self.notices.borrow().is_empty() && self.close.get().is_none();
        is_at_peace.then_some(outlet.as_ref())
    }

    /// Judges the silence of its peer.
    pub fn judge(&self, now: Instant, watch: Watch) -> Verdict {
        self.pulse.judge(now, watch)
    }
}

#[cfg(test)]
mod tests {
    use super::pulse::MAX_UNREAD;
    use super::*;
    use crate::testkit::seats;

    const WATCH: Watch = Watch {
        stall_timeout: Duration::from_secs(15),
        ping_interval: Duration::from_secs(25),
    };

    fn subscriber() -> Subscriber {
        let seat = Seat::take(&seats(1), None);
        Subscriber::new(1, "s".into(), "c".into(), StreamName::main(), seat, Seq(1))
    }

    fn waiting(seconds: u64) -> Verdict {
        Verdict::Waiting(Duration::from_secs(seconds))
    }

    async fn after(subscriber: &Subscriber, seconds: u64) -> Verdict {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        subscriber.judge(Instant::now(), WATCH)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_windows_and_answers_pings_is_fine() {
        let subscriber = subscriber();
        for seq in 2..20 {
            subscriber.advance(Seq(seq), 200);
            assert_eq!(after(&subscriber, 8).await, Verdict::Ping);
            subscriber.ping();
            subscriber.answered();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_sent_windows_and_never_answers_is_stalled_in_time() {
        let subscriber = subscriber();
        subscriber.advance(Seq(2), 200);
        assert_eq!(after(&subscriber, 2).await, Verdict::Fine);
        assert_eq!(after(&subscriber, 1).await, Verdict::Ping);
        subscriber.ping();
        assert_eq!(after(&subscriber, 11).await, waiting(1));
        assert_eq!(after(&subscriber, 1).await, Verdict::Stalled);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_read_may_be_silent_for_the_whole_time_out() {
        let subscriber = subscriber();
        subscriber.advance(Seq(2), 200);
        subscriber.ping();
        subscriber.answered();
        subscriber.advance(Seq(3), 200);
        assert_eq!(after(&subscriber, 7).await, Verdict::Fine);
        // It may have read until now.
        assert_eq!(after(&subscriber, 1).await, Verdict::Ping);
        subscriber.ping();
        assert_eq!(after(&subscriber, 14).await, waiting(1));
        assert_eq!(after(&subscriber, 1).await, Verdict::Stalled);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_whose_first_window_comes_late_may_have_read_until_its_ping() {
        let subscriber = subscriber();
        assert_eq!(after(&subscriber, 20).await, Verdict::Fine);
        subscriber.advance(Seq(2), 200);
        assert_eq!(after(&subscriber, 1).await, Verdict::Ping);
        subscriber.ping();
        assert_eq!(after(&subscriber, 14).await, waiting(1));
        assert_eq!(after(&subscriber, 1).await, Verdict::Stalled);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_session_is_asked_for_a_sign_only_every_ping_interval() {
        let subscriber = subscriber();
        assert_eq!(after(&subscriber, 24).await, Verdict::Fine);
        assert_eq!(after(&subscriber, 1).await, Verdict::Ping);
        subscriber.ping();
        assert_eq!(after(&subscriber, 14).await, waiting(1));
        assert_eq!(after(&subscriber, 1).await, Verdict::Stalled);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_sent_no_more_than_it_proves_to_read() {
        let subscriber = subscriber();
        let mut seq = 2;
        let mut sent = 0;
        while subscriber.keeps_up() {
            subscriber.advance(Seq(seq), 1_000);
            seq += 1;
            sent += 1_000;
        }
        assert!(
            (MAX_UNREAD..MAX_UNREAD + 2_000).contains(&sent),
            "{sent} bytes"
        );
        subscriber.answered();
        assert!(subscriber.keeps_up());
    }

    #[tokio::test(start_paused = true)]
    async fn room_in_a_blocked_socket_proves_that_the_peer_reads() {
        let subscriber = subscriber();
        subscriber.advance(Seq(2), 200);
        subscriber.ping();
        subscriber.wake();
        tokio::time::sleep(Duration::from_secs(14)).await;
        subscriber.polled(&Context::from_waker(Waker::noop()));
        assert_eq!(after(&subscriber, 14).await, waiting(1));
    }
}
