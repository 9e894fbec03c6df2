//! Rate limits: off for who tries Emostream out, and told to whom they stop.

use serde_json::json;

use crate::support::api::{Reply, code};
use crate::support::frames::Message;
use crate::support::ledger::Ledger;
use crate::support::reactions::{bulk, reaction};
use crate::support::server::Server;

/// Requests of a hasty user; they take far less than the five seconds after which a rate of 5/s would allow them all.
const HASTY: usize = 30;

async fn haste(server: &Server, user: &str) -> Vec<Reply> {
    let api = server.api();
    let mut replies = Vec::new();
    for _ in 0..HASTY {
        replies.push(api.post("/emoji", &reaction(user, "🔥")).await);
    }
    replies
}

#[tokio::test]
async fn on_loopback_nobody_is_limited_unless_asked_for() {
    let server = Server::start(&["--window", "100ms"]).await;
    for _ in 0..10 {
        let replies = haste(&server, "fan").await;
        assert!(replies.iter().all(|reply| reply.status == 200));
    }
    let api = server.api();
    let mut session = server.join().open().await;
    for number in 0..300 {
        let answer = session.react("🔥", &number.to_string()).await;
        assert!(matches!(answer, Message::Ack { .. }), "{answer:?}");
    }
    api.react(&bulk("main", "🔥", 5_000_000).into()).await;
    assert_eq!(Ledger::settled(&api, 5_000_600).await.sum.limited, 0);
}

#[tokio::test]
async fn a_user_over_the_limit_is_429_and_told_when_to_come_back() {
    let server = Server::start(&["--window", "100ms", "--set", "limits.user=5/s burst 5"]).await;
    let api = server.api();
    let replies = haste(&server, "hasty").await;
    let (good, limited): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert!(good.len() >= 5, "the burst is allowed, not {}", good.len());
    assert!(!limited.is_empty());
    let refused = limited.len() as u64;
    for reply in limited {
        assert!((1..=60).contains(&reply.retry_after()), "{reply:?}");
        assert!(!code(&reply.problem(429)).is_empty());
    }
    api.react(&reaction("patient", "👏")).await;
    let ledger = Ledger::settled(&api, good.len() as u64 + 1).await.sum;
    assert_eq!(
        (ledger.accepted, ledger.limited),
        (good.len() as u64 + 1, refused)
    );
}

#[tokio::test]
async fn an_address_over_the_limit_is_429_whatever_it_says_of_its_users() {
    let server = Server::start(&["--set", "limits.address=5/s burst 5"]).await;
    let api = server.api();
    let mut statuses = Vec::new();
    for number in 0..HASTY {
        statuses.push(
            api.post("/emoji", &reaction(&format!("user-{number}"), "🔥"))
                .await
                .status,
        );
    }
    assert!(statuses.starts_with(&[200; 5]), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn all_together_over_the_limit_are_429() {
    let server = Server::start(&["--set", "limits.total=5/s burst 5"]).await;
    let statuses: Vec<_> = haste(&server, "fan")
        .await
        .iter()
        .map(|reply| reply.status)
        .collect();
    assert!(
        statuses.starts_with(&[200; 5]) && statuses.contains(&429),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_socket_over_the_limit_is_answered_with_an_error_and_stays_open() {
    let server = Server::start(&["--window", "100ms", "--set", "limits.socket=5/s burst 5"]).await;
    let api = server.api();
    let mut session = server.join().open().await;
    let (mut acked, mut refused) = (0, 0);
    for number in 0..HASTY {
        let id = number.to_string();
        match session.react("🔥", &id).await {
            Message::Ack { id: answered } if answered == id => acked += 1,
            Message::Error { code, id: answered } if answered == Some(id) && !code.is_empty() => {
                refused += 1
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        acked >= 5 && refused > 0,
        "{acked} acknowledged, {refused} refused"
    );
    session.until_total(acked).await;
    let ledger = Ledger::settled(&api, acked).await.sum;
    assert_eq!((ledger.accepted, ledger.limited), (acked, refused));
}

#[tokio::test]
async fn in_a_batch_only_those_over_the_limit_are_rejected() {
    let server = Server::start(&["--window", "100ms", "--set", "limits.user=5/s burst 5"]).await;
    let api = server.api();
    let mut batch = vec![reaction("hasty", "🔥"); HASTY];
    batch.push(reaction("patient", "👏"));
    let reply = api.post("/emoji", &json!(batch)).await.expect(200).json();
    let accepted = reply["accepted"].as_u64().expect("a number");
    let rejected = reply["rejected"].as_array().expect("a list").len() as u64;
    assert!((6..10).contains(&accepted), "{reply}");
    assert_eq!(accepted + rejected, batch.len() as u64);
    let ledger = Ledger::settled(&api, accepted).await.sum;
    assert_eq!(
        (ledger.accepted, ledger.limited, ledger.rejected),
        (accepted, rejected, 0)
    );
}

#[tokio::test]
async fn a_bind_that_is_not_loopback_turns_the_limits_on() {
    let server = Server::start(&["--window", "100ms", "--bind", "0.0.0.0:0"]).await;
    let mut limited = 0;
    for _ in 0..10 {
        limited += haste(&server, "hasty")
            .await
            .iter()
            .filter(|reply| reply.status == 429)
            .count();
    }
    assert!(limited > 0);
    assert_eq!(
        Ledger::read(&server.api()).await.sum.limited,
        limited as u64
    );
}
