//! `emostream view` as a child process, with its output in a pipe.

use std::collections::BTreeMap;
use std::process::ExitStatus;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

use super::program;
use super::wait::{PATIENCE, within};

/// A running `emostream view`; killed when it goes out of scope.
pub(crate) struct Viewer {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    complaints: Lines<BufReader<ChildStderr>>,
    /// Working directory without an `emostream.toml`.
    _home: TempDir,
}

/// One plain line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) time: String,
    pub(crate) stream: String,
    pub(crate) seq: u64,
    pub(crate) total: u64,
    pub(crate) counts: BTreeMap<String, u64>,
}

impl Viewer {
    /// `args` stand after `view`.
    pub(crate) fn start<Arg: AsRef<str>>(args: &[Arg]) -> Self {
        let home = TempDir::new().expect("a directory for the process");
        let args = ["view"].into_iter().chain(args.iter().map(AsRef::as_ref));
        let args: Vec<&str> = args.collect();
        let mut child = program::command(&args, &home)
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        Self {
            child,
            lines: Some(BufReader::new(stdout).lines()),
            complaints: BufReader::new(stderr).lines(),
            _home: home,
        }
    }

    /// The next line on stdout; none when the process has closed it.
    pub(crate) async fn text(&mut self) -> Option<String> {
        let lines = self.lines.as_mut().expect("somebody reads");
        within(PATIENCE, "a line", lines.next_line())
            .await
            .expect("lines are UTF-8")
    }

    /// Plain lines until their totals add up to `total`; the sum is never above it.
    pub(crate) async fn until_total(&mut self, total: u64) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut sum = 0;
        while sum < total {
            let line = Line::read(&self.text().await.expect("one more line"));
            sum += line.total;
            lines.push(line);
        }
        assert_eq!(sum, total, "{lines:?}");
        lines
    }

    /// The next line on stderr; none when the process has ended.
    pub(crate) async fn complaint(&mut self) -> Option<String> {
        within(PATIENCE, "a complaint", self.complaints.next_line())
            .await
            .expect("lines are UTF-8")
    }

    /// Nobody reads its lines any more.
    pub(crate) fn close_pipe(&mut self) {
        self.lines = None;
    }

    pub(crate) fn terminate(&self) {
        program::signal(&self.child, Signal::TERM);
    }

    /// How the process ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        within(PATIENCE, "the viewer ends", self.child.wait())
            .await
            .expect("the child's state")
    }
}

impl Line {
    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split("  ").collect();
        let [time, stream, seq, total, counts @ ..] = fields.as_slice() else {
            panic!("at least four fields, not {text:?}")
        };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let counts = counts.iter().map(|pair| {
            let (emoji, count) = pair.split_once(' ').expect("an emoji and its count");
            (emoji.to_owned(), number(count))
        });
        let line = Self {
            time: (*time).to_owned(),
            stream: (*stream).to_owned(),
            seq: number(seq),
            total: number(total),
            counts: counts.collect(),
        };
        assert_eq!(line.counts.values().sum::<u64>(), line.total, "{text}");
        line
    }
}
