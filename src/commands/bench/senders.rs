//! The load of the pipeline: single reactions over keep-alive connections, each at its intended time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::crowd::Crowd;
use super::http::{Head, head_length};
use super::pacing::Pacing;
use super::percentiles::Percentiles;

/// The code of an answer that leaves open whether the reaction counts.
const UNKNOWN: &str = "unknown_outcome";

/// What became of the load.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// Answered with 200.
    pub(super) accepted: u64,
    /// Answered so that nobody knows.
    pub(super) unknown: u64,
    /// Refused.
    pub(super) refused: u64,
    /// From the intended time to the answer, in milliseconds.
    pub(super) latencies: Vec<f64>,
    /// From the intended time to the send, in milliseconds.
    pub(super) delays: Vec<f64>,
}

impl Sent {
    pub(super) fn latency(&self) -> Percentiles {
        Percentiles::of(self.latencies.iter().copied())
    }

    pub(super) fn delay(&self) -> Percentiles {
        Percentiles::of(self.delays.iter().copied())
    }
}

/// Sends reactions of the crowd from `start` on, one in each request, until the pacing ends.
pub(super) async fn send(address: &str, pacing: Pacing, start: Instant) -> anyhow::Result<Sent> {
    let crowd = Rc::new(RefCell::new(Crowd::new()));
    let sent = Rc::new(RefCell::new(Sent::default()));
    let senders = (0..pacing.num_senders).map(|number| {
        let (crowd, sent) = (crowd.clone(), sent.clone());
        async move {
            let mut connection = Connection::open(address).await?;
            let mut value = String::new();
            for send in pacing.of(number) {
                crowd.borrow_mut().write_next(&mut value);
                let due = start + pacing.due(send);
                sleep_until(due).await;
                let delay = due.elapsed();
                let answer = connection.post(&value).await?;
                note(&mut sent.borrow_mut(), answer, delay, due.elapsed());
            }
            anyhow::Ok(())
        }
    });
    for done in join_all(senders).await {
        done.context("a sender's connection")?;
    }
    Ok(sent.take())
}

fn note(sent: &mut Sent, answer: Outcome, delay: Duration, latency: Duration) {
    match answer {
        Outcome::Accepted => sent.accepted += 1,
        Outcome::Unknown => sent.unknown += 1,
        Outcome::Refused => sent.refused += 1,
    }
    sent.delays.push(delay.as_secs_f64() * 1e3);
    sent.latencies.push(latency.as_secs_f64() * 1e3);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Unknown,
    Refused,
}

impl Outcome {
    fn of(status: u16, body: &[u8]) -> Self {
        let is_unknown = || {
            let mut parts = body.windows(UNKNOWN.len());
            parts.any(|part| part == UNKNOWN.as_bytes())
        };
        match status {
            200 => Self::Accepted,
            503 if is_unknown() => Self::Unknown,
            _ => Self::Refused,
        }
    }
}

/// A connection that stays.
struct Connection {
    stream: TcpStream,
    host: String,
    read: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: address.to_owned(),
            read: Vec::new(),
        })
    }

    async fn post(&mut self, value: &str) -> anyhow::Result<Outcome> {
        let request = format!(
            "POST /emoji HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{value}",
            self.host,
            value.len(),
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(anyhow!("the node has closed it"));
            }
            let Some(length) = head_length(&self.read) else {
                continue;
            };
            let head = Head::parse(&self.read[..length]).context("the answer is no HTTP")?;
            if self.read.len() >= length + head.body {
                return Ok(Outcome::of(head.status, &self.read[length..]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unknown_outcome_leaves_open_whether_it_counts() {
        for (status, body, outcome) in [
            (200, "{\"status\":\"success\"}", Outcome::Accepted),
            (503, "{\"code\":\"unknown_outcome\"}", Outcome::Unknown),
            (503, "{\"code\":\"overloaded\"}", Outcome::Refused),
            (422, "{\"detail\":\"unknown_outcome\"}", Outcome::Refused),
        ] {
            assert_eq!(
                Outcome::of(status, body.as_bytes()),
                outcome,
                "{status} {body}"
            );
        }
    }
}
