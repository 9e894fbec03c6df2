//! The session as an actor, in the context of its socket: bytes in at one end, frames out at the other.

use std::rc::Rc;
use std::time::Duration;

use actix_web::FromRequest;
use actix_web::test::TestRequest;
use futures_util::stream::poll_fn;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::actors::board::Board;
use crate::actors::door::Door;
use crate::actors::link::Undelivered;
use crate::actors::messages::{ClusterSeats, Seat, Submit};
use crate::actors::session::{Limited, ReactGate};
use crate::testkit::{
    Desk, Ground, Probe, add_up, arrival, board, deliver, door, door_on_credit, gate, kinds,
    reactions, seats, session_before, settle, shown,
};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

/// A worker with a session or two, and an ingest that answers as told.
struct Worker {
    ground: Ground,
    one: ClusterSeats,
    board: Rc<Board>,
    ingest: Desk<Submit>,
}

impl Worker {
    fn new(ingest: Desk<Submit>) -> Self {
        let (ground, one) = (Ground::new(), seats(1));
        let board = board(&ground, 10, &[&one]);
        deliver(&board, &one, 10..=10);
        Self {
            ground,
            one,
            board,
            ingest,
        }
    }

    async fn socket(&self) -> Socket {
        self.socket_behind(gate(|_, _| Ok(())), None).await
    }

    async fn socket_behind(&self, gate: Rc<dyn ReactGate>, since: Option<u64>) -> Socket {
        let door = door(&self.ground, &self.ingest);
        self.socket_before(door, gate, since).await
    }

    async fn socket_before(
        &self,
        door: Door,
        gate: Rc<dyn ReactGate>,
        since: Option<u64>,
    ) -> Socket {
        let mut socket = self.unread_socket(door, gate, since).await;
        assert_eq!(kinds(&socket.read().await)[0], "hello");
        socket
    }

    async fn unread_socket(
        &self,
        door: Door,
        gate: Rc<dyn ReactGate>,
        since: Option<u64>,
    ) -> Socket {
        let seat = Seat::take(&self.one, None);
        let cursor = Cursor::open(&self.board, seat, arrival(since)).unwrap();
        let session = session_before(&self.ground, cursor.handle(), door, gate);
        let (client, bytes) = mpsc::channel(64);
        let inbound = Guarded::new(payload(bytes).await, cursor.handle());
        let outbound = WebsocketContext::create(session, inbound);
        Socket {
            client: Some(client),
            body: Box::pin(Merged::new(cursor, outbound, self.ground.metrics.clone())),
            has_ended: false,
            total: 0,
        }
    }

    fn deaths(&self) -> u64 {
        let deaths = &self.ground.metrics.actor_deaths;
        deaths.with_label_values(&["session"]).get()
    }
}

/// What a handler is given to read a client's bytes from.
async fn payload(mut bytes: mpsc::Receiver<Bytes>) -> Payload {
    let stream = poll_fn(move |cx| bytes.poll_recv(cx).map(|bytes| bytes.map(Ok)));
    let mut raw: actix_web::dev::Payload = actix_web::dev::Payload::Stream {
        payload: Box::pin(stream),
    };
    let request = TestRequest::default().to_http_request();
    Payload::from_request(&request, &mut raw).await.unwrap()
}

/// Both ends of a session.
struct Socket {
    client: Option<mpsc::Sender<Bytes>>,
    body: Pin<Box<dyn Stream<Item = Result<Bytes, Error>>>>,
    has_ended: bool,
    total: u64,
}

impl Socket {
    /// The client sends bytes.
    fn send(&self, bytes: Vec<u8>) {
        let client = self.client.as_ref().expect("a connected client");
        client.try_send(bytes.into()).expect("room in the socket");
    }

    /// Everything that comes until nobody has anything to do.
    async fn read(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        let mut quiet_rounds = 0;
        while quiet_rounds < 2 && !self.has_ended {
            quiet_rounds += 1;
            while let Poll::Ready(item) = self.poll() {
                let Some(bytes) = item else {
                    self.has_ended = true;
                    break;
                };
                quiet_rounds = 0;
                frames.extend(shown(&bytes.unwrap()));
            }
            settle().await;
        }
        self.total = add_up(self.total, &frames);
        frames
    }

    fn poll(&mut self) -> Poll<Option<Result<Bytes, Error>>> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        self.body.as_mut().poll_next(&mut cx)
    }
}

