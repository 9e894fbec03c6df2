//! What may be asked of `emostream bench`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::fanout::FanoutArgs;
use super::limit::LimitKind;
use super::people::{CROWD, CrowdArgs};

/// Where `make kafka` starts a broker.
const USUAL_BROKER: &str = "localhost:9092";

/// What to do with a bench.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = CROWD,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct BenchArgs {
    /// What to measure, unless there is to be a crowd
    #[command(subcommand)]
    pub action: Option<BenchAction>,
    /// The crowd
    #[command(flatten)]
    pub crowd: CrowdArgs,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchAction {
    /// Requests and frames with reactions, without Kafka: how many a core takes, next to bare servers on the same core
    Ingest(IngestArgs),
    /// From windows to sessions, without Kafka: deliveries, delays, memory and handshakes, next to bare servers on the same core
    Fanout(FanoutArgs),
    /// From reactions to windows: how many a core counts in a second, in memory or from Kafka
    Windows(WindowsArgs),
    /// From requests to sessions: how long after its end a window reaches the last session
    Pipeline(PipelineArgs),
    /// Serves as a limit to measure next to, until its standard input ends
    #[command(hide = true)]
    Bare(BareArgs),
}

impl BenchAction {
    pub(super) fn is_json(&self) -> bool {
        match self {
            Self::Ingest(args) => args.json,
            Self::Fanout(args) => args.json,
            Self::Bare(_) => false,
            Self::Windows(args) => args.json,
            Self::Pipeline(args) => args.json,
        }
    }
}

/// How to measure ingest.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// How long each measurement lasts, 1s to 1h
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub duration: Duration,
    /// How often each is repeated, in turn with its limit; the median counts
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=101))]
    pub runs: u32,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Which bare server to be.
#[derive(Debug, Args)]
pub struct BareArgs {
    /// What it does
    #[arg(value_name = "KIND")]
    pub kind: LimitKind,
}

/// How to measure windows.
#[derive(Debug, Args)]
pub struct WindowsArgs {
    /// Measure over Kafka; the run takes topics and groups of its own there and deletes them [default: localhost:9092]
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = USUAL_BROKER)]
    pub kafka: Option<String>,
    /// Reactions to count; over Kafka all are written before the aggregator starts
    #[arg(long, value_name = "COUNT", default_value = "5000000", value_parser = clap::value_parser!(u64).range(1_000..))]
    pub records: u64,
    /// Somebody else's aggregator, measured on the same records in the same run
    #[arg(long, value_name = "PEER", requires = "kafka")]
    pub peer: Option<PeerName>,
    /// How often to measure in memory; the median is told
    #[arg(long, value_name = "COUNT", default_value = "5", conflicts_with = "kafka", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub runs: u32,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Somebody else's aggregator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PeerName {
    /// Spark structured streaming, by the job in bench/peers/spark
    Spark,
}

/// How to measure the pipeline.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// Measure over Kafka; the run takes topics and groups of its own there and deletes them [default: localhost:9092]
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = USUAL_BROKER)]
    pub kafka: Option<String>,
    /// Reactions per second, one in each request
    #[arg(long, value_name = "COUNT", default_value = "5000", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// WebSocket sessions
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sessions: u32,
    /// How long reactions are sent, 1s to 1h
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Time span of one window
    #[arg(long, value_name = "DURATION", default_value = "2s")]
    pub window: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration: humantime::Duration = text.parse().map_err(|_| expected())?;
    let duration = Duration::from(duration);
    let allowed = Duration::from_secs(1)..=Duration::from_secs(3_600);
    allowed
        .contains(&duration)
        .then_some(duration)
        .ok_or_else(expected)
}

fn expected() -> String {
    "expected 1s to 1h, such as 60s".to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Bench {
        #[command(subcommand)]
        action: BenchAction,
    }

    fn parse(line: &str) -> Result<BenchAction, clap::Error> {
        Bench::try_parse_from(line.split(' ')).map(|bench| bench.action)
    }

    #[test]
    fn kafka_alone_means_the_broker_of_make_kafka() {
        for (line, broker) in [
            ("bench windows", None),
            ("bench windows --kafka", Some("localhost:9092")),
            ("bench windows --kafka --json", Some("localhost:9092")),
            ("bench windows --kafka a:1 --json", Some("a:1")),
        ] {
            let BenchAction::Windows(args) = parse(line).unwrap() else {
                panic!("windows: {line}");
            };
            assert_eq!(args.kafka.as_deref(), broker, "{line}");
        }
    }

    #[test]
    fn what_is_for_one_ground_is_refused_on_the_other() {
        for line in [
            "bench windows --peer spark",
            "bench windows --kafka --runs 3",
        ] {
            let refusal = parse(line).unwrap_err().to_string();
            assert!(refusal.contains("--kafka"), "{refusal}");
        }
    }

    #[test]
    fn loads_out_of_range_are_refused() {
        for line in [
            "bench windows --kafka --records 999",
            "bench pipeline --kafka --rate 0",
            "bench pipeline --kafka --sessions 10001",
            "bench pipeline --kafka --duration 500ms",
            "bench pipeline --kafka --duration 2h",
            "bench pipeline --kafka --duration soon",
            "bench ingest --runs 0",
            "bench ingest --duration 10ms",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("bench pipeline --kafka --duration 1s --rate 1 --sessions 1").is_ok());
    }
}
