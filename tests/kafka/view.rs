//! `emostream view --kafka` at the real broker: every window, without a node.

use super::support::broker::Broker;
use super::support::node::Node;
use super::support::topics::Topics;
use crate::black_box::reactions::bulk;
use crate::black_box::viewer::Viewer;

fn watch(topics: &Topics, more: &[&str]) -> Viewer {
    let mut args = vec!["--kafka".to_owned(), topics.address().to_owned()];
    args.extend(topics.settings().map(|setting| format!("--set={setting}")));
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    Viewer::start(&args)
}

#[actix::test]
async fn every_reaction_stands_in_one_line_and_other_streams_in_none() {
    let topics = Topics::new(&Broker::shared().address(), "view.lines");
    let node = Node::start(&[("window.size", "200ms")], &topics).await;
    node.until_live(1).await;
    let api = node.api();
    let mut viewer = watch(&topics, &["--set=window.size=200ms", "--stream=main"]);
    api.react(&bulk("main", "🔥", 1).into()).await;
    viewer.text().await.expect("it reads from now on");

    api.react(&bulk("final", "🔥", 9).into()).await;
    for _ in 0..5 {
        api.react(&bulk("main", "🔥", 40).into()).await;
        api.react(&bulk("main", "😀", 2).into()).await;
    }
    let lines = viewer.until_total(210).await;
    assert!(lines.iter().all(|line| line.stream == "main"), "{lines:?}");
    assert!(
        lines.is_sorted_by(|one, next| one.seq < next.seq),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_viewer_says_which_topic_is_missing_and_what_creates_it() {
    let topics = Topics::new(&Broker::shared().address(), "view.missing");
    let mut viewer = watch(&topics, &[]);
    let complaint = viewer.complaint().await.expect("it says why it waits");
    let names = ["view.missing.aggregated", "`emostream topics` creates it"];
    assert!(
        names.iter().all(|name| complaint.contains(name)),
        "{complaint}"
    );
    viewer.terminate();
    assert_eq!(viewer.ended().await.code(), Some(0));
}
