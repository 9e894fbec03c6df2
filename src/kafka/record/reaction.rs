//! A record of `emoji_topic`: one reaction, as it was accepted or as somebody else's producer wrote it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Poison, json, read};
use crate::domain::{Emoji, EpochMs, EventId, MAX_COUNT, Reaction, StreamName, UserId};

/// From `2026-06-11T20:00` to a time with nanoseconds, offset and zone in brackets.
const TIMESTAMP_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

#[derive(Serialize, Deserialize)]
struct ReactionJson<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    emoji_type: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    stream: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    event_id: Option<Cow<'a, str>>,
}

/// The value. `now` stands in where the client gave no time, since others may need one.
pub fn encode(reaction: &Reaction, now: EpochMs) -> Vec<u8> {
    let timestamp = match &reaction.timestamp {
        Some(timestamp) => Cow::Borrowed(&**timestamp),
        None => json::moment(now).into(),
    };
    json::write(&ReactionJson {
        user_id: reaction.user_id.as_str().into(),
        emoji_type: reaction.emoji.as_str().into(),
        timestamp,
        stream: (reaction.stream != StreamName::main()).then(|| reaction.stream.as_str().into()),
        count: (reaction.count != 1).then_some(u64::from(reaction.count)),
        event_id: reaction.event_id.as_ref().map(|id| id.as_str().into()),
    })
}

/// The key. A reaction that is sent again has to meet the first one in the same partition, there to be left out; all others
/// have none, and are spread. The emoji as the key would put the whole crowd's favourite into one partition, and the sender
/// whatever one program sends for many.
pub fn key(reaction: &Reaction) -> Option<&str> {
    reaction.event_id.as_ref().map(EventId::as_str)
}

/// What counting takes of a value. The rest of it was checked all the same, and is not kept: a record is counted in less time
/// than its texts are copied in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The name of its stream, still to be checked; who names none means `main`.
    stream: Option<Cow<'a, str>>,
    /// What was sent.
    pub emoji: Emoji,
    /// How often at once, 1 to [`MAX_COUNT`].
    pub count: u32,
    /// The client's own name for it.
    pub event_id: Option<EventId>,
}

impl Counted<'_> {
    /// The stream it belongs to. `last` is that of the record before, most often the same, which is then shared.
    ///
    /// # Errors
    ///
    /// No name of a stream.
    pub fn stream(&self, last: Option<&StreamName>) -> Result<StreamName, Poison> {
        let name = self.stream.as_deref();
        match last.filter(|last| last.as_str() == name.unwrap_or(MAIN)) {
            Some(last) => Ok(last.clone()),
            None => json::stream(name),
        }
    }
}

/// The stream of whoever names none.
const MAIN: &str = "main";

/// Reads and checks a value for counting.
///
/// # Errors
///
/// What [`decode`] refuses, but for the name of the stream.
pub fn counted(value: &[u8]) -> Result<Counted<'_>, Poison> {
    checked(read(value)?).map(|(counted, _)| counted)
}

/// Reads and checks a value.
///
/// # Errors
///
/// What HTTP would refuse as well.
pub fn decode(value: &[u8]) -> Result<Reaction, Poison> {
    let (counted, texts) = checked(read(value)?)?;
    Ok(Reaction {
        stream: counted.stream(None)?,
        user_id: UserId::parse(&texts.user_id).map_err(|_| Poison::InvalidUserId)?,
        emoji: counted.emoji,
        count: counted.count,
        timestamp: Some(texts.timestamp.as_ref().into()),
        event_id: counted.event_id,
    })
}

/// What is checked and carried, and not counted.
struct Texts<'a> {
    user_id: Cow<'a, str>,
    timestamp: Cow<'a, str>,
}

