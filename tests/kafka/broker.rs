//! The tests' own broker does what tests ask of it: otherwise a fault that never happened would pass for one survived.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::support::broker::Broker;

/// Asks `broker` for its id by a new connection.
fn answers(broker: &Broker, within: Duration) -> bool {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .create()
        .expect("a client");
    client
        .fetch_metadata(None, within)
        .is_ok_and(|metadata| metadata.brokers().len() == 1)
}

#[test]
fn a_broker_can_be_paused_and_killed_and_comes_back_on_its_port() {
    let patience = Duration::from_secs(20);
    let mut broker = Broker::start();
    assert!(answers(&broker, patience), "a fresh broker answers");

    broker.pause();
    assert!(
        !answers(&broker, Duration::from_secs(1)),
        "a paused broker is silent"
    );
    broker.resume();
    assert!(answers(&broker, patience), "a resumed broker answers");

    broker.kill();
    assert!(
        !answers(&broker, Duration::from_secs(1)),
        "a killed broker is gone"
    );
    broker.restart();
    assert!(answers(&broker, patience), "a restarted broker answers");
}
