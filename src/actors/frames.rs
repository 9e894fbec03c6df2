//! The JSON of the WebSocket, both ways, and the bytes around it. See docs/protocol.md for every shape.
//!
//! What goes to many sessions is encoded once, with its frame header, and shared by reference.

use bytes::{BufMut, Bytes, BytesMut};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::actors::close::Close;
use crate::domain::{ClusterId, Emoji, Policy, Seq, Shaped, Span, StreamName, Tally, WindowSize};

/// The subprotocol these shapes belong to.
pub const SUBPROTOCOL: &str = "emostream.v1.json";

/// Opcodes of RFC 6455 with the FIN bit set; frames are never split.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

// === server to client ===

/// The first frame of a session, and the answer to `subscribe`.
#[derive(Debug)]
pub struct Hello<'a> {
    /// The session.
    pub session: &'a str,
    /// Whose session.
    pub client_id: &'a str,
    /// The cluster it sits in.
    pub cluster: ClusterId,
    /// The stream it watches.
    pub stream: &'a StreamName,
    /// Size of the stream's windows.
    pub window: WindowSize,
    /// Where the cursor stands.
    pub seq: Seq,
    /// True if `since` was honoured.
    pub recovered: bool,
    /// Sessions that watch the stream, this one included.
    pub viewers: u64,
    /// Exact totals through `seq`.
    pub totals: &'a Tally,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ServerFrame<'a> {
    Hello {
        session: &'a str,
        client_id: &'a str,
        cluster: u16,
        stream: &'a str,
        window_ms: u64,
        seq: u64,
        recovered: bool,
        viewers: u64,
        total: u64,
        totals: Totals<'a>,
    },
    Window {
        stream: &'a str,
        cluster: u16,
        seq: u64,
        span: u64,
        start_ms: u64,
        end_ms: u64,
        viewers: u64,
        total: u64,
        counts: Vec<Count>,
    },
    Moved {
        cluster: u16,
    },
    Status {
        delivery: &'a str,
    },
    Ack {
        id: &'a str,
    },
    Error {
        code: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        detail: &'a str,
    },
}

/// One emoji of a window, as sessions and `GET …/windows` list it.
#[derive(Debug, Serialize)]
pub struct Count {
    emoji_type: &'static str,
    count: u64,
    final_count: u64,
}

impl From<Shaped> for Count {
    fn from(shaped: Shaped) -> Self {
        Self {
            emoji_type: shaped.emoji.as_str(),
            count: shaped.count,
            final_count: shaped.final_count,
        }
    }
}

/// Totals as a JSON object, highest count first.
#[derive(Debug)]
pub struct Totals<'a>(pub &'a Tally);

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ranked: Vec<(Emoji, u64)> = self.0.ranked();
        let mut map = serializer.serialize_map(Some(ranked.len()))?;
        for (emoji, count) in ranked {
            map.serialize_entry(emoji.as_str(), &count)?;
        }
        map.end()
    }
}

impl Hello<'_> {
    /// The frame's bytes.
    pub fn encode(&self) -> Bytes {
        text_frame(&ServerFrame::Hello {
            session: self.session,
            client_id: self.client_id,
            cluster: self.cluster.get(),
            stream: self.stream.as_str(),
            window_ms: self.window.as_ms(),
            seq: self.seq.0,
            recovered: self.recovered,
            viewers: self.viewers,
            total: self.totals.total(),
            totals: Totals(self.totals),
        })
    }
}

/// A span of windows under a cluster's policy, for so many viewers of the stream.
pub fn window(
    stream: &StreamName,
    cluster: ClusterId,
    policy: &Policy,
    size: WindowSize,
    span: &Span,
    viewers: u64,
) -> Bytes {
    text_frame(&ServerFrame::Window {
        stream: stream.as_str(),
        cluster: cluster.get(),
        seq: span.seq.0,
        span: span.windows,
        start_ms: size.start(span.first).0,
        end_ms: size.end(span.seq).0,
        viewers,
        total: span.tally.total(),
        counts: policy
            .shape(&span.tally)
            .into_iter()
            .map(Count::from)
            .collect(),
    })
}

/// The session sits in another cluster now.
pub fn moved(cluster: ClusterId) -> Bytes {
    text_frame(&ServerFrame::Moved {
        cluster: cluster.get(),
    })
}

/// Windows cannot come for now, or come again.
pub fn delivery(interrupted: bool) -> Bytes {
    let delivery = if interrupted {
        "interrupted"
    } else {
        "resumed"
    };
    text_frame(&ServerFrame::Status { delivery })
}

/// The reaction with this id is accepted. Text, not yet a frame.
pub fn ack(id: &str) -> String {
    json(&ServerFrame::Ack { id })
}

