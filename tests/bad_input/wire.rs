//! WebSocket by hand: no library would send what this suite has to send.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::values::STREAM;

/// "At once", on a machine that has much else to do.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
pub(crate) const FIN: u8 = 0x80;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;

const MASK: [u8; 4] = [0x13, 0x37, 0xca, 0xfe];

/// What the server did.
#[derive(Debug)]
pub(crate) enum Reply {
    Close(u16),
    /// The connection ended without a close frame, or with an empty one.
    End,
    /// An `ack` or `error` message.
    Message(Value),
}

/// The two ends of a connection after its handshake.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) reader: Reader,
    pub(crate) writer: OwnedWriteHalf,
}

/// Takes the server's frames apart.
#[derive(Debug)]
pub(crate) struct Reader {
    half: OwnedReadHalf,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let request = handshake(&format!("/ws?stream={STREAM}"), &UPGRADE);
        let stream = TcpStream::connect(address)
            .await
            .expect("the server accepts");
        let (half, mut writer) = stream.into_split();
        writer
            .write_all(request.as_bytes())
            .await
            .expect("a handshake sent");
        let mut reader = Reader {
            half,
            buffer: Vec::new(),
        };
        let head = timeout(ANSWER_TIMEOUT, reader.head())
            .await
            .expect("an answer in time");
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Self { reader, writer }
    }
}

/// The headers of a proper handshake.
pub(crate) const UPGRADE: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

pub(crate) fn handshake(target: &str, headers: &[&str]) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n",
        headers.join("\r\n")
    )
}

/// Sends `request` as it is and reads the status of the answer; 0 if the connection just ends.
pub(crate) async fn status_of(address: SocketAddr, request: &[u8]) -> u16 {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    let (half, mut writer) = stream.into_split();
    let mut reader = Reader {
        half,
        buffer: Vec::new(),
    };
    // The server may answer, and close, before it has read everything.
    let (head, _) = tokio::join!(
        timeout(ANSWER_TIMEOUT, reader.head()),
        writer.write_all(request)
    );
    let head = head.expect("an answer in time");
    head.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

impl Reader {
    /// The next reply, past hello, windows and pings.
    pub(crate) async fn reply(&mut self) -> Reply {
        timeout(ANSWER_TIMEOUT, self.next_reply())
            .await
            .expect("an answer in time")
    }

    async fn next_reply(&mut self) -> Reply {
        loop {
            let Some((opcode, payload)) = self.frame().await else {
                return Reply::End;
            };
            match (opcode, payload.as_slice()) {
                (CLOSE, [high, low, ..]) => return Reply::Close(u16::from_be_bytes([*high, *low])),
                (CLOSE, _) => return Reply::End,
                (TEXT, text) => {
                    let message: Value = serde_json::from_slice(text).expect("a JSON message");
                    if message["type"] == "ack" || message["type"] == "error" {
                        return Reply::Message(message);
                    }
                }
                (PING, _) => {}
                (other, _) => panic!("a frame with opcode {other}"),
            }
        }
    }

    /// Reads, and forgets, until the connection ends.
    pub(crate) async fn drain(&mut self) {
        while self.fill().await {
            self.buffer.clear();
        }
    }

    /// A whole frame, or nothing where the connection ended.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.take(2).await?;
        assert_eq!(head[0] & 0xf0, FIN, "a server frame is final and plain");
        let length = match head[1] {
            126 => self
                .take(2)
                .await?
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
            127 => self
                .take(8)
                .await?
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
            length => usize::from(length),
        };
        Some((head[0] & 0x0f, self.take(length).await?))
    }

    async fn head(&mut self) -> String {
        loop {
            let end = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).expect("ASCII");
            }
            if !self.fill().await {
                return String::new();
            }
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.buffer.drain(..length).collect())
    }

    /// Reads some more; false at the end, be it a proper one or a reset.
    async fn fill(&mut self) -> bool {
        let read = self.half.read_buf(&mut self.buffer).await;
        read.is_ok_and(|length| length > 0)
    }
}

/// A masked frame, its length in the shortest form.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, true, payload.len() as u64);
    frame.extend(MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// A frame as only a server may send it.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, false, payload.len() as u64);
    frame.extend(payload);
    frame
}

/// The first bytes of a masked frame that announces `length` bytes.
pub(crate) fn announced(first: u8, length: u64) -> Vec<u8> {
    let mut frame = header(first, true, length);
    frame.extend(MASK);
    frame
}

fn header(first: u8, mask: bool, length: u64) -> Vec<u8> {
    let bit = if mask { 0x80 } else { 0 };
    let mut header = vec![first];
    match length {
        0..=125 => header.push(bit | length as u8),
        126..=0xffff => {
            header.push(bit | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(bit | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header
}
