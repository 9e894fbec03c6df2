//! This same program as a server in a process of its own, so that its CPU time and memory are its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::cores::Cores;
use super::failure::Failure;
use super::process::{self, Usage};

/// What stands before each address that a server says it listens on.
pub(super) const LISTENING: &str = "listening on http://";

/// How long a server may take to drain.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

/// How much of its log is shown when it has ended by itself.
const LAST_WORDS: usize = 2_000;

/// A running server; killed when it goes out of scope.
#[derive(Debug)]
pub(super) struct Launched {
    child: Child,
    /// Where it listens.
    pub(super) address: String,
    log: Option<JoinHandle<String>>,
    /// Closed with this process, however that ends.
    _stdin: Option<ChildStdin>,
}

impl Launched {
    /// A command of this program, without the environment of the user: a run measures the same for everybody.
    pub(super) fn command() -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe().context("this program's own file")?);
        command.env_clear();
        Ok(command)
    }

    /// Starts a server, on its core where `cores` are given, and waits for the address that it listens on.
    pub(super) fn start(mut command: Command, cores: Option<&Cores>) -> Result<Self, Failure> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let spawned = match cores {
            Some(cores) => cores.spawn_on_server(|| command.spawn()),
            None => command.spawn(),
        };
        let mut child = spawned.context("the server cannot be started")?;
        let stdout = child.stdout.take();
        let log = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut log = String::new();
                let _ = stderr.read_to_string(&mut log);
                log
            })
        });
        let mut launched = Self {
            _stdin: child.stdin.take(),
            child,
            address: String::new(),
            log,
        };
        match stdout.and_then(listening) {
            Some(address) => launched.address = address,
            None => return Err(launched.ended().into()),
        }
        Ok(launched)
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        process::of(self.id())
    }

    /// An error if it has ended.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(_) => Err(self.ended().into()),
        }
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        let process = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let process = process.context("the server's process id")?;
        kill_process(process, Signal::TERM).context("the server takes no signal")?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                return Err(anyhow!("the server does not drain").into());
            }
            std::thread::park_timeout(PAUSE);
        }
        Ok(())
    }

    fn ended(&mut self) -> anyhow::Error {
        let _ = self.child.kill();
        let status = self.child.wait();
        let log = self.log.take().and_then(|log| log.join().ok());
        let log = log.unwrap_or_default();
        let start = log.len().saturating_sub(LAST_WORDS);
        let start = (start..=log.len()).find(|at| log.is_char_boundary(*at));
        let last_words = &log[start.unwrap_or_default()..];
        match status {
            Ok(status) => anyhow!("the server has ended ({status}):\n{last_words}"),
            Err(error) => anyhow!("the server has ended ({error}):\n{last_words}"),
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the server says it listens on; what it says after that is read to nowhere.
fn listening(stdout: ChildStdout) -> Option<String> {
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.strip_prefix(LISTENING)?.trim_end().to_owned()));
    std::thread::spawn(move || lines.for_each(drop));
    address
}
