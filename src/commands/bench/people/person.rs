//! The life of one person: away, coming, here, and away again, always under the same name.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use url::Url;

use super::super::super::backoff::Backoff;
use super::super::crowd::Crowd;
use super::args::CrowdArgs;
use super::chances;
use super::door::Door;
use super::hall::{Hall, Whereabouts};
use super::visit::Visit;

/// Time between two attempts of somebody who could not come back for the last window.
const LAST_CALL: Duration = Duration::from_secs(1);

/// What all people share.
pub(super) struct Site {
    pub(super) args: CrowdArgs,
    pub(super) door: Door,
    pub(super) crowd: Crowd,
    pub(super) hall: RefCell<Hall>,
    pub(super) started: Instant,
}

/// What everybody is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Come, react and go.
    Open,
    /// React no more; whoever has been here comes back, and stays.
    Closing,
    /// Leave.
    Over,
}

/// One of the crowd.
pub(super) struct Person {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) random: Rng,
    pub(super) site: Rc<Site>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Site {
    /// The name of a person.
    pub(super) fn name(&self, number: u32) -> String {
        format!("{}-{number}", self.args.users)
    }
}

impl Person {
    pub(super) fn new(number: u32, site: &Rc<Site>, phase: watch::Receiver<Phase>) -> Self {
        Self {
            number: number as usize,
            name: site.name(number),
            random: Rng::with_seed(site.args.seed.wrapping_add(u64::from(number))),
            site: site.clone(),
            phase,
        }
    }

    /// Lives until the crowd is over.
    pub(super) async fn live(mut self, number: u32) {
        let args = &self.site.args;
        let first = chances::arrival(number, args.people, args.stay);
        self.wait(first).await;
        while self.phase() != Phase::Over {
            if self.wants_to_come() {
                self.come_and_go().await;
            }
            self.stay_away().await;
        }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits, but no longer than everybody is to do the same.
    pub(super) async fn wait(&mut self, pause: Duration) {
        let now = self.phase();
        tokio::select! {
            () = sleep(pause) => {}
            // Whoever says what to do is there as long as there are people.
            _ = self.phase.wait_for(|phase| *phase > now) => {}
        }
    }

    /// For the last window only those come who have something to compare.
    fn wants_to_come(&self) -> bool {
        match self.phase() {
            Phase::Open => true,
            Phase::Closing => self.has_been_here(),
            Phase::Over => false,
        }
    }

    pub(super) fn has_been_here(&self) -> bool {
        let hall = self.site.hall.borrow();
        hall.seats[self.number].place.newest().is_some()
    }

    async fn come_and_go(&mut self) {
        self.is(Whereabouts::Coming);
        if let Some(ws_url) = self.register().await {
            if self.has_been_here() {
                self.site.hall.borrow_mut().counts.returns += 1;
            }
            Visit::new(self, ws_url).last().await;
        }
        self.is(Whereabouts::Away);
        self.deregister().await;
    }

    async fn stay_away(&mut self) {
        let phase = self.phase();
        let pause = match phase {
            Phase::Open => chances::around(self.site.args.away, &mut self.random),
            Phase::Closing | Phase::Over => LAST_CALL,
        };
        self.wait(pause).await;
        if phase == Phase::Open && self.phase() == Phase::Closing {
            let pause = chances::spread(self.site.args.people, &mut self.random);
            self.wait(pause).await;
        }
    }

    pub(super) fn is(&self, whereabouts: Whereabouts) {
        self.site.hall.borrow_mut().seats[self.number].is = whereabouts;
    }

    /// Where to connect. None, if the node does not want to say.
    async fn register(&mut self) -> Option<Url> {
        let mut backoff = Backoff::default();
        while self.wants_to_come() {
            let refusal = match self.site.door.register(&self.name).await {
                Ok(registered) => {
                    let mut hall = self.site.hall.borrow_mut();
                    hall.seats[self.number].cluster = Some(registered.cluster);
                    return Some(registered.ws_url);
                }
                Err(refusal) => refusal,
            };
            let words = refusal.words("/register");
            self.site.hall.borrow_mut().trouble(&words);
            if !refusal.may_pass() {
                return None;
            }
            let jitter = backoff.next(self.random.f64());
            let asked = refusal.retry_after().unwrap_or_default();
            self.wait(asked + jitter).await;
        }
        None
    }

    /// Gives the place up. A registration that could not be given up ends with its lease.
    async fn deregister(&mut self) {
        let cluster = self.site.hall.borrow_mut().seats[self.number]
            .cluster
            .take();
        if cluster.is_none() {
            return;
        }
        if let Err(refusal) = self.site.door.deregister(&self.name).await {
            let words = refusal.words("/deregister");
            self.site.hall.borrow_mut().trouble(&words);
        }
    }
}