/// The request was refused. Text, not yet a frame.
pub fn error(code: &str, detail: &str, id: Option<&str>) -> String {
    json(&ServerFrame::Error { code, id, detail })
}

/// A ping without content.
pub fn ping() -> Bytes {
    Bytes::from_static(&[PING, 0])
}

/// The close frame of a reason, with a waiting time drawn from the reason's span.
pub fn close(reason: Close) -> Bytes {
    let retry_after_ms = reason
        .retry_after_ms()
        .map(|(least, most)| fastrand::u64(least..=most));
    let mut content = BytesMut::new();
    content.put_u16(reason.code());
    content.extend_from_slice(close_text(reason, retry_after_ms).as_bytes());
    frame(CLOSE, &content)
}

fn close_text(reason: Close, retry_after_ms: Option<u64>) -> String {
    #[derive(Serialize)]
    struct Reason {
        code: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    }
    json(&Reason {
        code: reason.as_str(),
        retry_after_ms,
    })
}

/// Our own shapes hold nothing that JSON can't say, so there is no error to carry up.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn text_frame(value: &impl Serialize) -> Bytes {
    frame(TEXT, json(value).as_bytes())
}

/// An unmasked frame, as servers send them: RFC 6455 section 5.2.
fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(opcode);
    match payload.len() {
        length @ 0..=125 => frame.put_u8(length as u8),
        length @ 126..=0xffff => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
    frame.extend_from_slice(payload);
    frame.freeze()
}

// === client to server ===

/// What a client may say.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientFrame {
    /// A reaction to the stream that the session watches.
    React {
        /// One RGI emoji.
        emoji_type: String,
        /// How often it was sent at once; 1 if not given.
        count: Option<u64>,
        /// Asks for an `ack` or `error` that names it.
        id: Option<String>,
    },
    /// Watch another stream.
    Subscribe {
        /// Its name.
        stream: String,
    },
}

impl ClientFrame {
    /// Reads a text frame. An error breaks the protocol.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn content(frame: &Bytes) -> Value {
        let header = if frame[1] < 126 { 2 } else { 4 };
        serde_json::from_slice(&frame[header..]).unwrap()
    }

    #[test]
    fn a_window_frame_has_the_shape_of_the_contract() {
        let fire = Emoji::parse("🔥").unwrap();
        let grin = Emoji::parse("😀").unwrap();
        let span = Span {
            seq: Seq(882_346_000),
            first: Seq(882_346_000),
            windows: 1,
            tally: [(fire, 3_785), (grin, 5)].into_iter().collect(),
        };
        let size = WindowSize::try_new(std::time::Duration::from_secs(2)).unwrap();
        let cluster = ClusterId::try_new(1).unwrap();
        let frame = window(
            &StreamName::main(),
            cluster,
            &Policy::default(),
            size,
            &span,
            41_000,
        );
        assert_eq!(
            content(&frame),
            json!({"type": "window", "stream": "main", "cluster": 1, "seq": 882_346_000_u64, "span": 1,
                "start_ms": 1_764_692_000_000_u64, "end_ms": 1_764_692_002_000_u64, "viewers": 41_000, "total": 3790,
                "counts": [{"emoji_type": "🔥", "count": 3785, "final_count": 3},
                    {"emoji_type": "😀", "count": 5, "final_count": 1}]})
        );
    }

    #[test]
    fn close_reasons_fit_a_control_frame_and_say_when_to_come_back() {
        for reason in Close::ALL {
            let frame = close(reason);
            assert!(frame.len() <= 2 + 125);
            assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), reason.code());
            let text: Value = serde_json::from_slice(&frame[4..]).unwrap();
            assert_eq!(text["code"], reason.as_str());
            assert_eq!(
                text["retry_after_ms"].is_u64(),
                reason.retry_after_ms().is_some()
            );
        }
    }

    #[test]
    fn frames_of_every_length_carry_their_header() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let header = frame(TEXT, &payload).len() - length;
            assert_eq!(
                header,
                if length < 126 {
                    2
                } else if length < 65_536 {
                    4
                } else {
                    10
                }
            );
        }
    }

    #[test]
    fn unknown_types_and_repeated_keys_break_the_protocol() {
        assert!(ClientFrame::decode(r#"{"type":"shout"}"#).is_err());
        assert!(ClientFrame::decode(r#"{"type":"subscribe","stream":"a","stream":"b"}"#).is_err());
        assert!(ClientFrame::decode(r#"{"emoji_type":"🔥"}"#).is_err());
        assert!(ClientFrame::decode(r#"{"type":"react","emoji_type":7}"#).is_err());
        assert!(ClientFrame::decode("[]").is_err());
    }
}
