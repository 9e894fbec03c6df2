//! Reactions at the door of a node on Kafka: what an answer means, whatever becomes of the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use emostream::actors::messages::Shed;
use emostream::domain::{Ledger, Reaction};
use emostream::kafka::record::reaction::decode;
use futures_util::future::join_all;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio::time::{Instant, timeout};

use super::support::broker::Broker;
use super::support::clients::{Found, PATIENCE, create_topic, read_all};
use super::support::door::{Door, event, fire, fires};
use crate::black_box::wait::wait_for;

/// More than any of these tests sends at once.
const ROOM: usize = 20_000;
/// An answer that waits for nobody.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The senders on a topic, with how often each is there.
fn senders(found: &[Found]) -> BTreeMap<String, usize> {
    let mut senders = BTreeMap::new();
    for record in found {
        let reaction = decode(record.value.as_bytes()).expect("a reaction");
        *senders
            .entry(reaction.user_id.as_str().to_owned())
            .or_default() += 1;
    }
    senders
}

fn once_each(reactions: &[Reaction]) -> BTreeMap<String, usize> {
    let names = reactions.iter().map(|reaction| &reaction.user_id);
    names.map(|user| (user.as_str().to_owned(), 1)).collect()
}

/// Brokers that are made up, for errors that a real one cannot be brought to.
fn made_up(topic: &str) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).expect("a made-up broker");
    cluster.create_topic(topic, 1, 1).expect("a topic");
    cluster
}

#[actix::test]
async fn what_was_acknowledged_is_on_the_topic_once_as_it_was_sent() {
    let address = Broker::shared().address();
    create_topic(&address, "ingest.once", 3).await;
    let door = Door::open(&address, "ingest.once", ROOM).await;
    let sent = fires("fan", 600);
    let answers = join_all(sent.chunks(4).map(|part| door.submit(part.to_vec()))).await;
    assert_eq!(answers, vec![Ok(()); 150]);
    let found = read_all(&address, "ingest.once");
    assert_eq!(senders(&found), once_each(&sent));
    assert_eq!(
        decode(found[0].value.as_bytes()).map(|read| read.emoji),
        Ok(sent[0].emoji)
    );
    assert!(found.iter().all(|record| record.key.is_none()));
    let expected = Ledger {
        accepted: 600,
        ..Ledger::default()
    };
    assert_eq!(door.ledger(), expected);
}

#[actix::test]
async fn an_event_goes_where_any_client_of_java_would_put_it() {
    let address = Broker::shared().address();
    create_topic(&address, "ingest.events", 3).await;
    let door = Door::open(&address, "ingest.events", ROOM).await;
    // Hashes from the tests of Java's client.
    let hashes: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        (
            "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58_897_971,
        ),
        ("abc", 479_470_107),
    ];
    for _ in 0..2 {
        let events = hashes.map(|(id, _)| event(id)).to_vec();
        assert_eq!(door.submit(events).await, Ok(()));
    }
    let found = read_all(&address, "ingest.events");
    for (id, hash) in hashes {
        let copies = found
            .iter()
            .filter(|record| record.key.as_deref() == Some(id));
        let partitions: Vec<i32> = copies.map(|record| record.partition).collect();
        assert_eq!(partitions, [(hash & i32::MAX) % 3; 2], "{id}");
    }
}

#[actix::test]
async fn a_batch_of_ten_thousand_has_one_answer_and_is_spread_over_the_partitions() {
    let address = Broker::shared().address();
    create_topic(&address, "ingest.batch", 3).await;
    let door = Door::open(&address, "ingest.batch", ROOM).await;
    // From one sender, as a program sends them that stands for many.
    for _ in 0..5 {
        assert_eq!(door.submit(vec![fire("bridge"); 10_000]).await, Ok(()));
    }
    let found = read_all(&address, "ingest.batch");
    assert_eq!(found.len(), 50_000);
    assert_eq!(door.ledger().accepted, 50_000);
    let partitions: BTreeSet<i32> = found.iter().map(|record| record.partition).collect();
    assert!(partitions.len() > 1, "all are in {partitions:?}");
}

