//! A client at the far end of a cursor: reads what its socket would take, and adds up.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Ground, stream, window_of};
use crate::actors::board::{Arrival, Board, Retired};
use crate::actors::cursor::{Cursor, CursorHandle};
use crate::actors::messages::{ClusterSeats, Seat};
use crate::domain::{Policy, Seq};

/// A worker's board that keeps so many windows per stream, with these clusters on it.
pub(crate) fn board(ground: &Ground, retention: usize, clusters: &[&ClusterSeats]) -> Rc<Board> {
    let metrics = ground.metrics.clone();
    let board = Board::new(
        ground.window,
        retention,
        ground.start(),
        ground.streams.clone(),
        metrics,
    );
    for seats in clusters {
        board.announce(seats.cluster, Policy::default());
    }
    Rc::new(board)
}

/// Delivers windows of the stream `main`, wakes whoever is behind, and says how many that are.
pub(crate) fn deliver(
    board: &Board,
    seats: &ClusterSeats,
    seqs: impl IntoIterator<Item = u64>,
) -> usize {
    let windows: Vec<_> = seqs.into_iter().map(|seq| window_of("main", seq)).collect();
    let behind = board.deliver(seats.cluster, Policy::default(), &windows);
    for place in &behind {
        board.push_next(place, None, usize::MAX);
    }
    behind.iter().map(|place| place.num_sessions).sum()
}

/// Somebody who watches the stream `main`, and has been there up to `since`.
pub(crate) fn arrival(since: Option<u64>) -> Arrival {
    Arrival {
        session: "session".to_owned(),
        client_id: "client".to_owned(),
        stream: stream("main"),
        since: since.map(Seq),
    }
}

/// The client. It reads only when the test says so.
pub(crate) struct Listener {
    cursor: Cursor,
    alarm: Arc<Alarm>,
    total: u64,
}

impl Listener {
    /// Comes to a cluster.
    pub(crate) fn join(board: &Rc<Board>, seats: &ClusterSeats) -> Self {
        Self::arrive(board, seats, arrival(None)).expect("the cluster is there")
    }

    /// Comes to a cluster with a wish.
    pub(crate) fn arrive(
        board: &Rc<Board>,
        seats: &ClusterSeats,
        arrival: Arrival,
    ) -> Result<Self, Retired> {
        Ok(Self {
            cursor: Cursor::open(board, Seat::take(seats, None), arrival)?,
            alarm: Arc::default(),
            total: 0,
        })
    }

    /// What the session's actor would hold.
    pub(crate) fn handle(&self) -> CursorHandle {
        self.cursor.handle()
    }

    /// The next frame, if there is one for the socket; the inner `None` is the end.
    pub(crate) fn poll(&mut self) -> Poll<Option<Bytes>> {
        let waker = Waker::from(self.alarm.clone());
        self.cursor.poll_frame(&Context::from_waker(&waker))
    }

    /// Every frame that is there by now.
    pub(crate) fn read(&mut self) -> Vec<Value> {
        self.alarm.0.store(0, Ordering::Relaxed);
        let mut frames = Vec::new();
        while let Poll::Ready(Some(frame)) = self.poll() {
            frames.extend(shown(&frame));
        }
        self.total = add_up(self.total, &frames);
        frames
    }

    /// What it has added up: the totals it was greeted with, and every frame since.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// True if it was woken since it last read.
    pub(crate) fn is_woken(&self) -> bool {
        self.alarm.0.load(Ordering::Relaxed) > 0
    }
}

#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a client holds that held `before` and was sent these frames.
pub(crate) fn add_up(before: u64, frames: &[Value]) -> u64 {
    frames.iter().fold(before, |held, frame| {
        let counted = frame["total"].as_u64().unwrap_or_default();
        if frame["type"] == "hello" {
            counted
        } else {
            held + counted
        }
    })
}

/// Every frame of the server in these bytes as JSON, also where it has none: a ping is `{"type":"ping"}`, a close frame
/// `{"type":"close","status":1001,"reason":{…}}`.
pub(crate) fn shown(bytes: &[u8]) -> Vec<Value> {
    let mut frames = Vec::new();
    let mut rest = bytes;
    while let [first, length, after @ ..] = rest {
        let (length, after) = match (length, after) {
            (126, [high, low, content @ ..]) => (u16::from_be_bytes([*high, *low]), content),
            (length, content) => (u16::from(*length), content),
        };
        let (content, after) = after.split_at(usize::from(length));
        frames.push(shown_one(first & 0x0f, content));
        rest = after;
    }
    frames
}

fn shown_one(opcode: u8, content: &[u8]) -> Value {
    match (opcode, content) {
        (0x1, text) => serde_json::from_slice(text).unwrap(),
        (0x8, [high, low, reason @ ..]) => json!({
            "type": "close",
            "status": u16::from_be_bytes([*high, *low]),
            "reason": serde_json::from_slice::<Value>(reason).ok(),
        }),
        (0x9, _) => json!({"type": "ping"}),
        (0xa, _) => json!({"type": "pong"}),
        _ => panic!("a server does not send opcode {opcode} with {content:?}"),
    }
}

/// The types of frames, in order; of a window its number too.
pub(crate) fn kinds(frames: &[Value]) -> Vec<String> {
    let kind = |frame: &Value| match (frame["type"].as_str().unwrap(), frame["seq"].as_u64()) {
        ("window", Some(seq)) => format!("window {seq}"),
        ("close", _) => format!("close {}", frame["status"]),
        (kind, _) => kind.to_owned(),
    };
    frames.iter().map(kind).collect()
}
