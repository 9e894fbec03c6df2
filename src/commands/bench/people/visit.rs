//! One stay: a session that is opened again whenever it is lost, and the reactions of somebody who watches.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::super::super::backoff::Backoff;
use super::super::viewers::wall_clock_ms;
use super::chances;
use super::hall::{Outcome, Whereabouts};
use super::person::{Person, Phase};
use super::post::post;
use super::socket::{Lost, Socket};
use super::wire::FrameIn;
use crate::domain::Emoji;

/// How many of the reactions go by `POST /emoji`; the others go over the session.
const POSTED: f64 = 0.2;
/// Reactions over the session that may wait for their answers at once.
const MAX_PENDING: usize = 64;
/// How long somebody who wants to leave waits for the last answers.
const LINGER: Duration = Duration::from_secs(5);
/// Time to look up when there is nothing to do.
const IDLE: Duration = Duration::from_secs(60);

/// Somebody who is here, or about to be.
pub(super) struct Visit<'a> {
    person: &'a mut Person,
    ws_url: Url,
    until: Instant,
    backoff: Backoff,
    next_reaction: Option<Instant>,
    num_reactions: u64,
    pending: VecDeque<Pending>,
    /// Whether a request is under way. There is one at a time.
    is_posting: Rc<Cell<bool>>,
    /// The next window may be an old one, for which this session is not to blame.
    is_catching_up: bool,
}

/// A reaction without an answer.
struct Pending {
    id: String,
    emoji: Emoji,
    sent: Instant,
}

impl<'a> Visit<'a> {
    pub(super) fn new(person: &'a mut Person, ws_url: Url) -> Self {
        let now = Instant::now();
        let stay = chances::around(person.site.args.stay, &mut person.random);
        let mut visit = Self {
            person,
            ws_url,
            until: now + stay,
            backoff: Backoff::default(),
            next_reaction: None,
            num_reactions: 0,
            pending: VecDeque::new(),
            is_posting: Rc::default(),
            is_catching_up: false,
        };
        visit.plan_after(now);
        visit
    }

    /// Lasts until it is time to go.
    pub(super) async fn last(mut self) {
        while !self.is_over() {
            let Err(lost) = self.session().await else {
                return;
            };
            {
                let mut hall = self.person.site.hall.borrow_mut();
                hall.trouble(&lost.why);
                hall.counts.reconnects += 1;
            }
            self.person.is(Whereabouts::Coming);
            let jitter = self.backoff.next(self.person.random.f64());
            let pause = lost.retry_after.unwrap_or_default() + jitter;
            self.person.wait(pause).await;
        }
    }

    /// In the end everybody waits for the last window.
    fn is_over(&self) -> bool {
        match self.person.phase() {
            Phase::Open => Instant::now() >= self.until,
            Phase::Closing => false,
            Phase::Over => true,
        }
    }

    /// Whether nothing is left to wait for.
    fn may_leave(&self) -> bool {
        let is_patient = self.person.phase() == Phase::Open;
        let is_waiting = is_patient && Instant::now() < self.until + LINGER;
        self.is_over() && (self.pending.is_empty() || !is_waiting)
    }

    async fn session(&mut self) -> Result<(), Lost> {
        let since = {
            let hall = self.person.site.hall.borrow();
            hall.seats[self.person.number].place.since()
        };
        self.is_catching_up = since.is_some();
        let stream = &self.person.site.args.stream;
        let mut socket = Socket::open(&self.ws_url, stream, since).await?;
        let ended = self.watch(&mut socket).await;
        for pending in std::mem::take(&mut self.pending) {
            self.answered(pending.emoji, Outcome::Unknown);
        }
        if ended.is_ok() {
            socket.close().await;
        }
        ended
    }

    async fn watch(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        while !self.may_leave() {
            let due = self.due();
            tokio::select! {
                frame = socket.next() => self.take(frame?),
                () = sleep_until(due) => self.react(socket).await?,
                changed = self.person.phase.changed() => if changed.is_err() {
                    return Ok(());
                },
            }
        }
        Ok(())
    }