#[actix::test]
async fn a_batch_beyond_the_backlog_is_shed_and_nothing_of_it_is_written() {
    let address = Broker::shared().address();
    create_topic(&address, "ingest.beyond", 3).await;
    let door = Door::open(&address, "ingest.beyond", 10).await;
    assert_eq!(door.submit(fires("shed", 11)).await, Err(Shed::Overloaded));
    let taken = fires("taken", 10);
    assert_eq!(door.submit(taken.clone()).await, Ok(()));
    assert_eq!(
        senders(&read_all(&address, "ingest.beyond")),
        once_each(&taken)
    );
    let expected = Ledger {
        accepted: 10,
        shed: 11,
        ..Ledger::default()
    };
    assert_eq!(door.ledger(), expected);
}

#[actix::test]
async fn a_batch_that_the_client_cuts_in_its_middle_is_not_taken_and_may_be_counted() {
    let address = Broker::shared().address();
    create_topic(&address, "ingest.cut", 3).await;
    let small = [("queue.buffering.max.messages", "5")];
    let door = Door::with(&small, &address, "ingest.cut", ROOM);
    door.until_answered(true).await;
    let cut = fires("cut", 10);
    assert_eq!(door.submit(cut.clone()).await, Err(Shed::UnknownOutcome));
    assert_eq!(
        senders(&read_all(&address, "ingest.cut")),
        once_each(&cut[..5])
    );
    let expected = Ledger {
        shed: 10,
        unknown_outcome: 10,
        ..Ledger::default()
    };
    assert_eq!(door.ledger(), expected);
}

#[actix::test]
async fn a_drain_waits_for_what_is_on_its_way_and_takes_no_more() {
    let address = Broker::shared().address();
    create_topic(&address, "ingest.drain", 3).await;
    let door = Door::open(&address, "ingest.drain", ROOM).await;
    let sent = fires("fan", 1_000);
    // In one mailbox, in this order.
    let (answer, left, late) = tokio::join!(
        door.submit(sent.clone()),
        door.drain(),
        door.submit(fires("late", 1))
    );
    assert_eq!((answer, left, late), (Ok(()), 0, Err(Shed::Draining)));
    assert_eq!(
        senders(&read_all(&address, "ingest.drain")),
        once_each(&sent)
    );
}

#[actix::test]
async fn a_topic_that_is_missing_is_away_until_it_is_there() {
    let address = Broker::shared().address();
    let door = Door::unlock(&address, "ingest.missing", ROOM);
    door.until_answered(false).await;
    assert_eq!(door.submit(fires("early", 1)).await, Err(Shed::BrokerAway));
    create_topic(&address, "ingest.missing", 3).await;
    door.until_answered(true).await;
    let sent = fires("fan", 5);
    assert_eq!(door.submit(sent.clone()).await, Ok(()));
    assert_eq!(
        senders(&read_all(&address, "ingest.missing")),
        once_each(&sent)
    );
}

#[actix::test]
async fn a_paused_broker_leaves_outcomes_unknown_and_is_then_away_until_it_is_back() {
    let broker = Broker::start();
    let address = broker.address();
    create_topic(&address, "paused", 3).await;
    let door = Door::open(&address, "paused", 10).await;
    assert_eq!(door.submit(fires("before", 1)).await, Ok(()));

    broker.pause();
    let begun = Instant::now();
    let sent = fires("unknown", 10);
    let (unknown, (known, beyond, away)) = tokio::join!(door.submit(sent), async {
        let beyond = timeout(AT_ONCE, door.submit(fires("beyond", 1))).await;
        door.until_answered(false).await;
        let known = begun.elapsed();
        let away = timeout(AT_ONCE, door.submit(fires("away", 2))).await;
        (known, beyond, away)
    });
    assert_eq!(unknown, Err(Shed::UnknownOutcome));
    let took = begun.elapsed();
    assert!(
        took > Duration::from_secs(4) && took < Duration::from_secs(12),
        "{took:?}"
    );
    assert!(known < took, "nobody waits for the first answer: {known:?}");
    assert_eq!(
        (beyond, away),
        (Ok(Err(Shed::Overloaded)), Ok(Err(Shed::BrokerAway)))
    );
    let away = timeout(AT_ONCE, door.submit(fires("away", 4))).await;
    assert_eq!(away, Ok(Err(Shed::BrokerAway)));

    broker.resume();
    let begun = Instant::now();
    door.until_answered(true).await;
    assert_eq!(door.submit(fires("after", 10)).await, Ok(()));
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    let expected = Ledger {
        accepted: 11,
        shed: 17,
        unknown_outcome: 10,
        ..Ledger::default()
    };
    assert_eq!(door.ledger(), expected);
    assert_only_unknown_may_be_there(&address);
}

