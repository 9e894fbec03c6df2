use actix::Addr;

use super::*;
use crate::actors::link::Gone;
use crate::testkit::{Die, Ground, Stage, mortal, seats};

mortal!(Registry);

const CONFIG: RegistryConfig = RegistryConfig {
    lease: Duration::from_secs(60),
    max_clients: 3,
    max_sessions: 4,
};

fn registry(live: &[ClusterSeats]) -> Addr<Registry> {
    let mut registry = Registry::new(CONFIG);
    registry.live = live.to_vec();
    registry.start()
}

fn register(client_id: &str, cluster: Option<u64>) -> Register {
    Register {
        client_id: client_id.to_owned(),
        cluster_opt: cluster.map(|number| ClusterId::try_new(number).unwrap()),
    }
}

fn place(client_id: &str) -> PlaceSession {
    PlaceSession {
        client_id: client_id.to_owned(),
        cluster_opt: None,
    }
}

async fn registered(registry: &Addr<Registry>, client_id: &str, cluster: Option<u64>) -> u16 {
    let answer = registry.send(register(client_id, cluster)).await.unwrap();
    answer.unwrap().cluster.get()
}

#[actix::test]
async fn sessions_go_to_the_cluster_with_the_fewest() {
    let live = [seats(1), seats(2)];
    let registry = registry(&live);
    let one = registry.send(place("a")).await.unwrap().unwrap();
    let two = registry.send(place("b")).await.unwrap().unwrap();
    assert_ne!(one.cluster(), two.cluster());
    let freed = one.cluster();
    drop(one);
    let three = registry.send(place("c")).await.unwrap().unwrap();
    assert_eq!(three.cluster(), freed);
}

#[actix::test]
async fn registration_decides_where_a_session_sits() {
    let registry = registry(&[seats(1), seats(2), seats(3)]);
    assert_eq!(registered(&registry, "a", Some(3)).await, 3);
    let seat = registry.send(place("a")).await.unwrap().unwrap();
    assert_eq!(seat.cluster().get(), 3);
}

#[actix::test]
async fn registrations_that_wait_count_as_load() {
    let registry = registry(&[seats(1), seats(2), seats(3)]);
    let mut clusters = vec![
        registered(&registry, "a", None).await,
        registered(&registry, "b", None).await,
        registered(&registry, "c", None).await,
    ];
    clusters.sort_unstable();
    assert_eq!(clusters, [1, 2, 3]);
}

#[actix::test]
async fn an_unknown_cluster_and_too_many_clients_are_refused() {
    let registry = registry(&[seats(1)]);
    let unknown = registry.send(register("a", Some(9))).await.unwrap();
    assert_eq!(unknown.unwrap_err(), PlacementError::UnknownCluster);
    for client_id in ["a", "b", "c"] {
        registered(&registry, client_id, None).await;
    }
    let fourth = registry.send(register("d", None)).await.unwrap();
    assert_eq!(fourth.unwrap_err(), PlacementError::TooManyClients);
    assert_eq!(registered(&registry, "a", None).await, 1);
}

#[actix::test]
async fn sessions_beyond_the_maximum_are_refused() {
    let registry = registry(&[seats(1)]);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(registry.send(place("a")).await.unwrap().unwrap());
    }
    let fifth = registry.send(place("a")).await.unwrap();
    assert_eq!(fifth.unwrap_err(), PlacementError::TooManySessions);
}

#[actix::test]
async fn a_lease_runs_out_without_a_session_and_not_with_one() {
    tokio::time::pause();
    let registry = registry(&[seats(1), seats(2)]);
    registered(&registry, "gone", Some(2)).await;
    registered(&registry, "here", Some(2)).await;
    let _seat = registry.send(place("here")).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let leave = |client_id: &str| Deregister {
        client_id: client_id.to_owned(),
    };
    assert!(!registry.send(leave("gone")).await.unwrap().unwrap());
    assert!(registry.send(leave("here")).await.unwrap().unwrap());
    assert!(!registry.send(leave("here")).await.unwrap().unwrap());
}

#[actix::test]
async fn clients_of_a_cluster_that_leaves_are_placed_anew() {
    let live = [seats(1), seats(2)];
    let registry = registry(&live);
    registered(&registry, "a", Some(2)).await;
    let roster = RosterChanged {
        live: live[..1].to_vec(),
    };
    registry.send(roster).await.unwrap();
    let seat = registry.send(place("a")).await.unwrap().unwrap();
    assert_eq!(seat.cluster().get(), 1);
}

#[actix::test]
async fn more_askers_than_the_mailbox_holds_are_all_answered() {
    let config = RegistryConfig {
        max_clients: usize::MAX,
        max_sessions: usize::MAX,
        ..CONFIG
    };
    let (ground, one) = (Ground::new(), seats(1));
    let registry = Stage::start(&ground.metrics, move || Registry::new(config.clone())).await;
    registry
        .ask(RosterChanged {
            live: vec![one.clone()],
        })
        .await;
    let crowd = MAILBOX + 1_000;
    let asking = (0..crowd).map(|number| registry.ask(place(&number.to_string())));
    let answers = futures_util::future::join_all(asking).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(one.taken.load(Ordering::Acquire), crowd);
}

// === it dies ===

/// A supervised registry that knows these clusters.
async fn supervised(ground: &Ground, live: &[ClusterSeats]) -> Stage<Registry> {
    let registry = Stage::start(&ground.metrics, || Registry::new(CONFIG)).await;
    registry
        .ask(RosterChanged {
            live: live.to_vec(),
        })
        .await;
    registry
}

