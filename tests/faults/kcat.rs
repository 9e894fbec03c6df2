//! Somebody else's stage: plain `kcat` in place of one of ours, with records of the prototype's form.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::alone::alone;
use crate::black_box::wait::{PATIENCE, now_ms, within};
use crate::fleet::{Fleet, NodeSpec, WINDOW_MS};
use crate::support::broker::Broker;
use crate::support::topics::Topics;

const COUNTING: [NodeSpec; 1] = [("aggregator_1", "aggregator", "1")];

const DELIVERING: [NodeSpec; 3] = [
    ("publisher", "publisher", "0"),
    ("cluster_1", "cluster", "0"),
    ("session_1", "session", "0"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kcat_writes_reactions_raw_and_escaped_and_reads_their_windows() {
    alone(Duration::from_secs(90), async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.kcat.reactions", &COUNTING).await;
        let mut lines = String::new();
        for number in 0..30 {
            for emoji in ["🔥", r"\ud83d\ude00", "❤️", r"\u2764\ufe0f"] {
                lines += &format!(
                    "{{\"user_id\":\"fan-{number}\",\"emoji_type\":\"{emoji}\",\"timestamp\":\"2026-06-11T20:00:00.123456\"}}\n"
                );
            }
        }
        write(&fleet.topics, "reactions", &lines).await;
        fleet.topics.until_total("main", 120, PATIENCE).await;

        let mut counts = BTreeMap::<String, u64>::new();
        for record in read(&fleet.topics, "aggregated").await {
            for name in ["start", "end"] {
                assert!(record["window"][name].is_string(), "{record}");
            }
            let (count, drawn) = (record["count"].as_u64(), record["final_count"].as_u64());
            let (count, drawn) = (count.expect("a count"), drawn.expect("one to draw"));
            assert_eq!(drawn, u64::from(count > 0), "{record}");
            let emoji = record["emoji_type"].as_str().expect("an emoji").to_owned();
            *counts.entry(emoji).or_default() += count;
        }
        counts.retain(|_, count| *count > 0);
        let expected = [("🔥", 30), ("😀", 30), ("❤️", 60)];
        assert_eq!(counts, expected.map(|(emoji, count)| (emoji.to_owned(), count)).into());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_that_kcat_writes_reach_a_session_closed_by_the_next_or_by_time() {
    alone(Duration::from_secs(90), async {
        let broker = Broker::shared().address();
        let fleet = Fleet::start(&broker, "faults.kcat.windows", &DELIVERING).await;
        let mut session = fleet.node("session_1").join().open().await;
        let first = now_ms() / WINDOW_MS - 8;
        let lines = [
            window(first, "🔥", 5),
            window(first, r"\ud83d\ude00", 7),
            window(first + 1, "🔥", 3),
        ];
        write(&fleet.topics, "aggregated", &lines[..2].concat()).await;
        write(&fleet.topics, "aggregated", &lines[2]).await;
        session.until_total(12).await;
        assert_eq!(
            (session.seq, session.frames.len()),
            (first, 1),
            "closed by the next"
        );
        session.until_total(15).await;
        assert_eq!(session.seq, first + 1, "closed by time");
        let expected = json!({"🔥": 8, "😀": 7});
        assert_eq!(json!(session.totals), expected);
    })
    .await;
}

/// What another aggregator writes about one emoji of a window.
fn window(seq: u64, emoji: &str, count: u64) -> String {
    let [start, end] = [seq, seq + 1].map(|seq| {
        let millis = i64::try_from(seq * WINDOW_MS).expect("a time");
        jiff::Timestamp::from_millisecond(millis).expect("a time")
    });
    format!(
        "{{\"window\":{{\"start\":\"{start}\",\"end\":\"{end}\"}},\"emoji_type\":\"{emoji}\",\"count\":{count},\"final_count\":{count}}}\n"
    )
}

/// Writes each line as a record.
async fn write(topics: &Topics, topic: &str, lines: &str) {
    let mut kcat = kcat(topics, topic)
        .args(["-P"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("kcat runs");
    let mut stdin = kcat.stdin.take().expect("its input");
    stdin.write_all(lines.as_bytes()).await.expect("it reads");
    drop(stdin);
    let exit = within(PATIENCE, "kcat ends", kcat.wait()).await;
    assert!(exit.expect("it ran").success());
}

/// Reads all records that there are.
async fn read(topics: &Topics, topic: &str) -> Vec<Value> {
    let mut kcat = kcat(topics, topic);
    let output = kcat.args(["-C", "-e", "-q", "-o", "beginning"]).output();
    let output = within(PATIENCE, "kcat ends", output)
        .await
        .expect("kcat runs");
    let text = String::from_utf8(output.stdout).expect("a text");
    let records = text.lines().map(serde_json::from_str);
    records.collect::<Result<_, _>>().expect("JSON")
}

fn kcat(topics: &Topics, topic: &str) -> Command {
    let mut kcat = Command::new("kcat");
    kcat.args(["-b", topics.address(), "-t", &topics.name(topic)])
        .kill_on_drop(true);
    kcat
}
