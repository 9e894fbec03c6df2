use std::io;
use std::sync::Mutex;

use actix::{ActorContext, Handler, Message};

use super::*;
use crate::actors::link::Alive;
use crate::testkit::settle;

/// Ends a life.
#[derive(Debug, Message)]
#[rtype(result = "()")]
enum End {
    Panic,
    PanicTwice,
    Leave(Exit),
    Stop,
}

struct Fragile {
    lifeline: Lifeline,
    panics_at_the_end: bool,
}

impl Actor for Fragile {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        assert!(!self.panics_at_the_end, "the second panic");
    }
}

impl Handler<End> for Fragile {
    type Result = ();

    fn handle(&mut self, end: End, ctx: &mut Self::Context) {
        self.panics_at_the_end = matches!(end, End::PanicTwice);
        match end {
            End::Panic | End::PanicTwice => panic!("boom"),
            End::Leave(exit) => self.lifeline.leave(exit),
            End::Stop => {}
        }
        ctx.stop();
    }
}

/// One supervised actor, and the times in milliseconds at which its lives began.
struct World {
    supervision: Supervision,
    supervised: Supervised<Fragile>,
    births: Rc<RefCell<Vec<u128>>>,
    begun: Instant,
}

impl World {
    /// The factory panics instead of building the first `stillborn` lives.
    async fn start(stillborn: usize) -> Self {
        tokio::time::pause();
        let begun = Instant::now();
        let supervision = Supervision::new(Arc::new(Metrics::new().unwrap()));
        let births = Rc::<RefCell<Vec<u128>>>::default();
        let noted = births.clone();
        let supervised = supervision.keep_alive("fragile", Arc::default(), move |lifeline| {
            noted.borrow_mut().push(begun.elapsed().as_millis());
            assert!(noted.borrow().len() > stillborn, "stillborn");
            Fragile {
                lifeline: lifeline.clone(),
                panics_at_the_end: false,
            }
        });
        settle().await;
        Self {
            supervision,
            supervised,
            births,
            begun,
        }
    }

    /// Ends the life that is on, or the next one.
    async fn end(&self, end: End) {
        while !self.supervised.slot.is_alive() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ended = self.supervised.slot.link().try_send(end);
        assert!(ended.is_ok());
        settle().await;
    }

    async fn at_s(&self, seconds: u64) {
        tokio::time::sleep_until(self.begun + Duration::from_secs(seconds)).await;
    }

    fn lives(&self) -> usize {
        self.births.borrow().len()
    }

    fn deaths(&self) -> u64 {
        let deaths = &self.supervision.metrics.actor_deaths;
        deaths.with_label_values(&["fragile"]).get()
    }

    fn given_up(&self) -> Option<String> {
        self.supervision.gave_up().now_or_never()
    }

    /// When each life began, in milliseconds, to the nearest 50.
    fn births(&self) -> Vec<u128> {
        let births = self.births.borrow();
        births.iter().map(|birth| (birth + 25) / 50 * 50).collect()
    }
}

/// What is logged on this thread, one JSON object per line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || written.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        // tracing remembers what the first thread to raise an event wanted of it, and that may be another test's: so the
        // event is raised once, and everyone asked again.
        let first = ActorDied {
            actor: "first",
            exit: "done",
            rebuilt_in_opt: None,
        };
        first.emit(&Metrics::new().unwrap());
        tracing::callsite::rebuild_interest_cache();
        log.0.lock().unwrap().clear();
        (log, guard)
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap();
        let lines = serde_json::Deserializer::from_slice(&bytes).into_iter();
        lines.map(Result::unwrap).collect()
    }
}

#[actix::test]
async fn a_panic_is_counted_and_logged_by_name_and_the_actor_rebuilt() {
    let (log, _guard) = Log::listen();
    let world = World::start(0).await;
    world.end(End::Panic).await;
    assert_eq!((world.deaths(), world.lives()), (1, 1));
    assert!(!world.supervised.slot.is_alive());
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["message"], "actor died");
    assert_eq!(lines[0]["actor"], "fragile");
    assert_eq!(lines[0]["exit"], "panicked: boom");
    assert_eq!(lines[0]["rebuilt_in_ms"], 100);

    tokio::time::sleep(FIRST_PAUSE).await;
    assert_eq!((world.deaths(), world.lives()), (1, 2));
    assert!(world.supervised.slot.is_alive());
}

