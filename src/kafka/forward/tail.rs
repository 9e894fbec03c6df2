//! Where streams stand, as read from the topics that their windows were written to.
//!
//! Another aggregator's records say nothing of totals: whoever adds them up has to begin where the last one ended. That is
//! in the newest windows that were written, [`DEPTH`] records from the end of each partition at most.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use tokio::time::Instant;

use super::ForwardSetup;
use super::inputs::Tail;
use crate::kafka::client::Use;
use crate::kafka::context::{Assigning, CLOSING, StageContext, close};
use crate::kafka::gather::{Gather, Gathered, Patience, Place};
use crate::kafka::record::window;
use crate::kafka::survey::Known;
use crate::kafka::thread::Failure;

/// Records that are looked at, of each partition. A stream that was silent for longer than that begins anew.
const DEPTH: i64 = 5_000;
/// How long it may take: the group waits for whoever reads.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How long the thread waits for a record before it looks at the time.
const POLL: Duration = Duration::from_millis(100);

/// Reads the newest window of each stream.
///
/// # Errors
///
/// It takes too long, or the brokers do not answer.
pub(super) fn read(
    setup: &ForwardSetup,
    topics: &[Arc<str>],
    known: &Known,
) -> Result<Tail, Failure> {
    let context = StageContext::new(setup.health.clone(), Assigning::ByStage);
    let mut client = setup.clients.client(Use::Watching);
    client.set("enable.partition.eof", "true");
    let consumer: BaseConsumer<StageContext> = client
        .create_with_context(context)
        .map_err(Failure::passing)?;
    let deadline = Instant::now() + PATIENCE;
    let mut newest = Tail::new();
    let mut read = Ok(());
    for topic in topics {
        let partitions = known.get(&**topic).copied().unwrap_or_default();
        read = read
            .and_then(|()| read_end(setup, topic, partitions, &consumer, deadline, &mut newest));
    }
    close(setup.health.stage(), consumer, CLOSING);
    read.map(|()| newest)
}

/// One topic at a time: an end that is reached is told with the partition's number alone.
fn read_end(
    setup: &ForwardSetup,
    topic: &str,
    partitions: i32,
    consumer: &BaseConsumer<StageContext>,
    deadline: Instant,
    newest: &mut Tail,
) -> Result<(), Failure> {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        let bounds = consumer.fetch_watermarks(topic, partition, ANSWER);
        let (low, high) = bounds.map_err(Failure::passing)?;
        let start = rdkafka::Offset::Offset((high - DEPTH).max(low));
        list.add_partition_offset(topic, partition, start)
            .map_err(Failure::passing)?;
    }
    consumer.assign(&list).map_err(Failure::passing)?;
    let mut unread: HashSet<i32> = (0..partitions).collect();
    let mut gather = Gather::new(setup.window, Patience::default(), setup.max_streams);
    while !unread.is_empty() {
        if Instant::now() >= deadline {
            return Err(Failure::passing(
                "the newest windows could not be read in time",
            ));
        }
        match consumer.poll(POLL) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(unread.remove(&partition)),
            Some(Err(error)) => return Err(Failure::passing(error)),
            Some(Ok(message)) => {
                let record = window::decode(message.payload().unwrap_or_default(), setup.window);
                // Whoever adds up without totals cannot say where a stream stands.
                if let Ok(record) = record
                    && record.part.is_some()
                {
                    gather.take(Place::of(&message), record, setup.clock.now());
                }
            }
        }
    }
    for Gathered { window, .. } in gather.take_whole(setup.clock.now()) {
        let is_newer = newest
            .get(&window.stream)
            .is_none_or(|held| held.seq < window.seq);
        if is_newer {
            newest.insert(window.stream.clone(), window);
        }
    }
    Ok(())
}
