//! The crowd as a whole: finds the node, lets everybody in, and in the end has them all wait for the last window.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::door::{Door, Refusal};
use super::hall::{Agreement, Whereabouts};
use super::person::{Person, Phase, Site};
use super::verdict::Verdict;
use super::wire::Totals;

/// Time between two questions for the totals while the crowd reacts.
const LOOK: Duration = Duration::from_secs(1);
/// The same in the end.
const LOOK_CLOSELY: Duration = Duration::from_millis(100);
/// Time between two looks for a node that is not there yet.
const KNOCK: Duration = Duration::from_millis(250);
/// How long the last window may take, beside its own time and that of everybody's way back.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a node may be gone in the end.
const ABSENCE: Duration = Duration::from_secs(3);
/// How long everybody may take to leave.
const LEAVE: Duration = Duration::from_secs(10);
/// A reaction that is accepted late in a window is counted in the next one, and that one has to close.
const WINDOWS_TO_COUNT: u32 = 3;

/// A node that lets people in.
#[derive(Debug, Clone)]
pub(super) struct Met {
    /// Where its sessions are.
    pub(super) ws_url: Url,
    /// What it had counted before anybody came.
    pub(super) before: Totals,
}

/// Registers one person and asks for the totals, for as long as the node may take to be there.
///
/// # Errors
///
/// Why there can be no crowd, for whoever has started it.
pub(super) async fn meet(
    door: &Door,
    name: &str,
    stream: &str,
    patience: Duration,
    mut waiting: impl FnMut(&str),
) -> Result<Met, String> {
    let end = Instant::now() + patience;
    loop {
        let refusal = match meet_now(door, name, stream).await {
            Ok(met) => return Ok(met),
            Err(refusal) => refusal,
        };
        let why = in_words(door.address(), &refusal);
        if !refusal.may_pass() || Instant::now() >= end {
            return Err(why);
        }
        waiting(&why);
        sleep(KNOCK).await;
    }
}

async fn meet_now(door: &Door, name: &str, stream: &str) -> Result<Met, Refusal> {
    let ws_url = door.register(name).await?.ws_url;
    let before = door.totals(&ws_url, stream).await?;
    Ok(Met { ws_url, before })
}

fn in_words(address: &str, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoNode(why) => {
            format!("{why}, as does `make run`; with --wait 60s a crowd waits for it")
        }
        Refusal::Silence => format!("{address} does not answer"),
        Refusal::Problem { status: 404, .. } => {
            format!("{address} takes no registrations: give --url a node of role `api`")
        }
        Refusal::Problem { detail, .. } => format!("{address} refuses a crowd: {detail}"),
    }
}

/// Leads the crowd from its coming to its leaving.
pub(super) struct Conductor {
    pub(super) site: Rc<Site>,
    pub(super) met: Met,
    pub(super) phase: watch::Sender<Phase>,
}

impl Conductor {
    /// Lasts until `stop` or as long as was asked for, and then until the closing check is done.
    pub(super) async fn run(self, stop: &Notify) -> Verdict {
        let people = (0..self.site.args.people).map(|number| {
            let person = Person::new(number, &self.site, self.phase.subscribe());
            spawn_local(person.live(number))
        });
        let people: Vec<_> = people.collect();
        tokio::select! {
            () = stop.notified() => {}
            () = self.time_is_up() => {}
            () = self.look_on() => {}
        }
        // Everybody listens, as long as they live.
        let _ = self.phase.send(Phase::Closing);
        let verdict = self.close().await;
        let _ = self.phase.send(Phase::Over);
        if timeout(LEAVE, join_all(people)).await.is_err() {
            let mut hall = self.site.hall.borrow_mut();
            hall.trouble("leaving: not everybody could in time");
        }
        verdict
    }

    async fn time_is_up(&self) {
        match self.site.args.duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    }

    async fn look_on(&self) {
        loop {
            self.look().await;
            sleep(LOOK).await;
        }
    }

    /// Asks for the totals; none, if the node does not say.
    async fn look(&self) -> Option<Totals> {
        let stream = &self.site.args.stream;
        let told = self.site.door.totals(&self.met.ws_url, stream).await;
        let mut hall = self.site.hall.borrow_mut();
        match told {
            Ok(totals) => {
                hall.told(totals);
                Some(totals)
            }
            Err(refusal) => {
                hall.trouble(&refusal.words("/streams"));
                None
            }
        }
    }