#[actix::test]
async fn the_pause_grows_fourfold_with_every_death_and_the_fifth_within_a_minute_gives_up() {
    let (log, _guard) = Log::listen();
    let world = World::start(0).await;
    for _ in 1..MAX_DEATHS {
        world.end(End::Panic).await;
        assert_eq!(world.given_up(), None);
    }
    world.end(End::Panic).await;
    assert_eq!(world.given_up().as_deref(), Some("fragile"));
    assert_eq!(world.births(), [0, 100, 500, 2_100, 7_100]);

    let last = log.lines().pop().unwrap();
    assert_eq!(last["actor"], "fragile");
    assert_eq!(last.get("rebuilt_in_ms"), None, "it is not rebuilt");
    world.at_s(3_600).await;
    assert_eq!((world.lives(), world.deaths()), (5, 5));
}

#[actix::test]
async fn five_deaths_count_together_only_within_a_minute() {
    for (apart_s, gives_up) in [(14, true), (16, false)] {
        let world = World::start(0).await;
        for death in 0..5 {
            world.at_s(death * apart_s).await;
            world.end(End::Panic).await;
        }
        assert_eq!(world.given_up().is_some(), gives_up, "{apart_s} s apart");
        world.at_s(3_600).await;
        assert_eq!(world.supervised.slot.is_alive(), !gives_up);
        tokio::time::resume();
    }
}

#[actix::test]
async fn after_a_quiet_minute_the_pause_is_short_again() {
    let world = World::start(0).await;
    world.end(End::Panic).await;
    world.end(End::Panic).await;
    world.at_s(62).await;
    world.end(End::Panic).await;
    world.at_s(70).await;
    assert_eq!(world.births(), [0, 100, 500, 62_100]);
}

#[actix::test]
async fn whoever_clones_supervision_hears_that_it_gave_up() {
    let world = World::start(usize::MAX).await;
    let elsewhere = world.supervision.clone();
    let given_up = tokio::time::timeout(DEATH_SPAN, elsewhere.gave_up()).await;
    assert_eq!(given_up.unwrap(), "fragile");
}

#[actix::test]
async fn a_panic_in_the_factory_is_a_death_like_any_other() {
    let world = World::start(2).await;
    assert!(!world.supervised.slot.is_alive());
    world.at_s(1).await;
    assert_eq!((world.deaths(), world.lives()), (2, 3));
    assert!(world.supervised.slot.is_alive());
}

#[actix::test]
async fn a_second_panic_while_dying_does_not_stand_in_the_way() {
    let world = World::start(0).await;
    world.end(End::PanicTwice).await;
    world.at_s(1).await;
    assert_eq!((world.deaths(), world.lives()), (1, 2));
    assert!(world.supervised.slot.is_alive());
}

#[actix::test]
async fn an_actor_that_gives_up_by_itself_is_rebuilt_and_one_that_is_done_is_not() {
    let failed = Exit::Failed("no way".to_owned());
    let cases = [
        (End::Leave(failed), 1, 2),
        (End::Leave(Exit::DownstreamGone), 1, 2),
        (End::Leave(Exit::Done), 0, 1),
        (End::Stop, 0, 1),
    ];
    for (end, deaths, lives) in cases {
        let world = World::start(0).await;
        let case = format!("{end:?}");
        world.end(end).await;
        world.at_s(60).await;
        assert_eq!((world.deaths(), world.lives()), (deaths, lives), "{case}");
        assert_eq!(world.supervised.slot.is_alive(), lives == 2, "{case}");
        tokio::time::resume();
    }
}

#[actix::test]
async fn an_actor_that_is_asked_to_stop_is_not_rebuilt_nor_counted_as_dead() {
    let world = World::start(0).await;
    world.supervised.stop();
    world.at_s(60).await;
    assert_eq!((world.deaths(), world.lives()), (0, 1));
    assert!(!world.supervised.slot.is_alive());
}

#[actix::test]
async fn an_actor_that_is_asked_to_stop_between_two_lives_begins_none() {
    let world = World::start(0).await;
    world.end(End::Panic).await;
    world.supervised.stop();
    world.at_s(60).await;
    assert_eq!((world.deaths(), world.lives()), (1, 1));
}
