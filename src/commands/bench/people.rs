//! `emostream bench --crowd`: people at a running node, who register, watch, react, leave and come back, and who have added
//! up in the end what the node says.

// What is asked.
mod args;

// The node, as a person meets it.
mod wire;
mod door;
mod socket;

// One person.
mod chances;
mod place;
mod delays;
mod hall;
mod post;
mod visit;
mod person;

// All of them.
mod verdict;
mod conduct;

// How it is shown.
mod picture;
mod table;
mod lines;
mod display;

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;
use tokio::time::Instant;

pub(super) use self::args::CROWD;
pub use self::args::CrowdArgs;

use self::conduct::{Conductor, Met, meet};
use self::display::Display;
use self::door::{Door, MAX_REQUESTS};
use self::hall::Hall;
use self::person::{Phase, Site};
use self::picture::Picture;
use self::verdict::Verdict;
use super::super::descriptors::raise_limit;
use super::super::exit::{Exit, complain, print};
use super::super::node_url::node_url;
use super::super::serve::stop_signals;
use super::crowd::Crowd;

/// Open files beside the sessions and requests: the terminal, the runtime, libraries.
const FILES_BESIDE: u64 = 50;

/// Sends a crowd, and says in the end whether all of it adds up.
pub(super) fn run(args: CrowdArgs) -> Exit {
    let door = match node_url(&args.url) {
        Ok(url) => Door::new(url),
        Err(why) => {
            complain(&why);
            return Exit::Usage;
        }
    };
    let door = door.and_then(|door| has_room(&args).map(|()| door));
    let door = match door {
        Ok(door) => door,
        Err(why) => {
            complain(&why);
            return Exit::Configuration;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| {
        let ended = LocalSet::new().block_on(&runtime, gather(args, door));
        // A line that nobody takes would hold up the end.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        complain(&error);
        Exit::Configuration
    })
}

/// Everybody who is here is an open file.
fn has_room(args: &CrowdArgs) -> Result<(), String> {
    let beside = FILES_BESIDE + MAX_REQUESTS as u64;
    match raise_limit() {
        Some(limit) if limit < u64::from(args.people) + beside => Err(format!(
            "{} people are too many: this process may open {limit} files and needs {beside} beside them; \
             raise `ulimit -Hn`, or send fewer with --people",
            args.people
        )),
        _ => Ok(()),
    }
}

async fn gather(args: CrowdArgs, door: Door) -> io::Result<Exit> {
    let mut signals = stop_signals()?;
    let mut said = false;
    let waiting = |why: &str| {
        if !std::mem::replace(&mut said, true) {
            complain(&format!("{why}; waiting"));
        }
    };
    let first = format!("{}-0", args.users);
    let met = tokio::select! {
        met = meet(&door, &first, &args.stream, args.wait, waiting) => met,
        _ = signals.next() => return Ok(Exit::Done),
    };
    match met {
        Ok(met) => lead(args, door, met, signals).await,
        Err(why) => {
            complain(&why);
            Ok(Exit::Configuration)
        }
    }
}

async fn lead(
    args: CrowdArgs,
    door: Door,
    met: Met,
    mut signals: impl Stream<Item = ()> + Unpin,
) -> io::Result<Exit> {
    let mut display = Display::for_args(&args)?;
    let site = Rc::new(Site {
        hall: RefCell::new(Hall::new(args.people)),
        crowd: Crowd::new(),
        started: Instant::now(),
        args,
        door,
    });
    let (phase, told) = watch::channel(Phase::Open);
    let stop = Notify::new();
    let conductor = Conductor {
        site: site.clone(),
        met,
        phase,
    };
    let mut conducting = pin!(conductor.run(&stop));
    let mut is_asked = false;
    let verdict = loop {
        tokio::select! {
            verdict = &mut conducting => break verdict,
            shown = display.show(|| Picture::of(&site, *told.borrow())) => shown?,
            _ = signals.next() => {}
        }
        if std::mem::replace(&mut is_asked, true) {
            return Ok(Exit::Interrupted);
        }
        stop.notify_one();
    };
    // Gives the terminal back before anything is written to it.
    drop(display);
    Ok(conclude(&site, &verdict))
}

fn conclude(site: &Site, verdict: &Verdict) -> Exit {
    let picture = Picture::last(site, verdict);
    print(&if site.args.json {
        picture.json(verdict)
    } else {
        format!("{}{}\n", table::text(&picture), verdict.sentence())
    });
    if verdict.adds_up() {
        Exit::Done
    } else {
        complain(&format!("the closing check failed: {}", verdict.sentence()));
        Exit::StageFailed
    }
}
