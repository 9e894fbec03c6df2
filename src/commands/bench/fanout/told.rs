//! What a frame tells, read by its bytes: a crowd of ten thousand on one thread has no time for JSON.

/// What is taken of a text frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Where the session stands.
    Hello {
        seq: u64,
        total: u64,
        recovered: bool,
    },
    Window(Window),
    /// Nothing that counts.
    Other,
}

/// A window, or several in one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// The last window of the frame.
    pub(super) seq: u64,
    /// How many it sums.
    pub(super) span: u64,
    /// The end of the last one, in milliseconds since the Unix epoch.
    pub(super) end_ms: u64,
    /// The reactions in it.
    pub(super) total: u64,
}

/// Reads a text frame of the protocol. None if a hello or a window lacks a number.
pub(super) fn read(text: &[u8]) -> Option<Told> {
    if text.starts_with(br#"{"type":"window""#) {
        let (seq, rest) = number(text, br#""seq":"#)?;
        let (span, rest) = number(rest, br#""span":"#)?;
        let (end_ms, rest) = number(rest, br#""end_ms":"#)?;
        let (total, _) = number(rest, br#""total":"#)?;
        return Some(Told::Window(Window {
            seq,
            span,
            end_ms,
            total,
        }));
    }
    if text.starts_with(br#"{"type":"hello""#) {
        let (seq, rest) = number(text, br#""seq":"#)?;
        let (total, _) = number(rest, br#""total":"#)?;
        let recovered = after(rest, br#""recovered":true"#).is_some();
        return Some(Told::Hello {
            seq,
            total,
            recovered,
        });
    }
    Some(Told::Other)
}

/// Overwrites the number behind `"seq":` with another of as many digits. False if there is none, or none of that length.
pub(super) fn renumber(text: &mut [u8], seq: u64) -> bool {
    let Some(start) = after(text, br#""seq":"#).map(|rest| text.len() - rest.len()) else {
        return false;
    };
    let digits = seq.to_string();
    let place = &mut text[start..];
    let num_digits = place
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let fits = num_digits == digits.len();
    if fits {
        place[..num_digits].copy_from_slice(digits.as_bytes());
    }
    fits
}

/// The number behind `key`, and what follows the key.
fn number<'a>(text: &'a [u8], key: &[u8]) -> Option<(u64, &'a [u8])> {
    let rest = after(text, key)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    let mut value = None;
    for digit in digits {
        let so_far = value.unwrap_or(0_u64).checked_mul(10)?;
        value = Some(so_far.checked_add(u64::from(digit - b'0'))?);
    }
    Some((value?, rest))
}

fn after<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let start = text.windows(key.len()).position(|part| part == key)?;
    text.get(start + key.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: &str = r#"{"type":"window","stream":"main","cluster":1,"seq":897794287,"span":2,"start_ms":1795588574000,"end_ms":1795588576000,"total":3790,"counts":[{"emoji_type":"🔥","count":3785,"final_count":3}]}"#;

    #[test]
    fn a_window_tells_its_number_end_and_total() {
        let window = Window {
            seq: 897_794_287,
            span: 2,
            end_ms: 1_795_588_576_000,
            total: 3_790,
        };
        assert_eq!(read(WINDOW.as_bytes()), Some(Told::Window(window)));
    }

    #[test]
    fn a_hello_tells_the_total_and_not_the_totals() {
        let hello = |recovered| {
            format!(
                r#"{{"type":"hello","session":"0a","client_id":"c","cluster":2,"stream":"main","window_ms":2000,"seq":7,"recovered":{recovered},"total":4,"totals":{{"🔥":9}}}}"#
            )
        };
        for recovered in [true, false] {
            let expected = Told::Hello {
                seq: 7,
                total: 4,
                recovered,
            };
            assert_eq!(read(hello(recovered).as_bytes()), Some(expected));
        }
    }

    #[test]
    fn other_frames_tell_nothing_and_broken_ones_are_found() {
        assert_eq!(read(br#"{"type":"moved","cluster":3}"#), Some(Told::Other));
        for broken in [
            r#"{"type":"window","seq":x}"#,
            r#"{"type":"hello"}"#,
            r#"{"type":"hello","seq":99999999999999999999,"total":1}"#,
        ] {
            assert_eq!(read(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn a_frame_keeps_its_length_with_another_number() {
        let mut frame = WINDOW.as_bytes().to_vec();
        assert!(renumber(&mut frame, 123_456_789));
        assert_eq!(frame.len(), WINDOW.len());
        let Some(Told::Window(window)) = read(&frame) else {
            panic!("a window");
        };
        assert_eq!((window.seq, window.total), (123_456_789, 3_790));
        assert!(!renumber(&mut frame, 1));
        assert!(!renumber(&mut [], 1));
    }
}
