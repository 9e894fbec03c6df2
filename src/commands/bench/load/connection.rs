//! One connection of a generator: at most one message in flight.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use mio::net::TcpStream;
use tokio::time::Instant;

use super::super::frames;
use super::super::http::{Head, head_length};
use super::super::sources;
use super::answers::{Answer, Dialect, First};
use super::messages::Messages;

/// How long a server may take to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    dialect: Dialect,
    /// What has come and is not whole yet.
    unread: Vec<u8>,
    flight: Option<Flight>,
}

/// A message on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    /// Its number.
    pub(super) message: usize,
    /// When it was meant to go.
    pub(super) due: Instant,
    /// When it went.
    pub(super) sent: Instant,
    length: usize,
    written: usize,
}

impl Connection {
    pub(super) fn open(server: SocketAddr, index: u32, dialect: Dialect) -> anyhow::Result<Self> {
        let mut stream = sources::connect(server, index)?;
        let mut unread = Vec::new();
        if dialect == Dialect::WebSocket {
            stream.set_read_timeout(Some(PATIENCE))?;
            shake_hands(&mut stream, server, &mut unread)?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            dialect,
            unread,
            flight: None,
        })
    }

    pub(super) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends the next message; as much of it as the kernel takes.
    pub(super) fn send(
        &mut self,
        messages: &mut Messages,
        due: Instant,
        now: Instant,
    ) -> anyhow::Result<()> {
        let message = messages.next();
        self.flight = Some(Flight {
            message,
            due,
            sent: now,
            length: messages.bytes(message).len(),
            written: 0,
        });
        self.write_on(messages)
    }

    /// Sends what is left of the message in flight.
    pub(super) fn write_on(&mut self, messages: &Messages) -> anyhow::Result<()> {
        let Some(flight) = &mut self.flight else {
            return Ok(());
        };
        while flight.written < flight.length {
            match self
                .stream
                .write(&messages.bytes(flight.message)[flight.written..])
            {
                Ok(length) => flight.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("a connection cannot be written"),
            }
        }
        Ok(())
    }

    /// Reads what has come: the message that was in flight, if it has been answered.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> anyhow::Result<Option<(Flight, Answer)>> {
        let mut answered = None;
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => return Err(anyhow!("the server has closed a connection")),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(answered),
                Err(error) => return Err(error).context("a connection cannot be read"),
            };
            if let Some(answer) = self.take(&buffer[..length])? {
                let flight = self
                    .flight
                    .take()
                    .context("an answer that nobody asked for")?;
                answered = Some((flight, answer));
            }
            // What did not fill the buffer was all there is; of more the kernel tells anew.
            if length < buffer.len() {
                return Ok(answered);
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
        if self.unread.is_empty() {
            let (answer, length) = self.sift(bytes)?;
            self.unread.extend_from_slice(&bytes[length..]);
            return Ok(answer);
        }
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend_from_slice(bytes);
        let (answer, length) = self.sift(&unread)?;
        unread.drain(..length);
        self.unread = unread;
        Ok(answer)
    }

    /// The answer in `bytes`, if there is one, and the length of all that is whole.
    fn sift(&mut self, bytes: &[u8]) -> anyhow::Result<(Option<Answer>, usize)> {
        let sent = self.flight.map_or(0, |flight| flight.length);
        let (mut answer, mut at) = (None, 0);
        while let Some((first, length)) = self.dialect.first(&bytes[at..], sent) {
            match first {
                First::Answer(found) => answer = Some(found),
                // Lost where the socket is full: the next ping is answered.
                First::Ping(payload) => {
                    let _ = self.stream.write(&frames::pong(payload));
                }
                First::Close => return Err(anyhow!("the server has closed a connection")),
                First::Other => {}
            }
            at += length;
        }
        Ok((answer, at))
    }
}

/// Asks for a session; what comes after the answer stays in `unread`.
fn shake_hands(
    stream: &mut std::net::TcpStream,
    server: SocketAddr,
    unread: &mut Vec<u8>,
) -> anyhow::Result<()> {
    const SWITCHING: u16 = 101;
    std::io::Write::write_all(
        stream,
        format!(
            "GET /ws HTTP/1.1\r\nhost: {server}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .as_bytes(),
    )?;
    let mut part = [0; 4_096];
    loop {
        let length = std::io::Read::read(stream, &mut part)?;
        unread.extend_from_slice(&part[..length]);
        if let Some(start) = head_length(unread) {
            let status = Head::parse(&unread[..start]).map(|head| head.status);
            if status != Some(SWITCHING) {
                return Err(anyhow!("the server takes no session: {status:?}"));
            }
            unread.drain(..start);
            return Ok(());
        }
        if length == 0 {
            return Err(anyhow!("the server has closed a connection"));
        }
    }
}