/// Those that were answered with 200 once, those of an unknown outcome at most once, no others.
fn assert_only_unknown_may_be_there(address: &str) {
    let mut found = senders(&read_all(address, "paused"));
    let answered = [fires("before", 1), fires("after", 10)].concat();
    for (name, copies) in once_each(&answered) {
        assert_eq!(found.remove(&name), Some(copies), "{name}");
    }
    for (name, copies) in found {
        assert!(
            name.starts_with("unknown") && copies == 1,
            "{name}: {copies}"
        );
    }
}

#[actix::test]
async fn a_killed_broker_is_away_at_once_and_its_node_finds_it_when_it_is_back() {
    let mut broker = Broker::start();
    let address = broker.address();
    create_topic(&address, "killed", 3).await;
    let door = Door::open(&address, "killed", ROOM).await;
    let before = fires("before", 10);
    assert_eq!(door.submit(before.clone()).await, Ok(()));

    broker.kill();
    door.until_answered(false).await;
    let away = timeout(AT_ONCE, door.submit(fires("away", 1))).await;
    assert_eq!(away, Ok(Err(Shed::BrokerAway)));

    broker.restart();
    door.until_answered(true).await;
    let after = fires("after", 10);
    assert_eq!(door.submit(after.clone()).await, Ok(()));
    let sent = [before, after].concat();
    assert_eq!(senders(&read_all(&address, "killed")), once_each(&sent));
}

#[actix::test]
async fn what_the_brokers_will_not_take_is_refused_and_shown_and_the_next_is_taken() {
    let cluster = made_up("refused");
    let door = Door::open(&cluster.bootstrap_servers(), "refused", ROOM).await;
    for error in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    ] {
        cluster.request_errors(RDKafkaApiKey::Produce, &[error]);
        let refused = door.submit(fires("fan", 1)).await;
        assert_eq!(refused, Err(Shed::Refused), "{error:?}");
        until_taken(&door).await;
    }
    let books = door.ledger();
    assert_eq!((books.accepted, books.unknown_outcome), (2, 0));
    let refused = door.metrics.kafka.refused.with_label_values(&["ingest"]);
    assert_eq!(refused.get(), books.shed, "all that was shed was refused");
}

#[actix::test]
async fn a_producer_that_cannot_go_on_is_replaced() {
    let cluster = made_up("broken");
    let door = Door::open(&cluster.bootstrap_servers(), "broken", ROOM).await;
    let out_of_order = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[out_of_order]);
    assert_eq!(
        door.submit(fires("fan", 1)).await,
        Err(Shed::UnknownOutcome)
    );
    until_taken(&door).await;
}

/// Sends one again and again until it is taken. Whatever it is told before, it is not that it may have been written.
async fn until_taken(door: &Door) {
    let again = async || door.submit(fires("fan", 1)).await;
    let answer = wait_for("a reaction is taken", PATIENCE, again, |answer| {
        !matches!(
            answer,
            Err(Shed::Unavailable | Shed::BrokerAway | Shed::Refused)
        )
    });
    assert_eq!(answer.await, Ok(()));
}
