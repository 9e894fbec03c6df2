//! Windows whose records say how many they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Gathered, Oldest, Place};
use crate::domain::{Emoji, Seq, StreamName, Tally, Window};
use crate::kafka::record::window::{Head, Part, WindowRecord};

/// Windows of one stream that may be in pieces at a time. Two writers for a moment, one of which does not know yet that it
/// was replaced, are as many as there should be.
const MAX_HELD: usize = 16;

/// The windows of one stream that are in pieces.
#[derive(Debug, Default)]
pub(super) struct Own {
    held: BTreeMap<Seq, Held>,
}

/// The pieces of one window.
#[derive(Debug)]
struct Held {
    of: u32,
    ordinal: u64,
    running_total: u64,
    rows: BTreeMap<u32, Row>,
    head: Option<Box<Head>>,
    oldest: Oldest,
}

#[derive(Debug)]
struct Row {
    emoji: Emoji,
    count: u64,
    running: u64,
}

/// What a record has led to.
pub(super) enum Step {
    /// It came before.
    Known,
    /// Its window is still in pieces; so many others were given up for want of room.
    Kept { given_up: u64 },
    /// Its window is whole; none if the records contradict each other.
    Whole(Option<Box<Gathered>>),
}

impl Own {
    /// Takes a record that says which part of its window it is.
    pub(super) fn take(&mut self, place: Place, record: WindowRecord) -> Step {
        let WindowRecord { stream, seq, .. } = record;
        let Some(part) = record.part else {
            return Step::Known;
        };
        let held = self.held.entry(seq).or_insert_with(|| Held::new(&part));
        if !held.is_of(&part) {
            // The same window written anew, under a policy that lists another number of emojis.
            *held = Held::new(&part);
        }
        let row = Row {
            emoji: record.emoji,
            count: record.count,
            running: part.running,
        };
        held.oldest.note(place);
        if held.rows.insert(part.index, row).is_some() {
            return Step::Known;
        }
        held.head = part.head.or(held.head.take());
        if held.rows.len() < held.of as usize {
            let given_up = self.make_room();
            return Step::Kept { given_up };
        }
        let whole = self.held.remove(&seq);
        Step::Whole(
            whole
                .and_then(|held| held.into_window(stream, seq))
                .map(Box::new),
        )
    }

    /// Gives up what is not newer than a window that has come out. Returns how many.
    pub(super) fn give_up_through(&mut self, seq: Seq) -> u64 {
        let newer = self.held.split_off(&seq.next());
        let given_up = std::mem::replace(&mut self.held, newer);
        given_up.len() as u64
    }

    pub(super) fn oldest(&self) -> impl Iterator<Item = &Oldest> {
        self.held.values().map(|held| &held.oldest)
    }

    fn make_room(&mut self) -> u64 {
        let mut given_up = 0;
        while self.held.len() > MAX_HELD {
            self.held.pop_first();
            given_up += 1;
        }
        given_up
    }
}

impl Held {
    fn new(part: &Part) -> Self {
        Self {
            of: part.of,
            ordinal: part.ordinal,
            running_total: part.running_total,
            rows: BTreeMap::new(),
            head: None,
            oldest: Oldest::default(),
        }
    }

    fn is_of(&self, part: &Part) -> bool {
        (self.of, self.ordinal, self.running_total) == (part.of, part.ordinal, part.running_total)
    }

    fn into_window(self, stream: StreamName, seq: Seq) -> Option<Gathered> {
        let head = *self.head?;
        let listed: Tally = self
            .rows
            .values()
            .map(|row| (row.emoji, row.count))
            .collect();
        let tally = head.tally.unwrap_or_else(|| listed.clone());
        let is_sound = |row: &Row| {
            let count = listed.get(row.emoji);
            row.running == head.running.get(row.emoji)
                && (count == 0 || count == row.count && count == tally.get(row.emoji))
        };
        let fits = |(emoji, count)| count <= head.running.get(emoji);
        if !self.rows.values().all(is_sound) || !tally.iter().all(fits) {
            return None;
        }
        let window = Window {
            stream,
            seq,
            tally,
            late: head.late,
            deduplicated: head.deduplicated,
            running: Arc::new(head.running),
            ordinal: self.ordinal,
        };
        let shaped = head.shaped;
        Some(Gathered { window, shaped })
    }
}
