//! As much of WebSocket as a viewer needs: whole frames of a server, and the pong it is owed.

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

/// A frame of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close,
    Other,
}

/// The first frame of `bytes` and its length. None if it is not whole yet.
pub(super) fn first(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (&opcode, &short) = (bytes.first()?, bytes.get(1)?);
    let (length, start) = match short & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*bytes[2..].first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let end = start + usize::try_from(length).ok()?;
    let payload = bytes.get(start..end)?;
    let frame = match opcode & 0xf {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        CLOSE => Frame::Close,
        _ => Frame::Other,
    };
    Some((frame, end))
}

/// The answer to a ping. Its mask is zero, which leaves the payload as it is.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    const LAST_PONG: u8 = 0x8a;
    const MASKED: u8 = 0x80;
    // No control frame is longer than 125 bytes.
    let length = u8::try_from(payload.len()).unwrap_or(125).min(125);
    let mut frame = vec![LAST_PONG, MASKED | length, 0, 0, 0, 0];
    frame.extend(&payload[..usize::from(length)]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_lengths_are_read_once_they_are_whole() {
        for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![0x81];
            match length {
                0..=125 => bytes.push(length as u8),
                126..=65_535 => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            let payload = vec![b'x'; length];
            bytes.extend(&payload);
            let whole = bytes.len();
            bytes.extend(b"\x89\x00");
            assert_eq!(first(&bytes), Some((Frame::Text(&payload), whole)));
            assert_eq!(first(&bytes[whole..]), Some((Frame::Ping(b""), 2)));
            for cut in [0, 1, 2, whole - 1].into_iter().filter(|cut| *cut < whole) {
                assert_eq!(first(&bytes[..cut]), None, "{cut} of {whole}");
            }
        }
    }

    #[test]
    fn a_pong_carries_what_the_ping_did() {
        assert_eq!(pong(b"abc"), b"\x8a\x83\0\0\0\0abc");
    }
}
