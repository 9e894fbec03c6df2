//! The node under test: this same program as a process of its own, so that its CPU time and memory are its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::failure::Failure;
use super::process::{self, Usage};

/// What stands before each address that a node says it listens on.
const LISTENING: &str = "listening on http://";

/// How long a node may take to be ready, and to drain.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

/// How much of its log is shown when it has ended by itself.
const LAST_WORDS: usize = 2_000;

/// A running node; killed when it goes out of scope.
#[derive(Debug)]
pub(super) struct Node {
    child: Child,
    /// Where it listens.
    pub(super) address: String,
    log: Option<JoinHandle<String>>,
}

impl Node {
    /// Starts `serve` with these settings on a free port of loopback. Neither the environment nor a settings file of the
    /// user reaches it: a run measures the same for everybody.
    pub(super) fn start(settings: &[String]) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("this program's own file")?;
        let mut child = Command::new(program)
            .args(["serve", "--bind", "127.0.0.1:0", "--config", "/dev/null"])
            .args(["--set", "log.level=warn"])
            .args(settings)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the node cannot be started")?;
        let stdout = child.stdout.take();
        let log = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut log = String::new();
                let _ = stderr.read_to_string(&mut log);
                log
            })
        });
        let mut node = Self {
            child,
            address: String::new(),
            log,
        };
        match stdout.and_then(listening) {
            Some(address) => node.address = address,
            None => return Err(node.ended().into()),
        }
        Ok(node)
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        process::of(self.child.id())
    }

    /// Waits until it says that it is ready.
    pub(super) fn await_ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.check()?;
            let answer = super::http::get(&self.address, "/ready")?;
            if answer.status == 200 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(anyhow!("the node is not ready: {}", answer.body).into());
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// An error if it has ended.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(_) => Err(self.ended().into()),
        }
    }

    /// Asks it to drain, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let process = process.context("the node's process id")?;
        kill_process(process, Signal::TERM).context("the node takes no signal")?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                return Err(anyhow!("the node does not drain").into());
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
            Ok(status) => anyhow!("the node has ended ({status}):\n{last_words}"),
            Err(error) => anyhow!("the node has ended ({error}):\n{last_words}"),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the node says it listens on; what it says after that is read to nowhere.
fn listening(stdout: ChildStdout) -> Option<String> {
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.strip_prefix(LISTENING)?.trim_end().to_owned()));
    std::thread::spawn(move || lines.for_each(drop));
    address
}

/// Records that a stage has read so far, from the text of `/metrics`.
pub(super) fn records_read(metrics: &str, stage: &str) -> anyhow::Result<u64> {
    let stage = format!("stage=\"{stage}\"");
    let mut lines = metrics.lines();
    let line = lines.find(|line| {
        line.starts_with("emostream_kafka_records_total{")
            && line.contains("direction=\"read\"")
            && line.contains(&stage)
    });
    let Some((_, value)) = line.and_then(|line| line.rsplit_once(' ')) else {
        bail!("the node's metrics do not count the records read");
    };
    Ok(value.parse::<f64>()? as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn records_of_one_stage_and_direction_are_found() {
        let metrics = "# TYPE emostream_kafka_records_total counter\n\
            emostream_kafka_records_total{direction=\"read\",stage=\"window_merger\"} 7\n\
            emostream_kafka_records_total{direction=\"written\",stage=\"window_aggregator\"} 8\n\
            emostream_kafka_records_total{direction=\"read\",stage=\"window_aggregator\"} 9\n";
        assert_eq!(records_read(metrics, "window_aggregator").unwrap(), 9);
        assert!(records_read(metrics, "control").is_err());
    }
}
