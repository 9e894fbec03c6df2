//! What has been read and not yet committed: windows in pieces, and how far each partition is done.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use crate::domain::{EpochMs, StreamName, Window, WindowSize};
use crate::kafka::context::TopicPartition;
use crate::kafka::gather::{Gather, Gathered, Patience, Place, Taken};
use crate::kafka::record::window;

/// Each stream's newest window.
pub(super) type Tail = HashMap<StreamName, Window>;

/// Everything that is read.
pub(super) struct Inputs {
    size: WindowSize,
    max_streams: usize,
    topics: BTreeMap<String, Input>,
}

/// One topic that is read.
struct Input {
    gather: Gather,
    /// The place behind the newest record, per partition.
    next: BTreeMap<i32, i64>,
    /// Where streams without totals of their own stand; none as long as nobody asked.
    tail: Option<Tail>,
}

/// What has become of a record.
#[derive(Debug)]
pub(super) enum Step {
    /// It is in a window, or was.
    Taken,
    /// It cannot be used, for this reason.
    Poison(&'static str),
    /// It is another aggregator's, and where the stream stands has to be looked up first.
    Unknown(StreamName),
}

impl Inputs {
    pub(super) fn new(size: WindowSize, max_streams: usize) -> Self {
        Self {
            size,
            max_streams,
            topics: BTreeMap::new(),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.topics.clear();
    }

    /// These are read from now on.
    pub(super) fn assign(&mut self, partitions: &[TopicPartition]) {
        for (topic, _) in partitions {
            let input = || Input {
                gather: Gather::new(self.size, Patience::default(), self.max_streams),
                next: BTreeMap::new(),
                tail: None,
            };
            self.topics.entry(topic.clone()).or_insert_with(input);
        }
    }

    pub(super) fn is_unassigned(&self) -> bool {
        self.topics.is_empty()
    }

    /// Takes the next record of a partition.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>, now: EpochMs) -> Step {
        let Some(input) = self.topics.get_mut(message.topic()) else {
            return Step::Taken;
        };
        let record = match window::decode(message.payload().unwrap_or_default(), self.size) {
            Ok(record) => record,
            Err(poison) => {
                input.pass(message);
                return Step::Poison(poison.as_str());
            }
        };
        if record.part.is_none() && input.is_unknown(&record.stream) {
            return Step::Unknown(record.stream);
        }
        let place = Place::of(message);
        input.pass(message);
        match input.gather.take(place, record, now) {
            Taken::Kept | Taken::Known => Step::Taken,
            Taken::Refused(refusal) => Step::Poison(refusal.as_str()),
        }
    }

    /// Whether it was looked up where the streams of a topic stand.
    pub(super) fn has_tail(&self, topic: &str) -> bool {
        self.topics
            .get(topic)
            .is_some_and(|input| input.tail.is_some())
    }

    /// Where the streams of a topic stand.
    pub(super) fn set_tail(&mut self, topic: &str, tail: Tail) {
        if let Some(input) = self.topics.get_mut(topic) {
            input.tail = Some(tail);
        }
    }

    /// Lets a stream go on behind the window that was written last, if there is one.
    pub(super) fn resume(&mut self, topic: &str, stream: &StreamName) -> Option<Arc<Window>> {
        let input = self.topics.get_mut(topic)?;
        let newest = input.tail.as_mut()?.remove(stream)?;
        input.gather.resume([newest.clone()]);
        Some(Arc::new(newest))
    }

    /// The windows that are whole by now, with the topic of each.
    pub(super) fn take_whole(&mut self, now: EpochMs) -> Vec<(String, Gathered)> {
        let whole = self.topics.iter_mut().flat_map(|(topic, input)| {
            let whole = input.gather.take_whole(now).into_iter();
            whole.map(|gathered| (topic.clone(), gathered))
        });
        whole.collect()
    }

    /// Where a reader has to begin who is to miss nothing that did not come out.
    pub(super) fn done_through(&self) -> BTreeMap<TopicPartition, i64> {
        let done = self.topics.iter().flat_map(|(topic, input)| {
            input.next.iter().map(|(&partition, &next)| {
                let held = usize::try_from(partition)
                    .ok()
                    .and_then(|number| input.gather.hold_back(number));
                let held = held.and_then(|offset| i64::try_from(offset.0).ok());
                ((topic.clone(), partition), held.unwrap_or(next))
            })
        });
        done.collect()
    }
}

impl Input {
    fn pass(&mut self, message: &BorrowedMessage<'_>) {
        self.next.insert(message.partition(), message.offset() + 1);
    }

    fn is_unknown(&self, stream: &StreamName) -> bool {
        let in_tail = self
            .tail
            .as_ref()
            .is_none_or(|tail| tail.contains_key(stream));
        in_tail && !self.gather.knows(stream)
    }
}
