//! Windows from a node: a session for each stream, which comes back by itself and misses nothing; beside it, with the
//! admin token, which clusters and streams there are.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::super::backoff::Backoff;
use super::super::node_url::{no_node, node_url};
use super::model::HISTORY;
use super::update::{Link, Standing, Update};
use super::wire::{
    CloseReason, ClustersIn, Delivery, Frame, Hello, LedgerIn, Problem, WindowIn, WindowsIn,
};

/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a session may be silent: a node pings a quiet one every 25 s.
const SILENCE: Duration = Duration::from_secs(60);
/// How often clusters and streams are asked for.
const LOOK: Duration = Duration::from_secs(2);
/// A frame that lists every emoji has some 230 KB.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A node and how to ask it.
#[derive(Clone)]
pub(super) struct Node {
    base: Url,
    token: Option<String>,
    http: reqwest::Client,
}

/// Where a session stands, so that the next one goes on there.
#[derive(Debug, Default)]
struct Place {
    client_id: Option<String>,
    since: Option<u64>,
}

/// Why a session is over.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// Nobody looks any more.
    Unwatched,
    /// Another attempt would end the same way.
    Final(String),
    /// It is worth another attempt, after that time if the node has said so.
    Lost {
        why: String,
        retry_after: Option<Duration>,
    },
}

impl Over {
    fn lost(why: impl Into<String>) -> Self {
        Self::Lost {
            why: why.into(),
            retry_after: None,
        }
    }
}

