//! What is sent, decided before anything is: the same seed gives the same reactions in the same
//! requests, so that what must have been counted is known beforehand.

use std::ops::RangeInclusive;

use fastrand::Rng;
use serde_json::{Value, json};

use super::account::Totals;

/// The two live events of the test.
pub(crate) const STREAMS: [&str; 2] = ["north", "south"];
/// Sockets that send as well as watch; the even ones watch the first stream.
pub(crate) const NUM_SENDERS: usize = 10;
/// Reactions that deserve to be counted.
pub(crate) const NUM_REACTIONS: usize = 100_000;

const NUM_SINGLE: usize = 3_000;
const NUM_REACTS: usize = 12_000;
const NUM_EMOJIS: u32 = 48;
const BATCH_SIZES: RangeInclusive<usize> = 50..=1_000;
/// Kept for reactions that are sent twice, so that all others can be held to an exact count.
const TWIN_EMOJI: usize = NUM_EMOJIS as usize;
const TIMESTAMPS: [&str; 3] = [
    "2026-06-01T20:15:00Z",
    "2026-06-01T20:15:00.123",
    "2026-06-01T22:15:00+02:00",
];

/// The whole load.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) requests: Vec<Request>,
    /// One list for each sending socket.
    pub(crate) reacts: [Vec<React>; NUM_SENDERS],
    /// One for each of [`STREAMS`].
    pub(crate) expected: [Expected; 2],
    /// Reactions to a stream whose name is none.
    pub(crate) unattributed: u64,
}

/// One `POST /emoji` and the answer it deserves.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    pub(crate) answer: Answer,
}

#[derive(Debug)]
pub(crate) enum Answer {
    Single { accepted: bool },
    Batch { accepted: usize, rejected: Vec<u64> },
}

/// One `react` frame.
#[derive(Debug)]
pub(crate) struct React {
    pub(crate) frame: String,
    pub(crate) id: String,
    pub(crate) accepted: bool,
}

/// What a stream's books have to say in the end. A reaction weighs its `count`, an invalid one 1.
#[derive(Debug, Default, Clone)]
pub(crate) struct Expected {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// Of every emoji but the twins'.
    pub(crate) totals: Totals,
    /// Weight of everything sent twice, both copies taken together.
    pub(crate) twins: u64,
}

impl Plan {
    /// Draws up everything, with about one invalid reaction to thirty valid ones, and some twins.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let mut plan = Self::default();
        for _ in 0..NUM_SINGLE {
            plan.add_single(rng);
        }
        for index in 0..NUM_REACTS {
            plan.add_react(rng, index);
        }
        let mut left = NUM_REACTIONS - NUM_SINGLE - NUM_REACTS;
        while left > 0 {
            let size = rng.usize(BATCH_SIZES).min(left);
            left -= size;
            plan.add_batch(rng, size);
        }
        rng.shuffle(&mut plan.requests);
        plan
    }

    fn add_single(&mut self, rng: &mut Rng) {
        let mut add = |reaction: Value, accepted| {
            self.requests.push(Request {
                content_type: "application/json",
                body: reaction.to_string(),
                answer: Answer::Single { accepted },
            });
        };
        let stream = rng.usize(..2);
        add(self.expected[stream].good(rng, stream), true);
        if rng.u8(..30) == 0 {
            let stream = rng.usize(..2);
            add(self.expected[stream].bad(rng, stream), false);
        }
    }

    fn add_react(&mut self, rng: &mut Rng, index: usize) {
        let (sender, stream) = (index % NUM_SENDERS, index % STREAMS.len());
        let mut add = |emoji: &str, count: u64, id: String, accepted| {
            let frame = json!({"type": "react", "emoji_type": emoji, "count": count, "id": id});
            let frame = frame.to_string();
            self.reacts[sender].push(React {
                frame,
                id,
                accepted,
            });
        };
        let (emoji, count) = (emoji(rng), count(rng));
        self.expected[stream].count(&emoji, count);
        add(&emoji, count, format!("react-{index}"), true);
        if rng.u8(..30) == 0 {
            self.expected[stream].rejected += 1;
            add("goal", count, format!("bad-{index}"), false);
        }
    }

    /// A batch of `size` good reactions, with bad ones and twins in between.
    fn add_batch(&mut self, rng: &mut Rng, size: usize) {
        let (mut lines, mut rejected) = (Vec::<String>::new(), Vec::new());
        let mut accepted = size;
        for _ in 0..size {
            let stream = rng.usize(..2);
            lines.push(self.expected[stream].good(rng, stream).to_string());
            match rng.u8(..60) {
                0 | 1 => {
                    rejected.push(lines.len() as u64);
                    lines.push(self.bad(rng).to_string());
                }
                2 => {
                    accepted += 2;
                    let twin = self.expected[stream].twin(rng, stream).to_string();
                    lines.extend([twin.clone(), twin]);
                }
                _ => {}
            }
        }
        let (content_type, body) = if rng.bool() {
            ("application/json", format!("[{}]", lines.join(",")))
        } else {
            ("application/x-ndjson", lines.join("\n"))
        };
        let answer = Answer::Batch { accepted, rejected };
        self.requests.push(Request {
            content_type,
            body,
            answer,
        });
    }

    /// A reaction that is refused, to one of the streams or to none.
    fn bad(&mut self, rng: &mut Rng) -> Value {
        let stream = rng.usize(..3);
        if let Some(expected) = self.expected.get_mut(stream) {
            return expected.bad(rng, stream);
        }
        self.unattributed += 1;
        let mut reaction = reaction(rng, 0);
        reaction["stream"] = json!("north/stand");
        reaction
    }
}

