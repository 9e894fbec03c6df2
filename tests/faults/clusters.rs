//! Clusters and registrations that any node takes and all nodes know.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::alone::{alone, say};
use crate::black_box::api::Api;
use crate::black_box::wait::wait_for;
use crate::fleet::{Fleet, NodeSpec, ONE_OF_EACH};
use crate::show::{STREAM, Show};
use crate::support::broker::Broker;

const SECOND_CLUSTER_NODE: NodeSpec = ("cluster_2", "cluster", "0");

/// Who is asked for a cluster.
const ASKED: [&str; 5] = [
    "api_1",
    "session_1",
    "publisher",
    "aggregator_1",
    "cluster_2",
];

/// Until a session in a new cluster has a window, in the middle of five; and for the slowest.
const SERVED: Duration = Duration::from_secs(3);
const SERVED_AT_LAST: Duration = Duration::from_secs(20);

/// Until another node delivers what a dead one has delivered: a member of a group is missed after 10 s.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// How soon one node knows how many watch on another.
const COUNTED: Duration = Duration::from_secs(30);

/// How soon one node knows what another was told.
const KNOWN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_spawns_clusters_and_another_takes_over_from_one_that_was_killed() {
    alone(Duration::from_secs(150), async {
        let broker = Broker::shared().address();
        let nodes = [&ONE_OF_EACH[..], &[SECOND_CLUSTER_NODE]].concat();
        let fleet = Fleet::start(&broker, "faults.clusters", &nodes).await;
        let mut show = Show::begin(fleet, 6).await;

        let mut times = Vec::new();
        for (id, asked) in (11..).zip(ASKED) {
            times.push(spawn_and_watch(&show.fleet, asked, id).await);
        }
        times.sort();
        assert!(times[times.len() / 2] < SERVED, "{times:?}");

        let mut sessions = Vec::new();
        for id in [1, 2, 3, 11, 12, 13, 14, 15] {
            let join = show.fleet.node("session_1").join();
            let mut session = join.stream(STREAM).cluster(id).open().await;
            session.next_frame().await;
            sessions.push(session);
        }
        let began = Instant::now();
        show.fleet.node_mut("cluster_1").kill();
        let mut taken_over = Duration::ZERO;
        for session in &mut sessions {
            let last = session.seq + 4;
            session
                .until("windows go on", |session| session.seq >= last)
                .await;
            taken_over = taken_over.max(began.elapsed());
        }
        assert!(
            taken_over < TAKEN_OVER,
            "windows went on after {taken_over:?}"
        );
        say(&format!(
            "clusters: served after {times:?}, taken over after {:.1} s",
            taken_over.as_secs_f64()
        ));
        show.fleet.forget("cluster_1");
        let outcome = show.end("clusters").await;
        outcome.assert_all_acknowledged();
        outcome.assert_nobody_cut_off();
    })
    .await;
}

/// How long it takes from the wish for a cluster to the first window of a session in it, on another node.
async fn spawn_and_watch(fleet: &Fleet, asked: &str, id: u64) -> Duration {
    let began = Instant::now();
    let wish = json!({"id": id});
    let asked = fleet.node(asked).api();
    asked
        .admin(Method::POST, "/admin/clusters", &wish)
        .await
        .expect(201);
    let session = fleet.node("session_1");
    let api = session.api();
    live(&api, id).await;
    let mut session = session.join().stream(STREAM).cluster(id).open().await;
    session.next_frame().await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_has_registered_another_knows() {
    alone(Duration::from_secs(90), async {
        let broker = Broker::shared().address();
        let nodes = [&ONE_OF_EACH[..], &[("api_2", "api", "0")]].concat();
        let fleet = Fleet::start(&broker, "faults.registry", &nodes).await;
        let [api, other] = ["api_1", "api_2"].map(|name| fleet.node(name).api());
        let session = fleet.node("session_1");
        for (client, cluster) in [("ada", 3), ("ben", 2), ("cid", 3)] {
            let shown = live(&api, cluster).await;
            let subscriber = &shown["topics"]["subscriber"];
            let wish = json!({"client_id": client, "subscriber": subscriber});
            let reply = api.post("/register", &wish).await.expect(200).json();
            assert_eq!(reply["cluster"], cluster);
            let join = session.join().with("client_id", client);
            let seat = async || join.clone().open().await.cluster;
            wait_for("its place", KNOWN, seat, |seat| *seat == cluster).await;

            let who = json!({"client_id": client});
            other.post("/deregister", &who).await.expect(200);
            let again = async || api.post("/deregister", &who).await.status;
            wait_for("it is gone", KNOWN, again, |status| *status == 404).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_all_nodes_are_added_up() {
    alone(Duration::from_secs(120), async {
        let broker = Broker::shared().address();
        let nodes = [&ONE_OF_EACH[..], &[("session_2", "session", "0")]].concat();
        let mut fleet = Fleet::start(&broker, "faults.viewers", &nodes).await;
        for node in ["session_1", "session_2"] {
            live(&fleet.node(node).api(), 1).await;
        }
        let mut there = Vec::new();
        for _ in 0..3 {
            there.push(fleet.node("session_1").join().open().await);
        }
        let here = fleet.node("session_2").join();
        let watching = async || here.clone().open().await.hello.viewers;
        wait_for("all are known", COUNTED, watching, |viewers| *viewers == 4).await;
        fleet.node_mut("session_1").stop(COUNTED).await;
        wait_for("they have left", COUNTED, watching, |viewers| *viewers == 1).await;
        fleet.forget("session_1");
    })
    .await;
}

/// The cluster as a node shows it, once it is live.
async fn live(api: &Api, id: u64) -> Value {
    let shown = async || api.cluster(id).await.unwrap_or_default();
    let live = |cluster: &Value| cluster["state"] == "live";
    wait_for("the cluster is live", SERVED_AT_LAST, shown, live).await
}
