//! The limit for the pipeline's way over Kafka: the same four hops by bare clients, on a broker that has nothing else to do.
//!
//! From the end of a window its counts are written and read four times: as partials and as a window, each in a transaction,
//! then for the clusters and for the subscribers.

use std::time::Duration;

use anyhow::anyhow;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::time::Instant;

use super::bare;
use super::failure::Failure;
use super::ground::Ground;
use super::percentiles::Percentiles;
use crate::kafka::client::Use;
use crate::kafka::topics::Role;

/// How often the way is gone.
const ROUNDS: usize = 50;

/// How long one hop may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks whether a record is acknowledged.
const STEP: Duration = Duration::from_micros(500);

/// About as long as a record of a window.
const VALUE: [u8; 300] = [b'x'; 300];

/// Milliseconds of the four hops.
pub(super) fn measure(ground: &Ground) -> Result<Percentiles, Failure> {
    let topic = ground.name("relay");
    ground.create(&topic, Role::Aggregated)?;
    let consumer = bare::reader(ground, &topic)?;
    let id = ground.name("relay");
    let transactional = producer(ground, Use::Transactions { id: &id })?;
    transactional.init_transactions(PATIENCE)?;
    let plain = producer(ground, Use::Windows)?;
    let mut times = Vec::new();
    // The first rounds find leaders and open connections.
    for round in 0..ROUNDS + 5 {
        let began = Instant::now();
        for _ in 0..2 {
            transactional.begin_transaction()?;
            send(&transactional, &topic)?;
            transactional.commit_transaction(PATIENCE)?;
            receive(&consumer)?;
        }
        for _ in 0..2 {
            send(&plain, &topic)?;
            receive(&consumer)?;
        }
        if round >= 5 {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(Percentiles::of(times))
}

fn producer(ground: &Ground, purpose: Use<'_>) -> Result<BaseProducer, Failure> {
    let mut settings = ground.clients.client(purpose);
    settings.set_log_level(RDKafkaLogLevel::Emerg);
    Ok(settings.create()?)
}

/// Waits for the acknowledgement in small steps, as the stages do: a commit would wait in steps of 100 ms.
fn send(producer: &BaseProducer, topic: &str) -> Result<(), Failure> {
    let record = BaseRecord::<(), [u8]>::to(topic).payload(&VALUE);
    producer.send(record).map_err(|(error, _)| error)?;
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        producer.poll(Duration::ZERO);
        std::thread::park_timeout(STEP);
    }
    Ok(())
}

fn receive(consumer: &BaseConsumer) -> Result<(), Failure> {
    match consumer.poll(PATIENCE) {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(error.into()),
        None => Err(anyhow!("a record that was written cannot be read").into()),
    }
}
