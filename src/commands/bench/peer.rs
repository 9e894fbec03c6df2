//! Somebody else's aggregator on the same records: a process tree that says when it is ready and when it is done.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;

use super::bare::{self, Effort};
use super::failure::Failure;
use super::ground::Ground;
use super::process::{self, Usage};
use super::published::{Published, Repeats};
use crate::kafka::topics::Role;

/// The job, seen from the project's folder.
const SPARK: &str = "bench/peers/spark/run";

/// How long what it has published may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the peer needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerEffort {
    /// CPU time until it was ready to begin.
    pub(super) start_up: Duration,
    /// From the word to begin until it was done.
    pub(super) effort: Effort,
    /// Memory in the end, in bytes.
    pub(super) resident: u64,
    /// What it published.
    pub(super) total: u64,
}

/// Has Spark count the ground's reactions.
pub(super) fn spark(ground: &Ground, written: u64) -> Result<PeerEffort, Failure> {
    if !Path::new(SPARK).is_file() {
        return Err(Failure::Ground(format!(
            "{SPARK} is not here: run the bench from the project's folder"
        )));
    }
    let target = ground.name("spark_aggregated");
    ground.create(&target, Role::Aggregated)?;
    let mut job = Job::start(&[
        ground.clients.bootstrap(),
        &ground.topics.reactions,
        &target,
    ])?;
    let ready = job.await_word("ready")?;
    let began = Instant::now();
    job.go_on()?;
    let done = job.await_word("done")?;
    let time = began.elapsed();
    job.go_on()?;
    let mut published = Published::new(Repeats::Replace);
    let consumer = bare::reader(ground, &target)?;
    published.read_until(&consumer, written, PATIENCE, || Ok(()))?;
    Ok(PeerEffort {
        start_up: ready.cpu(),
        effort: Effort {
            records: written,
            time,
            cpu: done - ready,
        },
        resident: done.resident,
        total: published.total(),
    })
}

/// The job's process; killed when it goes out of scope.
struct Job {
    child: Child,
    words: Lines<BufReader<ChildStdout>>,
    stdin: ChildStdin,
}

impl Job {
    fn start(args: &[&str]) -> Result<Self, Failure> {
        let mut child = Command::new(SPARK)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context(SPARK)?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stdin = child.stdin.take().context("stdin is piped")?;
        Ok(Self {
            child,
            words: BufReader::new(stdout).lines(),
            stdin,
        })
    }

    /// Waits for a line, and tells what the job and its children have used by then.
    fn await_word(&mut self, word: &str) -> Result<Usage, Failure> {
        for line in self.words.by_ref() {
            if line? == word {
                return Ok(process::of_tree(self.child.id()));
            }
        }
        Err(anyhow!("{SPARK} has ended before it was {word}").into())
    }

    fn go_on(&mut self) -> Result<(), Failure> {
        Ok(self.stdin.write_all(b"\n")?)
    }
}

impl Drop for Job {
    /// An end of its standard input lets it go on, and so end by itself, with the Java that it has started.
    fn drop(&mut self) {
        let _ = self.stdin.write_all(b"\n\n");
        let _ = self.child.wait();
    }
}
