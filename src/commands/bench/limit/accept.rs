//! The limit of handshakes: accepts, reads a request and writes the same 101 to everybody. Connections stay open.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::{announce, until_orphaned};
use crate::commands::bench::http::head_length;

/// The accept key belongs to the key of RFC 6455's example, which the bench sends.
const ANSWER: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// More than any request of the bench.
const BUFFER: usize = 4_096;

pub(super) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?);
    until_orphaned(move || {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            // Who leaves in the middle of its handshake is no reason to end.
            if answer(&mut stream).is_ok() {
                open.push(stream);
            }
        }
    })
}

fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = [0; BUFFER];
    let mut length = 0;
    while head_length(&request[..length]).is_none() {
        match stream.read(&mut request[length..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => length += more,
        }
    }
    stream.write_all(ANSWER)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_whole_request_is_answered_with_101() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || answer(&mut listener.accept().unwrap().0));
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /ws HTTP/1.1\r\n").unwrap();
        client.write_all(b"host: a\r\n\r\n").unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got, ANSWER);
        server.join().unwrap().unwrap();
    }
}
