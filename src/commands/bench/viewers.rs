//! Sessions that add up: each keeps the exact total it was told, and all together when each window had reached the last.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

use super::frames::{self, Frame};
use super::http::{Head, head_length};

/// What a viewer asks for.
const PATH: &str = "/ws?stream=main&cluster=auto";

/// What is taken of a frame.
#[derive(Debug, Deserialize)]
struct Told<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    total: u64,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    span: u64,
    #[serde(default)]
    end_ms: u64,
}

/// How a window fared on its way to the sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Arrival {
    /// When it ended, by the clock of the machine.
    pub(super) end_ms: u64,
    /// The reactions in it.
    pub(super) total: u64,
    /// When it had reached the last session so far, by the same clock.
    pub(super) last_ms: f64,
    /// How many sessions have it, in a frame of its own.
    pub(super) num_sessions: usize,
}

impl Arrival {
    /// From its end to the last session.
    pub(super) fn latency_ms(&self) -> f64 {
        self.last_ms - self.end_ms as f64
    }
}

/// What all sessions have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The total that each session stands at.
    pub(super) totals: Vec<u64>,
    /// Each window by its number.
    pub(super) windows: BTreeMap<u64, Arrival>,
    /// Frames that sum several windows: their sessions have fallen behind.
    pub(super) merged: u64,
    /// Sessions whose frames did not rise, or that have ended.
    pub(super) faults: Vec<String>,
}

impl Seen {
    fn take(&mut self, session: usize, last_seq: &mut u64, told: &Told<'_>, now_ms: f64) {
        match told.kind {
            "hello" => {
                self.totals[session] = told.total;
                *last_seq = told.seq;
            }
            "window" => {
                if told.seq <= *last_seq {
                    self.faults
                        .push(format!("session {session}: window {} again", told.seq));
                }
                *last_seq = told.seq;
                self.totals[session] += told.total;
                if told.span > 1 {
                    self.merged += 1;
                    return;
                }
                let arrival = self.windows.entry(told.seq).or_default();
                arrival.end_ms = told.end_ms;
                arrival.total = told.total;
                arrival.last_ms = arrival.last_ms.max(now_ms);
                arrival.num_sessions += 1;
            }
            _ => {}
        }
    }

    /// Whether every session stands at one of these totals.
    pub(super) fn all_at(&self, totals: std::ops::RangeInclusive<u64>) -> bool {
        self.totals.iter().all(|total| totals.contains(total))
    }
}

/// A crowd of sessions; they end with it. Needs a `LocalSet`.
pub(super) struct Viewers {
    pub(super) seen: Rc<RefCell<Seen>>,
    changed: Rc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

impl Viewers {
    /// Opens that many sessions, one after the other; each has had its hello when this returns.
    pub(super) async fn join(address: &str, num: u32) -> anyhow::Result<Self> {
        let num = num as usize;
        let seen = Rc::new(RefCell::new(Seen {
            totals: vec![0; num],
            ..Seen::default()
        }));
        let changed = Rc::new(Notify::new());
        let mut tasks = Vec::new();
        for number in 0..num {
            let mut session = Session::open(address, number).await?;
            session.read_hello(&seen).await?;
            let (seen, changed) = (seen.clone(), changed.clone());
            tasks.push(spawn_local(async move {
                let end = session.run(&seen, &changed).await;
                let why = end
                    .err()
                    .map_or("it ended".to_owned(), |error| error.to_string());
                seen.borrow_mut()
                    .faults
                    .push(format!("session {number}: {why}"));
                changed.notify_one();
            }));
        }
        Ok(Self {
            seen,
            changed,
            tasks,
        })
    }

