//! As much of HTTP as a bench needs to ask the node it measures.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// One GET on a connection of its own, with the admin token.
pub(super) fn get(address: &str, path: &str, token: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )?;
    // By its length: a node may keep the connection open for a while after the answer.
    let mut answer = Vec::new();
    let mut part = [0; 8_192];
    loop {
        let length = stream.read(&mut part)?;
        answer.extend_from_slice(&part[..length]);
        if let Some(start) = head_length(&answer) {
            let head = Head::parse(&answer[..start]).ok_or_else(broken)?;
            if let Some(body) = answer.get(start..start + head.body) {
                return Ok(Answer {
                    status: head.status,
                    body: String::from_utf8_lossy(body).into_owned(),
                });
            }
        }
        if length == 0 {
            return Err(broken());
        }
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP")
}

/// What stands before the body of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// How many bytes the body has.
    pub(super) body: usize,
    /// Seconds for which the client should not ask again.
    pub(super) retry_after: Option<u32>,
}

impl Head {
    /// Reads a head without the empty line at its end.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
        let mut head = Self {
            status: status.parse().ok()?,
            body: 0,
            retry_after: None,
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                head.body = value.trim().parse().ok()?;
            } else if name.eq_ignore_ascii_case("retry-after") {
                head.retry_after = value.trim().parse().ok();
            }
        }
        Some(head)
    }
}

/// The length of the first head in `bytes`, its empty line included.
pub(super) fn head_length(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let start = bytes.windows(END.len()).position(|part| part == END)?;
    Some(start + END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_length_and_when_to_come_back() {
        let bytes =
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 42\r\n\r\n{}";
        let length = head_length(bytes).unwrap_or_default();
        assert_eq!(&bytes[length..], b"{}");
        let head = Head {
            status: 503,
            body: 42,
            retry_after: Some(1),
        };
        assert_eq!(Head::parse(&bytes[..length - 4]), Some(head));
    }

    #[test]
    fn what_is_no_head_is_none() {
        for bytes in [&b""[..], b"HTTP/1.1", b"HTTP/1.1 abc", b"\xff"] {
            assert_eq!(Head::parse(bytes), None);
        }
        assert_eq!(head_length(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
