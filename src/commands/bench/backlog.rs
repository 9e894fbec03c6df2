//! Writes the reactions that are to be counted, before anybody counts.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use tokio::time::Instant;

use super::crowd::Crowd;
use super::failure::Failure;
use super::ground::Ground;
use crate::kafka::client::Use;

/// How long the broker may take for what is left at the end.
const FLUSH: Duration = Duration::from_secs(60);

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(1);

/// Writes `num` reactions into the ground's topic of reactions, with the settings that Emostream writes them with. The crowd
/// knows what it made.
pub(super) fn write(ground: &Ground, num: u64) -> Result<Crowd, Failure> {
    let mut settings = ground.clients.client(Use::Reactions);
    // Nobody waits for an answer to one of them.
    settings.set("message.timeout.ms", "60000");
    let producer: BaseProducer<Failed> = settings.create_with_context(Failed::default())?;
    let (mut crowd, mut value) = (Crowd::new(), String::new());
    let mut progress = Progress::new("reactions written", num);
    for number in 0..num {
        crowd.write_next(&mut value);
        send(&producer, &ground.topics.reactions, &value)?;
        if number.is_multiple_of(1_000) {
            producer.poll(Duration::ZERO);
            progress.tell(number);
        }
    }
    producer.flush(FLUSH)?;
    progress.end();
    match producer.context().0.load(Ordering::Relaxed) {
        0 => Ok(crowd),
        failed => Err(anyhow!("the broker did not take {failed} of {num} records").into()),
    }
}

fn send(producer: &BaseProducer<Failed>, topic: &str, value: &str) -> Result<(), KafkaError> {
    let mut record = BaseRecord::<(), str>::to(topic).payload(value);
    loop {
        record = match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => record,
            Err((error, _)) => return Err(error),
        };
        producer.poll(Duration::from_millis(10));
    }
}

/// How many records were not taken.
#[derive(Default)]
struct Failed(AtomicU64);

impl ClientContext for Failed {}

impl ProducerContext for Failed {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A line on the terminal that says how far it is; nothing where standard error is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    whole: u64,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new(what: &'static str, whole: u64) -> Self {
        Self {
            what,
            whole,
            next: Instant::now(),
            is_shown: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn tell(&mut self, done: u64) {
        if self.is_shown && Instant::now() >= self.next {
            self.next = Instant::now() + PROGRESS;
            let percent = done * 100 / self.whole.max(1);
            let Self { what, whole, .. } = self;
            let _ = write!(
                std::io::stderr(),
                "\r{what}: {done} of {whole} ({percent} %) "
            );
        }
    }

    pub(super) fn end(&self) {
        if self.is_shown {
            let Self { what, whole, .. } = self;
            let _ = writeln!(std::io::stderr(), "\r{what}: {whole}                      ");
        }
    }
}
