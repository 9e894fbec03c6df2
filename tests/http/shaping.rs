//! Policies: what a cluster makes of a window, and that it never changes a total.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::frames::Frame;
use crate::support::reactions::bulk;
use crate::support::server::Server;

/// Counts of the contract's table.
const TABLE: [(&str, u64); 6] = [
    ("😀", 1),
    ("😂", 99),
    ("🥰", 100),
    ("😢", 1000),
    ("😡", 1001),
    ("🔥", 3785),
];

fn table() -> Value {
    TABLE
        .iter()
        .flat_map(|(emoji, count)| bulk("main", emoji, *count))
        .collect()
}

fn total() -> u64 {
    TABLE.iter().map(|(_, count)| count).sum()
}

/// The table's window as cluster 1 shapes it under `policy`.
async fn shaped(policy: Value) -> Frame {
    let server = Server::start(&["--window", "500ms"]).await;
    let api = server.api();
    let path = "/admin/clusters/1";
    api.admin(Method::PATCH, path, &json!({"policy": policy}))
        .await
        .expect(200);
    let mut session = server.join().cluster(1).open().await.expecting_cut_lists();
    api.react(&table()).await;
    let frame = session.next_full_frame().await;
    assert_eq!(
        (frame.span, frame.total),
        (1, total()),
        "one request is in one window"
    );
    frame
}

fn finals<const N: usize>(expected: [u64; N]) -> BTreeMap<u64, u64> {
    TABLE
        .iter()
        .map(|(_, count)| *count)
        .zip(expected)
        .collect()
}

#[tokio::test]
async fn brief_is_the_default() {
    let server = Server::start(&["--window", "500ms"]).await;
    let mut session = server.join().open().await;
    server.api().react(&table()).await;
    let frame = session.next_full_frame().await;
    assert_eq!(frame.final_counts(), finals([1, 1, 1, 1, 1, 3]));
}

#[tokio::test]
async fn brief_makes_one_of_up_to_a_thousand() {
    let frame = shaped(json!({"scale": "brief"})).await;
    assert_eq!(frame.final_counts(), finals([1, 1, 1, 1, 1, 3]));
}

#[tokio::test]
async fn legacy_keeps_what_is_under_a_hundred() {
    let frame = shaped(json!({"scale": "legacy"})).await;
    assert_eq!(frame.final_counts(), finals([1, 99, 1, 10, 10, 37]));
}

#[tokio::test]
async fn a_divisor_gives_at_least_one() {
    let frame = shaped(json!({"scale": {"divisor": 7}})).await;
    assert_eq!(frame.final_counts(), finals([1, 14, 14, 142, 143, 540]));
}

#[tokio::test]
async fn top_n_cuts_the_list_and_never_the_total() {
    let frame = shaped(json!({"top_n": 2})).await;
    let listed: Vec<_> = frame
        .counts
        .iter()
        .map(|count| (count.emoji_type.as_str(), count.count))
        .collect();
    assert_eq!(listed, [("🔥", 3785), ("😡", 1001)]);
    assert_eq!(frame.total, total());
}

#[tokio::test]
async fn min_count_leaves_the_rare_out_of_the_list_and_not_of_the_total() {
    let frame = shaped(json!({"min_count": 100})).await;
    let mut listed: Vec<_> = frame.counts.iter().map(|count| count.count).collect();
    listed.sort_unstable();
    assert_eq!(listed, [100, 1000, 1001, 3785]);
    assert_eq!(frame.total, total());
}

#[tokio::test]
async fn a_cluster_has_a_policy_of_its_own() {
    let server = Server::start(&["--window", "500ms"]).await;
    let api = server.api();
    let policy = json!({"policy": {"scale": "legacy"}});
    api.admin(Method::PATCH, "/admin/clusters/2", &policy)
        .await
        .expect(200);
    let mut first = server.join().cluster(1).open().await;
    let mut second = server.join().cluster(2).open().await;
    api.react(&table()).await;
    let (brief, legacy) = (
        first.next_full_frame().await,
        second.next_full_frame().await,
    );
    assert_eq!((brief.cluster, legacy.cluster), (1, 2));
    assert_eq!(brief.final_counts(), finals([1, 1, 1, 1, 1, 3]));
    assert_eq!(legacy.final_counts(), finals([1, 99, 1, 10, 10, 37]));
    assert_eq!((brief.seq, brief.total), (legacy.seq, legacy.total));
}

#[tokio::test]
async fn hello_totals_are_not_cut() {
    let server = Server::start(&["--window", "200ms", "--set", "clusters.top_n=1"]).await;
    let api = server.api();
    let mut session = server.join().open().await.expecting_cut_lists();
    api.react(&table()).await;
    session.until_total(total()).await;
    assert_eq!(
        session.frames.iter().map(|frame| frame.counts.len()).max(),
        Some(1)
    );
    let late = server.join().open().await;
    assert_eq!(late.hello.total, total());
    assert_eq!(late.hello.totals.len(), TABLE.len());
}

#[tokio::test]
async fn a_merged_frame_is_shaped_as_one() {
    let server = Server::start(&["--window", "100ms"]).await;
    let api = server.api();
    let mut witness = server.join().open().await;
    let mut absent = server.join().open().await;
    api.react(&bulk("main", "👏", 1).into()).await;
    absent.until_total(1).await;
    let absent = absent.leave();
    for round in 1..=3 {
        api.react(&bulk("main", "🔥", 700).into()).await;
        witness.until_total(1 + round * 700).await;
    }
    let missed = absent.come_back().await.next_full_frame().await;
    let fire = missed.count("🔥").expect("the missed emoji");
    assert_eq!((fire.count, fire.final_count), (2100, 2));
}