    /// Waits until all answers are in, everybody is back, and all of it is counted; or until there is no more patience.
    async fn close(&self) -> Verdict {
        let window = self.site.hall.borrow().window;
        let comers = Duration::from_millis(2) * self.site.args.people;
        let end = Instant::now() + window * WINDOWS_TO_COUNT + comers + PATIENCE;
        let mut last_seen = Instant::now();
        let mut progress = Progress::default();
        loop {
            let told = self.look().await;
            if let Some(totals) = told {
                last_seen = Instant::now();
                self.advance(&mut progress, totals, window);
            }
            let agreement = self.agreement(progress.counted_through);
            let is_done = progress.counted_through.is_some() && agreement.behind == 0;
            let is_gone = last_seen.elapsed() > ABSENCE;
            if is_done || is_gone || Instant::now() > end {
                return self.verdict(agreement, told);
            }
            sleep(LOOK_CLOSELY).await;
        }
    }

    fn advance(&self, progress: &mut Progress, totals: Totals, window: Duration) {
        let hall = self.site.hall.borrow();
        if hall.counts.on_their_way() > 0 || hall.num(Whereabouts::Coming) > 0 {
            return;
        }
        let counted = totals.total.checked_sub(self.met.before.total);
        let is_exact = hall.counts.unknown == 0 && counted == Some(hall.counts.accepted);
        progress.advance(totals.seq, is_exact, window);
    }

    /// With nothing counted yet, nobody can agree.
    fn agreement(&self, from: Option<u64>) -> Agreement {
        let hall = self.site.hall.borrow();
        hall.compare(hall.watchers(), from.unwrap_or(u64::MAX))
    }

    fn verdict(&self, agreement: Agreement, after: Option<Totals>) -> Verdict {
        let mut hall = self.site.hall.borrow_mut();
        // What is not answered by now is not waited for.
        hall.counts.unknown += hall.counts.on_their_way();
        Verdict {
            before: self.met.before,
            after,
            agreement,
            counts: hall.counts,
        }
    }
}

/// How far the last reactions have come.
#[derive(Debug, Default)]
struct Progress {
    /// The node's window when the last answer was in, and when that was.
    answered: Option<(u64, Instant)>,
    /// A window through which everything is counted.
    counted_through: Option<u64>,
}

impl Progress {
    /// The node stands at `seq`. A stream without reactions has no further windows, so time has to do there.
    fn advance(&mut self, seq: u64, is_exact: bool, window: Duration) {
        let (answered, since) = *self.answered.get_or_insert((seq, Instant::now()));
        let has_passed = seq >= answered + u64::from(WINDOWS_TO_COUNT);
        let is_idle = since.elapsed() > window * (WINDOWS_TO_COUNT + 1);
        if self.counted_through.is_none() && (is_exact || has_passed || is_idle) {
            self.counted_through = Some(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_is_counted_as_soon_as_it_is_exact() {
        let mut progress = Progress::default();
        progress.advance(5, false, WINDOW);
        assert_eq!(progress.counted_through, None);
        progress.advance(6, true, WINDOW);
        progress.advance(7, true, WINDOW);
        assert_eq!(progress.counted_through, Some(6));
    }

    #[tokio::test(start_paused = true)]
    async fn beside_others_it_is_counted_some_windows_after_the_last_answer() {
        let mut progress = Progress::default();
        for seq in 5..8 {
            progress.advance(seq, false, WINDOW);
        }
        assert_eq!(progress.counted_through, None);
        progress.advance(8, false, WINDOW);
        assert_eq!(progress.counted_through, Some(8));
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_more_windows_come_time_has_to_do() {
        let mut progress = Progress::default();
        progress.advance(5, false, WINDOW);
        tokio::time::advance(WINDOW * 4).await;
        progress.advance(5, false, WINDOW);
        assert_eq!(progress.counted_through, None);
        tokio::time::advance(WINDOW).await;
        progress.advance(5, false, WINDOW);
        assert_eq!(progress.counted_through, Some(5));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let no_node =
            Refusal::NoNode("no node answers at http://a:1 (x): `emostream` starts one".to_owned());
        let words = in_words("http://a:1", &no_node);
        assert!(
            words.contains("make run") && words.contains("--wait"),
            "{words}"
        );
        let no_route = Refusal::Problem {
            status: 404,
            code: "not_found".to_owned(),
            detail: String::new(),
            retry_after: None,
        };
        assert!(in_words("http://a:1", &no_route).contains("role `api`"));
    }
}
