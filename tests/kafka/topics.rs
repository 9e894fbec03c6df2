//! `emostream topics` against a real broker.

use std::process::{Command, Output};

use super::support::broker::Broker;

/// Runs the command with names of its own, so that tests can share a broker.
fn topics(address: &str, prefix: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emostream"));
    command.args(["topics", "--kafka", address]);
    for (key, name) in [
        ("reactions", "in"),
        ("partials", "partials"),
        ("totals", "totals"),
        ("aggregated", "out"),
        ("cluster", "cluster_"),
        ("subscriber", "subscriber_"),
        ("control", "control"),
    ] {
        command.args(["--set", &format!("kafka.topic_{key}={prefix}.{name}")]);
    }
    command.args(more).current_dir(std::env::temp_dir());
    command.output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The cells of a topic's line.
fn row(report: &str, name: &str) -> Vec<String> {
    let line = report
        .lines()
        .find(|line| line.split_whitespace().next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("{name} is in the table: {report}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn missing_topics_are_created_as_they_are_needed_and_shown() {
    let broker = Broker::shared();
    let report = stdout(&topics(
        &broker.address(),
        "made",
        &["--set", "clusters.initial=2"],
    ));
    assert!(report.contains("created on"), "{report}");
    let expected: [(&str, [&str; 5]); 6] = [
        ("made.in", ["3", "1", "delete", "LogAppendTime", "0"]),
        ("made.partials", ["3", "1", "delete", "CreateTime", "0"]),
        ("made.totals", ["3", "1", "compact", "CreateTime", "0"]),
        ("made.out", ["3", "1", "delete", "CreateTime", "0"]),
        ("made.subscriber_2", ["3", "1", "delete", "CreateTime", "0"]),
        ("made.control", ["1", "1", "compact", "CreateTime", "0"]),
    ];
    for (name, cells) in expected {
        assert_eq!(row(&report, name)[1..6], cells, "{name}");
    }
    assert!(!report.contains("made.cluster_3"), "{report}");
    let warnings: Vec<&str> = report
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    assert_eq!(
        warnings.len(),
        1,
        "one broker can hold one replica: {warnings:?}"
    );
    assert!(warnings[0].contains("single replica"), "{warnings:?}");
}

#[test]
fn topics_that_are_there_stay_as_they_are_and_are_judged() {
    let broker = Broker::shared();
    let address = broker.address();
    let made = ["--set", "clusters.initial=2", "--set", "kafka.partitions=2"];
    stdout(&topics(&address, "kept", &made));
    let report = stdout(&topics(&address, "kept", &["--set", "clusters.initial=1"]));
    assert!(report.contains("nothing was missing"), "{report}");
    assert_eq!(
        row(&report, "kept.cluster_2")[1],
        "2",
        "spawned clusters are shown too"
    );
    let warning = "warning: kept.in has 2 partitions where 3 are configured";
    assert!(report.contains(warning), "{report}");
}

#[test]
fn settings_of_librdkafka_reach_the_client() {
    let broker = Broker::shared();
    let more = [
        "--set",
        "kafka.security.protocol=sasl_plaintext",
        "--set",
        "kafka.socket.timeout.ms=1000",
    ];
    let output = topics(&broker.address(), "never", &more);
    assert_eq!(
        output.status.code(),
        Some(78),
        "no client can log in without a name: {output:?}"
    );
}

#[test]
fn a_broker_that_is_not_there_is_named_with_what_to_do() {
    // Bound and not listening, so that nobody else is there either.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("an address").to_string();
    drop(nobody);
    let output = topics(&address, "never", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains(&address) && said.contains("make kafka"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}
