//! Judges the frames of a client before they are buffered.
//!
//! The WebSocket codec compares a frame's length with its limit only after it has buffered the whole frame: a client that
//! announces 4 GiB fills the memory. So the bytes are watched as they stream: headers are parsed here, and the first one
//! that breaks a rule ends the session. RFC 6455 section 5.2 has the layout.

use crate::actors::close::Close;

/// Longest payload a client may send in one frame.
pub(super) const MAX_PAYLOAD: u64 = 4 * 1024;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

const MAX_CONTROL_PAYLOAD: u64 = 125;
/// Two bytes, eight of extended length, four of mask.
const MAX_HEADER: usize = 14;

/// Follows the frame boundaries in a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct FrameGuard {
    header: [u8; MAX_HEADER],
    /// Bytes of `header` that have come.
    have: usize,
    /// Payload bytes of the present frame still to come.
    payload_left: u64,
}

impl FrameGuard {
    /// How many of the next bytes belong to the present frame: all of them, or those up to its end. An error says how the
    /// session ends, if the frame breaks a rule.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Close> {
        let mut at = 0;
        while at < bytes.len() && self.payload_left == 0 {
            self.header[self.have] = bytes[at];
            self.have += 1;
            at += 1;
            self.check_header()?;
            if self.is_between_frames() {
                return Ok(at);
            }
        }
        let payload = self.payload_left.min((bytes.len() - at) as u64);
        self.payload_left -= payload;
        Ok(at + payload as usize)
    }

    /// Whether the last byte taken was the last of its frame.
    pub(super) fn is_between_frames(&self) -> bool {
        self.have == 0 && self.payload_left == 0
    }

    fn check_header(&mut self) -> Result<(), Close> {
        let header = &self.header[..self.have];
        if header.len() == 1 {
            return check_kind(header[0]);
        }
        if header.len() == 2 && header[1] & MASKED == 0 {
            return Err(Close::Policy);
        }
        let Some(length) = payload_length(header) else {
            return Ok(());
        };
        let control = header[0] & OPCODE >= CLOSE;
        if control && length > MAX_CONTROL_PAYLOAD {
            return Err(Close::Policy);
        }
        if length > MAX_PAYLOAD {
            return Err(Close::TooBig);
        }
        if header.len() == header_length(header[1]) {
            self.have = 0;
            self.payload_left = length;
        }
        Ok(())
    }
}

/// Only whole text frames and control frames, without extensions.
fn check_kind(first: u8) -> Result<(), Close> {
    let whole = first & FIN != 0 && first & RESERVED == 0;
    match first & OPCODE {
        TEXT | CLOSE | PING | PONG if whole => Ok(()),
        _ => Err(Close::Policy),
    }
}

/// The announced payload length, as soon as its bytes are there.
fn payload_length(header: &[u8]) -> Option<u64> {
    let extended = match header.get(1)? & LENGTH {
        126 => header.get(2..4)?,
        127 => header.get(2..10)?,
        length => return Some(u64::from(length)),
    };
    Some(
        extended
            .iter()
            .fold(0, |length, byte| (length << 8) | u64::from(*byte)),
    )
}

/// Length of a masked frame's header.
fn header_length(second: u8) -> usize {
    match second & LENGTH {
        126 => 8,
        127 => 14,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(first: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match payload {
            length @ 0..=125 => frame.push(MASKED | length as u8),
            length @ 126..=65_535 => {
                frame.push(MASKED | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(MASKED | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([7; 4]);
        frame.extend(vec![0xff; payload]);
        frame
    }

    #[test]
    fn what_is_refused_and_why() {
        let refused = |bytes: &[u8]| FrameGuard::default().take(bytes).err();
        assert_eq!(refused(&masked(FIN | TEXT, 4_096)), None);
        assert_eq!(refused(&masked(FIN | TEXT, 4_097)), Some(Close::TooBig));
        assert_eq!(refused(&[FIN | TEXT, 5]), Some(Close::Policy), "unmasked");
        assert_eq!(refused(&masked(TEXT, 3)), Some(Close::Policy), "not final");
        assert_eq!(
            refused(&masked(FIN, 3)),
            Some(Close::Policy),
            "continuation"
        );
        assert_eq!(
            refused(&masked(FIN | 0x2, 3)),
            Some(Close::Policy),
            "binary"
        );
        assert_eq!(
            refused(&masked(FIN | 0x40 | TEXT, 3)),
            Some(Close::Policy),
            "reserved bit"
        );
        assert_eq!(
            refused(&masked(FIN | 0x3, 3)),
            Some(Close::Policy),
            "reserved opcode"
        );
        assert_eq!(
            refused(&masked(FIN | PING, 126)),
            Some(Close::Policy),
            "long control"
        );
    }

    #[test]
    fn four_gibibytes_are_refused_at_their_announcement() {
        let mut announced = vec![FIN | TEXT, MASKED | 127];
        announced.extend((4_u64 << 30).to_be_bytes());
        let verdict = FrameGuard::default().take(&announced);
        assert_eq!(verdict, Err(Close::TooBig));
    }

    #[test]
    fn frames_before_a_refused_one_are_taken_one_by_one() {
        let mut bytes = masked(FIN | TEXT, 0);
        bytes.extend(masked(FIN | TEXT, 20));
        bytes.extend(masked(FIN | TEXT, 5_000));
        let mut guard = FrameGuard::default();
        assert_eq!(
            (guard.take(&bytes), guard.is_between_frames()),
            (Ok(6), true)
        );
        assert_eq!(
            (guard.take(&bytes[6..]), guard.is_between_frames()),
            (Ok(26), true)
        );
        assert_eq!(guard.take(&bytes[32..]), Err(Close::TooBig));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            payloads in proptest::collection::vec(0_usize..600, 1..8),
            pieces in proptest::collection::vec(1_usize..50, 1..50),
        ) {
            let bytes: Vec<u8> =
                payloads.iter().flat_map(|payload| masked(FIN | TEXT, *payload)).collect();
            let (mut guard, mut frames) = (FrameGuard::default(), 0);
            let mut rest = bytes.as_slice();
            for piece in pieces.iter().cycle() {
                let piece = &rest[..(*piece).min(rest.len())];
                let taken = guard.take(piece);
                prop_assert!(taken == Ok(piece.len()) || guard.is_between_frames());
                frames += usize::from(guard.is_between_frames());
                rest = &rest[taken.unwrap()..];
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(frames, payloads.len());
            prop_assert!(guard.is_between_frames());
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _verdict = FrameGuard::default().take(&bytes);
        }
    }
}
