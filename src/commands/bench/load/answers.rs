//! What a server answers, read only as far as decides.

use std::time::Duration;

use super::super::frames::{self, Frame};
use super::super::http::{Head, head_length};

/// What stands in the answer to an array before the number of reactions that were accepted.
const ACCEPTED: &[u8] = b"\"accepted\":";

/// How the frame of an accepted reaction begins, and that of a refused one.
const ACK: &[u8] = b"{\"type\":\"ack\"";
const ERROR: &[u8] = b"{\"type\":\"error\"";

/// How a server is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::bench) enum Dialect {
    /// Requests and answers.
    Http,
    /// Frames with an id, and their `ack`.
    WebSocket,
    /// Bytes, and the same bytes.
    Echo,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Accepted; the number where the answer tells one.
    Accepted(Option<u32>),
    /// No room; for so long the client should not ask again.
    Shed(Duration),
    /// Anything else.
    Refused,
}

/// What stands first in the bytes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First<'a> {
    Answer(Answer),
    Ping(&'a [u8]),
    /// The server goes.
    Close,
    /// What nobody asked for, such as a window.
    Other,
}

impl Dialect {
    /// What stands first in `bytes`, and its length. None if it is not whole yet. `sent` is the length of the message
    /// that is in flight.
    pub(super) fn first(self, bytes: &[u8], sent: usize) -> Option<(First<'_>, usize)> {
        match self {
            Self::Http => http(bytes),
            Self::WebSocket => {
                let (frame, length) = frames::first(bytes)?;
                Some((websocket(frame), length))
            }
            Self::Echo if bytes.is_empty() || bytes.len() < sent => None,
            Self::Echo => Some((First::Answer(Answer::Accepted(None)), sent)),
        }
    }
}

fn http(bytes: &[u8]) -> Option<(First<'_>, usize)> {
    let start = head_length(bytes)?;
    let Some(head) = Head::parse(&bytes[..start]) else {
        return Some((First::Close, start));
    };
    let body = bytes.get(start..start + head.body)?;
    let answer = match head.status {
        200 => Answer::Accepted(num_accepted(body)),
        503 => Answer::Shed(rest(head)),
        _ => Answer::Refused,
    };
    Some((First::Answer(answer), start + head.body))
}

fn rest(head: Head) -> Duration {
    Duration::from_secs(u64::from(head.retry_after.unwrap_or_default()))
}

fn num_accepted(body: &[u8]) -> Option<u32> {
    let at = body
        .windows(ACCEPTED.len())
        .position(|part| part == ACCEPTED)?;
    let digits = body[at + ACCEPTED.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

fn websocket(frame: Frame<'_>) -> First<'_> {
    match frame {
        Frame::Text(payload) if payload.starts_with(ACK) => First::Answer(Answer::Accepted(None)),
        Frame::Text(payload) if payload.starts_with(ERROR) => First::Answer(Answer::Refused),
        Frame::Ping(payload) => First::Ping(payload),
        Frame::Close => First::Close,
        Frame::Text(_) | Frame::Other => First::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(dialect: Dialect, bytes: &[u8]) -> First<'_> {
        for cut in 0..bytes.len() {
            assert_eq!(dialect.first(&bytes[..cut], bytes.len()), None, "{cut}");
        }
        let first = dialect.first(bytes, bytes.len());
        assert_eq!(first.map(|(_, length)| length), Some(bytes.len()));
        first.map_or(First::Other, |(first, _)| first)
    }

    #[test]
    fn an_answer_of_http_is_known_by_its_status_once_its_body_is_there() {
        for (bytes, answer) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
                Answer::Accepted(None),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 48\r\n\r\n{\"status\":\"success\",\"accepted\":97,\"rejected\":[]}",
                Answer::Accepted(Some(97)),
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 2\r\n\r\n{}",
                Answer::Shed(Duration::from_secs(2)),
            ),
            (
                "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
                Answer::Refused,
            ),
        ] {
            assert_eq!(
                whole(Dialect::Http, bytes.as_bytes()),
                First::Answer(answer),
                "{bytes}"
            );
        }
    }

    #[test]
    fn a_window_is_no_answer_to_a_frame() {
        let frame = |opcode: u8, payload: &str| {
            [&[opcode, payload.len() as u8], payload.as_bytes()].concat()
        };
        for (opcode, payload, first) in [
            (
                0x81,
                "{\"type\":\"ack\",\"id\":\"1\"}",
                First::Answer(Answer::Accepted(None)),
            ),
            (
                0x81,
                "{\"type\":\"error\",\"code\":\"limited\"}",
                First::Answer(Answer::Refused),
            ),
            (0x81, "{\"type\":\"window\"}", First::Other),
            (0x89, "x", First::Ping(b"x")),
            (0x88, "", First::Close),
        ] {
            assert_eq!(
                whole(Dialect::WebSocket, &frame(opcode, payload)),
                first,
                "{payload}"
            );
        }
    }

    #[test]
    fn an_echo_has_come_when_as_many_bytes_have_come_as_were_sent() {
        assert_eq!(
            whole(Dialect::Echo, b"abc"),
            First::Answer(Answer::Accepted(None))
        );
        assert_eq!(Dialect::Echo.first(b"", 0), None);
    }
}
