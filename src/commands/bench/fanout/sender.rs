//! The limit of fan-out, as the crowd sees it: a bare server that sends it the bytes of a real window.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::Instant;

use super::audience::Audience;
use super::session::{Door, Manner};
use super::site::{AT_ONCE, Site, not_in};
use super::told;
use crate::commands::bench::failure::Failure;
use crate::commands::bench::launch::Launched;
use crate::commands::bench::limit::{self, LimitKind};
use crate::commands::bench::process::Usage;
use crate::commands::bench::sources;
use crate::commands::bench::viewers::wall_clock_ms;

/// How long one round may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bare server with the crowd before it.
pub(super) struct Sender {
    server: Launched,
    control: TcpStream,
    pub(super) audience: Audience,
    frame: Vec<u8>,
    seq: u64,
    sessions: usize,
}

impl Sender {
    /// Starts it. `frame` is a frame that a node has sent.
    pub(super) fn start(site: &Site, frame: &[u8]) -> Result<Self, Failure> {
        let Some(told::Told::Window(window)) = told::read(payload(frame)) else {
            return Err(anyhow!("no window has come whose bytes the limit could send").into());
        };
        let server = limit::start(LimitKind::Send, &site.cores)?;
        let mut control = sources::connect(sources::parse(&server.address)?, 0)?;
        control.write_all(&(site.sessions as u32).to_be_bytes())?;
        let mut audience = Audience::before(&server.address, Door::Plain)?;
        if !audience.join(site.sessions, |_| Manner::Reads, AT_ONCE)? {
            return Err(not_in(&audience));
        }
        control.set_read_timeout(Some(PATIENCE))?;
        control.read_exact(&mut [0])?;
        Ok(Self {
            server,
            control,
            audience,
            frame: frame.to_vec(),
            seq: window.seq,
            sessions: site.sessions,
        })
    }

    pub(super) fn usage(&self) -> Usage {
        self.server.usage()
    }

    /// Sends to all of them once. From the word to the last of them, in milliseconds.
    pub(super) fn round(&mut self) -> Result<f64, Failure> {
        self.seq += 1;
        let seq = self.seq;
        if !told::renumber(&mut self.frame, seq) {
            return Err(anyhow!("the frame of the limit cannot be numbered").into());
        }
        let began_ms = wall_clock_ms();
        let length = (self.frame.len() as u32).to_be_bytes();
        self.control
            .write_all(&[&length, &self.frame[..]].concat())?;
        let num = self.sessions;
        let is_done = |audience: &Audience| {
            let arrival = audience.seen.windows.get(&seq);
            arrival.is_some_and(|arrival| arrival.num_sessions == num)
        };
        let deadline = Instant::now() + PATIENCE;
        if !self.audience.run_until(deadline, is_done)? {
            return Err(anyhow!("the bare server's frames do not arrive").into());
        }
        self.control.read_exact(&mut [0; 8])?;
        let arrival = self.audience.seen.windows.get(&seq);
        Ok(arrival.map_or(f64::NAN, |arrival| arrival.last.wall_ms - began_ms))
    }

    /// Rounds with even times between their beginnings. How long each took, in milliseconds.
    pub(super) fn rounds(&mut self, num: usize, every: Duration) -> Result<Vec<f64>, Failure> {
        let start = Instant::now();
        let mut times = Vec::new();
        for number in 0..num {
            let due = start + every * number as u32;
            self.audience.run_until(due, |_| false)?;
            times.push(self.round()?);
        }
        Ok(times)
    }
}

/// The text behind the head of a frame.
fn payload(frame: &[u8]) -> &[u8] {
    use crate::commands::bench::frames::{Frame, first};
    match first(frame) {
        Some((Frame::Text(text), _)) => text,
        _ => &[],
    }
}
