#![allow(clippy::unwrap_used)]

use rdkafka::mocking::MockCluster;

use super::*;
use crate::telemetry::Metrics;
use crate::testkit::window_of;

/// Long enough for whatever comes at all.
const IN_TIME: Duration = Duration::from_secs(20);

fn setup(brokers: &str) -> ForwardSetup {
    ForwardSetup {
        clients: ClientsConfig {
            bootstrap: Some(brokers.to_owned()),
            ..ClientsConfig::default()
        },
        topics: TopicsConfig {
            reactions: String::new(),
            partials: String::new(),
            aggregated: String::new(),
            totals: String::new(),
            cluster_prefix: String::new(),
            subscriber_prefix: String::new(),
            control: String::new(),
            partitions: 1,
            replicas: None,
        },
        route: Route::Cluster,
        group: "group".to_owned(),
        window: WindowSize::try_new(Duration::from_secs(1)).unwrap(),
        max_streams: 10,
        table: Arc::default(),
        clock: Clock::system(),
        health: Arc::new(Health::new("stage", Arc::new(Metrics::new().unwrap()))),
    }
}

impl Forwarder {
    fn num_read(&self) -> u64 {
        let records = &self.setup.health.metrics().kafka.records;
        records.with_label_values(&["stage", "read"]).get()
    }

    fn read_until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + IN_TIME;
        while !is_done(self) {
            assert!(Instant::now() < deadline, "not in time");
            self.read().unwrap();
        }
    }
}

#[test]
fn whoever_was_held_when_the_group_changed_reads_on() {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("windows", 1, 1).unwrap();
    let setup = setup(&broker.bootstrap_servers());
    let mut sender = Sender::new(&setup.clients, &setup.health).unwrap();
    let id = ClusterId::try_new(1).unwrap();
    let mut write = |seq| {
        let window = window_of("main", seq);
        sender.push(&"windows".into(), &window.stream, setup.encode(id, &window));
        while sender.outstanding() > 0 {
            sender.pump().unwrap();
        }
    };
    let mut forwarder = Forwarder::new(setup.clone()).unwrap();
    forwarder.assigned = vec![("windows".to_owned(), 0)];
    forwarder.start_over().unwrap();
    write(1);
    forwarder.read_until(|forwarder| forwarder.num_read() > 0);
    forwarder.not_before = Some(Instant::now() + IN_TIME);
    forwarder.read_until(|forwarder| forwarder.is_paused);
    let num_before = forwarder.num_read();

    forwarder.start_over().unwrap();
    forwarder.not_before = None;
    write(2);
    forwarder.read_until(|forwarder| forwarder.num_read() > num_before);
}
