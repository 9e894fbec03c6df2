//! Puts the records of a window together again, whoever wrote them and however often they come.
//!
//! - **Emostream's** say how many there are, so a window is whole when all of them have come. A record that comes again
//!   is known by window and index. A window that stays in pieces is given up once a later one is whole: that one
//!   brings totals along, so the sum is right all the same.
//! - **Another aggregator's** say nothing of the kind, see `foreign.rs`.
//!
//! Windows come out once each, `seq` rising per stream. The clock is the caller's.

mod foreign;
mod own;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message;

use self::foreign::Foreign;
use self::own::Own;
use super::record::window::WindowRecord;
use crate::domain::{
    ClusterId, EpochMs, Offset, Policy, Seq, StreamName, Tally, Window, WindowSize,
};

/// How far ahead of the clock a window may start. One from the future would make every real one old for ever.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// Where in the topic a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: usize,
    /// The offset in it.
    pub offset: Offset,
}

impl Place {
    /// Where a record was read.
    pub fn of(message: &impl Message) -> Self {
        Self {
            partition: usize::try_from(message.partition()).unwrap_or_default(),
            offset: Offset(u64::try_from(message.offset()).unwrap_or_default()),
        }
    }
}

/// How long another aggregator's windows are kept open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After the first record of a later window: a batch may hold both, in any order.
    pub settle: Duration,
    /// After the first record of the window itself, if no later one comes.
    pub limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(250),
            limit: Duration::from_secs(2),
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in a window, or will be.
    Kept,
    /// It came before, and changes nothing.
    Known,
    /// It cannot be used.
    Refused(Refusal),
}

/// Why a record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum Refusal {
    /// Its window lies in the future.
    Ahead,
    /// Its window is published, and whether it was in it is not known any more.
    TooOld,
    /// There are as many streams as there may be.
    TooManyStreams,
    /// With it the records of its window contradict each other, so all of them are dropped.
    Contradiction,
}

impl Refusal {
    /// The reason as a stable word, for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::TooOld => "too_old",
            Self::TooManyStreams => "too_many_streams",
            Self::Contradiction => "contradiction",
        }
    }
}

/// A window that is whole again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// The window, uncut.
    pub window: Window,
    /// From a subscriber topic: the cluster, and its policy as of this window.
    pub shaped: Option<(ClusterId, Policy)>,
}

/// The windows of one topic on their way back together.
#[derive(Debug)]
pub struct Gather {
    size: WindowSize,
    patience: Patience,
    max_streams: usize,
    streams: HashMap<StreamName, Stream>,
    whole: Vec<Gathered>,
    given_up: u64,
}

#[derive(Debug, Default)]
struct Stream {
    standing: Standing,
    own: Own,
    foreign: Foreign,
}

/// Where a stream stands.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// The newest window that has come out.
    through: Option<Seq>,
    ordinal: u64,
    running: Arc<Tally>,
}

impl Standing {
    fn of(window: &Window) -> Self {
        Self {
            through: Some(window.seq),
            ordinal: window.ordinal,
            running: Arc::clone(&window.running),
        }
    }
}

/// Per partition the oldest record of something.
#[derive(Debug, Default)]
struct Oldest(BTreeMap<usize, Offset>);

impl Oldest {
    fn note(&mut self, place: Place) {
        let offset = self.0.entry(place.partition).or_insert(place.offset);
        *offset = place.offset.min(*offset);
    }
}

impl Gather {
    /// Nothing has come yet.
    pub fn new(size: WindowSize, patience: Patience, max_streams: usize) -> Self {
        Self {
            size,
            patience,
            max_streams,
            streams: HashMap::new(),
            whole: Vec::new(),
            given_up: 0,
        }
    }

    /// Goes on behind these windows: they and older ones are known, and another aggregator's totals add up from theirs.
    pub fn resume(&mut self, newest: impl IntoIterator<Item = Window>) {
        for window in newest {
            let stream = Stream {
                standing: Standing::of(&window),
                foreign: Foreign::after(window.seq),
                ..Stream::default()
            };
            self.streams.insert(window.stream, stream);
        }
    }

    /// Whether anything of the stream has come, or was said.
    pub fn knows(&self, stream: &StreamName) -> bool {
        self.streams.contains_key(stream)
    }

    /// Takes the next record of the topic.
    pub fn take(&mut self, place: Place, record: WindowRecord, now: EpochMs) -> Taken {
        let latest = now.0.saturating_add(millis(MAX_AHEAD));
        if record.seq > self.size.seq_at(EpochMs(latest)) {
            return Taken::Refused(Refusal::Ahead);
        }
        let is_new = !self.streams.contains_key(&record.stream);
        if is_new && self.streams.len() >= self.max_streams {
            return Taken::Refused(Refusal::TooManyStreams);
        }
        let stream = self.streams.entry(record.stream.clone()).or_default();
        let through = stream.standing.through;
        if record.part.is_none() {
            return stream.foreign.take(place, &record, through, now);
        }
        if through.is_some_and(|through| record.seq <= through) {
            return Taken::Known;
        }
        match stream.own.take(place, record) {
            own::Step::Known => Taken::Known,
            own::Step::Kept { given_up } => {
                self.given_up += given_up;
                Taken::Kept
            }
            own::Step::Whole(None) => Taken::Refused(Refusal::Contradiction),
            own::Step::Whole(Some(gathered)) => {
                self.given_up += stream.own.give_up_through(gathered.window.seq);
                stream.standing = Standing::of(&gathered.window);
                self.whole.push(*gathered);
                Taken::Kept
            }
        }
    }

    /// The windows that are whole by now.
    pub fn take_whole(&mut self, now: EpochMs) -> Vec<Gathered> {
        for (name, stream) in &mut self.streams {
            while let Some(closed) = stream.foreign.close_next(self.patience, now) {
                let window = closed.into_window(name, &stream.standing);
                stream.standing = Standing::of(&window);
                let shaped = None;
                self.whole.push(Gathered { window, shaped });
            }
        }
        std::mem::take(&mut self.whole)
    }

    /// The oldest record of a partition that is in no window which has come out: a reader that starts there misses
    /// nothing.
    pub fn hold_back(&self, partition: usize) -> Option<Offset> {
        let streams = self.streams.values();
        let oldest = streams.flat_map(|stream| stream.own.oldest().chain(stream.foreign.oldest()));
        let offsets = oldest.filter_map(|oldest| oldest.0.get(&partition).copied());
        offsets.min()
    }

    /// How many windows stayed in pieces.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
