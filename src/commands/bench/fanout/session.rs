//! One session of the crowd: a socket without a task or a queue, read when the loop says that there is something.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::seen::{End, Moment, Seen};
use super::told::{self, Told, Window};
use crate::commands::bench::frames::{self, Frame};
use crate::commands::bench::http::{Head, head_length};
use crate::commands::bench::sources;
use crate::commands::bench::viewers::wall_clock_ms;

/// Kernel memory for what a session that does not read has not read: as little as Linux grants.
const SMALL_BUFFER: usize = 2_304;

/// What the crowd connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Door {
    /// A node. A session is open with its hello.
    Node,
    /// A bare sender of frames. Open once it is connected.
    Plain,
    /// A bare server of handshakes. Open once it has answered.
    Handshake,
    /// Somebody else's WebSocket, at this path. Open once it has answered; its frames are told apart by their bytes.
    Foreign(String),
}

/// How a session treats what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Reads all of it at once.
    Reads,
    /// The same, and nobody looks when.
    ReadsUntimed,
    /// Reads nothing after its hello.
    Never,
    /// Reads a byte when it is told to.
    Trickles,
}

/// What sessions share while they are looked at.
pub(super) struct Scene<'a> {
    pub(super) door: &'a Door,
    pub(super) server: SocketAddr,
    pub(super) registry: &'a Registry,
    pub(super) seen: &'a mut Seen,
    /// What was read last, of any session.
    pub(super) buffer: &'a mut [u8],
    /// How long the loop has waited so far.
    pub(super) waited: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Away,
    Connecting,
    Upgrading,
    /// The handshake is through.
    Upgraded,
    Open,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    number: usize,
    manner: Manner,
    stream: Option<TcpStream>,
    phase: Phase,
    /// The beginning of a frame whose end has not come yet.
    begun: Vec<u8>,
    /// The last window that is in `total`.
    pub(super) seq: u64,
    /// All reactions it was told of.
    pub(super) total: u64,
}

impl Session {
    /// A session that is away.
    pub(super) fn new(number: usize, manner: Manner) -> Self {
        Self {
            number,
            manner,
            stream: None,
            phase: Phase::Away,
            begun: Vec::new(),
            seq: 0,
            total: 0,
        }
    }

    /// Whether it reads all that comes.
    pub(super) fn reads(&self) -> bool {
        matches!(self.manner, Manner::Reads | Manner::ReadsUntimed)
    }

