#![allow(clippy::unwrap_used)]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::*;
use crate::actors::link::{Alive, Slot};
use crate::actors::supervisor::Supervision;
use crate::telemetry::Metrics;

/// A supervised stage whose lives do what `work` says of each.
struct Stage {
    slot: Arc<Slot<Threaded>>,
    supervision: Supervision,
    health: Arc<Health>,
}

impl Stage {
    fn start(mut work: impl FnMut(usize) -> Work + 'static) -> Self {
        let metrics = Arc::new(Metrics::new().unwrap());
        let supervision = Supervision::new(metrics.clone());
        let health = Arc::new(Health::new("stage", metrics));
        let slot = Arc::new(Slot::default());
        let (held, mut lives) = (health.clone(), 0);
        supervision.keep_alive("stage", slot.clone(), move |lifeline| {
            lives += 1;
            Threaded::new(held.clone(), lifeline, work(lives))
        });
        Self {
            slot,
            supervision,
            health,
        }
    }
}

/// Works until it is asked to stop.
fn steady(begun: std::sync::mpsc::SyncSender<()>) -> Work {
    Box::new(move |stop| {
        begun.send(()).unwrap();
        while !stop.is_asked() {
            std::thread::yield_now();
        }
        Ok(())
    })
}

/// Waits on another thread, so that the actors go on.
async fn comes(signal: std::sync::mpsc::Receiver<()>) {
    let wait = move || signal.recv_timeout(Duration::from_secs(10));
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}

#[actix::test]
async fn a_drain_is_answered_when_the_thread_has_ended_however_often_it_is_asked() {
    let (begun, has_begun) = sync_channel(1);
    let stage = Stage::start(move |_| steady(begun.clone()));
    comes(has_begun).await;
    stage.health.answered();
    assert!(stage.health.is_alive());
    for _ in 0..2 {
        assert_eq!(stage.slot.link().ask(Drain).await, Ok(0));
        assert!(!stage.health.is_alive());
    }
}

#[actix::test]
async fn a_thread_that_fails_or_panics_gets_another_life() {
    let (begun, has_begun) = sync_channel(1);
    let stage = Stage::start(move |life| match life {
        1 => Box::new(|_| Err(Failure::passing("no luck"))),
        2 => Box::new(|_| panic!("felled by its test")),
        _ => steady(begun.clone()),
    });
    comes(has_begun).await;
    assert_eq!(stage.slot.link::<Drain>().life(), 3);
}

#[actix::test]
async fn a_thread_that_must_not_go_on_ends_the_node_at_once_and_says_why() {
    let hopeless = || Failure::Final("two instances have the same number".to_owned());
    let stage = Stage::start(move |_| Box::new(move |_| Err(hopeless())));
    let said = stage.supervision.gave_up().await;
    assert_eq!(said, "stage: two instances have the same number");
    assert_eq!(stage.slot.link::<Drain>().life(), 1);
}

#[actix::test]
async fn a_thread_that_hangs_ends_the_node_after_a_minute_and_says_why() {
    let (begun, has_begun) = sync_channel(1);
    let (release, hangs) = sync_channel::<()>(0);
    let mut only_life = Some(hangs);
    let stage = Stage::start(move |_| {
        let (begun, hangs) = (begun.clone(), only_life.take().unwrap());
        Box::new(move |stop| {
            stop.is_asked();
            begun.send(()).unwrap();
            let _ = hangs.recv();
            Ok(())
        })
    });
    comes(has_begun).await;
    tokio::time::pause();
    let began = Instant::now();
    let said = stage.supervision.gave_up().await;
    let took = began.elapsed();
    assert!(
        said.starts_with("stage: hangs in a call to librdkafka for 6"),
        "{said}"
    );
    assert!(took >= TURN && took <= TURN + 3 * LOOK, "{took:?}");
    drop(release);
}

#[test]
fn only_silence_that_somebody_listened_to_is_a_hang() {
    let start = Instant::now();
    let at = |second| start + Duration::from_secs(second);
    let mut pulse = Pulse::new(start);
    let mut quiet = |beats, seconds: std::ops::Range<u64>| {
        let looks = seconds.step_by(5);
        looks
            .filter_map(|second| pulse.is_missed(beats, at(second)))
            .next()
    };
    assert_eq!(quiet(1, 5..65), None, "the beat was at second 5");
    assert_eq!(quiet(2, 65..125), None, "it has beaten again");
    assert_eq!(
        quiet(2, 500..560),
        None,
        "the process was stopped for six minutes"
    );
    assert_eq!(quiet(2, 560..561), Some(TURN));
}
