//! The session of a person: one WebSocket, small enough to have ten thousand of.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::wire::{CloseReason, FrameIn, Problem, ReactOut};

/// How long a node may take to let somebody in.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a session may be silent: a node pings a quiet one every 25 s.
const SILENCE: Duration = Duration::from_secs(60);
/// How long an end may take that is agreed on.
const GOODBYE: Duration = Duration::from_secs(1);
/// Read at once. The library's own buffer of 128 KiB would be a gigabyte for a crowd.
const READ_BYTES: usize = 4_096;
/// A frame that lists every emoji has some 230 KB.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// An open session.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Why a session is over, in words that are the same for everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) why: String,
    pub(super) retry_after: Option<Duration>,
}

impl Lost {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            retry_after: None,
        }
    }
}

impl Socket {
    /// Opens a session at the address that a registration gave, for that stream.
    pub(super) async fn open(ws_url: &Url, stream: &str, since: Option<u64>) -> Result<Self, Lost> {
        let url = session_url(ws_url, stream, since);
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = READ_BYTES;
        config.max_message_size = Some(MAX_MESSAGE_BYTES);
        config.max_frame_size = Some(MAX_MESSAGE_BYTES);
        let connecting = connect_async_with_config(url.as_str(), Some(config), true);
        match timeout(ANSWER, connecting).await {
            Ok(Ok((socket, _))) => Ok(Self(socket)),
            Ok(Err(error)) => Err(refused(error)),
            Err(_) => Err(Lost::new("/ws: the answer did not come")),
        }
    }

    /// The next frame that is for people. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<FrameIn, Lost> {
        loop {
            match timeout(SILENCE, self.0.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let frame = serde_json::from_str(&text);
                    return frame.map_err(|_| Lost::new("session: a frame that is none of a node"));
                }
                Ok(Some(Ok(Message::Close(frame)))) => return Err(closed(frame)),
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return Err(Lost::new("session: the connection broke")),
                Err(_) => return Err(Lost::new("session: the node says nothing any more")),
            }
        }
    }

    /// Sends a reaction.
    pub(super) async fn react(&mut self, emoji_type: &str, id: &str) -> Result<(), Lost> {
        let react = ReactOut { emoji_type, id };
        // Emojis and numbers can always be written.
        let text = serde_json::to_string(&react).unwrap_or_default();
        match timeout(SILENCE, self.0.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Lost::new("session: the connection broke")),
            Err(_) => Err(Lost::new("session: the node reads no more")),
        }
    }

    /// Ends it as the protocol says. What still comes is left for the next session.
    pub(super) async fn close(mut self) {
        let goodbye = async {
            if self.0.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.0.next().await {}
            }
        };
        // It ends in any case.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

fn session_url(ws_url: &Url, stream: &str, since: Option<u64>) -> Url {
    let mut url = ws_url.clone();
    let mut query = url.query_pairs_mut();
    query.append_pair("stream", stream);
    if let Some(since) = since {
        query.append_pair("since", &since.to_string());
    }
    drop(query);
    url
}

fn refused(error: Error) -> Lost {
    let Error::Http(answer) = error else {
        return Lost::new("/ws: no node answers");
    };
    let problem = serde_json::from_slice::<Problem>(answer.body().as_deref().unwrap_or_default());
    let code = problem.map_or_else(|_| "no words".to_owned(), |problem| problem.code);
    let seconds = answer.headers().get("retry-after");
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Lost {
        why: format!("/ws: {} {code}", answer.status().as_u16()),
        retry_after: seconds.map(Duration::from_secs),
    }
}

fn closed(frame: Option<CloseFrame>) -> Lost {
    let Some(frame) = frame else {
        return Lost::new("session: closed");
    };
    let reason = serde_json::from_str::<CloseReason>(&frame.reason).ok();
    let code = u16::from(frame.code);
    let Some(reason) = reason else {
        return Lost::new(format!("session: closed with {code}"));
    };
    Lost {
        why: format!("session: closed with {code} {}", reason.code),
        retry_after: reason.retry_after_ms.map(Duration::from_millis),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_session_is_asked_for_at_the_address_that_was_given() {
        let given = Url::parse("ws://localhost:5001/ws?client_id=crowd-7").unwrap();
        assert_eq!(
            session_url(&given, "final", Some(42)).as_str(),
            "ws://localhost:5001/ws?client_id=crowd-7&stream=final&since=42"
        );
        assert_eq!(
            session_url(&given, "main", None).as_str(),
            "ws://localhost:5001/ws?client_id=crowd-7&stream=main"
        );
    }

    #[test]
    fn a_close_says_when_to_come_back() {
        let frame = CloseFrame {
            code: 1001.into(),
            reason: r#"{"code":"draining","retry_after_ms":1295}"#.into(),
        };
        let lost = closed(Some(frame));
        assert_eq!(lost.why, "session: closed with 1001 draining");
        assert_eq!(lost.retry_after, Some(Duration::from_millis(1_295)));
        assert_eq!(closed(None).retry_after, None);
    }
}
