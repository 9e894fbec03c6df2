//! One reaction as it was accepted, and the names in it. Each name is checked where it is made and
//! trusted afterwards.

use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::Emoji;

/// How many times one person may send the same emoji in one reaction.
pub const MAX_COUNT: u32 = 1_000;

/// One emoji sent by one person, `count` times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The live event it belongs to.
    pub stream: StreamName,
    /// Who sent it.
    pub user_id: UserId,
    /// What was sent.
    pub emoji: Emoji,
    /// How often at once, 1 to [`MAX_COUNT`].
    pub count: u32,
    /// The client's own clock as it was sent: checked, carried, never trusted.
    pub timestamp: Option<Box<str>>,
    /// The client's own name for this reaction: a second one in the same window counts nothing.
    pub event_id: Option<EventId>,
}

/// What counting needs of a reaction. Who sent it and when was checked at the door and goes no further: a batch of these
/// is about half the size, and has next to nothing to free where it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countable {
    /// The live event it belongs to.
    pub stream: StreamName,
    /// What was sent.
    pub emoji: Emoji,
    /// How often at once, 1 to [`MAX_COUNT`].
    pub count: u32,
    /// The client's own name for this reaction.
    pub event_id: Option<EventId>,
}

impl From<Reaction> for Countable {
    fn from(reaction: Reaction) -> Self {
        Self {
            stream: reaction.stream,
            emoji: reaction.emoji,
            count: reaction.count,
            event_id: reaction.event_id,
        }
    }
}

/// Name of a stream, `[A-Za-z0-9_.-]{1,64}`. A clone shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<str>);

impl StreamName {
    const MAX_BYTES: usize = 64;

    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, StreamNameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if is_word(text, Self::MAX_BYTES, allowed) {
            Ok(Self(text.into()))
        } else {
            Err(StreamNameError)
        }
    }

    /// The stream of whoever names none.
    pub fn main() -> Self {
        Self("main".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets a map keyed by names be asked with a `&str`.
impl Borrow<str> for StreamName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A client's own name for one reaction, `[A-Za-z0-9_-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Box<str>);

impl EventId {
    const MAX_BYTES: usize = 64;

    /// Checks an id.
    pub fn parse(text: &str) -> Result<Self, EventIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if is_word(text, Self::MAX_BYTES, allowed) {
            Ok(Self(text.into()))
        } else {
            Err(EventIdError)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who sent a reaction: 1 to 128 bytes without control characters, in whatever form the client
/// likes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Box<str>);

impl UserId {
    const MAX_BYTES: usize = 128;

    /// Checks an id.
    pub fn parse(text: &str) -> Result<Self, UserIdError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// The same for whoever does not keep it.
    pub fn check(text: &str) -> Result<(), UserIdError> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        // Most are plain ASCII, where a byte is enough to tell.
        let is_plain = || text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if fits && (is_plain() || !text.contains(char::is_control)) {
            Ok(())
        } else {
            Err(UserIdError)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no stream name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamNameError;

impl fmt::Display for StreamNameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be 1 to 64 characters out of A-Z, a-z, 0-9, '_', '.' and '-'")
    }
}

impl Error for StreamNameError {}

/// A text that is no event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventIdError;

impl fmt::Display for EventIdError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be 1 to 64 characters out of A-Z, a-z, 0-9, '_' and '-'")
    }
}

impl Error for EventIdError {}

/// A text that is no user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserIdError;

impl fmt::Display for UserIdError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be 1 to 128 bytes without control characters")
    }
}

impl Error for UserIdError {}

fn is_word(text: &str, max_bytes: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=max_bytes).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stream_names_outside_the_alphabet_are_refused() {
        for name in [
            "",
            " ",
            "a b",
            "a/b",
            "a\0",
            "köln",
            "🔥",
            "a\n",
            "%2e",
            &"a".repeat(65),
        ] {
            assert_eq!(StreamName::parse(name), Err(StreamNameError), "{name:?}");
        }
        assert_eq!(StreamName::parse("main"), Ok(StreamName::main()));
    }

    #[test]
    fn event_ids_outside_the_alphabet_are_refused() {
        for id in ["", "a.b", "a b", "é", "\0", &"a".repeat(65)] {
            assert_eq!(EventId::parse(id), Err(EventIdError), "{id:?}");
        }
        assert_eq!(EventId::parse("7f1c-A_9").unwrap().as_str(), "7f1c-A_9");
    }

    #[test]
    fn user_ids_are_any_printable_text_of_bounded_length() {
        for id in ["", "a\0", "a\nb", "\u{7f}", "\u{85}", &"é".repeat(65)] {
            assert_eq!(UserId::parse(id), Err(UserIdError), "{id:?}");
        }
        for id in ["u", "Zoë @ home", &"é".repeat(64)] {
            assert_eq!(UserId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn a_map_of_streams_can_be_asked_with_text() {
        let map = HashMap::from([(StreamName::parse("final").unwrap(), 1)]);
        assert_eq!(map.get("final"), Some(&1));
    }

    proptest! {
        #[test]
        fn every_name_of_the_contract_is_a_stream(name in "[A-Za-z0-9_.-]{1,64}") {
            prop_assert_eq!(StreamName::parse(&name).unwrap().to_string(), name);
        }
    }
}