/// Every check but that of the stream's name.
fn checked(given: ReactionJson<'_>) -> Result<(Counted<'_>, Texts<'_>), Poison> {
    let count = u32::try_from(given.count.unwrap_or(1))
        .ok()
        .filter(|count| (1..=MAX_COUNT).contains(count))
        .ok_or(Poison::InvalidCount)?;
    let event_id = given.event_id.as_deref().map(EventId::parse).transpose();
    if !is_time(&given.timestamp) {
        return Err(Poison::InvalidTimestamp);
    }
    UserId::check(&given.user_id).map_err(|_| Poison::InvalidUserId)?;
    let counted = Counted {
        stream: given.stream,
        emoji: json::emoji(&given.emoji_type)?,
        count,
        event_id: event_id.map_err(|_| Poison::InvalidEventId)?,
    };
    let texts = Texts {
        user_id: given.user_id,
        timestamp: given.timestamp,
    };
    Ok((counted, texts))
}

/// With a zone or without one, as Python's `isoformat` writes it.
fn is_time(text: &str) -> bool {
    TIMESTAMP_BYTES.contains(&text.len())
        && (text.parse::<jiff::civil::DateTime>().is_ok()
            || text.parse::<jiff::Timestamp>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::kafka::record::tests::any_emoji;
    use crate::testkit as fixtures;

    /// 2 December 2025, 16:00 UTC.
    const NOW: EpochMs = EpochMs(1_764_691_200_000);

    fn any_reaction() -> impl Strategy<Value = Reaction> {
        let names = ("[A-Za-z0-9_.-]{1,64}", "[^\\p{Cc}]{1,32}");
        let options = prop::option::of("[A-Za-z0-9_-]{1,64}");
        (names, any_emoji(), 1..=MAX_COUNT, options).prop_map(
            |((stream, user), emoji, count, event)| Reaction {
                stream: fixtures::stream(&stream),
                user_id: UserId::parse(&user).unwrap(),
                emoji,
                count,
                timestamp: Some("2026-06-11T20:00:00.123456".into()),
                event_id: event.map(|id| EventId::parse(&id).unwrap()),
            },
        )
    }

    #[test]
    fn a_plain_reaction_is_written_as_the_prototype_writes_it() {
        let written = encode(&fixtures::reaction(), NOW);
        let golden =
            r#"{"user_id":"user","emoji_type":"🔥","timestamp":"2025-12-02T16:00:00.000Z"}"#;
        assert_eq!(String::from_utf8(written).unwrap(), golden);
    }

    #[test]
    fn what_was_given_beyond_is_written_beyond() {
        let reaction = Reaction {
            stream: fixtures::stream("final"),
            count: 3,
            timestamp: Some("2026-06-11T20:00:00+05:30".into()),
            ..fixtures::event("e-1")
        };
        let golden = r#"{"user_id":"user","emoji_type":"🔥","timestamp":"2026-06-11T20:00:00+05:30","stream":"final","count":3,"event_id":"e-1"}"#;
        assert_eq!(String::from_utf8(encode(&reaction, NOW)).unwrap(), golden);
        assert_eq!(decode(golden.as_bytes()).unwrap(), reaction);
    }

    #[test]
    fn copies_of_an_event_meet_in_one_partition_and_others_are_spread() {
        let other_sender = Reaction {
            user_id: UserId::parse("another").unwrap(),
            ..fixtures::event("e-1")
        };
        assert_eq!(key(&fixtures::event("e-1")), key(&other_sender));
        assert_eq!(key(&fixtures::event("e-1")), Some("e-1"));
        assert_eq!(key(&fixtures::reaction()), None);
    }

    #[test]
    fn escapes_unknown_fields_and_times_without_zone_are_read() {
        let value = br#" {"emoji_type": "\ud83d\ude00", "extra": [1, {"deep": null}], "timestamp": "2024-11-19T23:06:51.123456",
            "user_id": "6f1c2a", "stream": null, "count": null, "event_id": null}"#;
        let reaction = decode(value).unwrap();
        assert_eq!(reaction.emoji.as_str(), "😀");
        assert_eq!((reaction.stream, reaction.count), (StreamName::main(), 1));
        assert_eq!(reaction.event_id, None);
    }

    #[test]
    fn each_refusal_names_its_reason() {
        let valid = r#"{"user_id":"u","emoji_type":"🔥","timestamp":"2026-06-11T20:00:00","count":1,"stream":"s","event_id":"e"}"#;
        assert!(decode(valid.as_bytes()).is_ok());
        for (from, to, reason) in [
            (r#""u""#, r#""""#, Poison::InvalidUserId),
            (r#""u""#, "7", Poison::InvalidShape),
            ("🔥", "fire", Poison::InvalidEmoji),
            ("🔥", r"\ud83d", Poison::InvalidJson),
            ("2026-06", "2026-13", Poison::InvalidTimestamp),
            (r#""timestamp""#, r#""time""#, Poison::InvalidShape),
            (r#""s""#, r#""a b""#, Poison::InvalidStream),
            (":1,", ":0,", Poison::InvalidCount),
            (":1,", ":1001,", Poison::InvalidCount),
            (":1,", ":-1,", Poison::InvalidShape),
            (r#""e""#, r#""a.b""#, Poison::InvalidEventId),
            (
                r#""count""#,
                r#""user_id":"v","count""#,
                Poison::InvalidShape,
            ),
            ("}", "", Poison::InvalidJson),
        ] {
            let value = valid.replace(from, to);
            assert_eq!(decode(value.as_bytes()), Err(reason), "{value}");
            let counted = counted(value.as_bytes()).and_then(|counted| counted.stream(None));
            assert_eq!(counted, Err(reason), "{value}");
        }
    }

    #[test]
    fn what_the_prototype_lets_through_is_poison() {
        for (value, reason) in [
            ("", Poison::NoValue),
            ("  ", Poison::NoValue),
            ("{}", Poison::InvalidShape),
            ("null", Poison::InvalidShape),
            ("[]", Poison::InvalidShape),
            (r#"["u","🔥","2026-06-11T20:00:00"]"#, Poison::InvalidShape),
            ("nul", Poison::InvalidJson),
        ] {
            assert_eq!(decode(value.as_bytes()), Err(reason), "{value:?}");
        }
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert_eq!(decode(&deep), Err(Poison::InvalidShape));
    }

    #[test]
    fn a_stream_is_shared_with_the_record_before_only_if_it_is_the_same() {
        let value = |stream: &str| {
            let plain = r#"{"user_id":"u","emoji_type":"🔥","timestamp":"2026-06-11T20:00:00"}"#;
            plain.replace("{", &format!("{{{stream}"))
        };
        let (main, fin) = (StreamName::main(), fixtures::stream("final"));
        assert_eq!(main.as_str(), MAIN);
        for (stream, last, expected) in [
            ("", None, &main),
            ("", Some(&main), &main),
            ("", Some(&fin), &main),
            (r#""stream":"main","#, Some(&main), &main),
            (r#""stream":"final","#, Some(&main), &fin),
            (r#""stream":"final","#, Some(&fin), &fin),
        ] {
            let value = value(stream);
            let read = counted(value.as_bytes()).unwrap();
            assert_eq!(read.stream(last).as_ref(), Ok(expected), "{value} {last:?}");
        }
    }

    proptest! {
        #[test]
        fn counting_sees_what_decoding_does(reaction in any_reaction()) {
            let value = encode(&reaction, NOW);
            let read = counted(&value).unwrap();
            prop_assert_eq!(read.stream(None).unwrap(), reaction.stream);
            prop_assert_eq!((read.emoji, read.count), (reaction.emoji, reaction.count));
            prop_assert_eq!(read.event_id, reaction.event_id);
        }

        #[test]
        fn what_is_written_reads_as_the_same(reaction in any_reaction()) {
            prop_assert_eq!(decode(&encode(&reaction, NOW)).unwrap(), reaction);
        }
    }
}
