//! What exactly-once windows stand on, shown by the real broker: an offset, its metadata and the records of one transaction
//! are committed together or not at all, whoever dies and whatever the network loses. docs/adr/0006 draws the conclusions.

use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::support::broker::Broker;
use super::support::clients::{
    PATIENCE, committed, create_topic, join, member, num_assigned, poll_until, position,
    transactional, try_committed, visible,
};
use super::support::proxy::{Fault, Proxy};

/// How long a call waits for an answer that the test keeps from it.
const NO_ANSWER: Duration = Duration::from_secs(1);

/// The broker's code for a producer that has been replaced.
const INVALID_PRODUCER_EPOCH: i16 = 47;

/// An input topic of two partitions read by a group, and an output topic of one.
struct Ground {
    address: String,
    /// The group, and the identity of its producers.
    name: &'static str,
    input: String,
    output: String,
    member: BaseConsumer,
}

impl Ground {
    async fn new(name: &'static str) -> Self {
        let address = Broker::shared().address();
        let (input, output) = (format!("{name}-in"), format!("{name}-out"));
        create_topic(&address, &input, 2).await;
        create_topic(&address, &output, 1).await;
        Self {
            member: member(&address, name, &input),
            address,
            name,
            input,
            output,
        }
    }

    fn producer(&self) -> BaseProducer {
        transactional(&self.address, self.name)
    }

    /// Opens a transaction with one record; the record has reached the log when this returns.
    fn open(&self, producer: &BaseProducer, record: &str) {
        producer.begin_transaction().expect("a transaction begins");
        self.send(producer, record).expect("room in the queue");
        producer.flush(PATIENCE).expect("the record is delivered");
    }

    fn send(&self, producer: &BaseProducer, record: &str) -> KafkaResult<()> {
        let record = BaseRecord::<(), str>::to(&self.output)
            .partition(0)
            .payload(record);
        producer.send(record).map_err(|(error, _)| error)
    }

    /// Adds the input's next offset to the transaction, as the group's member of now.
    fn add_offset(&self, producer: &BaseProducer, offset: i64, metadata: &str) -> KafkaResult<()> {
        self.add_offset_of(producer, offset, metadata, &self.membership())
    }

    fn add_offset_of(
        &self,
        producer: &BaseProducer,
        offset: i64,
        metadata: &str,
        membership: &ConsumerGroupMetadata,
    ) -> KafkaResult<()> {
        let position = position(&self.input, Offset::Offset(offset), metadata);
        producer.send_offsets_to_transaction(&position, membership, PATIENCE)
    }

    fn membership(&self) -> ConsumerGroupMetadata {
        self.member.group_metadata().expect("a member of the group")
    }

    /// What the next one to read the commit finds, and what a reader of the output sees.
    fn seen(&self) -> (Offset, String, Vec<String>) {
        let (offset, metadata) = committed(&self.address, self.name, &self.input);
        (offset, metadata, visible(&self.address, &self.output))
    }
}

/// What `Ground::seen` is while nothing has been committed.
fn nothing() -> (Offset, String, Vec<String>) {
    (Offset::Invalid, String::new(), Vec::new())
}

/// What `Ground::seen` is after a commit of `offset` and `metadata`.
fn seen(offset: i64, metadata: &str, records: &[&str]) -> (Offset, String, Vec<String>) {
    let records = records.iter().map(|record| (*record).to_owned()).collect();
    (Offset::Offset(offset), metadata.to_owned(), records)
}

/// How librdkafka wants a refused call to be answered.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    /// Go on with this producer, after an abort.
    Abort,
    /// Call again. The outcome of the first call is open.
    Retry,
    /// This producer is of no use any more.
    Fatal,
}

fn refusal(outcome: KafkaResult<()>) -> (RDKafkaErrorCode, Class) {
    let error = match outcome {
        Err(KafkaError::Transaction(error)) => error,
        other => panic!("a refusal was expected, not {other:?}"),
    };
    let class = match (
        error.is_fatal(),
        error.txn_requires_abort(),
        error.is_retriable(),
    ) {
        (true, false, false) => Class::Fatal,
        (false, true, false) => Class::Abort,
        (false, false, true) => Class::Retry,
        _ => panic!("{error} belongs to no class, or to several"),
    };
    (error.code(), class)
}

#[tokio::test]
async fn a_committed_transaction_shows_offset_metadata_and_records_together() {
    let ground = Ground::new("ground-commit").await;
    let producer = ground.producer();

    ground.open(&producer, "window 1");
    ground
        .add_offset(&producer, 5, "v1;ct=2000;pos=9;c=0")
        .expect("the offset is added");
    assert_eq!(visible(&ground.address, &ground.output), [""; 0]);
    producer.commit_transaction(PATIENCE).expect("a commit");

    assert_eq!(
        ground.seen(),
        seen(5, "v1;ct=2000;pos=9;c=0", &["window 1"])
    );
}

