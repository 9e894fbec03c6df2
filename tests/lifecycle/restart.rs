//! A process that comes back on the same port.

use std::time::Duration;

use crate::support::reactions::bulk;
use crate::support::server::{Server, TOKEN};

async fn start_on(address: &str) -> Server {
    Server::start_with(&[
        "--bind",
        address,
        "--admin-token",
        TOKEN,
        "--window",
        "100ms",
    ])
    .await
}

#[tokio::test]
async fn a_session_comes_back_to_a_restarted_process_and_is_told_that_its_past_is_gone() {
    let mut first = start_on("127.0.0.1:0").await;
    let address = first.addresses[0].clone();
    let mut session = first.join().open().await;
    first.api().react(&bulk("main", "🔥", 50).into()).await;
    session.until_total(50).await;
    first.terminate();
    assert_eq!(session.until_closed().await.code, 1001);
    let left = session.leave();
    assert_eq!(first.ended(Duration::from_secs(11)).await.code(), Some(0));

    let second = start_on(&address).await;
    let mut back = second.join().since(left.seq).open().await;
    assert!(!back.hello.recovered, "{:?}", back.hello);
    assert_eq!(back.hello.total, 0);
    let apart = back.hello.seq.abs_diff(left.seq);
    assert!(
        apart < 600,
        "the grid of windows is that of time, not {apart} windows off"
    );
    second.api().react(&bulk("main", "👏", 7).into()).await;
    back.until_total(7).await;
}

#[tokio::test]
async fn a_killed_process_gives_its_port_back_at_once() {
    let mut first = start_on("127.0.0.1:0").await;
    let address = first.addresses[0].clone();
    let session = first.join().open().await;
    first.kill();
    first.ended(Duration::from_secs(5)).await;
    drop(session);
    let second = start_on(&address).await;
    let mut session = second.join().open().await;
    second.api().react(&bulk("main", "🔥", 3).into()).await;
    session.until_total(3).await;
}
