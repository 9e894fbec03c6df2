//! Those who do nothing wrong while others do: one watches, two send. Nothing of what happens
//! around them may reach them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::account::Account;
use super::support::Server;
use super::values::STREAM;

pub(crate) const POSTED: &str = "🎉";
pub(crate) const REACTED: &str = "👏";

const PACE: Duration = Duration::from_millis(10);
/// What a good client puts up with before it would call the service slow.
const PATIENCE: Duration = Duration::from_secs(8);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a good sender can say in the end.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) accepted: u64,
    pub(crate) slowest: Duration,
}

/// Posts one reaction after the other until `over`.
pub(crate) async fn post(server: Arc<Server>, over: watch::Receiver<bool>) -> Sent {
    let mut sent = Sent {
        accepted: 0,
        slowest: Duration::ZERO,
    };
    while !*over.borrow() {
        let start = Instant::now();
        timeout(PATIENCE, post_one(&server))
            .await
            .expect("an answer in time");
        sent.count(start);
        sleep(PACE).await;
    }
    sent
}

pub(crate) async fn post_one(server: &Server) {
    let reaction = json!({"user_id": "alice", "emoji_type": POSTED, "stream": STREAM,
        "timestamp": "2026-06-01T20:15:00Z"});
    let post = server.http.post(server.url("/emoji")).json(&reaction);
    assert_eq!(server.send(post).await, (200, json!({"status": "success"})));
}

/// Reacts again and again on one WebSocket until `over`.
pub(crate) async fn react(server: Arc<Server>, over: watch::Receiver<bool>) -> Sent {
    let (mut socket, _) = open(&server).await;
    let mut sent = Sent {
        accepted: 0,
        slowest: Duration::ZERO,
    };
    while !*over.borrow() {
        let start = Instant::now();
        let id = format!("good-{}", sent.accepted);
        let react = json!({"type": "react", "emoji_type": REACTED, "id": id}).to_string();
        socket
            .send(Message::text(react))
            .await
            .expect("an open connection");
        let answer = loop {
            let message = next(&mut socket).await;
            if message["type"] != "window" {
                break message;
            }
        };
        assert_eq!(answer, json!({"type": "ack", "id": id}));
        sent.count(start);
        sleep(PACE).await;
    }
    sent
}

/// Adds up until the window that `last_seq` names, whenever it does.
pub(crate) async fn watch(server: Arc<Server>, mut last_seq: watch::Receiver<u64>) -> Account {
    let (mut socket, mut account) = open(&server).await;
    let mut last = 0;
    while last == 0 || account.seq < last {
        tokio::select! {
            message = next(&mut socket) => account.add(&message),
            changed = last_seq.changed(), if last == 0 => {
                changed.expect("the test goes on");
                last = *last_seq.borrow();
            }
        }
    }
    account
}

impl Sent {
    fn count(&mut self, start: Instant) {
        self.accepted += 1;
        self.slowest = self.slowest.max(start.elapsed());
    }
}

async fn open(server: &Server) -> (Socket, Account) {
    let url = format!("ws://{}/ws?stream={STREAM}", server.addresses[1]);
    let (mut socket, _) = connect_async(url).await.expect("a handshake");
    let account = Account::open(&next(&mut socket).await);
    (socket, account)
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(PATIENCE, socket.next()).await;
        match message.expect("windows keep coming") {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).expect("a JSON message");
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            end => panic!("a good client was cut off: {end:?}"),
        }
    }
}
