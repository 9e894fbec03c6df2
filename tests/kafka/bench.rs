//! The measuring tool runs from end to end, adds up, and leaves nothing on the broker.

use std::process::{Command, Output};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::clients::{PATIENCE, config};

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emostream"))
        .arg("bench")
        .args(args)
        .env_clear()
        .output()
        .expect("the binary starts")
}

fn measured(args: &[&str]) -> Value {
    let output = bench(args);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn assert_positive(report: &Value, section: &str, keys: &[&str]) {
    for key in keys {
        let figure = report[section][key].as_f64();
        assert!(figure.is_some_and(|figure| figure > 0.0), "{key}: {report}");
    }
}

/// Topics and groups of a run have its process's number in their names; which one it was is not known here, so no other bench
/// may run on this broker at the same time.
fn left_behind(address: &str) -> Vec<String> {
    let client: BaseConsumer = config(address).create().expect("a client");
    let metadata = client.fetch_metadata(None, PATIENCE).expect("an answer");
    let topics = metadata.topics().iter().map(|topic| topic.name());
    let groups = client.fetch_group_list(None, PATIENCE).expect("an answer");
    let groups = groups.groups().iter().map(|group| group.name());
    let all = topics
        .chain(groups)
        .filter(|name| name.starts_with("bench_"));
    all.map(str::to_owned).collect()
}

#[test]
fn both_benches_add_up_and_leave_nothing_behind() {
    let address = Broker::shared().address();
    let windows = measured(&[
        "windows",
        "--kafka",
        &address,
        "--records",
        "300000",
        "--json",
    ]);
    assert_eq!(windows["ledger"]["put_in"], 300_000);
    assert_eq!(windows["ledger"]["adds_up"], true, "{windows}");
    assert_positive(
        &windows,
        "figures",
        &["records_per_second", "resident", "windows"],
    );
    assert_positive(&windows, "limit", &["records_per_second"]);

    let load = [
        "--rate",
        "200",
        "--sessions",
        "20",
        "--duration",
        "3s",
        "--window",
        "500ms",
    ];
    let args = [&["pipeline", "--kafka", &address, "--json"][..], &load].concat();
    let pipeline = measured(&args);
    assert_eq!(pipeline["ledger"]["put_in"], 200 * (3 + 4), "{pipeline}");
    assert_eq!(pipeline["ledger"]["adds_up"], true, "{pipeline}");
    assert_positive(
        &pipeline,
        "figures",
        &["window_p99", "windows", "node_cpu", "answer_p50"],
    );
    assert_positive(&pipeline, "limit", &["relay_p50"]);

    assert_eq!(left_behind(&address), Vec::<String>::new());
}

#[test]
fn without_a_broker_it_says_how_to_start_one() {
    for bench_name in ["windows", "pipeline"] {
        // Nobody listens on port 1 of loopback.
        let output = bench(&[bench_name, "--kafka", "127.0.0.1:1"]);
        assert_eq!(output.status.code(), Some(78));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains("make kafka"), "{complaint}");
    }
}
