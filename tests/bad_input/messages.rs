//! Well-formed frames with bad messages in them. Their connection may live on.

use std::net::SocketAddr;

use fastrand::Rng;
use tokio::io::AsyncWriteExt;

use super::values::{
    BAD_EMOJI, nested, no_count, no_emoji, no_json, no_text, object, pick, quoted,
};
use super::wire::{FIN, Reply, TEXT, Wire, masked};

/// What fits into one frame with room for the rest of a react, in bytes.
const MAX_VALUE: usize = 3_500;
const POLICY: u16 = 1008;

#[derive(Debug)]
pub(crate) struct BadMessage {
    text: String,
    /// The answer must be an `error` with this id; without one it may be 1008 as well.
    error_to: Option<String>,
}

impl BadMessage {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        if rng.u8(..3) > 0 {
            bad_react(rng)
        } else {
            no_message(rng)
        }
    }

    /// Sends it on `wire`, which is opened where it is not, and left open if the server does.
    pub(crate) async fn judge(self, address: SocketAddr, wire: &mut Option<Wire>) {
        let mut open = match wire.take() {
            Some(open) => open,
            None => Wire::open(address).await,
        };
        let frame = masked(FIN | TEXT, self.text.as_bytes());
        open.writer
            .write_all(&frame)
            .await
            .expect("an open connection");
        match open.reader.reply().await {
            Reply::Message(answer) => {
                assert_eq!(answer["type"], "error", "{answer}");
                assert!(answer["code"].is_string(), "no code: {answer}");
                if let Some(id) = &self.error_to {
                    assert_eq!(answer["id"], id.as_str(), "{answer}");
                }
                *wire = Some(open);
            }
            Reply::Close(POLICY) if self.error_to.is_none() => {}
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn describe(&self) -> String {
        format!("{:?}", self.text)
    }
}

/// A react with an id, and one value that is not allowed. A value of the wrong type breaks the protocol, as an unknown type
/// does; a text that is no emoji is answered.
fn bad_react(rng: &mut Rng) -> BadMessage {
    let id = format!("bad-{:08x}", rng.u32(..));
    let mut fields = vec![("type", quoted("react")), ("id", quoted(&id))];
    let kind = rng.u8(..6);
    match kind {
        0 => {} // no emoji at all
        1 => fields.push(("emoji_type", no_text(rng))),
        2 => fields.extend([("emoji_type", quoted(BAD_EMOJI)), ("count", no_count(rng))]),
        _ => {
            let value = quoted(&no_emoji(rng));
            let fits = value.len() <= MAX_VALUE;
            fields.push(("emoji_type", if fits { value } else { quoted("x") }));
        }
    }
    rng.shuffle(&mut fields);
    BadMessage {
        text: object(&fields),
        error_to: (kind > 2).then_some(id),
    }
}

/// Text that is no message of a client.
fn no_message(rng: &mut Rng) -> BadMessage {
    let react = |value: &str| format!(r#"{{"type":"react","emoji_type":{value}}}"#);
    let text = match rng.u8(..8) {
        0 => react(&no_json(rng)),
        1 => nested(rng.usize(1..2_000)),
        2 => "[".repeat(rng.usize(1..4_096)),
        3 => format!(r#"{{"type":{},"emoji_type":"🔥"}}"#, no_text(rng)),
        4 => format!(
            r#"{{"type":"react","emoji_type":"🔥","id":{}}}"#,
            no_text(rng)
        ),
        5 => r#"{"type":"react","emoji_type":"🔥","emoji_type":"🔥"}"#.to_owned(),
        6 => {
            let types = [
                "",
                "hello",
                "window",
                "React",
                "react\u{0}",
                "ｒeact",
                "subscribe",
                "ping",
                "\u{202e}react",
            ];
            format!(
                r#"{{"type":{},"emoji_type":"🔥"}}"#,
                quoted(pick(rng, &types))
            )
        }
        _ => {
            let texts = [
                "",
                " ",
                "null",
                "7",
                "\"react\"",
                "{}",
                "{\"type\":\"react\"",
                "{\"emoji_type\":\"🔥\"}",
                "\u{0}",
                "\u{feff}{\"type\":\"react\",\"emoji_type\":\"🔥\"}",
                "{\"type\":\"subscribe\",\"stream\":\"a b\"}",
                "{\"type\":\"subscribe\",\"stream\":7}",
            ];
            pick(rng, &texts).to_owned()
        }
    };
    BadMessage {
        text,
        error_to: None,
    }
}
