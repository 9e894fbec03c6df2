use std::collections::BTreeMap;

use actix::{Actor, Handler, Message};

use super::*;
use crate::actors::link::{Alive, Slot};
use crate::actors::window_merger::WindowMerger;
use crate::config::{Flag, SettingsFile, Sources};

/// Makes the merger panic.
#[derive(Message)]
#[rtype(result = "()")]
struct Fall;

impl Handler<Fall> for WindowMerger {
    type Result = ();

    fn handle(&mut self, _: Fall, _: &mut <Self as Actor>::Context) {
        panic!("felled by its test");
    }
}

fn config() -> Config {
    let flags = [("http.bind", "127.0.0.1:0"), ("http.workers", "1")];
    let flags = flags.map(|(key, value)| Flag {
        name: format!("--set {key}"),
        key: key.to_owned(),
        value: value.to_owned(),
    });
    let sources = Sources {
        file: SettingsFile::IfPresent("/no/such.toml".into()),
        environment: &BTreeMap::new(),
        flags: flags.into(),
    };
    let loaded = crate::config::load(sources);
    loaded.unwrap().config
}

fn merger(node: &Node) -> Arc<Slot<WindowMerger>> {
    match &node.pipeline {
        Pipeline::Embedded(stages) => stages.merger.clone(),
        Pipeline::OnKafka(_) => panic!("no broker is configured"),
    }
}

/// Kills a stage so many times, each time as soon as it lives.
async fn kill(stage: Arc<Slot<WindowMerger>>, times: usize) {
    for _ in 0..times {
        while !stage.is_alive() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(stage.link().ask(Fall).await.is_err());
    }
}

#[actix::test]
async fn a_stage_that_can_not_be_kept_alive_ends_the_node_and_is_named() {
    let node = Node::start(config()).await.unwrap();
    // From here on nobody waits for a socket, and the pauses between lives need not last.
    tokio::time::pause();
    actix::spawn(kill(merger(&node), 5));
    let outcome = node.run_until(std::future::pending()).await;
    assert_eq!(outcome, Outcome::StageFailed("window_merger".to_owned()));
}

#[actix::test]
async fn a_stage_that_dies_now_and_then_does_not_keep_the_node_from_draining() {
    let node = Node::start(config()).await.unwrap();
    let merger = merger(&node);
    let outcome = node.run_until(kill(merger, 1)).await;
    assert_eq!(outcome, Outcome::Drained);
}
