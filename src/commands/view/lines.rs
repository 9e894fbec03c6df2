//! A window as a line of text, for pipes, logs and scripts.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::update::Window;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// For people, and tools that split at two spaces.
    Plain,
    /// One JSON object.
    Json,
}

#[derive(Serialize)]
struct WindowOut<'a> {
    stream: &'a str,
    seq: u64,
    span: u64,
    start_ms: u64,
    end_ms: u64,
    total: u64,
    counts: Vec<CountOut<'a>>,
}

#[derive(Serialize)]
struct CountOut<'a> {
    emoji_type: &'a str,
    count: u64,
}

impl Format {
    /// Writes the line of a window, at once.
    ///
    /// # Errors
    ///
    /// Nobody reads any more, or the disk is full.
    pub(super) fn write(self, window: &Window, into: &mut impl Write) -> io::Result<()> {
        let mut line = match self {
            Self::Plain => plain(window),
            Self::Json => json(window)?,
        };
        line.push('\n');
        into.write_all(line.as_bytes())?;
        into.flush()
    }
}

/// Two spaces between fields, one between an emoji and its count.
fn plain(window: &Window) -> String {
    let Window {
        stream, seq, total, ..
    } = window;
    let mut line = format!("{}  {stream}  {seq}  {total}", time(window.end_ms));
    for (emoji, count) in &window.counts {
        line += &format!("  {emoji} {count}");
    }
    line
}

fn json(window: &Window) -> io::Result<String> {
    let counts = window.counts.iter();
    let counts = counts.map(|(emoji, count)| CountOut {
        emoji_type: emoji,
        count: *count,
    });
    let shape = WindowOut {
        stream: &window.stream,
        seq: window.seq,
        span: window.span,
        start_ms: window.start_ms,
        end_ms: window.end_ms,
        total: window.total,
        counts: counts.collect(),
    };
    serde_json::to_string(&shape).map_err(io::Error::from)
}

/// A time in UTC, always with milliseconds, so that lines stay lined up.
fn time(ms: u64) -> String {
    let at = i64::try_from(ms).ok();
    let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "-".to_owned(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window {
            stream: "main".to_owned(),
            seq: 897_794_287,
            span: 1,
            start_ms: 1_795_588_574_000,
            end_ms: 1_795_588_576_000,
            total: 15,
            counts: vec![("🔥".to_owned(), 12), ("😀".to_owned(), 3)],
            running: None,
            viewers: None,
        }
    }

    fn written(format: Format, window: &Window) -> String {
        let mut bytes = Vec::new();
        format.write(window, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_plain_line_has_time_stream_number_total_and_counts() {
        let line = "2026-11-25T06:36:16.000Z  main  897794287  15  🔥 12  😀 3\n";
        assert_eq!(written(Format::Plain, &window()), line);
    }

    #[test]
    fn a_window_without_reactions_is_a_line_too() {
        let empty = Window {
            total: 0,
            counts: Vec::new(),
            ..window()
        };
        let line = "2026-11-25T06:36:16.000Z  main  897794287  0\n";
        assert_eq!(written(Format::Plain, &empty), line);
    }

    #[test]
    fn a_json_line_has_the_names_of_the_protocol() {
        let line = "{\"stream\":\"main\",\"seq\":897794287,\"span\":1,\"start_ms\":1795588574000,\
                    \"end_ms\":1795588576000,\"total\":15,\"counts\":[{\"emoji_type\":\"🔥\",\"count\":12},\
                    {\"emoji_type\":\"😀\",\"count\":3}]}\n";
        assert_eq!(written(Format::Json, &window()), line);
    }
}
