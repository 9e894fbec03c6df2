//! A subscriber that adds up what it is sent, and fails on the first frame that does not fit.

use std::collections::BTreeMap;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::frames::{Closed, Frame, Hello, Message};
use super::wait::{PATIENCE, within};

/// Bytes that a client reads at once: small, since a thousand of them share one test.
const READ_BUFFER: usize = 4096;

/// A session to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    address: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    receive_buffer: Option<u32>,
}

/// What a session sent.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Said(Message),
    Closed(Closed),
}

/// An open session and what it has added up.
pub(crate) struct Subscriber {
    join: Join,
    socket: WebSocketStream<TcpStream>,
    /// The newest hello.
    pub(crate) hello: Hello,
    /// The newest window that it was sent, or where the hello stands.
    pub(crate) seq: u64,
    /// `hello.total` and every `total` since.
    pub(crate) total: u64,
    /// The same per emoji; exact unless a policy cuts the lists.
    pub(crate) totals: BTreeMap<String, u64>,
    /// Where the newest `hello` or `moved` says it sits.
    pub(crate) cluster: u64,
    /// What it was told of delivery, in order: `interrupted` and `resumed`.
    pub(crate) delivery: Vec<String>,
    /// Every frame since the newest hello.
    pub(crate) frames: Vec<Frame>,
    /// Whether the cluster's policy may cut the lists.
    cut: bool,
}

impl Join {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            receive_buffer: None,
        }
    }

    /// The session that `ws_url` leads to, as it was given.
    pub(crate) fn url(ws_url: &str) -> Self {
        let rest = ws_url
            .strip_prefix("ws://")
            .unwrap_or_else(|| panic!("a ws:// address, not {ws_url}"));
        let (address, path) = rest
            .split_once('/')
            .unwrap_or_else(|| panic!("a path in {ws_url}"));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        assert_eq!(path, "ws", "{ws_url}");
        let pairs = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Self {
            query: pairs,
            ..Self::new(address)
        }
    }

    /// Sets a parameter of the query; the last one of a name counts.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn stream(self, name: &str) -> Self {
        self.with("stream", name)
    }

    pub(crate) fn cluster(self, id: u64) -> Self {
        self.with("cluster", id)
    }

    pub(crate) fn since(self, seq: u64) -> Self {
        self.with("since", seq)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Bounds what the kernel takes in before the client reads it.
    pub(crate) fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Path and query of the handshake.
    pub(crate) fn target(&self) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.query)
            .finish();
        format!("/ws?{query}")
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A connection, without the handshake.
    pub(crate) async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket
            .connect(self.address.parse().expect("address and port"))
            .await
    }

    /// The handshake and its answer.
    pub(crate) async fn handshake(
        &self,
    ) -> Result<(WebSocketStream<TcpStream>, Response<Option<Vec<u8>>>), Error> {
        let url = format!("ws://{}{}", self.address, self.target());
        let mut request = url.into_client_request()?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            request.headers_mut().insert(
                name,
                HeaderValue::from_str(value).expect("a header's value"),
            );
        }
        let connection = self.connect().await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0);
        within(
            PATIENCE,
            "a handshake",
            client_async_with_config(request, connection, Some(config)),
        )
        .await
    }

    /// An open session, after its hello.
    pub(crate) async fn open(self) -> Subscriber {
        let (mut socket, _) = self
            .handshake()
            .await
            .unwrap_or_else(|error| panic!("no session: {error}"));
        let hello = match receive(&mut socket).await {
            Event::Said(Message::Hello(hello)) => hello,
            other => panic!("a hello comes first, not {other:?}"),
        };
        hello.assert_sound();
        Subscriber {
            socket,
            seq: hello.seq,
            total: hello.total,
            totals: hello.totals.clone(),
            cluster: hello.cluster,
            delivery: Vec::new(),
            frames: Vec::new(),
            cut: false,
            join: self,
            hello,
        }
    }

    /// The close that comes in place of a hello.
    pub(crate) async fn closed_at_once(self) -> Closed {
        let (mut socket, _) = self
            .handshake()
            .await
            .unwrap_or_else(|error| panic!("no handshake: {error}"));
        match receive(&mut socket).await {
            Event::Closed(closed) => closed,
            Event::Said(message) => panic!("a close comes first, not {message:?}"),
        }
    }

    /// Status and body of a handshake that is refused as HTTP.
    pub(crate) async fn refused(self) -> (u16, String) {
        match self.handshake().await {
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                (
                    response.status().as_u16(),
                    String::from_utf8_lossy(&body).into_owned(),
                )
            }
            Err(error) => panic!("an HTTP answer, not {error}"),
            Ok(_) => panic!("the handshake is accepted"),
        }
    }
}

impl Subscriber {
    /// A subscriber of a cluster whose policy cuts lists: sums of lists are not compared with totals.
    pub(crate) fn expecting_cut_lists(mut self) -> Self {
        self.cut = true;
        self
    }

