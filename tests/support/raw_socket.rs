//! A WebSocket client that writes its frames by hand, since a library refuses to send bad ones.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::frames::Closed;
use super::subscriber::Join;
use super::wait::{PATIENCE, within};

/// Codes of RFC 6455, section 5.2.
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;

/// The bit that says a frame is the last of its message.
const FIN: u8 = 0x80;

/// The bit that says a payload is masked.
const MASKED: u8 = 0x80;

/// The mask of every frame; any will do.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A connection after its handshake.
pub(crate) struct RawSocket {
    stream: TcpStream,
}

/// A client frame, each part as the test wants it.
#[derive(Debug, Clone)]
pub(crate) struct RawFrame {
    pub(crate) opcode: u8,
    pub(crate) last: bool,
    pub(crate) masked: bool,
    pub(crate) payload: Vec<u8>,
}

impl RawFrame {
    /// A whole, masked text frame: what a well-behaved client sends.
    pub(crate) fn text(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            opcode: TEXT,
            last: true,
            masked: true,
            payload: payload.into(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = header(self, self.payload.len() as u64);
        if self.masked {
            bytes.extend(MASK);
            bytes.extend(
                self.payload
                    .iter()
                    .zip(MASK.iter().cycle())
                    .map(|(byte, mask)| byte ^ mask),
            );
        } else {
            bytes.extend(&self.payload);
        }
        bytes
    }
}

/// The first bytes of `frame`, with `length` announced whatever the payload is.
fn header(frame: &RawFrame, length: u64) -> Vec<u8> {
    let masked = if frame.masked { MASKED } else { 0 };
    let mut bytes = vec![frame.opcode | if frame.last { FIN } else { 0 }];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => bytes.push(masked | short),
        (_, Ok(medium)) => {
            bytes.push(masked | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes
}

impl RawSocket {
    /// Connects and shakes hands as `join` says.
    pub(crate) async fn open(join: &Join) -> Self {
        let mut stream = join.connect().await.expect("a connection");
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            join.target(),
            join.address(),
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the server takes a request");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                within(PATIENCE, "a handshake", stream.read_u8())
                    .await
                    .expect("an answer"),
            );
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self { stream }
    }

    pub(crate) async fn send(&mut self, frame: &RawFrame) {
        self.write(&frame.encode()).await;
    }

    /// Sends the start of `frame` as if `length` bytes were to follow.
    pub(crate) async fn announce(&mut self, frame: &RawFrame, length: u64) {
        let mut bytes = header(frame, length);
        bytes.extend(MASK);
        self.write(&bytes).await;
    }

    /// Bytes as they are; a server that has already closed may refuse them.
    async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads on to the server's close frame.
    pub(crate) async fn until_closed(&mut self) -> Closed {
        within(PATIENCE, "a close frame", async {
            loop {
                let (opcode, payload) = self
                    .read_frame()
                    .await
                    .expect("a close frame before the end");
                if opcode == CLOSE {
                    let code = payload.get(..2).expect("a close code");
                    let reason =
                        String::from_utf8(payload[2..].to_vec()).expect("a reason in UTF-8");
                    return Closed {
                        code: u16::from_be_bytes([code[0], code[1]]),
                        reason,
                    };
                }
            }
        })
        .await
    }

    /// Reads what is left, until the server has ended the connection.
    pub(crate) async fn until_gone(&mut self) {
        let mut rest = [0; 4096];
        within(PATIENCE, "the end of the connection", async {
            while let Ok(1..) = self.stream.read(&mut rest).await {}
        })
        .await;
    }

    async fn read_frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let opcode = self.stream.read_u8().await? & 0x0f;
        let length = match self.stream.read_u8().await? {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a frame of a size that fits")];
        self.stream.read_exact(&mut payload).await?;
        Ok((opcode, payload))
    }
}
