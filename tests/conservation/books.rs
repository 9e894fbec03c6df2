//! The ledger and the totals, held to the plan.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::account::Totals;
use super::plan::{Expected, Plan, twin_emoji};
use super::support::{Server, assert_balanced, column};

const AUDIT_INTERVAL: Duration = Duration::from_millis(300);

/// Holds every row of the ledger to its equations, again and again until the last window is known.
pub(crate) async fn audit(server: Arc<Server>, last_seq: watch::Receiver<Option<[u64; 2]>>) {
    while last_seq.borrow().is_none() {
        assert_rows_balanced(&server.ledger().await);
        sleep(AUDIT_INTERVAL).await;
    }
}

/// Checks one stream's row and its totals against what was planned, and gives its totals.
pub(crate) async fn check_stream(
    server: &Server,
    ledger: &Value,
    stream: &str,
    expected: &Expected,
) -> Value {
    let row = &ledger["streams"][stream];
    assert_eq!(
        column(row, "accepted"),
        expected.accepted,
        "{stream}: {row}"
    );
    assert_eq!(
        column(row, "rejected"),
        expected.rejected,
        "{stream}: {row}"
    );
    assert_nothing_turned_away(row);

    // Of twins at least one copy counts; both do where a window ended between them.
    let (counted, deduplicated) = (column(row, "counted"), column(row, "deduplicated"));
    assert!(
        deduplicated > 0 && 2 * deduplicated <= expected.twins,
        "{stream}: {row}"
    );
    let totals = server
        .totals_of(stream, counted, Duration::from_secs(5))
        .await;
    let mut of_emoji: Totals = serde_json::from_value(totals["totals"].clone()).expect("totals");
    let twins = of_emoji.remove(&twin_emoji()).unwrap_or(0);
    assert_eq!(twins + deduplicated, expected.twins, "{stream}: {row}");
    assert_eq!(
        of_emoji, expected.totals,
        "{stream}: what was accepted and what was counted"
    );
    totals
}

pub(crate) fn check_sum(ledger: &Value, plan: &Plan) {
    assert_rows_balanced(ledger);
    let sum = &ledger["sum"];
    let expected = plan.expected.iter();
    assert_eq!(
        column(sum, "accepted"),
        expected
            .clone()
            .map(|expected| expected.accepted)
            .sum::<u64>(),
        "{sum}"
    );
    assert_eq!(
        column(sum, "rejected"),
        expected.map(|expected| expected.rejected).sum::<u64>() + plan.unattributed,
        "{sum}"
    );
    assert_eq!(
        column(&ledger["unattributed"], "rejected"),
        plan.unattributed,
        "{ledger}"
    );
    assert_nothing_turned_away(sum);
    let streams = ledger["streams"].as_object().expect("streams");
    let rows = || streams.values().chain([&ledger["unattributed"]]);
    for name in [
        "received",
        "accepted",
        "rejected",
        "counted",
        "deduplicated",
        "late_carried",
    ] {
        let parts: u64 = rows().map(|row| column(row, name)).sum();
        assert_eq!(
            column(sum, name),
            parts,
            "{name} in sum and per stream: {ledger}"
        );
    }
}

/// Waits until a cluster is stopped, or not even listed any more.
pub(crate) async fn await_stopped(server: &Server, id: u64, within: Duration) {
    let deadline = Instant::now() + within;
    loop {
        let (status, answer) = server.get("/admin/clusters").await;
        assert_eq!(status, 200, "{answer}");
        let clusters = answer["clusters"].as_array().or(answer.as_array());
        let mut clusters = clusters.expect("a list of clusters").iter();
        match clusters.find(|cluster| cluster["id"] == id) {
            None => return,
            Some(cluster) if cluster["state"] == "stopped" => return,
            Some(cluster) => assert!(Instant::now() < deadline, "not stopped: {cluster}"),
        }
        sleep(AUDIT_INTERVAL).await;
    }
}

fn assert_rows_balanced(ledger: &Value) {
    assert_balanced(&ledger["sum"], "sum");
    assert_balanced(&ledger["unattributed"], "unattributed");
    for (name, row) in ledger["streams"].as_object().expect("streams") {
        assert_balanced(row, name);
    }
}

/// The load is far below every limit, and counts nothing twice or never.
fn assert_nothing_turned_away(row: &Value) {
    for name in ["limited", "shed", "in_flight"] {
        assert_eq!(column(row, name), 0, "{name}: {row}");
    }
}
