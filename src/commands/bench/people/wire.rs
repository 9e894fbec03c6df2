//! The JSON of a node, as a person of the crowd reads and writes it.

use serde::{Deserialize, Serialize};

/// Body of `POST /register` and `POST /deregister`.
#[derive(Debug, Serialize)]
pub(super) struct NameOut<'a> {
    pub(super) client_id: &'a str,
}

/// Answer of `POST /register`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RegisteredIn {
    pub(super) cluster: u64,
    pub(super) ws_url: String,
}

/// Body of `POST /emoji`.
#[derive(Debug, Serialize)]
pub(super) struct ReactionOut<'a> {
    pub(super) user_id: &'a str,
    pub(super) emoji_type: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) stream: &'a str,
}

/// Answer of `GET /streams/{stream}/totals`: exact through the window `seq`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Totals {
    pub(super) seq: u64,
    pub(super) total: u64,
}

/// An error of a route.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) detail: String,
}

/// The reason of a close frame.
#[derive(Debug, Deserialize)]
pub(super) struct CloseReason {
    pub(super) code: String,
    pub(super) retry_after_ms: Option<u64>,
}

/// A frame of a session. Those of unknown types are passed over.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FrameIn {
    Hello(Hello),
    Window(WindowIn),
    Moved {
        cluster: u64,
    },
    Ack {
        id: String,
    },
    Error {
        code: String,
        id: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Hello {
    pub(super) cluster: u64,
    pub(super) window_ms: u64,
    pub(super) seq: u64,
    pub(super) recovered: bool,
    pub(super) total: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct WindowIn {
    pub(super) seq: u64,
    pub(super) span: u64,
    pub(super) end_ms: u64,
    pub(super) total: u64,
}

/// A reaction over a session.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "react")]
pub(super) struct ReactOut<'a> {
    pub(super) emoji_type: &'a str,
    pub(super) id: &'a str,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn frames_are_read_as_the_protocol_shows_them() {
        let read = |text: &str| serde_json::from_str::<FrameIn>(text).unwrap();
        let hello = read(
            r#"{"type":"hello","session":"0a","client_id":"seat-12","cluster":2,"stream":"main",
            "window_ms":2000,"seq":897794286,"recovered":false,"total":4,"totals":{"🔥":4}}"#,
        );
        let expected = Hello {
            cluster: 2,
            window_ms: 2_000,
            seq: 897_794_286,
            recovered: false,
            total: 4,
        };
        assert_eq!(hello, FrameIn::Hello(expected));
        let window = read(
            r#"{"type":"window","stream":"main","cluster":2,"seq":897794287,"span":1,"start_ms":1795588574000,
            "end_ms":1795588576000,"total":3,"counts":[{"emoji_type":"🔥","count":3,"final_count":1}]}"#,
        );
        let expected = WindowIn {
            seq: 897_794_287,
            span: 1,
            end_ms: 1_795_588_576_000,
            total: 3,
        };
        assert_eq!(window, FrameIn::Window(expected));
        assert_eq!(
            read(r#"{"type":"moved","cluster":3}"#),
            FrameIn::Moved { cluster: 3 }
        );
        assert_eq!(
            read(r#"{"type":"ack","id":"7"}"#),
            FrameIn::Ack { id: "7".to_owned() }
        );
        let refused = FrameIn::Error {
            code: "limited".to_owned(),
            id: None,
        };
        assert_eq!(
            read(r#"{"type":"error","code":"limited","detail":"…"}"#),
            refused
        );
        assert_eq!(read(r#"{"type":"balloon","size":[1]}"#), FrameIn::Other);
    }

    #[test]
    fn a_reaction_is_written_as_the_protocol_shows_it() {
        let react = ReactOut {
            emoji_type: "🔥",
            id: "7",
        };
        assert_eq!(
            serde_json::to_string(&react).unwrap(),
            r#"{"type":"react","emoji_type":"🔥","id":"7"}"#
        );
    }
}
