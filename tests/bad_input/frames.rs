//! Frames that break the WebSocket protocol, or the part of it that is spoken here. Each costs its
//! connection.

use std::net::SocketAddr;

use fastrand::Rng;
use tokio::io::AsyncWriteExt;

use super::values::pick;
use super::wire::{
    ANSWER_TIMEOUT, BINARY, CLOSE, FIN, PING, Reply, TEXT, UPGRADE, Wire, announced, handshake,
    masked, status_of, unmasked,
};

const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;
/// The largest frame a client may send, in bytes.
const MAX_FRAME: usize = 4 * 1024;
const FOUR_GIB: u64 = 4 << 30;
/// How much of the four gibibytes is really sent, if the server lets it.
const STREAMED_MIB: usize = 64;
const REACT: &str = r#"{"type":"react","emoji_type":"🔥"}"#;

/// Bytes on an open WebSocket, and the close code they deserve.
#[derive(Debug)]
pub(crate) struct BadFrame {
    what: &'static str,
    bytes: Vec<u8>,
    /// Mebibytes of payload that follow.
    streamed_mib: usize,
    close_code: u16,
}

impl BadFrame {
    fn new(what: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            what,
            bytes,
            streamed_mib: 0,
            close_code: POLICY,
        }
    }

    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let react = REACT.as_bytes();
        match rng.u8(..12) {
            0 => Self::new(
                "reserved bits",
                masked(FIN | rng.u8(1..8) << 4 | TEXT, react),
            ),
            1 => {
                let opcode = pick(rng, &[0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf]);
                Self::new("a reserved opcode", masked(FIN | opcode, react))
            }
            2 => {
                let opcode = pick(rng, &[TEXT, BINARY, PING]);
                Self::new("an unmasked frame", unmasked(FIN | opcode, react))
            }
            3 => fragments(rng),
            4 => Self::new(
                "a continuation of nothing",
                masked(pick(rng, &[0, FIN]), react),
            ),
            5 => Self::new(
                "a fragmented control frame",
                masked(pick(rng, &[CLOSE, PING, 0xa]), b""),
            ),
            6 => {
                let opcode = pick(rng, &[CLOSE, PING, 0xa]);
                let payload = vec![b'p'; rng.usize(126..2_000)];
                Self::new("an oversized control frame", masked(FIN | opcode, &payload))
            }
            7 => Self::new("a binary frame", masked(FIN | BINARY, react)),
            8 => no_utf8(rng),
            9 => garbage(rng),
            _ => too_big(rng),
        }
    }

    /// Sends it on a connection of its own and holds the server to the close code.
    pub(crate) async fn judge(self, address: SocketAddr) {
        let Wire {
            mut reader,
            mut writer,
        } = Wire::open(address).await;
        let read = async {
            let reply = reader.reply().await;
            let closed = matches!(reply, Reply::Close(code) if code == self.close_code);
            assert!(
                closed,
                "{}: {reply:?} instead of {}",
                self.what, self.close_code
            );
            let gone = tokio::time::timeout(ANSWER_TIMEOUT, reader.drain()).await;
            gone.expect("the server ends the connection that it has closed");
        };
        let write = async {
            // The server closes while this is still writing: an error here is what it should be.
            let _ = writer.write_all(&self.bytes).await;
            let mebibyte = vec![b'x'; if self.streamed_mib > 0 { 1 << 20 } else { 0 }];
            for _ in 0..self.streamed_mib {
                if writer.write_all(&mebibyte).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(read, write);
    }

    pub(crate) fn describe(&self) -> String {
        let start = &self.bytes[..self.bytes.len().min(40)];
        format!("{}, {} bytes: {start:02x?}", self.what, self.bytes.len())
    }
}

fn fragments(rng: &mut Rng) -> BadFrame {
    let (first, rest) = REACT.as_bytes().split_at(rng.usize(..REACT.len()));
    let mut bytes = masked(TEXT, first);
    if rng.bool() {
        bytes.extend(masked(FIN | PING, b"in between"));
    }
    bytes.extend(masked(FIN, rest));
    BadFrame::new("a message in fragments", bytes)
}

fn no_utf8(rng: &mut Rng) -> BadFrame {
    let mut payload = REACT.as_bytes().to_vec();
    payload[rng.usize(..REACT.len())] = pick(rng, &[0xc0, 0xc1, 0xf5, 0xfe, 0xff]);
    BadFrame::new("text that is not UTF-8", masked(FIN | TEXT, &payload))
}

/// Noise that begins like no frame of a client.
fn garbage(rng: &mut Rng) -> BadFrame {
    let mut bytes: Vec<u8> = (0..rng.usize(16..400)).map(|_| rng.u8(..)).collect();
    bytes[0] |= 0x70;
    bytes[1] = rng.u8(..12); // unmasked, and of a length that is all there
    BadFrame::new("noise", bytes)
}

fn too_big(rng: &mut Rng) -> BadFrame {
    let opcode = FIN | TEXT;
    let mut streamed_mib = 0;
    let bytes = match rng.u8(..20) {
        0..10 => masked(
            opcode,
            &vec![b' '; rng.usize(MAX_FRAME + 1..=2 * MAX_FRAME)],
        ),
        10..14 => masked(opcode, &vec![b'x'; rng.usize(0x1_0000..0x4_0000)]),
        14..19 => announced(opcode, rng.u64(MAX_FRAME as u64 + 1..=FOUR_GIB)),
        _ => {
            streamed_mib = STREAMED_MIB;
            announced(opcode, FOUR_GIB)
        }
    };
    BadFrame {
        what: "a frame too big",
        bytes,
        streamed_mib,
        close_code: TOO_BIG,
    }
}

/// Requests that must not become a WebSocket, and other requests that are none.
#[derive(Debug)]
pub(crate) struct BadRequest {
    bytes: Vec<u8>,
    codes: &'static [u16],
}

impl BadRequest {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..20) {
            0..7 => {
                let queries = [
                    "stream=a/b",
                    "stream=%00",
                    "since=yesterday",
                    "since=-1",
                    "cluster=zzz",
                    "cluster=-1",
                    "client_id=%00",
                    "stream=%F0%9F%94%A5",
                ];
                let target = format!("/ws?{}", pick(rng, &queries));
                Self {
                    bytes: handshake(&target, &UPGRADE).into(),
                    codes: &[400, 404, 422],
                }
            }
            7..14 => {
                let mut headers = UPGRADE.to_vec();
                headers.remove(rng.usize(..headers.len()));
                Self {
                    bytes: handshake("/ws", &headers).into(),
                    codes: &[400, 426],
                }
            }
            14..19 => Self::posting(rng),
            _ => {
                let mut bytes = post("application/json", "Content-Length: 3145728");
                bytes.resize(bytes.len() + (3 << 20), b' ');
                Self {
                    bytes,
                    codes: &[413],
                }
            }
        }
    }

    /// A body whose length is a lie or a riddle.
    fn posting(rng: &mut Rng) -> Self {
        let (length, rest, codes): (_, &[u8], &'static [u16]) = match rng.u8(..5) {
            0 => ("Content-Length: 4294967296", b"", &[413]),
            1 => ("Content-Length: -1", b"", &[400]),
            2 => ("Content-Length: 5\r\nContent-Length: 6", b"[1,2]]", &[400]),
            3 => (
                "Transfer-Encoding: chunked",
                b"zz\r\n[]\r\n0\r\n\r\n",
                &[400],
            ),
            _ => (
                "Transfer-Encoding: chunked",
                b"ffffffffffffffffff\r\n[",
                &[400, 413],
            ),
        };
        let mut bytes = post("application/json", length);
        bytes.extend(rest);
        Self { bytes, codes }
    }

    pub(crate) async fn judge(self, address: SocketAddr) {
        let status = status_of(address, &self.bytes).await;
        assert!(
            self.codes.contains(&status),
            "{status} is none of {:?}",
            self.codes
        );
    }

    pub(crate) fn describe(&self) -> String {
        let start = &self.bytes[..self.bytes.len().min(300)];
        format!("{:?}", String::from_utf8_lossy(start))
    }
}

fn post(content_type: &str, length: &str) -> Vec<u8> {
    let head = format!(
        "POST /emoji HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{length}\r\n\r\n"
    );
    head.into_bytes()
}
