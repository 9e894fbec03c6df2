//! The node under test: this same program as a process of its own, so that its CPU time and memory are its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::failure::Failure;
use super::http::{self, Answer};
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
    token: String,
    log: Option<JoinHandle<String>>,
}

impl Node {
    /// Starts `serve` with these settings on a free port of loopback. Neither the environment nor a settings file of the
    /// user reaches it: a run measures the same for everybody.
    pub(super) fn start(settings: &[String]) -> Result<Self, Failure> {
        let token = format!("{:032x}", fastrand::u128(..));
        let program = std::env::current_exe().context("this program's own file")?;
        let mut child = Command::new(program)
            .args(["serve", "--bind", "127.0.0.1:0", "--config", "/dev/null"])
            .args(["--set", "log.level=warn"])
            .args(settings)
            .env_clear()
            .env("EMOSTREAM_ADMIN_TOKEN", &token)
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
            token,
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

    /// One GET.
    pub(super) fn get(&self, path: &str) -> Result<Answer, Failure> {
        Ok(http::get(&self.address, path, &self.token)?)
    }

    /// Waits until it says that it is ready, and that this many clusters take sessions.
    pub(super) fn await_ready(&mut self, num_clusters: usize) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.check()?;
            let (ready, clusters) = (self.get("/ready")?, self.get("/admin/clusters")?);
            if ready.status == 200 && num_live(&clusters.body) >= num_clusters {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let (ready, clusters) = (ready.body, clusters.body);
                return Err(anyhow!("the node is not ready: {ready} {clusters}").into());
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

/// Clusters that take sessions, from the answer of `/admin/clusters`.
fn num_live(clusters: &str) -> usize {
    clusters.matches("\"state\":\"live\"").count()
}

/// A metric of a stage on Kafka, from the text of `/metrics`; `labels` are those that it has besides.
pub(super) fn metric(metrics: &str, name: &str, stage: &str, labels: &[&str]) -> Option<f64> {
    let stage = format!("stage=\"{stage}\"");
    let mut lines = metrics.lines().filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        let (found, rest) = key.split_once('{')?;
        let is_it = found == name
            && labels
                .iter()
                .chain([&stage.as_str()])
                .all(|label| rest.contains(label));
        is_it.then_some(value)
    });
    lines.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_that_only_start_take_no_sessions() {
        let clusters = r#"{"clusters":[{"id":1,"state":"live"},{"id":2,"state":"starting"},{"id":3,"state":"live"}]}"#;
        assert_eq!(num_live(clusters), 2);
    }

    #[test]
    fn records_of_one_stage_and_direction_are_found() {
        let metrics = "# TYPE emostream_kafka_records_total counter\n\
            emostream_kafka_records_total{direction=\"read\",stage=\"window_merger\"} 7\n\
            emostream_kafka_records_total{direction=\"written\",stage=\"window_aggregator\"} 8\n\
            emostream_kafka_records_total{direction=\"read\",stage=\"window_aggregator\"} 9\n";
        let read = |stage| {
            metric(
                metrics,
                "emostream_kafka_records_total",
                stage,
                &["direction=\"read\""],
            )
        };
        assert_eq!(read("window_aggregator"), Some(9.0));
        assert_eq!(read("control"), None);
    }
}