    /// When there is something to do that no frame brings.
    fn due(&self) -> Instant {
        let now = Instant::now();
        if self.person.phase() != Phase::Open {
            return now + IDLE;
        }
        if now >= self.until {
            return self.until + LINGER;
        }
        self.next_reaction
            .map_or(self.until, |next| next.min(self.until))
    }

    fn plan_after(&mut self, last: Instant) {
        let rate = self.person.site.args.rate;
        let gap = chances::gap(rate, &mut self.person.random);
        self.next_reaction = gap.map(|gap| last + gap);
    }

    /// Reacts, if it is time, by a request or over the session.
    async fn react(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        let now = Instant::now();
        let is_time = self
            .next_reaction
            .filter(|next| *next <= now && now < self.until);
        let Some(planned) = is_time.filter(|_| self.person.phase() == Phase::Open) else {
            return Ok(());
        };
        self.plan_after(planned);
        let emoji = self.person.site.crowd.emoji(self.person.random.f64());
        let is_posted = self.person.random.f64() < POSTED && !self.is_posting.get();
        let has_room = is_posted || self.pending.len() < MAX_PENDING;
        let site = self.person.site.clone();
        {
            let mut hall = site.hall.borrow_mut();
            if !has_room || !hall.may_react(self.person.number) {
                return Ok(());
            }
            hall.counts.sent += 1;
        }
        if is_posted {
            let (name, number) = (self.person.name.clone(), self.person.number);
            let chance = self.person.random.f64();
            let is_posting = self.is_posting.clone();
            is_posting.set(true);
            spawn_local(async move {
                post(&site, number, &name, emoji, chance).await;
                is_posting.set(false);
            });
            return Ok(());
        }
        self.num_reactions += 1;
        let id = self.num_reactions.to_string();
        let sent = socket.react(emoji.as_str(), &id).await;
        self.pending.push_back(Pending {
            id,
            emoji,
            sent: now,
        });
        sent
    }

    fn take(&mut self, frame: FrameIn) {
        let number = self.person.number;
        match frame {
            FrameIn::Hello(hello) => {
                self.backoff.reset();
                let mut hall = self.person.site.hall.borrow_mut();
                hall.greeted(number, &hello);
                hall.seats[number].cluster = Some(hello.cluster);
            }
            FrameIn::Window(window) => {
                let delay_ms = wall_clock_ms() - window.end_ms as f64;
                let delay_ms = (!self.is_catching_up).then_some(delay_ms);
                self.is_catching_up = false;
                let mut hall = self.person.site.hall.borrow_mut();
                hall.saw(number, &window, delay_ms);
            }
            FrameIn::Moved { cluster } => {
                let mut hall = self.person.site.hall.borrow_mut();
                hall.seats[number].cluster = Some(cluster);
            }
            FrameIn::Ack { id } => self.settle(&id, Outcome::Accepted),
            FrameIn::Error { code, id } => {
                self.refused(&code);
                self.settle(&id.unwrap_or_default(), Outcome::of(&code));
            }
            FrameIn::Other => {}
        }
    }

    fn refused(&mut self, code: &str) {
        let chance = self.person.random.f64();
        let mut hall = self.person.site.hall.borrow_mut();
        hall.trouble(&format!("react: {code}"));
        // A reaction that is wrong is not better later.
        if !code.starts_with("invalid_") {
            hall.hold_back(self.person.number, None, chance);
        }
    }

    fn settle(&mut self, id: &str, outcome: Outcome) {
        let index = self.pending.iter().position(|pending| pending.id == id);
        let Some(pending) = index.and_then(|index| self.pending.remove(index)) else {
            let mut hall = self.person.site.hall.borrow_mut();
            return hall.trouble("react: an answer that nobody waits for");
        };
        let delay_ms = pending.sent.elapsed().as_secs_f64() * 1e3;
        self.person.site.hall.borrow_mut().answers.add(delay_ms);
        self.answered(pending.emoji, outcome);
    }

    fn answered(&self, emoji: Emoji, outcome: Outcome) {
        let mut hall = self.person.site.hall.borrow_mut();
        hall.answered(self.person.number, emoji, outcome);
    }
}
