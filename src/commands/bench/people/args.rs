//! What may be asked of a crowd.

use std::time::Duration;

use clap::Args;

use super::super::super::cli::parse_stream;

/// What a crowd does, at the end of the help.
pub(in super::super) const CROWD: &str = "\
A crowd is people at a running node. They register, watch, react, leave and come back, until q, Ctrl-C or --duration.
Where standard output is no terminal, a line every 2 s says how it goes. In the end all of them come back for the last
window, and what each has added up is compared with the node's own totals.

Examples:
  emostream bench --crowd                                    100 people at http://localhost:5001
  emostream bench --crowd --people 2000 --rate 0.2 --stay 1m --duration 5m --json

Exit codes of a crowd: 0 it adds up, 70 it does not or could not be checked, 78 no node, 130 a second Ctrl-C.";

/// How a crowd behaves, and at which node.
#[derive(Debug, Args)]
pub struct CrowdArgs {
    /// Sends a crowd to a running node: people who register, watch, react, leave and come back, with a live table
    #[arg(long)]
    pub crowd: bool,
    /// Address of a node that takes reactions and registrations
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://localhost:5001",
        requires = "crowd"
    )]
    pub url: String,
    /// How many people there are, 1 to 10,000; each who is here is one open file
    #[arg(long, value_name = "COUNT", default_value = "100", requires = "crowd", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub people: u32,
    /// Reactions per second of each person who is here, 0 to 100
    #[arg(long, value_name = "NUMBER", default_value = "1", requires = "crowd", value_parser = parse_rate)]
    pub rate: f64,
    /// How long a person stays: a random time from half of it to half as much again
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "crowd", value_parser = parse_span)]
    pub stay: Duration,
    /// How long a person is away then, at random like --stay
    #[arg(long, value_name = "DURATION", default_value = "10s", requires = "crowd", value_parser = parse_span)]
    pub away: Duration,
    /// How long the crowd reacts [default: until q or Ctrl-C]
    #[arg(long, value_name = "DURATION", requires = "crowd", value_parser = parse_span)]
    pub duration: Option<Duration>,
    /// Stream to watch and react to
    #[arg(long, value_name = "NAME", default_value = "main", requires = "crowd", value_parser = parse_stream)]
    pub stream: String,
    /// What the names of the people begin with; another crowd at the same node needs another one
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "crowd",
        requires = "crowd",
        value_parser = parse_prefix
    )]
    pub users: String,
    /// Start of the random numbers behind the coming and going
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "2026",
        requires = "crowd"
    )]
    pub seed: u64,
    /// How long to wait for a node that is not there yet, up to 1h
    #[arg(long, value_name = "DURATION", default_value = "0s", requires = "crowd", value_parser = parse_wait)]
    pub wait: Duration,
    /// Prints one JSON object in the end, and nothing else on standard output
    #[arg(long, requires = "crowd")]
    pub json: bool,
}

fn parse_rate(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=100.0).contains(&rate) => Ok(rate),
        _ => Err("expected 0 to 100, such as 0.5"),
    }
}

fn parse_span(text: &str) -> Result<Duration, &'static str> {
    let allowed = Duration::from_millis(100)..=Duration::from_secs(7 * 86_400);
    let span = parse_wait_up_to(text, *allowed.end());
    let span = span.filter(|span| span >= allowed.start());
    span.ok_or("expected 100ms to 7d, such as 30s")
}

fn parse_wait(text: &str) -> Result<Duration, &'static str> {
    parse_wait_up_to(text, Duration::from_secs(3_600)).ok_or("expected up to 1h, such as 60s")
}

fn parse_wait_up_to(text: &str, most: Duration) -> Option<Duration> {
    let span: Duration = humantime::parse_duration(text).ok()?;
    (span <= most).then_some(span)
}

/// A name of ours is the prefix, a hyphen and up to five digits, and fits into an address as it is.
fn parse_prefix(text: &str) -> Result<String, &'static str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    if (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 64 of A-Z a-z 0-9 _ . -")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;
    use crate::commands::bench::BenchArgs;

    #[derive(Parser)]
    struct Bench {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn parse(line: &str) -> Result<BenchArgs, clap::Error> {
        Bench::try_parse_from(line.split(' ')).map(|bench| bench.args)
    }

    #[test]
    fn a_crowd_needs_nothing_but_its_flag() {
        let crowd = parse("bench --crowd").unwrap().crowd;
        assert!(crowd.crowd && crowd.duration.is_none());
        assert_eq!(
            (crowd.people, crowd.stay, crowd.stream.as_str()),
            (100, Duration::from_secs(30), "main")
        );
    }

    #[test]
    fn settings_of_a_crowd_without_a_crowd_are_refused() {
        for line in ["bench --people 5", "bench --json", "bench --url http://a:1"] {
            let refusal = parse(line).err().unwrap().to_string();
            assert!(refusal.contains("--crowd"), "{refusal}");
        }
    }

    #[test]
    fn a_crowd_and_a_measurement_do_not_go_together() {
        assert!(parse("bench --crowd windows --kafka").is_err());
        assert!(parse("bench windows --kafka").unwrap().action.is_some());
    }

    #[test]
    fn crowds_out_of_range_are_refused() {
        for words in [
            "--people 0",
            "--people 10001",
            "--rate 101",
            "--rate NaN",
            "--stay 0s",
            "--duration soon",
            "--wait 2h",
            "--stream a/b",
            "--users ü",
        ] {
            assert!(parse(&format!("bench --crowd {words}")).is_err(), "{words}");
        }
    }
}
