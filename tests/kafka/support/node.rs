//! A node of Emostream on Kafka as a process of its own: started, killed, paused and started again.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;

use super::topics::Topics;
use crate::black_box::api::Api;
use crate::black_box::server::TOKEN;
use crate::black_box::subscriber::Join;
use crate::black_box::wait::wait_for;

/// How long a node may take to be ready: with its groups' first rebalance, on a machine that is busy.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// What stands before the address that a node says it listens on.
const LISTENING: &str = "listening on http://";

/// The file for all that a node says.
const LOG: &str = "log";

/// Where a node finds a port of its own at its first start.
const ANY_PORT: &str = "127.0.0.1:0";

/// A running `emostream serve --kafka`; killed when it goes out of scope.
pub(crate) struct Node {
    /// After `serve`, but for the address.
    args: Vec<String>,
    /// `127.0.0.1:PORT`; the same in every life.
    address: String,
    process: Child,
    /// Working directory without an `emostream.toml`.
    home: TempDir,
}

impl Node {
    /// A node over these topics: `role` is the flag, all others are settings. Returns once it is ready.
    pub(crate) async fn start(settings: &[(&str, &str)], topics: &Topics) -> Self {
        let mut args = vec![format!("--kafka={}", topics.address())];
        args.push(format!("--admin-token={TOKEN}"));
        args.extend(topics.settings().map(|setting| format!("--set={setting}")));
        args.extend(settings.iter().map(|(key, value)| match *key {
            "role" => format!("--role={value}"),
            _ => format!("--set={key}={value}"),
        }));
        let home = TempDir::new().expect("a folder for the node");
        let mut node = Self {
            process: spawn(&args, ANY_PORT, home.path()),
            address: String::new(),
            args,
            home,
        };
        node.await_ready().await;
        node
    }

    /// Waits until that many clusters are live, as this node sees them: from then on sessions find a place.
    pub(crate) async fn until_live(&self, number: usize) {
        let api = self.api();
        let live = async || {
            let clusters = api.clusters().await;
            clusters
                .iter()
                .filter(|cluster| cluster["state"] == "live")
                .count()
        };
        wait_for("live clusters", START_PATIENCE, live, |live| {
            *live >= number
        })
        .await;
    }

    /// Starts the node again where it was, after it has ended. Returns once it is ready.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.args, &self.address, self.home.path());
        self.await_ready().await;
    }

    /// Ends it as `kill -9` does. Returns once it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the node takes a signal");
        self.process.wait().expect("the node's state");
    }

    /// Asks it to drain, and waits until it has ended.
    pub(crate) async fn stop(&mut self, within: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended(within).await
    }

    /// How it ended by itself, within that time.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let process = &mut self.process;
        let ended = async || process.try_wait().expect("the node's state");
        let exit = wait_for("the node ends", within, ended, Option::is_some).await;
        exit.expect("it has ended")
    }

    /// Stops it in its tracks: connections stay open, and nobody answers. Returns once it stands still.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        waitpid(Some(self.id()), WaitOptions::UNTRACED).expect("the node stops");
    }

    /// Lets a paused node go on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// A client of it, with the admin token.
    pub(crate) fn api(&self) -> Api {
        Api::new(&self.address, TOKEN)
    }

    /// A session to open on it: stream `main`, any cluster, unless said otherwise.
    pub(crate) fn join(&self) -> Join {
        Join::new(&self.address)
    }

    /// All that it has logged, over all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("the node takes a signal");
    }

    fn id(&self) -> Pid {
        let id = i32::try_from(self.process.id()).expect("process ids are small");
        Pid::from_raw(id).expect("process ids are not zero")
    }

    async fn await_ready(&mut self) {
        let (log, process) = (self.home.path().join(LOG), &mut self.process);
        let is_listening = async || {
            let exit = process.try_wait().expect("the node's state");
            assert!(exit.is_none(), "the node ended at its start with {exit:?}");
            listening_on(&std::fs::read_to_string(&log).unwrap_or_default())
        };
        let address = wait_for("listening", START_PATIENCE, is_listening, Option::is_some).await;
        self.address = address.expect("an address");
        let (api, process) = (self.api(), &mut self.process);
        let ready = async || {
            let exit = process.try_wait().expect("the node's state");
            assert!(exit.is_none(), "the node ended at its start with {exit:?}");
            api.get("/ready").await
        };
        wait_for("ready", START_PATIENCE, ready, |reply| reply.status == 200).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let (args, log) = (self.args.join(" "), self.log());
            let _ = writeln!(
                std::io::stderr().lock(),
                "--- log of the node {args} ---\n{log}\n---"
            );
        }
    }
}

fn spawn(args: &[String], address: &str, home: &Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(home.join(LOG))
        .expect("a file for the log");
    let both = log.try_clone().expect("the file for the errors, too");
    Command::new(env!("CARGO_BIN_EXE_emostream"))
        .args(["serve", "--bind", address])
        .args(args)
        .current_dir(home)
        .env_clear()
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(both)
        .spawn()
        .expect("the binary starts")
}

/// The address that the newest life listens on; each has the one of the first.
fn listening_on(log: &str) -> Option<String> {
    let (_, rest) = log.rsplit_once(LISTENING)?;
    // A line that is not whole yet may end in the middle of the port.
    let (line, _) = rest.split_once('\n')?;
    let end = |letter: char| letter.is_whitespace() || letter == '/';
    line.split(end).next().map(str::to_owned)
}
