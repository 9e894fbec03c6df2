//! The door of a node on Kafka by itself: a sink over a writer, its watch, and the books.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix::{Actor as _, Addr};
use emostream::actors::clock::Clock;
use emostream::actors::messages::{Drain, Shed, Submit};
use emostream::actors::streams::Streams;
use emostream::domain::{Emoji, EventId, Ledger, Reaction, StreamName, UserId};
use emostream::kafka::client::ClientsConfig;
use emostream::kafka::health::Health;
use emostream::kafka::sink::{ReactionSink, ReactionWriter, WriterSetup};
use emostream::kafka::thread::{Failure, Stop};
use emostream::telemetry::Metrics;

use crate::black_box::wait::wait_for;

/// A door that is open. Needs an actix system, whose thread it lives on.
pub(crate) struct Door {
    pub(crate) sink: Addr<ReactionSink>,
    pub(crate) metrics: Arc<Metrics>,
    health: Arc<Health>,
    streams: Arc<Streams>,
    stop: Stop,
    watch: Option<JoinHandle<Result<(), Failure>>>,
}

impl Door {
    /// A door to a topic, through which `max_backlog` reactions can go at once, when the broker has answered.
    pub(crate) async fn open(address: &str, topic: &str, max_backlog: usize) -> Self {
        let door = Self::unlock(address, topic, max_backlog);
        door.until_answered(true).await;
        door
    }

    /// The same, whether anybody answers or not.
    pub(crate) fn unlock(address: &str, topic: &str, max_backlog: usize) -> Self {
        Self::with(&[], address, topic, max_backlog)
    }

    /// The same, with settings of librdkafka.
    pub(crate) fn with(
        settings: &[(&str, &str)],
        address: &str,
        topic: &str,
        max_backlog: usize,
    ) -> Self {
        let own = settings.iter();
        let own = own.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let health = Arc::new(Health::new("ingest", metrics.clone()));
        let streams = Arc::new(Streams::new(8));
        streams.open(&StreamName::main()).expect("a first stream");
        let setup = WriterSetup {
            clients: ClientsConfig {
                bootstrap: Some(address.to_owned()),
                own: own.collect(),
                ..ClientsConfig::default()
            },
            topic: topic.to_owned(),
            max_backlog,
            clock: Clock::system(),
            streams: streams.clone(),
            health: health.clone(),
        };
        let writer = Arc::new(ReactionWriter::new(setup).expect("a producer"));
        let (work, stop) = (writer.work(), Stop::default());
        let asked = stop.clone();
        Self {
            sink: ReactionSink::new(writer).start(),
            metrics,
            health,
            streams,
            stop,
            watch: Some(std::thread::spawn(move || work(&asked))),
        }
    }

    /// Waits until the broker is known to answer, or not to.
    pub(crate) async fn until_answered(&self, answered: bool) {
        let what = format!("the broker is known to answer: {answered}");
        let health = &self.health;
        let patience = Duration::from_secs(20);
        wait_for(
            &what,
            patience,
            async || health.is_answered(),
            |known| *known == answered,
        )
        .await;
    }

    pub(crate) async fn submit(&self, reactions: Vec<Reaction>) -> Result<(), Shed> {
        let answer = self.sink.send(Submit { reactions }).await;
        answer.expect("the sink lives")
    }

    pub(crate) async fn drain(&self) -> usize {
        self.sink.send(Drain).await.expect("the sink lives")
    }

    /// The row of the stream `main`.
    pub(crate) fn ledger(&self) -> Ledger {
        let row = self.streams.row(&StreamName::main());
        row.expect("the stream is open").snapshot()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.ask();
        let watch = self.watch.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert_eq!(watch.expect("a watch").expect("no panic"), Ok(()));
        }
    }
}

/// A fire of a person on the stream `main`.
pub(crate) fn fire(user: &str) -> Reaction {
    Reaction {
        stream: StreamName::main(),
        user_id: UserId::parse(user).expect("a user"),
        emoji: Emoji::parse("🔥").expect("an emoji"),
        count: 1,
        timestamp: Some("2026-06-11T20:00:00".into()),
        event_id: None,
    }
}

/// A fire that is known again by its id.
pub(crate) fn event(id: &str) -> Reaction {
    Reaction {
        event_id: Some(EventId::parse(id).expect("an event id")),
        ..fire("fan")
    }
}

/// Fires of that many persons, whose names begin with `name`.
pub(crate) fn fires(name: &str, number: usize) -> Vec<Reaction> {
    (0..number).map(|n| fire(&format!("{name}{n}"))).collect()
}
