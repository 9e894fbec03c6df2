//! The limit of frames: a bare epoll loop that sends back what comes, as it is. No handshake, no frames, no memory per
//! connection but the socket.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::{announce, wake_when_orphaned};

const LISTENER: Token = Token(usize::MAX);
const ORPHANED: Token = Token(usize::MAX - 1);

/// More than any message of the bench: a read that does not fill it has read all there is.
const BUFFER: usize = 16 * 1_024;

/// Sockets told ready at once.
const EVENTS: usize = 1_024;

pub(super) fn serve() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let _waker = wake_when_orphaned(&poll, ORPHANED)?;
    announce(listener.local_addr()?);
    let mut echo = Echo {
        listener,
        streams: Vec::new(),
        buffer: vec![0; BUFFER],
    };
    let mut events = Events::with_capacity(EVENTS);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            match event.token() {
                ORPHANED => return Ok(()),
                LISTENER => echo.accept(poll.registry())?,
                _ => echo.answer(event),
            }
        }
    }
}

struct Echo {
    listener: TcpListener,
    /// By token; none where one has gone.
    streams: Vec<Option<TcpStream>>,
    buffer: Vec<u8>,
}

impl Echo {
    fn accept(&mut self, registry: &Registry) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            registry.register(&mut stream, Token(self.streams.len()), Interest::READABLE)?;
            self.streams.push(Some(stream));
        }
    }

    fn answer(&mut self, event: &Event) {
        let Some(slot) = self.streams.get_mut(event.token().0) else {
            return;
        };
        let is_open = slot
            .as_mut()
            .is_some_and(|stream| echo(stream, &mut self.buffer));
        if !is_open {
            *slot = None;
        }
    }
}

/// Sends back what there is. False if the connection has ended, or its reader is behind: the bench has one message in flight.
fn echo(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    loop {
        match stream.read(buffer) {
            Ok(0) => return false,
            Ok(length) => {
                if stream.write_all(&buffer[..length]).is_err() {
                    return false;
                }
                if length < buffer.len() {
                    return true;
                }
            }
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
