//! Reactions that flow while the crowd watches: single requests over keep-alive connections, in the crowd's own loop, each
//! at its intended time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use tokio::time::Instant;

use crate::commands::bench::http::{Head, head_length};
use crate::commands::bench::pacing::Pacing;
use crate::commands::bench::percentiles::Percentiles;
use crate::commands::bench::sources;

/// The first token that is no session's.
pub(super) const FIRST_TOKEN: usize = 1 << 20;

/// Reactions per second of one connection. Each waits for its answer and has 50 ms for it; one that has nothing to send for
/// seconds would be closed by the node.
const PER_CONNECTION: u32 = 20;

/// One emoji alone, so that a window's frame has about 200 bytes.
const BODY: &str = r#"{"user_id":"bench","emoji_type":"🔥","timestamp":"2026-06-11T20:00:00Z"}"#;

/// The flow.
#[derive(Debug, Default)]
pub(super) struct Reactions {
    request: Vec<u8>,
    per_second: u32,
    start: Option<Instant>,
    connections: Vec<Connection>,
    /// Connections that wait for no answer, the one that has rested longest first.
    free: VecDeque<usize>,
    num_sent: u64,
    /// Answered with 200.
    pub(super) accepted: u64,
    /// Answered otherwise.
    pub(super) refused: u64,
    /// From the intended time to the send, in milliseconds.
    delays: Vec<f64>,
    /// From the intended time to the answer, in milliseconds.
    latencies: Vec<f64>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// When the reaction that it carries was due.
    due: Instant,
    answer: Vec<u8>,
}

impl Reactions {
    /// Opens the connections; the first reaction is due at once.
    pub(super) fn begin(
        server: SocketAddr,
        per_second: u32,
        registry: &Registry,
    ) -> io::Result<Self> {
        let request = format!(
            "POST /emoji HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        let num = per_second.div_ceil(PER_CONNECTION) as usize;
        let connections = (0..num).map(|index| {
            let stream = sources::connect(server, (FIRST_TOKEN + index) as u32)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            registry.register(&mut stream, Token(FIRST_TOKEN + index), Interest::READABLE)?;
            Ok(Connection {
                stream,
                due: Instant::now(),
                answer: Vec::new(),
            })
        });
        Ok(Self {
            request: request.into_bytes(),
            per_second,
            connections: connections.collect::<io::Result<_>>()?,
            free: (0..num).collect(),
            start: Some(Instant::now()),
            ..Self::default()
        })
    }

    /// No further one is due.
    pub(super) fn stop(&mut self) {
        self.start = None;
    }

    /// Whether every one that was sent has its answer.
    pub(super) fn is_answered(&self) -> bool {
        self.accepted + self.refused == self.num_sent
    }

    /// How far behind its times the flow was.
    pub(super) fn delay(&self) -> Percentiles {
        Percentiles::of(self.delays.iter().copied())
    }

    /// From the intended time to the answer.
    pub(super) fn latency(&self) -> Percentiles {
        Percentiles::of(self.latencies.iter().copied())
    }

    /// When the next one is due, if there is a connection for it.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = self.due()?;
        (!self.free.is_empty()).then_some(due)
    }

    fn due(&self) -> Option<Instant> {
        let pacing = Pacing {
            rate: self.per_second,
            num_senders: 1,
            duration: Duration::MAX,
        };
        Some(self.start? + pacing.due(self.num_sent))
    }

    /// Sends what is due, as far as connections are free.
    pub(super) fn send_due(&mut self, now: Instant) -> io::Result<()> {
        while let Some(due) = self.due()
            && due <= now
            && let Some(index) = self.free.pop_front()
        {
            let connection = &mut self.connections[index];
            connection.due = due;
            // It waits for no answer, so its send buffer is empty.
            connection.stream.write_all(&self.request)?;
            self.num_sent += 1;
            self.delays.push(due.elapsed().as_secs_f64() * 1e3);
        }
        Ok(())
    }

    /// A connection has something to read.
    pub(super) fn on_answer(&mut self, token: usize, buffer: &mut [u8]) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(token - FIRST_TOKEN) else {
            return Ok(());
        };
        let length = match connection.stream.read(buffer) {
            Ok(0) => return Err(io::Error::other("the node has closed a connection")),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        connection.answer.extend_from_slice(&buffer[..length]);
        let Some(status) = status(&connection.answer)? else {
            return Ok(());
        };
        connection.answer.clear();
        match status {
            200 => self.accepted += 1,
            _ => self.refused += 1,
        }
        self.latencies
            .push(connection.due.elapsed().as_secs_f64() * 1e3);
        self.free.push_back(token - FIRST_TOKEN);
        Ok(())
    }
}

/// The status of an answer once it is whole.
fn status(answer: &[u8]) -> io::Result<Option<u16>> {
    let Some(length) = head_length(answer) else {
        return Ok(None);
    };
    let head = Head::parse(&answer[..length]);
    let head = head.ok_or_else(|| io::Error::other("the answer is no HTTP"))?;
    Ok((answer.len() >= length + head.body).then_some(head.status))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_answer_has_a_status_once_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd";
        assert_eq!(status(answer).unwrap(), Some(200));
        assert_eq!(status(&answer[..answer.len() - 1]).unwrap(), None);
        assert_eq!(status(&answer[..20]).unwrap(), None);
        assert!(status(b"nonsense\r\n\r\n").is_err());
    }
}