    pub(super) fn manner(&self) -> Manner {
        self.manner
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Begins to connect. A session that has seen windows asks for what it missed.
    pub(super) fn begin(&mut self, scene: &Scene<'_>) -> io::Result<()> {
        let small = (!self.reads()).then_some(SMALL_BUFFER);
        let stream = sources::begin(scene.server, self.number as u32, small)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        scene
            .registry
            .register(&mut stream, Token(self.number), interest)?;
        self.stream = Some(stream);
        self.phase = Phase::Connecting;
        Ok(())
    }

    /// Goes without a word, as a browser does whose tab is closed.
    pub(super) fn leave(&mut self) {
        self.stream = None;
        self.phase = Phase::Away;
        self.begun = Vec::new();
    }

    /// Something has happened to its socket.
    pub(super) fn on_event(&mut self, event: &Event, scene: &mut Scene<'_>) {
        let outcome = match self.phase {
            Phase::Away => return,
            Phase::Connecting => self.connected(scene),
            Phase::Open if !self.reads() => {
                if !event.is_read_closed() && !event.is_error() {
                    return;
                }
                Err(closed())
            }
            _ => self.read(scene),
        };
        if let Err(error) = outcome {
            self.end(&error.to_string(), scene.seen);
        }
    }

    /// Reads one byte, if there is one.
    pub(super) fn nibble(&mut self, seen: &mut Seen) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        match stream.read(&mut [0]) {
            Ok(0) => self.end("the server has closed it", seen),
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                self.end(&error.to_string(), seen);
            }
            _ => {}
        }
    }

    fn end(&mut self, why: &str, seen: &mut Seen) {
        self.leave();
        seen.ends.push(End {
            session: self.number,
            why: why.to_owned(),
        });
    }

    fn connected(&mut self, scene: &mut Scene<'_>) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        if stream.peer_addr().is_err() {
            return Ok(());
        }
        scene
            .registry
            .reregister(stream, Token(self.number), Interest::READABLE)?;
        if *scene.door == Door::Plain {
            self.open(scene.seen);
            return Ok(());
        }
        self.phase = Phase::Upgrading;
        let request = self.request(scene);
        self.write(request.as_bytes())
    }

    /// The key is the example of RFC 6455; any will do.
    fn request(&self, scene: &Scene<'_>) -> String {
        let mut path = match scene.door {
            Door::Foreign(path) => path.clone(),
            _ => format!(
                "/ws?stream=main&cluster=auto&client_id=seat-{}",
                self.number
            ),
        };
        if self.seq > 0 {
            let _ = write!(path, "&since={}", self.seq);
        }
        format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            scene.server
        )
    }

    /// What a client says fits into an empty send buffer.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) => stream.write_all(bytes),
            None => Ok(()),
        }
    }

    fn open(&mut self, seen: &mut Seen) {
        if self.phase != Phase::Open {
            self.phase = Phase::Open;
            seen.num_opened += 1;
        }
    }

    fn read(&mut self, scene: &mut Scene<'_>) -> io::Result<()> {
        loop {
            let Some(stream) = &mut self.stream else {
                return Ok(());
            };
            let length = match stream.read(scene.buffer) {
                Ok(0) => return Err(closed()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.take(length, scene)?;
            // A read that does not fill the buffer has read all there was.
            if length < scene.buffer.len() {
                return Ok(());
            }
        }
    }

    /// Takes what lies in the scene's buffer, behind what had begun before.
    fn take(&mut self, length: usize, scene: &mut Scene<'_>) -> io::Result<()> {
        let now = Moment {
            wall_ms: wall_clock_ms(),
            waited: scene.waited,
        };
        let mut begun = std::mem::take(&mut self.begun);
        let fresh = &scene.buffer[..length];
        let bytes = if begun.is_empty() {
            fresh
        } else {
            begun.extend_from_slice(fresh);
            &begun
        };
        let mut taken = self.take_head(bytes, scene.door, scene.seen)?;
        if self.phase != Phase::Upgrading {
            while let Some((frame, length)) = frames::first(&bytes[taken..]) {
                let whole = &bytes[taken..taken + length];
                self.take_frame(frame, whole, scene.door, scene.seen, now)?;
                taken += length;
            }
        }
        self.begun = bytes[taken..].to_vec();
        Ok(())
    }

    /// The length of the answer to the handshake, if it is due and whole.
    fn take_head(&mut self, bytes: &[u8], door: &Door, seen: &mut Seen) -> io::Result<usize> {
        let length = match self.phase {
            Phase::Upgrading => head_length(bytes),
            _ => None,
        };
        let Some(length) = length else {
            return Ok(0);
        };
        match Head::parse(&bytes[..length]) {
            Some(head) if head.status == 101 => {}
            Some(head) => return Err(refused(&format!("refused with {}", head.status))),
            None => return Err(refused("the answer is no HTTP")),
        }
        self.phase = Phase::Upgraded;
        if *door != Door::Node {
            self.open(seen);
        }
        Ok(length)
    }

    fn take_frame(
        &mut self,
        frame: Frame<'_>,
        whole: &[u8],
        door: &Door,
        seen: &mut Seen,
        now: Moment,
    ) -> io::Result<()> {
        match (frame, door) {
            (Frame::Ping(payload), _) => {
                seen.pings += 1;
                self.write(&frames::pong(payload))
            }
            (Frame::Close, _) => Err(refused("the server has closed it")),
            (Frame::Other, Door::Foreign(_)) | (Frame::Text(_), Door::Foreign(_)) => {
                seen.arrived(foreign(whole), whole, now);
                Ok(())
            }
            (Frame::Text(text), _) => {
                match told::read(text) {
                    Some(told) => self.take_told(told, whole, seen, now),
                    None => seen.fault(self.number, "a frame lacks a number"),
                }
                Ok(())
            }
            (Frame::Other, _) => Ok(()),
        }
    }

    fn take_told(&mut self, told: Told, whole: &[u8], seen: &mut Seen, now: Moment) {
        match told {
            Told::Hello {
                seq,
                total,
                recovered,
            } => {
                seen.recovered += u64::from(recovered);
                (self.seq, self.total) = (seq, total);
                self.open(seen);
            }
            Told::Window(window) => {
                if window.seq <= self.seq {
                    seen.fault(self.number, "a window came again");
                }
                self.seq = window.seq;
                self.total += window.total;
                if self.manner != Manner::ReadsUntimed {
                    seen.arrived(window, whole, now);
                }
            }
            Told::Other => {}
        }
    }
}

/// A frame that says nothing of windows is known by its bytes.
fn foreign(frame: &[u8]) -> Window {
    let mut hasher = DefaultHasher::new();
    frame.hash(&mut hasher);
    Window {
        seq: hasher.finish(),
        span: 1,
        end_ms: 0,
        total: 0,
    }
}

fn closed() -> io::Error {
    refused("the server has closed it")
}

fn refused(why: &str) -> io::Error {
    io::Error::other(why)
}
