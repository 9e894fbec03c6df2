//! Bare servers: what the machine could do at most. Each runs as `emostream bench bare KIND`, in a process of its own like
//! the node it is compared with, and on the same core.

mod accept;
mod echo;
mod empty_handler;
mod send;

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use clap::ValueEnum;
use mio::{Poll, Token, Waker};

use super::cores::Cores;
use super::failure::Failure;
use super::launch::{LISTENING, Launched};
use crate::commands::exit::print;

/// What a bare server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LimitKind {
    /// Answers each GET with an empty 200, on one worker of actix-web
    EmptyHandler,
    /// Sends back the bytes of each connection, in a bare epoll loop
    Echo,
    /// Sends the same bytes to each of many connections, in a bare loop
    Send,
    /// Answers each request with the same 101
    Accept,
}

impl LimitKind {
    /// Its name on the command line.
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Starts a bare server as a process of its own, on the server's core.
pub(super) fn start(kind: LimitKind, cores: &Cores) -> Result<Launched, Failure> {
    let mut command = Launched::command()?;
    command.args(["bench", "bare", &kind.name()]);
    Launched::start(command, Some(cores))
}

/// Is a bare server until standard input ends: it does not outlive the bench that started it.
pub(super) fn serve(kind: LimitKind) -> Result<(), Failure> {
    match kind {
        LimitKind::EmptyHandler => empty_handler::serve()?,
        LimitKind::Echo => echo::serve()?,
        LimitKind::Send => send::serve()?,
        LimitKind::Accept => accept::serve()?,
    }
    Ok(())
}

/// Says where it listens, in the words that the bench waits for.
fn announce(address: SocketAddr) {
    print(&format!("{LISTENING}{address}\n"));
}

/// Calls `end` once standard input has ended.
fn when_orphaned(end: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        while matches!(io::stdin().read(&mut rest), Ok(1..)) {}
        end();
    });
}

/// Does blocking work on a thread of its own until it fails or standard input has ended.
fn until_orphaned(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let (end, ended) = sync_channel(2);
    let failed = end.clone();
    std::thread::spawn(move || failed.send(work()));
    when_orphaned(move || {
        // The other end is gone where the work has failed before.
        let _ = end.send(Ok(()));
    });
    ended.recv().unwrap_or(Ok(()))
}

/// The same for an epoll loop: an event with this token. It comes only while the waker is held.
fn wake_when_orphaned(poll: &Poll, token: Token) -> io::Result<Arc<Waker>> {
    let waker = Arc::new(Waker::new(poll.registry(), token)?);
    let held = waker.clone();
    when_orphaned(move || {
        // Without it the bench's kill ends the server.
        let _ = waker.wake();
    });
    Ok(held)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_kind_is_found_by_the_name_it_is_started_with() {
        for kind in LimitKind::value_variants() {
            assert_eq!(LimitKind::from_str(&kind.name(), false).unwrap(), *kind);
        }
    }
}