impl Node {
    /// A node at this address.
    ///
    /// # Errors
    ///
    /// It cannot be an address of a node.
    pub(super) fn new(url: &str, token: Option<String>) -> Result<Self, String> {
        let base = node_url(url)?;
        // Variables for proxies do not count: the session would not go by them either.
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER);
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Self { base, token, http })
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Tells the windows of a stream until nobody listens.
    pub(super) async fn follow(self, stream: String, tell: Sender<Update>) {
        let mut place = Place::default();
        let mut backoff = Backoff::default();
        loop {
            let over = self.session(&stream, &mut place, &mut backoff, &tell).await;
            let (why, retry_after) = match over {
                Over::Unwatched => return,
                Over::Final(why) => {
                    let _ = tell.send(Update::End(why)).await;
                    return;
                }
                Over::Lost { why, retry_after } => (why, retry_after),
            };
            if send_link(&tell, &stream, Link::Lost(why)).await.is_err() {
                return;
            }
            sleep(retry_after.unwrap_or_else(|| backoff.next(fastrand::f64()))).await;
        }
    }

    /// Tells the clusters and the streams until nobody listens. Without a token there is nothing to tell.
    pub(super) async fn look(self, tell: Sender<Update>) {
        while self.token.is_some() {
            let clusters = self.get::<ClustersIn>("admin/clusters").await;
            let clusters = Update::Clusters(clusters.map(Vec::from));
            if tell.send(clusters).await.is_err() {
                return;
            }
            if let Ok(ledger) = self.get::<LedgerIn>("admin/ledger").await {
                let streams = Update::Streams(ledger.streams.into_keys().collect());
                if tell.send(streams).await.is_err() {
                    return;
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn session(
        &self,
        stream: &str,
        place: &mut Place,
        backoff: &mut Backoff,
        tell: &Sender<Update>,
    ) -> Over {
        let mut socket = match self.open(stream, place).await {
            Ok(socket) => socket,
            Err(over) => return over,
        };
        loop {
            let message = match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => {
                    return Over::lost(format!("the connection broke: {error}"));
                }
                Ok(None) => return Over::lost("the connection broke"),
                Err(_) => return Over::lost("the node says nothing any more"),
            };
            let told = match message {
                Message::Text(text) => self.tell(&text, stream, place, backoff, tell).await,
                Message::Close(frame) => return closed(frame),
                _ => Ok(()),
            };
            if let Err(over) = told {
                return over;
            }
        }
    }

    async fn open(&self, stream: &str, place: &Place) -> Result<Socket, Over> {
        let url = self.session_url(stream, place);
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MAX_MESSAGE_BYTES);
        config.max_frame_size = Some(MAX_MESSAGE_BYTES);
        let connecting = connect_async_with_config(url.as_str(), Some(config), true);
        match timeout(ANSWER, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(_) => Err(Over::lost(format!("{} does not answer", self.address()))),
        }
    }

    fn session_url(&self, stream: &str, place: &Place) -> Url {
        let mut url = self.route("ws");
        // Possible from `http`, which is what `new` lets in.
        let _ = url.set_scheme("ws");
        let mut query = url.query_pairs_mut();
        query.append_pair("stream", stream);
        if let Some(client_id) = &place.client_id {
            query.append_pair("client_id", client_id);
        }
        if let Some(since) = place.since {
            query.append_pair("since", &since.to_string());
        }
        drop(query);
        url
    }

    fn refused(&self, error: Error) -> Over {
        let address = self.address();
        match error {
            Error::Io(error) => Over::lost(no_node(address, &error)),
            Error::Http(answer) => {
                let body = answer.body().as_deref().unwrap_or_default();
                let problem = serde_json::from_slice::<Problem>(body).ok();
                let status = answer.status();
                let detail = problem.map_or_else(|| status.to_string(), |problem| problem.detail);
                let why = format!("{address} refuses a session: {detail}");
                match status {
                    StatusCode::NOT_FOUND => Over::Final(format!(
                        "{address} has no sessions: give --url a node of role `session`"
                    )),
                    StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Over::lost(why),
                    status if status.is_client_error() => Over::Final(why),
                    _ => Over::lost(why),
                }
            }
            error => Over::lost(format!("{address} does not answer as a node does: {error}")),
        }
    }

    async fn tell(
        &self,
        text: &str,
        stream: &str,
        place: &mut Place,
        backoff: &mut Backoff,
        tell: &Sender<Update>,
    ) -> Result<(), Over> {
        let frame = serde_json::from_str(text).map_err(|error| {
            Over::lost(format!("{} sent no frame of ours: {error}", self.address()))
        })?;
        let update = match frame {
            Frame::Hello(hello) => {
                backoff.reset();
                return self.stand(hello, stream, place, tell).await;
            }
            Frame::Window(window) => {
                let window = window.of(stream);
                place.since = Some(window.seq);
                Update::Window(window)
            }
            Frame::Status { delivery } => {
                let link = match delivery {
                    Delivery::Interrupted => Link::Interrupted,
                    Delivery::Resumed => Link::Live,
                };
                return send_link(tell, stream, link).await;
            }
            Frame::Other => return Ok(()),
        };
        send(tell, update).await
    }

    async fn stand(
        &self,
        hello: Hello,
        stream: &str,
        place: &mut Place,
        tell: &Sender<Update>,
    ) -> Result<(), Over> {
        let is_first = place.since.is_none();
        let seq = hello.seq;
        place.client_id = Some(hello.client_id.clone());
        place.since = Some(seq);
        send(tell, Update::Standing(Standing::from(hello))).await?;
        if is_first {
            let windows = self.past(stream, seq).await;
            let stream = stream.to_owned();
            send(tell, Update::Past { stream, windows }).await?;
        }
        send_link(tell, stream, Link::Live).await
    }

    /// Windows through the one where a session stands: its frames bring the others.
    async fn past(&self, stream: &str, through: u64) -> Vec<super::update::Window> {
        let route = format!("streams/{stream}/windows?limit={HISTORY}");
        // They only fill the sparklines.
        let answer = self.get::<WindowsIn>(&route).await;
        let windows = answer.map(|answer| answer.windows).unwrap_or_default();
        let windows = windows
            .into_iter()
            .map(|window: WindowIn| window.of(stream));
        windows.filter(|window| window.seq <= through).collect()
    }

    async fn get<Answer: DeserializeOwned>(&self, route: &str) -> Result<Answer, String> {
        let mut request = self.http.get(self.route(route));
        if let Some(token) = self.token.as_ref().filter(|_| route.starts_with("admin/")) {
            request = request.bearer_auth(token);
        }
        let unreadable = |_| "not told".to_owned();
        let answer = request.send().await.map_err(unreadable)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err("the admin token is refused".to_owned()),
            status => return Err(format!("not told: {status}")),
        }
        let body = answer.bytes().await.map_err(unreadable)?;
        serde_json::from_slice(&body).map_err(|_| "not told".to_owned())
    }

    fn route(&self, route: &str) -> Url {
        let joined = self.base.join(route);
        joined.unwrap_or_else(|_| self.base.clone())
    }
}

/// What a close frame says about coming back.
fn closed(frame: Option<CloseFrame>) -> Over {
    let reason = frame.and_then(|frame| serde_json::from_str::<CloseReason>(&frame.reason).ok());
    let Some(reason) = reason else {
        return Over::lost("the node has closed the session");
    };
    let why = format!("the node has closed the session: {}", reason.code);
    match reason.retry_after_ms {
        Some(wait) => Over::Lost {
            why,
            retry_after: Some(Duration::from_millis(wait)),
        },
        None => Over::Final(why),
    }
}

async fn send_link(tell: &Sender<Update>, stream: &str, link: Link) -> Result<(), Over> {
    let stream = Some(stream.to_owned());
    send(tell, Update::Link { stream, link }).await
}

async fn send(tell: &Sender<Update>, update: Update) -> Result<(), Over> {
    tell.send(update).await.map_err(|_| Over::Unwatched)
}

#[cfg(test)]
mod tests;
