//! A crowd that reacts: many people, some thirty emojis of which few make up most, in the prototype's form.

use std::fmt::Write as _;

use crate::domain::{Emoji, Tally};

/// How many people there are.
const PEOPLE: u32 = 100_000;

/// The emojis of a live event, the most frequent first.
const EMOJIS: &str =
    "🔥 😂 ❤️ 👏 😍 🎉 😭 🙌 👍 😮 🥰 💯 😡 😢 🤣 ⚽ 🏆 🙏 💪 😱 🤩 👀 🎊 💃 😎 🤯 🥳 😀 🙁 👎";

/// 2026-06-11 20:00, in seconds of that day.
const KICK_OFF: u64 = 20 * 3_600;

/// The crowd. Every run makes the same reactions in the same order.
#[derive(Debug)]
pub(super) struct Crowd {
    random: fastrand::Rng,
    faces: Vec<Face>,
    /// Sum of the weights through each face.
    bounds: Vec<f64>,
    num_made: u64,
    /// What it has made so far.
    pub(super) made: Tally,
}

#[derive(Debug)]
struct Face {
    emoji: Emoji,
    /// As Python's `json.dumps` writes it.
    escaped: String,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self::with_emojis(usize::MAX)
    }

    /// One that knows the most frequent `number` emojis alone.
    pub(super) fn with_emojis(number: usize) -> Self {
        let faces: Vec<Face> = EMOJIS
            .split(' ')
            .take(number)
            .filter_map(|text| {
                let emoji = Emoji::parse(text).ok()?;
                Some(Face {
                    emoji,
                    escaped: escaped(text),
                })
            })
            .collect();
        // The nth is sent 1/n times as often as the first, as words and likes are.
        let weights = (1..=faces.len()).map(|rank| 1.0 / rank as f64);
        let bounds = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self {
            random: fastrand::Rng::with_seed(2026),
            bounds: bounds.collect(),
            faces,
            num_made: 0,
            made: Tally::new(),
        }
    }

    /// Who reacts next, and with which face.
    fn pick(&mut self) -> (u32, usize) {
        let person = self.random.u32(..PEOPLE);
        let chance = self.random.f64();
        let index = self.rank(chance);
        self.made.add(self.faces[index].emoji, 1);
        (person, index)
    }

    /// The next reaction as far as a session tells it.
    pub(super) fn next_emoji(&mut self) -> Emoji {
        let (_, index) = self.pick();
        self.faces[index].emoji
    }

    /// The emoji of a reaction that is not counted as made; `chance` is drawn from 0 to 1.
    pub(super) fn emoji(&self, chance: f64) -> Emoji {
        self.faces[self.rank(chance)].emoji
    }

    fn rank(&self, chance: f64) -> usize {
        let whole = self.bounds.last().copied().unwrap_or_default();
        let index = self
            .bounds
            .partition_point(|bound| *bound <= chance * whole);
        index.min(self.faces.len() - 1)
    }

    /// What it has made since this was asked last.
    pub(super) fn take_made(&mut self) -> Tally {
        std::mem::replace(&mut self.made, Tally::new())
    }

    /// Writes the next reaction as the prototype's API hands it on: Python's JSON, a UUID, a time without zone.
    pub(super) fn write_next(&mut self, value: &mut String) {
        let (person, index) = self.pick();
        let escaped = &self.faces[index].escaped;
        let micros = self.num_made * 3;
        self.num_made += 1;
        let second = KICK_OFF + micros / 1_000_000;
        let (hour, minute, second) = (second / 3_600 % 24, second / 60 % 60, second % 60);
        let micros = micros % 1_000_000;
        // A name for each person that looks as random as a UUID does: this is a bijection.
        let mixed = u64::from(person).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (high, low) = (mixed >> 32, mixed & 0xffff_ffff);
        value.clear();
        let _ = write!(
            value,
            "{{\"user_id\": \"{high:08x}-{:04x}-4{:03x}-8{:03x}-{low:08x}{:04x}\", \"emoji_type\": \"{escaped}\", \
             \"timestamp\": \"2026-06-11T{hour:02}:{minute:02}:{second:02}.{micros:06}\"}}",
            low >> 16,
            low & 0xfff,
            high & 0xfff,
            high >> 16,
        );
    }
}

fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::kafka::record::reaction;

    #[test]
    fn every_reaction_is_a_record_that_counts_as_the_crowd_says() {
        let (mut crowd, mut value) = (Crowd::new(), String::new());
        let mut counted = Tally::new();
        for _ in 0..10_000 {
            crowd.write_next(&mut value);
            let read = reaction::decode(value.as_bytes()).unwrap();
            counted.add(read.emoji, u64::from(read.count));
        }
        assert_eq!(counted, crowd.made);
        assert_eq!(counted.total(), 10_000);
    }

    #[test]
    fn few_emojis_make_up_most_and_all_of_them_occur() {
        let (mut crowd, mut value) = (Crowd::new(), String::new());
        (0..10_000).for_each(|_| crowd.write_next(&mut value));
        assert_eq!(crowd.made.len(), 30);
        let first_five: u64 = crowd.made.ranked()[..5]
            .iter()
            .map(|(_, count)| count)
            .sum();
        assert!((5_000..7_500).contains(&first_five), "{first_five}");
    }

    #[test]
    fn values_have_the_prototypes_form() {
        let (mut crowd, mut value) = (Crowd::new(), String::new());
        crowd.write_next(&mut value);
        assert!(value.starts_with("{\"user_id\": \""), "{value}");
        assert!(value.contains("\", \"emoji_type\": \"\\u"), "{value}");
        assert!(
            value.ends_with("\"timestamp\": \"2026-06-11T20:00:00.000000\"}"),
            "{value}"
        );
    }
}