impl Expected {
    /// Books a reaction that will be accepted.
    pub(crate) fn count(&mut self, emoji: &str, count: u64) {
        self.accepted += count;
        *self.totals.entry(emoji.to_owned()).or_default() += count;
    }

    fn good(&mut self, rng: &mut Rng, stream: usize) -> Value {
        let reaction = reaction(rng, stream);
        let emoji = reaction["emoji_type"].as_str().expect("a text");
        self.count(emoji, reaction["count"].as_u64().unwrap_or(1));
        reaction
    }

    /// Well-formed, with one value that is not allowed.
    fn bad(&mut self, rng: &mut Rng, stream: usize) -> Value {
        self.rejected += 1;
        let mut reaction = reaction(rng, stream);
        let (key, value) = match rng.u8(..6) {
            0 => ("emoji_type", json!("goal")),
            1 => ("emoji_type", json!("🔥🔥")),
            2 => ("count", json!(0)),
            3 => ("count", json!(1_001)),
            4 => ("timestamp", json!("yesterday")),
            _ => ("event_id", json!("not an id")),
        };
        reaction[key] = value;
        reaction
    }

    /// A reaction to be sent twice.
    fn twin(&mut self, rng: &mut Rng, stream: usize) -> Value {
        let mut reaction = reaction(rng, stream);
        reaction["emoji_type"] = json!(twin_emoji());
        reaction["event_id"] = json!(format!("{:016x}", rng.u64(..)));
        let twice = 2 * reaction["count"].as_u64().unwrap_or(1);
        self.accepted += twice;
        self.twins += twice;
        reaction
    }
}

/// The emoji of everything that is sent twice.
pub(crate) fn twin_emoji() -> String {
    emoji_at(TWIN_EMOJI)
}

fn reaction(rng: &mut Rng, stream: usize) -> Value {
    let mut reaction = json!({
        "user_id": format!("user-{}", rng.u16(..5_000)),
        "emoji_type": emoji(rng),
        "timestamp": TIMESTAMPS[rng.usize(..TIMESTAMPS.len())],
        "stream": STREAMS[stream],
    });
    if rng.bool() {
        reaction["count"] = json!(count(rng));
    }
    reaction
}

/// The smileys stand in one block, each a whole RGI emoji without a variation selector.
fn emoji_at(index: usize) -> String {
    let index = u32::try_from(index).expect("a small number");
    char::from_u32(0x1F600 + index)
        .expect("a smiley")
        .to_string()
}

fn emoji(rng: &mut Rng) -> String {
    emoji_at(rng.usize(..TWIN_EMOJI))
}

/// Mostly one, now and then a whole block of seats at once.
fn count(rng: &mut Rng) -> u64 {
    match rng.u8(..20) {
        0 => rng.u64(2..=1_000),
        1..=4 => rng.u64(2..=9),
        _ => 1,
    }
}
