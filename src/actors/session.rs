//! One subscriber's session: what it may say, and what comes of it.
//!
//! - Receives: text frames of its client. It is an actor in the WebSocket's own context, which `http::subscribe` gives it;
//!   here is what it decides, and nothing of how frames travel.
//! - Emits: reactions, through the door of its worker, and answers to its client. One reaction is on its way at a time: the
//!   next frame is read when this one has its answer, so a fast client is slowed down and no queue grows.
//! - Owns: nothing but its handle on the board.
//! - When the ingest's mailbox is full: it waits, and so does its client.
//! - When it dies: its connection ends, and the client comes back with `since`.

use std::rc::Rc;
use std::sync::Arc;

use crate::actors::close::Close;
use crate::actors::cursor::CursorHandle;
use crate::actors::door::Door;
use crate::actors::frames::{self, ClientFrame};
use crate::actors::messages::{Shed, Submit};
use crate::actors::streams::{Row, Streams, add};
use crate::domain::{Emoji, MAX_COUNT, Reaction, StreamName, UserId};

/// Longest `id` that is answered, in bytes: longer ones would be an amplifier.
const MAX_ID_BYTES: usize = 128;

/// Says whether a session may send now.
pub trait ReactGate {
    /// Admits `count` reactions, or says that they are over a limit.
    fn admit(&self, user: &str, count: u32) -> Result<(), Limited>;
}

/// Over a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over the rate limit")]
pub struct Limited;

/// The session.
pub struct Session {
    cursor: CursorHandle,
    user_id: UserId,
    door: Rc<Door>,
    gate: Rc<dyn ReactGate>,
    streams: Arc<Streams>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// What comes of a frame.
#[derive(Debug)]
pub enum Step {
    /// Nothing to do or say.
    Quiet,
    /// Say this.
    Answer(String),
    /// Submit this, then say what came of it to whoever asked by id.
    Submit {
        /// The reaction.
        submit: Submit,
        /// The id to answer to.
        id: Option<String>,
    },
}

impl Session {
    /// A session of `user_id` behind a cursor.
    pub fn new(
        cursor: CursorHandle,
        user_id: UserId,
        door: Rc<Door>,
        gate: Rc<dyn ReactGate>,
        streams: Arc<Streams>,
    ) -> Self {
        Self {
            cursor,
            user_id,
            door,
            gate,
            streams,
        }
    }

    /// The handle on the board.
    pub fn cursor(&self) -> &CursorHandle {
        &self.cursor
    }

    /// Where reactions go.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Decides on a text frame.
    pub fn on_text(&self, text: &str) -> Step {
        match ClientFrame::decode(text) {
            Ok(ClientFrame::React {
                emoji_type,
                count,
                id,
            }) => self.on_react(&emoji_type, count.unwrap_or(1), id),
            Ok(ClientFrame::Subscribe { stream }) => self.on_subscribe(&stream),
            Err(error) => {
                tracing::debug!(%error, "frame breaks the protocol");
                self.cursor.close(Close::Policy);
                Step::Quiet
            }
        }
    }

    /// What to say when the ingest has answered.
    pub fn on_submitted(outcome: Result<(), Shed>, id: Option<&str>) -> Option<String> {
        match (outcome, id) {
            (Ok(()), None) => None,
            (Ok(()), Some(id)) => Some(frames::ack(id)),
            (Err(shed), id) => Some(frames::error(shed_code(shed), &shed.to_string(), id)),
        }
    }

    fn on_react(&self, emoji_type: &str, count: u64, id: Option<String>) -> Step {
        let stream = self.cursor.stream();
        if id.as_ref().is_some_and(|id| id.len() > MAX_ID_BYTES) {
            let detail = format!("id is longer than {MAX_ID_BYTES} bytes");
            return self.refuse(
                &stream,
                |row| add(&row.rejected, 1),
                "invalid_id",
                &detail,
                None,
            );
        }
        let id_opt = id.as_deref();
        let reject = |row: &Row| add(&row.rejected, 1);
        let emoji = match Emoji::parse(emoji_type) {
            Ok(emoji) => emoji,
            Err(error) => {
                let detail = format!("emoji_type {error}");
                return self.refuse(&stream, reject, "invalid_emoji", &detail, id_opt);
            }
        };
        let Some(count) = u32::try_from(count)
            .ok()
            .filter(|count| (1..=MAX_COUNT).contains(count))
        else {
            let detail = format!("count must be 1 to {MAX_COUNT}");
            return self.refuse(&stream, reject, "invalid_count", &detail, id_opt);
        };
        if let Err(limited) = self.gate.admit(self.user_id.as_str(), count) {
            let limit = |row: &Row| add(&row.limited, u64::from(count));
            return self.refuse(&stream, limit, "limited", &limited.to_string(), id_opt);
        }
        let reaction = Reaction {
            stream,
            user_id: self.user_id.clone(),
            emoji,
            count,
            timestamp: None,
            event_id: None,
        };
        Step::Submit {
            submit: Submit {
                reactions: vec![reaction],
            },
            id,
        }
    }

    fn on_subscribe(&self, stream: &str) -> Step {
        let stream = match StreamName::parse(stream) {
            Ok(stream) => stream,
            Err(error) => {
                let detail = format!("stream {error}");
                return Step::Answer(frames::error("invalid_stream", &detail, None));
            }
        };
        if let Err(error) = self.streams.open(&stream) {
            return Step::Answer(frames::error("stream_limit", &error.to_string(), None));
        }
        self.cursor.subscribe(stream);
        Step::Quiet
    }

    fn refuse(
        &self,
        stream: &StreamName,
        record: impl FnOnce(&Row),
        code: &str,
        detail: &str,
        id: Option<&str>,
    ) -> Step {
        self.streams.with_row(Some(stream), record);
        Step::Answer(frames::error(code, detail, id))
    }
}

/// Stable code of a shed reaction, the same over WebSocket and HTTP.
pub fn shed_code(shed: Shed) -> &'static str {
    match shed {
        Shed::Overloaded => "overloaded",
        Shed::Draining => "draining",
        Shed::Unavailable => "unavailable",
        Shed::BrokerAway => "broker_away",
        Shed::Refused => "broker_refused",
        Shed::UnknownOutcome => "unknown_outcome",
    }
}

#[cfg(test)]
mod tests;