    /// The next message, checked and added up.
    pub(crate) async fn next(&mut self) -> Event {
        let event = receive(&mut self.socket).await;
        match &event {
            Event::Said(Message::Window(frame)) => self.absorb(frame.clone()),
            Event::Said(Message::Moved { cluster }) => self.cluster = *cluster,
            Event::Said(Message::Status { delivery }) => self.delivery.push(delivery.clone()),
            Event::Said(Message::Hello(hello)) => self.stand_at(hello.clone()),
            Event::Said(Message::Ack { .. } | Message::Error { .. }) | Event::Closed(_) => {}
        }
        event
    }

    fn absorb(&mut self, frame: Frame) {
        frame.assert_sound(self.seq, self.hello.window_ms);
        assert_eq!(frame.stream, self.hello.stream, "{frame:?}");
        if !self.cut {
            assert_eq!(frame.listed(), frame.total, "{frame:?}");
        }
        self.seq = frame.seq;
        self.total += frame.total;
        for count in &frame.counts {
            *self.totals.entry(count.emoji_type.clone()).or_default() += count.count;
        }
        self.frames.push(frame);
    }

    fn stand_at(&mut self, hello: Hello) {
        hello.assert_sound();
        self.seq = hello.seq;
        self.total = hello.total;
        self.totals = hello.totals.clone();
        self.cluster = hello.cluster;
        self.frames.clear();
        self.hello = hello;
    }

    /// Reads on until `enough`.
    pub(crate) async fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        within(PATIENCE, what, async {
            while !enough(self) {
                if let Event::Closed(closed) = self.next().await {
                    panic!("{what}: closed with {closed:?}");
                }
            }
        })
        .await;
    }

    /// Reads on until the total is `total`, and fails if it goes beyond.
    pub(crate) async fn until_total(&mut self, total: u64) {
        self.until(&format!("a total of {total}"), |session| {
            session.total >= total
        })
        .await;
        assert_eq!(self.total, total, "totals {:?}", self.totals);
    }

    /// The next window frame.
    pub(crate) async fn next_frame(&mut self) -> Frame {
        let known = self.seq;
        self.until("a window", |session| session.seq > known).await;
        self.frames.last().expect("a frame was read").clone()
    }

    /// The next frame that counts anything.
    pub(crate) async fn next_full_frame(&mut self) -> Frame {
        loop {
            let frame = self.next_frame().await;
            if frame.total > 0 {
                return frame;
            }
        }
    }

    /// The next `ack` or `error`.
    pub(crate) async fn next_answer(&mut self) -> Message {
        within(PATIENCE, "an answer", async {
            loop {
                match self.next().await {
                    Event::Said(answer @ (Message::Ack { .. } | Message::Error { .. })) => {
                        return answer;
                    }
                    Event::Said(_) => {}
                    Event::Closed(closed) => panic!("closed with {closed:?} in place of an answer"),
                }
            }
        })
        .await
    }

    /// Reads on until the server closes.
    pub(crate) async fn until_closed(&mut self) -> Closed {
        within(PATIENCE, "a close", async {
            loop {
                if let Event::Closed(closed) = self.next().await {
                    return closed;
                }
            }
        })
        .await
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket
            .send(tungstenite::Message::text(text))
            .await
            .expect("the session takes a message");
    }

    /// Sends one reaction and reads its answer.
    pub(crate) async fn react(&mut self, emoji: &str, id: &str) -> Message {
        self.send(&json!({"type": "react", "emoji_type": emoji, "id": id}))
            .await;
        self.next_answer().await
    }

    /// Goes without a word.
    pub(crate) fn leave(self) -> Absent {
        Absent {
            join: self.join,
            seq: self.seq,
            total: self.total,
            totals: self.totals,
        }
    }
}

/// A subscriber that has gone and remembers where it stood.
#[derive(Debug, Clone)]
pub(crate) struct Absent {
    join: Join,
    pub(crate) seq: u64,
    pub(crate) total: u64,
    pub(crate) totals: BTreeMap<String, u64>,
}

impl Absent {
    /// Comes back within retention: the hello has to stand exactly where it left.
    pub(crate) async fn come_back(self) -> Subscriber {
        let session = self.join.since(self.seq).open().await;
        assert!(session.hello.recovered, "{:?}", session.hello);
        assert_eq!(session.hello.seq, self.seq);
        assert_eq!(session.hello.total, self.total);
        assert_eq!(session.hello.totals, self.totals);
        session
    }
}

/// The next thing that the server sends, pings aside.
async fn receive(socket: &mut WebSocketStream<TcpStream>) -> Event {
    within(PATIENCE, "a message", async {
        loop {
            match socket.next().await {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    let message = serde_json::from_str(&text).unwrap_or_else(|error| {
                        panic!("not a message ({error}): {}", text.as_str())
                    });
                    return Event::Said(message);
                }
                Some(Ok(tungstenite::Message::Close(Some(frame)))) => {
                    let closed = Closed {
                        code: frame.code.into(),
                        reason: frame.reason.to_string(),
                    };
                    return Event::Closed(closed);
                }
                Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_))) => {}
                other => panic!("the session ended without a close code: {other:?}"),
            }
        }
    })
    .await
}
