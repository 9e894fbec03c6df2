//! The binary under test as a child process on free ports.

use std::io::Write as _;
use std::process::{ExitStatus, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::api::Api;
use super::program;
use super::subscriber::Join;
use super::wait::{PATIENCE, wait_for, within};

/// The admin token of every server that `Server::start` starts.
pub(crate) const TOKEN: &str = "black-box-token-of-more-than-32-characters";

/// What stands before each address that the server says it listens on.
const LISTENING: &str = "listening on http://";

/// Lines that the process has written so far.
type Lines = Arc<Mutex<Vec<String>>>;

/// A running `emostream serve`; killed when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`, one per bind.
    pub(crate) addresses: Vec<String>,
    stdout: Lines,
    stderr: Lines,
    /// Working directory without an `emostream.toml`.
    _home: TempDir,
}

impl Server {
    /// Two free ports, the admin token `TOKEN`, and `args`; returns once it is ready.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let mut all = vec![
            "--bind",
            "127.0.0.1:0",
            "--bind",
            "127.0.0.1:0",
            "--admin-token",
            TOKEN,
        ];
        all.extend_from_slice(args);
        Self::start_with(&all).await
    }

    /// The same with nothing but `args` after `serve`.
    pub(crate) async fn start_with(args: &[&str]) -> Self {
        let home = TempDir::new().expect("a directory for the process");
        let mut child = command(args, &home).spawn().expect("the binary starts");
        let stdout = collect(child.stdout.take().expect("stdout is piped"));
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        let mut server = Self {
            child,
            addresses: Vec::new(),
            stdout,
            stderr,
            _home: home,
        };
        let binds = args.iter().filter(|arg| **arg == "--bind").count().max(1);
        server.await_listening(binds).await;
        let api = server.api();
        wait_for(
            "ready",
            PATIENCE,
            async || api.get("/ready").await.status,
            |status| *status == 200,
        )
        .await;
        server
    }

    /// Runs `serve` with `args` to its end, for starts that are expected to fail.
    pub(crate) async fn run_to_end(args: &[&str]) -> Output {
        let home = TempDir::new().expect("a directory for the process");
        within(PATIENCE, "the process ends", command(args, &home).output())
            .await
            .expect("the binary starts")
    }

    async fn await_listening(&mut self, binds: usize) {
        let stdout = Arc::clone(&self.stdout);
        let child = &mut self.child;
        let listening = async || {
            (
                addresses(&stdout),
                child.try_wait().expect("the child's state"),
            )
        };
        let (addresses, exit) = wait_for("listening", PATIENCE, listening, |(addresses, exit)| {
            addresses.len() >= binds || exit.is_some()
        })
        .await;
        assert!(
            exit.is_none(),
            "the server ended at its start with {exit:?}"
        );
        self.addresses = addresses;
    }

    /// A client of the first bind, with the admin token.
    pub(crate) fn api(&self) -> Api {
        Api::new(&self.addresses[0], TOKEN)
    }

    /// A session to open on the first bind: stream `main`, any cluster, unless said otherwise.
    pub(crate) fn join(&self) -> Join {
        Join::new(&self.addresses[0])
    }

    /// Lines on stdout so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        snapshot(&self.stdout)
    }

    /// Lines on stderr so far.
    pub(crate) fn stderr(&self) -> Vec<String> {
        snapshot(&self.stderr)
    }

    /// Asks the process to drain.
    pub(crate) fn terminate(&self) {
        program::signal(&self.child, Signal::TERM);
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&self) {
        program::signal(&self.child, Signal::KILL);
    }

    /// How the process ended, within `deadline`.
    pub(crate) async fn ended(&mut self, deadline: Duration) -> ExitStatus {
        within(deadline, "the process ends", self.child.wait())
            .await
            .expect("the child's state")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.stderr().join("\n");
            let _ = writeln!(
                std::io::stderr().lock(),
                "--- stderr of the server ---\n{text}\n---"
            );
        }
    }
}

fn command(args: &[&str], home: &TempDir) -> Command {
    let mut command = program::command(&[&["serve"], args].concat(), home);
    command.env("RUST_BACKTRACE", "1");
    command
}

/// Reads `pipe` to its end in the background, so that the process never waits for its reader.
fn collect(pipe: impl AsyncRead + Unpin + Send + 'static) -> Lines {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    tokio::spawn(async move {
        let mut reader = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = reader.next_line().await {
            sink.lock().expect("no reader panics").push(line);
        }
    });
    lines
}

fn snapshot(lines: &Lines) -> Vec<String> {
    lines.lock().expect("no reader panics").clone()
}

fn addresses(stdout: &Lines) -> Vec<String> {
    let address = |line: &String| {
        let (_, rest) = line.split_once(LISTENING)?;
        rest.split(|end: char| end.is_whitespace() || end == '/')
            .next()
            .map(str::to_owned)
    };
    snapshot(stdout).iter().filter_map(address).collect()
}