/// A frame of a client, masked with zeros, of fewer than 126 bytes.
fn frame(opcode: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 126);
    [&[opcode, 0x80 | length, 0, 0, 0, 0], content].concat()
}

fn react(id: &str) -> Vec<u8> {
    let text = json!({"type": "react", "emoji_type": "🔥", "id": id}).to_string();
    frame(TEXT, text.as_bytes())
}

fn ack(id: &str) -> Value {
    json!({"type": "ack", "id": id})
}

const NOTHING: [Value; 0] = [];

// === its promises ===

#[actix::test]
async fn reactions_of_one_packet_are_submitted_and_answered_in_order() {
    let mut worker = Worker::new(Desk::new(|_| Ok(())));
    let mut socket = worker.socket().await;
    socket.send([react("1"), react("2"), react("3")].concat());
    assert_eq!(socket.read().await, [ack("1"), ack("2"), ack("3")]);
    let submitted = worker.ingest.drain();
    assert_eq!(submitted.len(), 3);
    assert_eq!(submitted[0].reactions, reactions(1));
}

#[actix::test]
async fn a_ping_is_answered_and_a_binary_frame_ends_the_session() {
    let worker = Worker::new(Desk::new(|_| Ok(())));
    let mut socket = worker.socket().await;
    socket.send(frame(PING, b""));
    assert_eq!(kinds(&socket.read().await), ["pong"]);
    socket.send(frame(BINARY, b"\0"));
    assert_eq!(kinds(&socket.read().await), ["close 1008"]);
    assert!(socket.has_ended);
}

#[actix::test]
async fn a_client_that_says_goodbye_is_answered_and_its_place_is_free() {
    let worker = Worker::new(Desk::new(|_| Ok(())));
    let mut socket = worker.socket().await;
    socket.send(frame(CLOSE, &1000_u16.to_be_bytes()));
    assert_eq!(kinds(&socket.read().await), ["close 1000"]);
    assert!(socket.has_ended);
    drop(socket);
    assert_eq!(worker.board.subscribers(false).len(), 0);
}

#[actix::test]
async fn a_client_that_is_gone_ends_its_session_without_a_word() {
    let worker = Worker::new(Desk::new(|_| Ok(())));
    let mut socket = worker.socket().await;
    socket.client = None;
    assert_eq!(socket.read().await, NOTHING);
    assert!(socket.has_ended);
}

#[actix::test]
async fn what_came_before_an_oversized_frame_is_answered_first() {
    let mut worker = Worker::new(Desk::new(|_| Ok(())));
    let mut socket = worker.socket().await;
    let announced = [&[TEXT, 0x80 | 126][..], &5_000_u16.to_be_bytes(), &[0; 4]].concat();
    socket.send([react("1"), announced].concat());
    let frames = socket.read().await;
    assert_eq!(frames[0], ack("1"));
    assert_eq!(kinds(&frames[1..]), ["close 1009"]);
    assert!(socket.has_ended);
    assert_eq!(worker.ingest.drain().len(), 1);
}

// === the ingest is full ===

