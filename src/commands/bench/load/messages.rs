//! Messages that are made before the clock starts, and sent in turn over and over.

use std::fmt::Write as _;

use super::super::crowd::Crowd;
use super::answers::Answer;
use crate::domain::Tally;

/// Different messages with one reaction each: enough for a crowd, few enough to stay near the core.
const NUM_SINGLE: usize = 10_000;

/// Different messages with many reactions each.
const NUM_BATCHES: usize = 200;

/// Messages, end to end.
#[derive(Debug, Default)]
pub(in crate::commands::bench) struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The reactions in each.
    tallies: Vec<Tally>,
    /// How often each was accepted as a whole.
    accepted: Vec<u64>,
    next: usize,
    /// Reactions of messages that were accepted in part: nobody here knows which.
    in_part: u64,
}

impl Messages {
    /// Requests for nothing.
    pub(in crate::commands::bench) fn get(address: &str) -> Self {
        let mut messages = Self::default();
        let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n");
        messages.push(request.as_bytes(), Tally::new());
        messages
    }

    /// Requests with one reaction each.
    pub(in crate::commands::bench) fn single(address: &str) -> Self {
        let (mut crowd, mut messages) = (Crowd::new(), Self::default());
        let mut value = String::new();
        for _ in 0..NUM_SINGLE {
            crowd.write_next(&mut value);
            messages.post(address, "application/json", &value, crowd.take_made());
        }
        messages
    }

    /// Requests with an array of this many reactions each.
    pub(in crate::commands::bench) fn arrays(address: &str, size: usize) -> Self {
        Self::batches(size, |messages, values, made| {
            let body = format!("[{}]", values.join(", "));
            messages.post(address, "application/json", &body, made);
        })
    }

    /// Requests with this many lines each.
    pub(in crate::commands::bench) fn ndjson(address: &str, size: usize) -> Self {
        Self::batches(size, |messages, values, made| {
            let body = values.join("\n") + "\n";
            messages.post(address, "application/x-ndjson", &body, made);
        })
    }

    fn batches(size: usize, mut post: impl FnMut(&mut Self, &[String], Tally)) -> Self {
        let (mut crowd, mut messages) = (Crowd::new(), Self::default());
        let mut values = vec![String::new(); size];
        for _ in 0..NUM_BATCHES {
            values.iter_mut().for_each(|value| crowd.write_next(value));
            post(&mut messages, &values, crowd.take_made());
        }
        messages
    }

    /// Frames with one reaction each and an id, which asks for an answer.
    pub(in crate::commands::bench) fn frames() -> Self {
        let (mut crowd, mut messages) = (Crowd::new(), Self::default());
        let mut masks = fastrand::Rng::with_seed(6_455);
        for number in 0..NUM_SINGLE {
            let emoji = crowd.next_emoji();
            let mut text = String::new();
            let _ = write!(
                text,
                "{{\"type\":\"react\",\"emoji_type\":\"{}\",\"id\":\"{number}\"}}",
                emoji.as_str()
            );
            let frame = masked(text.as_bytes(), masks.u32(..).to_be_bytes());
            messages.push(&frame, crowd.take_made());
        }
        messages
    }

    fn post(&mut self, address: &str, content_type: &str, body: &str, reactions: Tally) {
        let request = format!(
            "POST /emoji HTTP/1.1\r\nhost: {address}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.push(request.as_bytes(), reactions);
    }

    fn push(&mut self, message: &[u8], reactions: Tally) {
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len());
        self.tallies.push(reactions);
        self.accepted.push(0);
    }

    /// The number of the message whose turn it is.
    pub(super) fn next(&mut self) -> usize {
        let message = self.next;
        self.next = if message + 1 < self.ends.len() {
            message + 1
        } else {
            0
        };
        message
    }

    pub(super) fn bytes(&self, message: usize) -> &[u8] {
        let start = message.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[message]]
    }

    /// Notes what became of a message; how many reactions that concerns.
    pub(super) fn answered(&mut self, message: usize, answer: Answer) -> u64 {
        let all = self.tallies[message].total();
        let Answer::Accepted(told) = answer else {
            return all;
        };
        match told.map(u64::from) {
            Some(told) if told != all => {
                self.in_part += told;
                told
            }
            _ => {
                self.accepted[message] += 1;
                all
            }
        }
    }

    /// The reactions that were accepted, emoji by emoji. None if some were accepted in part.
    pub(in crate::commands::bench) fn accepted(&self) -> Option<Tally> {
        let mut sum = Tally::new();
        for (tally, times) in self.tallies.iter().zip(&self.accepted) {
            tally
                .iter()
                .for_each(|(emoji, count)| sum.add(emoji, count * times));
        }
        (self.in_part == 0).then_some(sum)
    }
}

/// A client's text frame.
fn masked(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    const LAST_TEXT: u8 = 0x81;
    const MASKED: u8 = 0x80;
    // Every reaction fits into the short form, which ends at 125.
    let mut frame = vec![LAST_TEXT, MASKED | payload.len() as u8];
    frame.extend(mask);
    let bytes = payload.iter().zip(mask.iter().cycle());
    frame.extend(bytes.map(|(byte, mask)| byte ^ mask));
    frame
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    const HOST: &str = "127.0.0.1:5000";

    #[test]
    fn every_message_is_whole_and_they_come_in_turn() {
        for (mut messages, num) in [
            (Messages::get(HOST), 1),
            (Messages::single(HOST), NUM_SINGLE),
            (Messages::arrays(HOST, 100), NUM_BATCHES),
            (Messages::ndjson(HOST, 100), NUM_BATCHES),
        ] {
            for turn in 0..num + 1 {
                let message = messages.next();
                assert_eq!(message, turn % num);
                let text = std::str::from_utf8(messages.bytes(message)).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let length = format!("content-length: {}", body.len());
                assert!(body.is_empty() || head.ends_with(&length), "{text}");
            }
        }
    }

    #[test]
    fn what_was_accepted_is_known_emoji_by_emoji_unless_it_was_in_part() {
        let mut messages = Messages::arrays(HOST, 100);
        assert_eq!(messages.answered(3, Answer::Accepted(Some(100))), 100);
        assert_eq!(messages.answered(3, Answer::Accepted(Some(100))), 100);
        assert_eq!(messages.answered(4, Answer::Shed(Duration::ZERO)), 100);
        let twice = messages.accepted().unwrap();
        assert_eq!(twice.total(), 200);
        assert!(twice.covers(&messages.tallies[3]));
        assert_eq!(messages.answered(4, Answer::Accepted(Some(99))), 99);
        assert_eq!(messages.accepted(), None);
    }

    #[test]
    fn frames_are_masked_reactions_with_an_id() {
        let messages = Messages::frames();
        let frame = messages.bytes(12);
        let (mask, payload) = frame[2..].split_at(4);
        let text: Vec<u8> = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.starts_with("{\"type\":\"react\",\"emoji_type\":\""),
            "{text}"
        );
        assert!(text.ends_with("\"id\":\"12\"}"), "{text}");
        assert_eq!(usize::from(frame[1] & 0x7f), text.len());
    }
}
