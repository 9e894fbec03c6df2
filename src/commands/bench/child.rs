//! The node under test.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::Instant;

use super::cores::Cores;
use super::failure::Failure;
use super::http::{self, Answer};
use super::launch::Launched;
use super::process::Usage;

/// How long a node may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

/// A running node; killed when it goes out of scope.
#[derive(Debug)]
pub(super) struct Node {
    launched: Launched,
    /// Where it listens.
    pub(super) address: String,
    token: String,
}

impl Node {
    /// Starts `serve` with these settings on a free port of loopback, on any core.
    pub(super) fn start(settings: &[String]) -> Result<Self, Failure> {
        Self::launch(settings, None)
    }

    /// The same on the server's core.
    pub(super) fn start_pinned(settings: &[String], cores: &Cores) -> Result<Self, Failure> {
        Self::launch(settings, Some(cores))
    }

    fn launch(settings: &[String], cores: Option<&Cores>) -> Result<Self, Failure> {
        let token = format!("{:032x}", fastrand::u128(..));
        let mut command = Launched::command()?;
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--config", "/dev/null"])
            .args(["--set", "log.level=warn"])
            .args(settings)
            .env("EMOSTREAM_ADMIN_TOKEN", &token);
        let launched = Launched::start(command, cores)?;
        Ok(Self {
            address: launched.address.clone(),
            launched,
            token,
        })
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.launched.id()
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        self.launched.usage()
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
        self.launched.check()
    }

    /// Asks it to drain, and waits until it has.
    pub(super) fn stop(self) -> Result<(), Failure> {
        self.launched.stop()
    }
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
