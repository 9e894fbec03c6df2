//! Aggregators and mergers at the real broker: every reaction is in exactly one window, and every window is published once,
//! whatever becomes of the stages.

use std::time::Duration;

use emostream::kafka::thread::Failure;

use super::support::broker::Broker;
use super::support::clients::{create_topic, delete_topic};
use super::support::proxy::{Fault, Proxy};
use super::support::windows::{INPUTS, Pipeline, check, wait_for};

const MS: Duration = Duration::from_millis(1);

#[tokio::test]
async fn stages_that_are_stopped_again_and_again_count_everything_once() {
    let pipeline = Pipeline::new("windows-restarts").await;
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| pipeline.send(100, 60, 100 * MS));
        while !sending.is_finished() {
            let aggregator = pipeline.aggregator("0");
            let merger = pipeline.merger("0");
            merger.await_transactions("committed", 2);
            aggregator.stop().expect("it was asked");
            merger.stop().expect("it was asked");
        }
        sending.join().expect("all is sent")
    });
    let aggregator = pipeline.aggregator("0");
    let merger = pipeline.merger("0");

    check(&pipeline.await_sum(sent));
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn one_reaction_and_then_silence_arrives_and_silence_costs_nothing() {
    let pipeline = Pipeline::new("windows-silence").await;
    let (aggregator, merger) = (pipeline.aggregator("0"), pipeline.merger("0"));
    aggregator.await_transactions("committed", 1);
    let sent = pipeline.send(1, 1, Duration::ZERO);
    check(&pipeline.await_sum(sent));
    assert_eq!(merger.ledger().counted, 1);

    let spent = || {
        (
            aggregator.transactions("committed"),
            merger.transactions("committed"),
        )
    };
    // Longer than anything is waited for: the live stream's empty windows, and each partition's last word.
    let quiet = 4_000 * MS;
    let mut before = spent();
    wait_for("silence", || {
        std::thread::park_timeout(quiet);
        std::mem::replace(&mut before, spent()) == spent()
    });
    let written = pipeline.ends("partials", 2);
    let rest = before;
    std::thread::park_timeout(quiet);
    assert_eq!((spent(), pipeline.ends("partials", 2)), (rest, written));

    let more = pipeline.send(1, 5, Duration::ZERO);
    check(&pipeline.await_sum(sent + more));
    assert_eq!(merger.ledger().counted, sent + more);
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn two_of_a_stage_share_the_work_and_one_takes_over_from_the_other() {
    let pipeline = Pipeline::new("windows-shared").await;
    let merger = pipeline.merger("0");
    let first = pipeline.aggregator("0");
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| pipeline.send(150, 30, 100 * MS));
        first.await_transactions("committed", 2);
        let second = pipeline.aggregator("1");
        let second_merger = pipeline.merger("1");
        second.await_transactions("committed", 3);
        second_merger.await_transactions("committed", 1);
        first.stop().expect("it was asked");
        let seen = second.num_rebalances();
        wait_for("all partitions", || second.num_rebalances() > seen);
        second.await_transactions("committed", second.transactions("committed") + 2);
        let sent = sending.join().expect("all is sent");
        check(&pipeline.await_sum(sent));
        second.stop().expect("it was asked");
        second_merger.stop().expect("it was asked");
        sent
    });
    assert!(sent > 0);
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn what_cannot_be_read_is_passed_by_and_counted() {
    let pipeline = Pipeline::new("windows-poison").await;
    for partition in 0..INPUTS {
        for poison in ["", "{}", "nonsense", "[1]", r#"{"user_id":"u"}"#] {
            pipeline.put("in", partition, poison);
        }
    }
    for poison in ["", r#"{"partition":9,"of":1}"#] {
        pipeline.put("partials", 0, poison);
        pipeline.put("totals", 0, poison);
    }
    let sent = pipeline.send(1, 9, Duration::ZERO);
    let (aggregator, merger) = (pipeline.aggregator("0"), pipeline.merger("0"));

    check(&pipeline.await_sum(sent));
    let poison = &aggregator.metrics.kafka.poison;
    let reasons = ["no_value", "invalid_shape", "bad_json"];
    let passed = reasons.map(|reason| poison.with_label_values(&["reactions", reason]).get());
    assert_eq!(passed, [3, 9, 3]);
    let poison = &merger.metrics.kafka.poison;
    let passed = ["partials", "totals"].map(|role| {
        let reasons = ["no_value", "invalid_index", "invalid_shape"];
        let passed = reasons.map(|reason| poison.with_label_values(&[role, reason]).get());
        passed.iter().sum::<u64>()
    });
    assert_eq!(passed, [2, 2]);
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn an_instance_whose_identity_is_taken_ends_and_says_so() {
    let pipeline = Pipeline::new("windows-twins").await;
    let first = pipeline.aggregator("0");
    first.await_transactions("committed", 1);
    let second = pipeline.aggregator("0");
    wait_for("the first ends", || first.has_ended());
    let said = "another instance runs as windows-twins-aggregator-0: give each instance of this role its own `kafka.instance`";
    assert_eq!(first.end(), Err(Failure::Final(said.to_owned())));
    second.stop().expect("it goes on until it is asked");
}

/// The next commit of the merger meets a fault, and no other comes through for a while.
async fn unclear(name: &'static str, fault: Fault) {
    let pipeline = Pipeline::new(name).await;
    let proxy = Proxy::start(Broker::shared().port());
    let aggregator = pipeline.aggregator("0");
    let merger = pipeline.merger_at(&proxy.address(), "0");
    let mut sent = pipeline.send(20, 30, 100 * MS);
    pipeline.await_sum(sent);

    proxy.plant(fault);
    sent += pipeline.send(20, 30, 100 * MS);
    merger.await_transactions("unclear", 1);
    proxy.mend();

    check(&pipeline.await_sum(sent));
    wait_for("the ledger", || merger.ledger().counted >= sent);
    assert_eq!(merger.ledger().counted, sent, "settled once");
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_to_be_one() {
    unclear("windows-lost-answer", Fault::LoseReply).await;
}

#[tokio::test]
async fn a_commit_that_is_lost_is_made_again() {
    unclear("windows-lost-commit", Fault::LoseRequest).await;
}

#[tokio::test]
async fn what_is_aborted_is_read_again_and_counted_once() {
    let pipeline = Pipeline::new("windows-abort").await;
    pipeline.bound("out", 100).await;
    pipeline.bound("partials", 100).await;
    let (aggregator, merger) = (pipeline.aggregator("0"), pipeline.merger("0"));
    let mut sent = pipeline.send(10, 30, 100 * MS);
    aggregator.await_transactions("aborted", 3);
    pipeline.bound("partials", 1_000_000).await;
    merger.await_transactions("aborted", 3);
    sent += pipeline.send(10, 30, 100 * MS);
    pipeline.bound("out", 1_000_000).await;

    check(&pipeline.await_sum(sent));
    assert_eq!(merger.ledger().counted, sent);
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn a_broker_that_is_killed_and_comes_back_finds_the_stages_waiting() {
    let mut broker = Broker::start();
    let pipeline = Pipeline::at(broker.address(), "windows-broker").await;
    let (aggregator, merger) = (pipeline.aggregator("0"), pipeline.merger("0"));
    let mut sent = pipeline.send(20, 30, 100 * MS);
    merger.await_transactions("committed", 1);
    broker.kill();
    broker.restart();
    sent += pipeline.send(20, 30, 100 * MS);

    check(&pipeline.await_sum(sent));
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn a_merger_whose_commit_is_gone_goes_on_from_the_totals() {
    let pipeline = Pipeline::new("windows-forgotten").await;
    let (aggregator, merger) = (pipeline.aggregator("0"), pipeline.merger("0"));
    let mut sent = pipeline.send(20, 30, 100 * MS);
    pipeline.await_sum(sent);
    merger.stop().expect("it was asked");
    pipeline.forget("merger").await;

    sent += pipeline.send(5, 30, 100 * MS);
    let merger = pipeline.merger("0");
    check(&pipeline.await_sum(sent));
    aggregator.stop().expect("it was asked");
    merger.stop().expect("it was asked");
}

#[tokio::test]
async fn nobody_goes_on_from_a_commit_that_cannot_be_read_or_that_the_log_has_not_reached() {
    let pipeline = Pipeline::new("windows-commits").await;
    for (metadata, said) in [
        ("", "the committed offset has no metadata"),
        (
            "v1;ct=1764692002000;pos=9;c=0",
            "ends at 0, but group windows-commits-aggregator has read it through 9",
        ),
    ] {
        pipeline.commit("aggregator", "in", 7, metadata);
        let aggregator = pipeline.aggregator("0");
        wait_for("its end", || aggregator.has_ended());
        let Err(Failure::Final(sentence)) = aggregator.end() else {
            panic!("it gives up");
        };
        assert!(sentence.contains(said), "{sentence}");
        assert!(sentence.contains("--delete-offsets"), "{sentence}");
        // The group is empty again once the session has timed out.
        pipeline.forget("aggregator").await;
    }
}

#[tokio::test]
async fn a_topic_that_is_made_anew_under_a_stage_is_counted_anew_or_ends_the_stage_but_never_silently()
 {
    let pipeline = Pipeline::new("windows-anew").await;
    let (aggregator, merger) = (pipeline.aggregator("0"), pipeline.merger("0"));
    let sent = pipeline.send(20, 30, 100 * MS);
    pipeline.await_sum(sent);
    let (address, topic) = (Broker::shared().address(), pipeline.topic("in"));
    delete_topic(&address, &topic).await;
    create_topic(&address, &topic, INPUTS).await;
    // Fewer than there were: all of them stand where the old records stood.
    let anew = pipeline.send(1, 9, Duration::ZERO);
    wait_for("the new records", || {
        aggregator.has_ended() || merger.ledger().counted >= sent + anew
    });
    if aggregator.has_ended() {
        let Err(Failure::Final(sentence)) = aggregator.end() else {
            panic!("it gives up");
        };
        assert!(sentence.contains("was made anew"), "{sentence}");
    } else {
        assert_eq!(merger.ledger().counted, sent + anew);
        aggregator.stop().expect("it was asked");
    }
    merger.stop().expect("it was asked");
}
