//! Nodes that make one Emostream together, each a process with a name, and what they have published.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::black_box::api::{Api, Reply};
use crate::black_box::subscriber::Join;
use crate::black_box::wait::wait_for;
use crate::support::account::Account;
use crate::support::node::Node;
use crate::support::topics::{Published, Topics};

/// Size of the windows.
pub(crate) const WINDOW_MS: u64 = 500;

/// What all nodes are told. Windows are short, so that a test sees many, and come also while the broker is away.
const COMMON: [(&str, &str); 4] = [
    ("window.size", "500ms"),
    ("http.workers", "1"),
    ("streams.idle_after", "5m"),
    ("log.format", "human"),
];

/// Name, roles and number of a node.
pub(crate) type NodeSpec = (&'static str, &'static str, &'static str);

/// Every role as processes of its own; three input partitions are shared by two aggregators.
pub(crate) const EVERY_ROLE: [NodeSpec; 9] = [
    ("api_1", "api", "0"),
    ("api_2", "api", "0"),
    ("aggregator_1", "aggregator", "1"),
    ("aggregator_2", "aggregator", "2"),
    ("publisher", "publisher", "0"),
    ("cluster_1", "cluster", "0"),
    ("cluster_2", "cluster", "0"),
    ("session_1", "session", "0"),
    ("session_2", "session", "0"),
];

/// One process for each role.
pub(crate) const ONE_OF_EACH: [NodeSpec; 5] = [
    ("api_1", "api", "0"),
    ("aggregator_1", "aggregator", "1"),
    ("publisher", "publisher", "0"),
    ("cluster_1", "cluster", "0"),
    ("session_1", "session", "0"),
];

/// How long windows may take to be there, whatever has happened before: a session of Kafka has to end, and a transaction.
const SETTLED: Duration = Duration::from_secs(60);

/// Windows that have to come after the last full one, so that one counted twice would be seen.
const MORE: u64 = 4;

/// The nodes by name, over one set of topics.
pub(crate) struct Fleet {
    pub(crate) topics: Topics,
    nodes: BTreeMap<&'static str, Node>,
}

impl Fleet {
    /// Starts nodes, all at the same time. Returns once all are ready.
    pub(crate) async fn start(address: &str, prefix: &str, nodes: &[NodeSpec]) -> Self {
        let topics = Topics::new(address, prefix);
        let starting = nodes.iter().map(|node| start(*node, &topics));
        let nodes = join_all(starting).await.into_iter().collect();
        Self { topics, nodes }
    }

    /// Starts one more. Returns once it is ready.
    pub(crate) async fn add(&mut self, node: NodeSpec) {
        let (name, node) = start(node, &self.topics).await;
        self.nodes.insert(name, node);
    }

    /// A node that has ended is none of the fleet any more.
    pub(crate) fn forget(&mut self, name: &str) {
        self.nodes.remove(name);
    }

    pub(crate) fn node(&self, name: &str) -> &Node {
        &self.nodes[name]
    }

    pub(crate) fn node_mut(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(name).expect("a node of that name")
    }

    /// The nodes whose names begin so.
    pub(crate) fn named<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a Node> {
        let named = self.nodes.iter();
        named
            .filter(move |(name, _)| name.starts_with(start))
            .map(|(_, node)| node)
    }

    /// A client of each node.
    pub(crate) fn apis(&self) -> impl Iterator<Item = Api> {
        self.nodes.values().map(Node::api)
    }

    /// Sessions of a stream to open, spread over the session nodes.
    pub(crate) fn joins(&self, stream: &str, number: usize) -> Vec<Join> {
        let nodes = self.named("session").collect::<Vec<_>>();
        let nodes = nodes.into_iter().cycle().take(number);
        nodes.map(|node| node.join().stream(stream)).collect()
    }

    /// One reaction, so that the windows of a stream run before anyone comes: every session can then be held to a sequence
    /// without gaps. Gives its books.
    pub(crate) async fn wake(&self, stream: &str) -> Account {
        let mut account = Account::default();
        let api = self.named("api").next().expect("an API node").api();
        assert_eq!(account.send(&api, stream, "🔥", 1).await, 200);
        for session in self.named("session") {
            let api = session.api();
            let path = format!("/streams/{stream}/totals");
            let totals = async || api.get(&path).await;
            let known = |reply: &Reply| reply.status == 200 && reply.json()["total"] == 1;
            wait_for("the stream is known", SETTLED, totals, known).await;
        }
        account
    }

    /// Waits until all that was acknowledged is in windows and more windows have come; holds the windows to the account.
    /// Gives them, and the last.
    pub(crate) async fn settled(&self, stream: &str, account: &Account) -> (Published, u64) {
        let total = account.num_acknowledged();
        let full = self.topics.until_total(stream, total, SETTLED).await;
        let enough = newest(&full, stream) + MORE;
        let windows = async || self.topics.until_total(stream, total, SETTLED).await;
        let more = |found: &Published| newest(found, stream) >= enough;
        let published = wait_for("windows after the last full one", SETTLED, windows, more).await;
        let counts = published.counts(stream);
        account
            .check(&counts)
            .unwrap_or_else(|fault| panic!("{fault}: {account:?}"));
        let newest = newest(&published, stream);
        (published, newest)
    }
}

async fn start((name, role, instance): NodeSpec, topics: &Topics) -> (&'static str, Node) {
    let own = [("role", role), ("kafka.instance", instance)];
    let settings = [&COMMON[..], &own].concat();
    (name, Node::start(&settings, topics).await)
}

fn newest(published: &Published, stream: &str) -> u64 {
    let windows = published.stream(stream);
    windows.last_key_value().map_or(0, |(seq, _)| *seq)
}