#[tokio::test]
async fn an_aborted_transaction_leaves_the_commit_before_it() {
    let ground = Ground::new("ground-abort").await;
    let producer = ground.producer();
    ground.open(&producer, "window 1");
    ground
        .add_offset(&producer, 5, "first")
        .expect("the offset is added");
    producer.commit_transaction(PATIENCE).expect("a commit");

    ground.open(&producer, "window 2");
    ground
        .add_offset(&producer, 6, "second")
        .expect("the offset is added");
    producer.abort_transaction(PATIENCE).expect("an abort");

    assert_eq!(ground.seen(), seen(5, "first", &["window 1"]));
}

#[tokio::test]
async fn an_abort_needs_its_delivery_reports_collected_first() {
    let ground = Ground::new("ground-reports").await;
    let producer = ground.producer();
    producer.begin_transaction().expect("a transaction begins");
    ground
        .send(&producer, "window 1")
        .expect("room in the queue");

    let outcome = producer.abort_transaction(NO_ANSWER);
    assert_eq!(refusal(outcome), unclear());
    producer.flush(PATIENCE).expect("the reports are collected");
    producer.abort_transaction(PATIENCE).expect("an abort");

    assert_eq!(ground.seen(), nothing());
}

#[tokio::test]
async fn a_transaction_that_nobody_takes_over_is_ended_by_the_broker() {
    let ground = Ground::new("ground-orphan").await;
    let producer = ground.producer();
    ground.open(&producer, "window 1");
    ground
        .add_offset(&producer, 5, "first")
        .expect("the offset is added");

    drop(producer);

    assert_eq!(ground.seen(), nothing());
}

#[tokio::test]
async fn nobody_is_told_a_commit_while_a_transaction_may_still_change_it() {
    let ground = Ground::new("ground-open").await;
    let producer = ground.producer();
    ground.open(&producer, "window 1");
    ground
        .add_offset(&producer, 5, "first")
        .expect("the offset is added");

    let answer = try_committed(&ground.address, ground.name, &ground.input, NO_ANSWER);
    assert_eq!(
        answer,
        Err(KafkaError::MetadataFetch(
            RDKafkaErrorCode::OperationTimedOut
        ))
    );

    drop(producer);
    let _heir = ground.producer();
    assert_eq!(ground.seen(), nothing(), "the heir has ended it");
}

#[tokio::test]
async fn a_commit_from_an_earlier_generation_is_refused() {
    let ground = Ground::new("ground-generation").await;
    let producer = ground.producer();
    let stale = ground.membership();
    let newcomer = join(&ground.address, ground.name, &ground.input);
    poll_until(&[&ground.member, &newcomer], "a rebalance", || {
        num_assigned(&newcomer) == 1 && num_assigned(&ground.member) == 1
    });

    ground.open(&producer, "window 1");
    let outcome = ground.add_offset_of(&producer, 5, "stale", &stale);
    let expected = (RDKafkaErrorCode::IllegalGeneration, Class::Abort);
    assert_eq!(refusal(outcome), expected);
    let outcome = producer.commit_transaction(PATIENCE);
    assert_eq!(refusal(outcome), expected, "no way around the abort");
    producer.abort_transaction(PATIENCE).expect("an abort");
    assert_eq!(ground.seen(), nothing());

    ground.open(&producer, "window 1 again");
    ground
        .add_offset(&producer, 6, "fresh")
        .expect("the membership of now is good");
    producer.commit_transaction(PATIENCE).expect("a commit");
    assert_eq!(ground.seen(), seen(6, "fresh", &["window 1 again"]));
}

#[tokio::test]
async fn a_member_that_has_left_commits_nothing() {
    let mut ground = Ground::new("ground-left").await;
    let producer = ground.producer();
    let membership = ground.membership();
    ground.member = member(&ground.address, "ground-left-elsewhere", &ground.input);

    ground.open(&producer, "window 1");
    let outcome = ground.add_offset_of(&producer, 5, "left", &membership);
    let expected = (RDKafkaErrorCode::UnknownMemberId, Class::Abort);
    assert_eq!(refusal(outcome), expected);
    producer.abort_transaction(PATIENCE).expect("an abort");
    assert_eq!(ground.seen(), nothing());
}