#[actix::test]
async fn it_places_nobody_after_a_death_until_it_is_sent_the_roster() {
    let (ground, live) = (Ground::new(), [seats(1)]);
    let registry = supervised(&ground, &live).await;
    registry.die_and_come_back().await;
    let nowhere = registry.ask(place("a")).await.unwrap_err();
    assert_eq!(nowhere, PlacementError::NoCluster);
    registry
        .ask(RosterChanged {
            live: live.to_vec(),
        })
        .await;
    assert!(registry.ask(place("a")).await.is_ok());
}

#[actix::test]
async fn registrations_die_with_it_and_clients_may_register_again() {
    let (ground, live) = (Ground::new(), [seats(1), seats(2)]);
    let registry = supervised(&ground, &live).await;
    registry.ask(register("a", Some(2))).await.unwrap();
    registry.die_and_come_back().await;
    registry
        .ask(RosterChanged {
            live: live.to_vec(),
        })
        .await;
    let leave = || Deregister {
        client_id: "a".to_owned(),
    };
    assert!(!registry.ask(leave()).await.unwrap(), "its lease is gone");
    let again = registry.ask(register("a", Some(2))).await.unwrap();
    assert_eq!(again.cluster.get(), 2);
    assert!(registry.ask(leave()).await.unwrap());
}

#[actix::test]
async fn sessions_keep_their_seats_through_its_death_and_count_in_the_next_life() {
    let (ground, live) = (Ground::new(), [seats(1), seats(2)]);
    let registry = supervised(&ground, &live).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let wish = PlaceSession {
            cluster_opt: Some(live[0].cluster),
            ..place("a")
        };
        held.push(registry.ask(wish).await.unwrap());
    }
    registry.die_and_come_back().await;
    registry
        .ask(RosterChanged {
            live: live.to_vec(),
        })
        .await;
    for _ in 0..2 {
        let seat = registry.ask(place("b")).await.unwrap();
        assert_eq!(seat.cluster().get(), 2, "cluster 1 has its two");
        held.push(seat);
    }
    let fifth = registry.ask(place("c")).await.unwrap_err();
    assert_eq!(fifth, PlacementError::TooManySessions);
    drop(held);
    assert!(
        live.iter()
            .all(|seats| seats.taken.load(Ordering::Acquire) == 0)
    );
}

#[actix::test]
async fn whoever_waits_for_an_answer_when_it_dies_is_told_so() {
    let (ground, live) = (Ground::new(), [seats(1)]);
    let registry = supervised(&ground, &live).await;
    registry.put(Die);
    let link = registry.link::<PlaceSession>();
    assert_eq!(link.ask(place("a")).await.unwrap_err(), Gone);
    assert_eq!(
        live[0].taken.load(Ordering::Acquire),
        0,
        "no seat is left behind"
    );
}

fn learned(client_id: &str, cluster: u64, seconds: u64) -> LeasesLearned {
    let lease = messages::Lease {
        client_id: client_id.to_owned(),
        cluster: ClusterId::try_new(cluster).unwrap(),
        remaining: Duration::from_secs(seconds),
    };
    LeasesLearned {
        held: vec![lease],
        forgotten: Vec::new(),
    }
}

async fn is_known(registry: &Addr<Registry>, client_id: &str) -> bool {
    let leave = Deregister {
        client_id: client_id.to_owned(),
    };
    registry.send(leave).await.unwrap().unwrap()
}

#[actix::test]
async fn a_registration_on_another_node_seats_a_session_here_until_it_ends() {
    tokio::time::pause();
    let registry = registry(&[seats(1), seats(2)]);
    registry.send(learned("a", 2, 30)).await.unwrap();
    registry.send(learned("b", 2, 30)).await.unwrap();
    let seat = registry.send(place("a")).await.unwrap().unwrap();
    assert_eq!(seat.cluster().get(), 2);
    drop(seat);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(!is_known(&registry, "b").await, "half a lease was left");
}

#[actix::test]
async fn a_client_that_left_on_another_node_has_left_here() {
    let registry = registry(&[seats(1)]);
    registered(&registry, "a", None).await;
    let gone = LeasesLearned {
        held: Vec::new(),
        forgotten: vec!["a".to_owned()],
    };
    registry.send(gone).await.unwrap();
    assert!(!is_known(&registry, "a").await);
}

#[actix::test]
async fn registrations_learnt_are_bounded_and_placed_where_there_is_a_cluster() {
    let registry = registry(&[seats(1)]);
    for client_id in ["a", "b", "c", "d"] {
        registry.send(learned(client_id, 9, 30)).await.unwrap();
    }
    let seat = registry.send(place("a")).await.unwrap().unwrap();
    assert_eq!(seat.cluster().get(), 1, "cluster 9 has left");
    assert!(is_known(&registry, "c").await);
    assert!(!is_known(&registry, "d").await, "there may be three");
}

#[actix::test]
async fn leases_that_a_session_holds_are_told() {
    let registry = registry(&[seats(1), seats(2)]);
    registered(&registry, "here", Some(2)).await;
    registered(&registry, "away", Some(2)).await;
    let _seat = registry.send(place("here")).await.unwrap().unwrap();
    let held = registry.send(HeldLeases).await.unwrap();
    let mut expected = learned("here", 2, 0).held;
    expected[0].remaining = CONFIG.lease;
    assert_eq!(held, expected);
}
