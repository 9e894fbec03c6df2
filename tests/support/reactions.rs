//! Bodies of `POST /emoji`.

use serde_json::{Value, json};

/// A timestamp as a client without a zone in mind writes it.
pub(crate) const TIMESTAMP: &str = "2026-06-14T20:15:00.123456";

/// One reaction with the three fields that every reaction has.
pub(crate) fn reaction(user: &str, emoji: &str) -> Value {
    json!({"user_id": user, "emoji_type": emoji, "timestamp": TIMESTAMP})
}

/// `reaction` with further fields, or with others in place of its own.
pub(crate) fn reaction_with(extra: Value) -> Value {
    let mut body = reaction("fan", "🔥");
    let Value::Object(fields) = extra else {
        panic!("fields of an object, not {extra}")
    };
    body.as_object_mut().expect("an object").extend(fields);
    body
}

/// As few reactions as add up to `count` of `emoji` on `stream`; each carries at most 1000.
pub(crate) fn bulk(stream: &str, emoji: &str, count: u64) -> Vec<Value> {
    let full = (0..count / 1000).map(|_| 1000);
    let rest = std::iter::once(count % 1000).filter(|rest| *rest > 0);
    let of = |n| reaction_with(json!({"emoji_type": emoji, "stream": stream, "count": n}));
    full.chain(rest).map(of).collect()
}

/// One reaction of every emoji without skin tones: a window of them is a frame of some 80 KiB.
pub(crate) fn one_of_each(stream: &str) -> Value {
    let of = |emoji: &emojis::Emoji| {
        reaction_with(json!({"emoji_type": emoji.as_str(), "stream": stream}))
    };
    emojis::iter().map(of).collect()
}
