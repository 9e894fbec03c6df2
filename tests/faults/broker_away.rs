//! The broker hangs, or is gone and comes back: nodes say so, lose nothing, and go on by themselves.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::alone::{alone, say};
use crate::black_box::wait::wait_for;
use crate::fleet::{Fleet, ONE_OF_EACH};
use crate::show::{STREAM, Show};
use crate::support::broker::Broker;

/// How long the broker is away.
const AWAY: Duration = Duration::from_secs(30);

/// How long all may take to be back, on a machine that is busy.
const BACK: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_and_one_that_is_started_anew_cost_no_reaction_and_no_session() {
    alone(Duration::from_secs(300), async {
        let mut broker = Broker::start();
        let fleet = Fleet::start(&broker.address(), "faults.broker", &ONE_OF_EACH).await;
        let show = Show::begin(fleet, 6).await;
        sleep(Duration::from_secs(3)).await;
        broker.pause();
        sleep(AWAY).await;
        broker.resume();
        until_back(&show, "the broker that hung").await;

        sleep(Duration::from_secs(3)).await;
        broker.kill();
        sleep(AWAY).await;
        let broker = tokio::task::spawn_blocking(move || {
            broker.restart();
            broker
        });
        let _broker = broker.await.expect("the broker starts");
        until_back(&show, "the broker that was started anew").await;

        let outcome = show.end("broker away").await;
        outcome.assert_nobody_cut_off();
        for watched in &outcome.watched {
            let expected = ["interrupted", "resumed", "interrupted", "resumed"];
            assert_eq!(watched.told, expected, "{}", watched.name);
        }
    })
    .await;
}

/// Every node is ready, and a reaction that is accepted after that reaches sessions.
async fn until_back(show: &Show, who: &str) {
    let began = Instant::now();
    for api in show.fleet.apis() {
        let ready = async || api.get("/ready").await;
        wait_for("a node is ready again", BACK, ready, |reply| {
            reply.status == 200
        })
        .await;
    }
    let ready = began.elapsed();
    let session = show.fleet.node("session_1").api();
    let total = async || {
        let totals = session.get(&format!("/streams/{STREAM}/totals")).await;
        totals.json()["total"].as_u64().unwrap_or_default()
    };
    let before = total().await;
    wait_for("windows come again", BACK, total, |now| *now > before).await;
    say(&format!(
        "{who}: all nodes ready after {:.1} s, windows after {:.1} s",
        ready.as_secs_f64(),
        began.elapsed().as_secs_f64()
    ));
}
