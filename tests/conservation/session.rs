//! One subscriber's WebSocket, read as fast or as slowly as its owner likes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::account::{Account, number, text};
use super::plan::React;

/// Longer than any window and any move takes, shorter than the test may.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Session {
    socket: WebSocketStream<TcpStream>,
    pub(crate) account: Account,
    pub(crate) recovered: bool,
    /// The clusters it was moved to, in order.
    pub(crate) moves: Vec<u64>,
    /// Reacts that are not answered yet, with the answer each deserves.
    unanswered: HashMap<String, &'static str>,
}

impl Session {
    /// Connects with `query`; `receive_buffer` is SO_RCVBUF in bytes, set before the handshake.
    pub(crate) async fn open(
        address: SocketAddr,
        query: &str,
        receive_buffer: Option<u32>,
    ) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).expect("SO_RCVBUF");
        }
        let stream = socket.connect(address).await.expect("the server accepts");
        let url = format!("ws://{address}/ws?{query}");
        let (mut socket, _) = timeout(READ_TIMEOUT, client_async(&url, stream))
            .await
            .expect("an answer to the handshake")
            .unwrap_or_else(|error| panic!("handshake {url}: {error}"));
        let hello = next_message(&mut socket).await;
        Self {
            socket,
            account: Account::open(&hello),
            recovered: hello["recovered"].as_bool().expect("hello.recovered"),
            moves: Vec::new(),
            unanswered: HashMap::new(),
        }
    }

    /// Reads all that comes until `until` is over.
    pub(crate) async fn watch(&mut self, until: impl Future<Output = ()>) {
        let mut until = pin!(until);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return,
                message = next_message(&mut self.socket) => self.take(&message),
            }
        }
    }

    /// Reads until the window `seq` is in the account.
    pub(crate) async fn read_through(&mut self, seq: u64) {
        while self.account.seq < seq {
            let message = next_message(&mut self.socket).await;
            self.take(&message);
        }
    }

    /// Reads through the next window frame, and says how many windows it summed.
    pub(crate) async fn next_span(&mut self) -> u64 {
        let before = self.account.seq;
        while self.account.seq == before {
            let message = next_message(&mut self.socket).await;
            self.take(&message);
        }
        self.account.seq - before
    }

    pub(crate) async fn react(&mut self, react: &React) {
        let answer = if react.accepted { "ack" } else { "error" };
        self.unanswered.insert(react.id.clone(), answer);
        let sent = self.socket.send(Message::text(react.frame.as_str())).await;
        sent.expect("the session stays open");
    }

    /// Reads until every react has its answer.
    pub(crate) async fn await_answers(&mut self) {
        while !self.unanswered.is_empty() {
            let message = next_message(&mut self.socket).await;
            self.take(&message);
        }
    }

    /// Closes the WebSocket in good order.
    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.expect("a close frame sent");
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(READ_TIMEOUT, rest)
            .await
            .expect("an answer to the close");
    }

    fn take(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("window") => self.account.add(message),
            Some("moved") => {
                self.account.cluster = number(message, "cluster");
                self.moves.push(self.account.cluster);
            }
            Some(answer @ ("ack" | "error")) => {
                let deserved = self.unanswered.remove(&text(message, "id"));
                assert_eq!(Some(answer), deserved, "{message}");
            }
            _ => panic!("a message of no known type: {message}"),
        }
    }
}

/// The next text message; a session of this test is never ended by the server.
async fn next_message(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        let message = timeout(READ_TIMEOUT, socket.next()).await;
        match message.expect("windows keep coming") {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).expect("a JSON message");
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            end => panic!("the server ended a session: {end:?}"),
        }
    }
}