#[tokio::test]
async fn a_replaced_producer_commits_nothing() {
    let ground = Ground::new("ground-zombie").await;
    let zombie = ground.producer();
    ground.open(&zombie, "before");
    ground
        .add_offset(&zombie, 5, "zombie")
        .expect("the offset is added");

    let heir = ground.producer();
    assert_eq!(ground.seen(), nothing(), "the heir has ended it");
    ground
        .send(&zombie, "after")
        .expect("the zombie knows nothing yet");
    let outcome = zombie.commit_transaction(PATIENCE);
    let expected = (RDKafkaErrorCode::Fenced, Class::Fatal);
    assert_eq!(refusal(outcome), expected);
    assert_eq!(refusal(zombie.begin_transaction()), expected);

    ground.open(&heir, "heir");
    ground
        .add_offset(&heir, 6, "heir")
        .expect("the offset is added");
    heir.commit_transaction(PATIENCE).expect("a commit");
    assert_eq!(ground.seen(), seen(6, "heir", &["heir"]));
}

/// A transaction through `proxy` that is complete but for its commit.
fn open_behind(proxy: &Proxy, ground: &Ground) -> BaseProducer {
    let producer = transactional(&proxy.address(), ground.name);
    ground.open(&producer, "first");
    ground
        .add_offset(&producer, 5, "first")
        .expect("the offset is added");
    producer
}

/// The answer to a call of which the client can't know what became.
fn unclear() -> (RDKafkaErrorCode, Class) {
    (RDKafkaErrorCode::OperationTimedOut, Class::Retry)
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_commit_is_mended_by_the_client() {
    let ground = Ground::new("ground-broken").await;
    let proxy = Proxy::start(Broker::shared().port());
    let producer = open_behind(&proxy, &ground);

    proxy.plant(Fault::BreakConnection);
    producer
        .commit_transaction(PATIENCE)
        .expect("the commit is asked for again");
    assert_eq!(proxy.lost_answer(), 0, "the first had been carried out");

    assert_eq!(ground.seen(), seen(5, "first", &["first"]));
}

#[tokio::test]
async fn after_a_lost_answer_the_commit_tells_that_it_was_carried_out() {
    let ground = Ground::new("ground-lost-answer").await;
    let proxy = Proxy::start(Broker::shared().port());
    let producer = open_behind(&proxy, &ground);

    proxy.plant(Fault::LoseReply);
    let outcome = producer.commit_transaction(NO_ANSWER);
    assert_eq!(refusal(outcome), unclear());
    assert_eq!(proxy.lost_answer(), 0, "the broker has carried it out");

    drop(producer);
    let heir = ground.producer();
    assert_eq!(ground.seen(), seen(5, "first", &["first"]));
    go_on(&ground, &heir, &["first", "second"]);
}

#[tokio::test]
async fn after_a_lost_request_the_commit_tells_that_it_was_not() {
    let ground = Ground::new("ground-lost-request").await;
    let proxy = Proxy::start(Broker::shared().port());
    let producer = open_behind(&proxy, &ground);

    proxy.plant(Fault::LoseRequest);
    let outcome = producer.commit_transaction(NO_ANSWER);
    assert_eq!(refusal(outcome), unclear(), "as if the answer were lost");
    let outcome = producer.abort_transaction(NO_ANSWER);
    assert_eq!(
        refusal(outcome),
        (RDKafkaErrorCode::Conflict, Class::Retry),
        "what may be committed can't be aborted"
    );
    let _lost = proxy.caught();

    drop(producer);
    let heir = ground.producer();
    assert_eq!(ground.seen(), nothing());
    go_on(&ground, &heir, &["second"]);
}

#[tokio::test]
async fn a_commit_that_arrives_late_cannot_end_the_next_transaction() {
    let ground = Ground::new("ground-late").await;
    let proxy = Proxy::start(Broker::shared().port());
    let producer = open_behind(&proxy, &ground);

    proxy.plant(Fault::Delay);
    let outcome = producer.commit_transaction(NO_ANSWER);
    assert_eq!(refusal(outcome), unclear());
    let late = proxy.caught();
    drop(producer);

    let heir = ground.producer();
    ground.open(&heir, "second");
    ground
        .add_offset(&heir, 6, "second")
        .expect("the offset is added");
    late.release();
    assert_eq!(proxy.lost_answer(), INVALID_PRODUCER_EPOCH);
    assert_eq!(visible(&ground.address, &ground.output), [""; 0]);

    heir.commit_transaction(PATIENCE).expect("a commit");
    assert_eq!(ground.seen(), seen(6, "second", &["second"]));
}

/// The heir's own transaction, after which `records` are seen.
fn go_on(ground: &Ground, heir: &BaseProducer, records: &[&str]) {
    ground.open(heir, "second");
    ground
        .add_offset(heir, 6, "second")
        .expect("the offset is added");
    heir.commit_transaction(PATIENCE).expect("a commit");
    assert_eq!(ground.seen(), seen(6, "second", records));
}