#[actix::test]
async fn one_reaction_is_on_its_way_at_a_time_however_fast_the_client() {
    let mut worker = Worker::new(Desk::busy(|_| Ok(())));
    let mut socket = worker.socket().await;
    socket.send([react("1"), react("2")].concat());
    socket.send(react("3"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(socket.read().await, NOTHING);

    // What waits in the mailbox dies with its owner: that was one of the three.
    worker.ingest.die().await;
    worker.ingest.open();
    worker.ingest.start();
    let frames = socket.read().await;
    assert_eq!(
        (&frames[0]["code"], &frames[0]["id"]),
        (&json!("unavailable"), &json!("1"))
    );
    assert_eq!(frames[1..], [ack("2"), ack("3")]);
    assert_eq!(worker.ingest.drain().len(), 2);
}

#[actix::test]
async fn what_a_client_sends_ahead_waits_in_its_socket_and_not_in_memory() {
    let worker = Worker::new(Desk::busy(|_| Ok(())));
    let mut socket = worker.socket().await;
    for id in 0..20 {
        socket.send(react(&id.to_string()));
    }
    assert_eq!(socket.read().await, NOTHING);
    let client = socket.client.as_ref().unwrap();
    assert_eq!(client.max_capacity() - client.capacity(), 19);
}

#[actix::test]
async fn a_session_waits_behind_a_full_ingest_and_is_sent_windows_meanwhile() {
    let mut worker = Worker::new(Desk::busy(|_| Ok(())));
    let mut socket = worker.socket().await;
    let mut crowd = worker.ingest.link();
    let of_others = || Submit {
        reactions: reactions(2),
    };
    let refused = loop {
        if let Err(refused) = crowd.try_send(of_others()) {
            break refused;
        }
    };
    assert!(matches!(refused, Undelivered::Full(_)));
    socket.send(react("1"));
    deliver(&worker.board, &worker.one, [11]);
    assert_eq!(kinds(&socket.read().await), ["window 11"]);

    worker.ingest.open();
    settle().await;
    assert_eq!(socket.read().await, [ack("1")]);
    let submitted = worker.ingest.drain();
    assert_eq!(
        submitted.last().unwrap().reactions,
        reactions(1),
        "behind the crowd"
    );
    assert!(submitted.len() > 1);
}

#[actix::test]
async fn hello_comes_before_the_answer_to_what_came_with_the_handshake() {
    let worker = Worker::new(Desk::busy(|_| Ok(())));
    let deposits = Probe::new();
    for admits in [true, false] {
        let (door, _) = door_on_credit(&worker.ground, &worker.ingest, &deposits, 10);
        let gate = gate(move |_, _| if admits { Ok(()) } else { Err(Limited) });
        let mut socket = worker.unread_socket(door, gate, None).await;
        socket.send(react("1"));
        let answer = if admits { "ack" } else { "error" };
        assert_eq!(kinds(&socket.read().await), ["hello", answer]);
    }
}

#[actix::test]
async fn a_client_that_sends_without_end_lets_others_have_their_turn() {
    let worker = Worker::new(Desk::busy(|_| Ok(())));
    let mut deposits = Probe::new();
    let (door, _) = door_on_credit(&worker.ground, &worker.ingest, &deposits, 1_000);
    let mut socket = worker.socket_before(door, gate(|_, _| Ok(())), None).await;
    let endless = (0..200).flat_map(|id| react(&id.to_string()));
    socket.send(endless.collect());
    let one_turn_of_its_task = async move {
        let _answer = std::future::poll_fn(|_| Poll::Ready(socket.poll())).await;
        socket
    };
    let mut socket = actix::spawn(one_turn_of_its_task).await.unwrap();
    settle().await;
    let in_one_turn = deposits.drain().len();
    assert!((1..200).contains(&in_one_turn), "{in_one_turn} in a turn");
    socket.read().await;
    settle().await;
    assert_eq!(in_one_turn + deposits.drain().len(), 200, "all of it");
}

// === somebody dies ===

#[actix::test]
async fn a_session_outlives_its_ingest_and_tells_what_was_not_taken() {
    let mut worker = Worker::new(Desk::new(|_| Ok(())));
    let mut socket = worker.socket().await;
    worker.ingest.die().await;
    socket.send(react("1"));
    let frames = socket.read().await;
    assert_eq!(
        (&frames[0]["code"], &frames[0]["id"]),
        (&json!("unavailable"), &json!("1"))
    );
    worker.ingest.start();
    socket.send(react("2"));
    assert_eq!(socket.read().await, [ack("2")]);
}

#[actix::test]
async fn a_panic_ends_its_own_session_alone_and_the_client_comes_back_without_a_loss() {
    let worker = Worker::new(Desk::new(|_| Ok(())));
    let broken = gate(|_, count| -> Result<(), Limited> { panic!("{count} killed it") });
    let mut dies = worker.socket_behind(broken, None).await;
    let mut lives = worker.socket().await;
    dies.send([react("1"), react("2")].concat());
    assert_eq!(dies.read().await, NOTHING);
    assert!(dies.has_ended);
    drop(dies);
    assert_eq!(worker.deaths(), 1);
    assert_eq!(worker.board.subscribers(false).len(), 1);

    deliver(&worker.board, &worker.one, 11..=12);
    lives.send(react("3"));
    let frames = lives.read().await;
    assert!(frames.contains(&ack("3")));
    assert_eq!(lives.total, 12);
    let back = worker.socket_behind(gate(|_, _| Ok(())), Some(10)).await;
    assert_eq!(back.total, 12);
}