    /// Waits until every session stands at one of these totals; false if they do not within `patience`.
    pub(super) async fn reach(
        &self,
        totals: std::ops::RangeInclusive<u64>,
        patience: Duration,
    ) -> bool {
        let reached = async {
            while !self.seen.borrow().all_at(totals.clone()) {
                self.changed.notified().await;
            }
        };
        tokio::time::timeout(patience, reached).await.is_ok()
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Session {
    number: usize,
    stream: TcpStream,
    read: Vec<u8>,
    last_seq: u64,
    is_greeted: bool,
}

impl Session {
    async fn open(address: &str, number: usize) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // The key is the example of RFC 6455; any will do.
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut read = Vec::new();
        let length = loop {
            if stream.read_buf(&mut read).await? == 0 {
                return Err(anyhow!("session {number} was refused"));
            }
            if let Some(length) = head_length(&read) {
                break length;
            }
        };
        let head = Head::parse(&read[..length]).context("the answer is no HTTP")?;
        if head.status != 101 {
            return Err(anyhow!("session {number} was refused with {}", head.status));
        }
        read.drain(..length);
        Ok(Self {
            number,
            stream,
            read,
            last_seq: 0,
            is_greeted: false,
        })
    }

    async fn read_hello(&mut self, seen: &RefCell<Seen>) -> anyhow::Result<()> {
        self.take_frames(seen).await?;
        while !self.is_greeted {
            self.read_more().await?;
            self.take_frames(seen).await?;
        }
        Ok(())
    }

    async fn run(&mut self, seen: &RefCell<Seen>, changed: &Notify) -> anyhow::Result<()> {
        loop {
            self.read_more().await?;
            self.take_frames(seen).await?;
            changed.notify_one();
        }
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(anyhow!("the node has closed it")),
            _ => Ok(()),
        }
    }

    async fn take_frames(&mut self, seen: &RefCell<Seen>) -> anyhow::Result<()> {
        let now_ms = wall_clock_ms();
        let (mut taken, mut pongs) = (0, Vec::new());
        while let Some((frame, length)) = frames::first(&self.read[taken..]) {
            match frame {
                Frame::Text(text) => {
                    let told: Told<'_> = serde_json::from_slice(text)?;
                    self.is_greeted |= told.kind == "hello";
                    seen.borrow_mut()
                        .take(self.number, &mut self.last_seq, &told, now_ms);
                }
                Frame::Ping(payload) => pongs.extend(frames::pong(payload)),
                Frame::Close => return Err(anyhow!("the node has closed it")),
                Frame::Other => {}
            }
            taken += length;
        }
        self.read.drain(..taken);
        if !pongs.is_empty() {
            self.stream.write_all(&pongs).await?;
        }
        Ok(())
    }
}

/// Windows end by the clock of the machine, so their way is timed by it.
#[expect(
    clippy::disallowed_methods,
    reason = "an edge: this is the one clock of a bench"
)]
pub(super) fn wall_clock_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, seq: u64, total: u64, span: u64) -> Told<'_> {
        Told {
            kind,
            total,
            seq,
            span,
            end_ms: seq * 1_000,
        }
    }

    fn seen(num_sessions: usize) -> Seen {
        Seen {
            totals: vec![0; num_sessions],
            ..Seen::default()
        }
    }

    #[test]
    fn a_window_has_arrived_when_the_last_session_has_it() {
        let mut seen = seen(2);
        seen.take(0, &mut 0, &told("window", 7, 5, 1), 7_010.0);
        seen.take(1, &mut 0, &told("window", 7, 5, 1), 7_042.0);
        assert_eq!(seen.windows[&7].num_sessions, 2);
        assert!((seen.windows[&7].latency_ms() - 42.0).abs() < 1e-6);
        assert!(seen.all_at(5..=5) && !seen.all_at(6..=7));
    }

    #[test]
    fn hello_and_windows_add_up_and_a_merged_frame_is_no_arrival() {
        let (mut seen, mut last) = (seen(1), 0);
        seen.take(0, &mut last, &told("hello", 3, 100, 0), 0.0);
        seen.take(0, &mut last, &told("window", 6, 10, 3), 0.0);
        assert_eq!((seen.totals[0], seen.merged), (110, 1));
        assert!(seen.windows.is_empty() && seen.faults.is_empty());
    }

    #[test]
    fn a_window_that_comes_again_is_a_fault() {
        let (mut seen, mut last) = (seen(1), 0);
        for _ in 0..2 {
            seen.take(0, &mut last, &told("window", 6, 10, 1), 0.0);
        }
        assert_eq!(seen.faults.len(), 1);
    }
}
