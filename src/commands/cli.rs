//! What may be written on the command line.

use std::{fmt, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use super::bench::BenchArgs;
use crate::config::{self, Flag, Loaded, Mistakes, ProcessEnvironment, SettingsFile, Sources};
use crate::domain::StreamName;

const EXAMPLES: &str = "\
Examples:
  emostream                              everything in one process, on http://localhost:5001
  emostream serve --bind 0.0.0.0:8080    on one address, open to other machines
  emostream serve --window 500ms --set session.retention=30m --set log.level=debug
  emostream serve --kafka broker:9092    the same pipeline over the topics of Kafka; --role takes a part of it
  emostream view                         the aggregation in the terminal, live; in a pipe, a line per window
  emostream topics --kafka broker:9092   creates the topics and shows what is in Kafka
  emostream bench ingest                 how many reactions a core takes in, next to bare servers on this machine
  emostream bench windows                how fast reactions become windows, measured on this machine; with --kafka through it
  emostream bench fanout                 how fast a window reaches 10,000 sessions, and what a session costs
  emostream bench --crowd                a crowd at a running node, with a live table
  emostream config show                  every setting, its value and where it came from

Exit codes:
  0   done, or drained after SIGTERM or SIGINT
  64  the command line cannot be understood
  70  a pipeline stage could not be kept alive, or the closing check of a bench failed
  78  the settings are wrong or do not fit this machine, such as a port in use
  130 a second signal cut the drain short";

const LAYERS: &str = "\
A flag beats the EMOSTREAM_SECTION_KEY variable of a setting, which beats the settings file,
which beats the default. `emostream config show` lists every setting.";

const VIEW: &str = "\
Keys on the screen:
  q, Ctrl-C       quit
  ←, →, Tab       another stream
  p               pause, and go on

Where standard output is no terminal, each window is one line; two spaces stand between its fields:
  2026-06-11T20:00:02.000Z  main  890600401  15  🔥 12  😀 3
  end of the window (UTC), stream, number of the window, all reactions, then each emoji with its count, the highest
  count first. After an interruption one line sums up all that was missed.

With --json each line is an object with stream, seq, span (how many windows it sums), start_ms, end_ms, total and
counts, a list of emoji_type and count.

It waits for a node or a broker that is not there yet, says so once on standard error, and comes back by itself.";

/// Live emoji reactions at stadium scale; without a command, `serve` runs
#[derive(Debug, Parser)]
#[command(
    name = "emostream",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`, where no command is named.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a node: the whole of Emostream in one process, or its part of it over Kafka
    #[command(after_help = LAYERS)]
    Serve(SettingArgs),
    /// Shows the aggregation in the terminal, live; in a pipe or a file, as one line per window
    #[command(after_help = VIEW)]
    View(ViewArgs),
    /// Creates the topics that are missing in Kafka, and shows all of them
    #[command(after_help = LAYERS)]
    Topics(TopicsArgs),
    /// Checks the settings, or shows them
    #[command(subcommand, disable_help_subcommand = true)]
    Config(ConfigAction),
    /// Measures a node next to the limit of this machine, and checks that what came out is what went in; or sends a crowd
    /// to a running node
    Bench(BenchArgs),
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Says whether the settings are valid, or everything that is wrong with them
    #[command(after_help = LAYERS)]
    Check(SettingArgs),
    /// Prints every setting, the value in force and where it came from; secrets are not shown
    #[command(after_help = LAYERS)]
    Show(SettingArgs),
}

/// Settings from the command line: the common ones by a short name, and `--set` for every one.
#[derive(Args, Default)]
pub struct SettingArgs {
    /// Address to listen on; may be repeated, replaces the defaults [default: 127.0.0.1:5000 and 127.0.0.1:5001]
    #[arg(long, value_name = "ADDR:PORT")]
    pub bind: Vec<String>,
    /// Time span of one window, 100ms to 60s [default: 2s]
    #[arg(long, value_name = "DURATION")]
    pub window: Option<String>,
    /// Clusters from the start [default: 3]
    #[arg(long, value_name = "COUNT")]
    pub clusters: Option<String>,
    /// Bearer token of the admin routes; safer as EMOSTREAM_ADMIN_TOKEN, as others can list this process
    /// [default: generated at start]
    #[arg(long, value_name = "TOKEN")]
    pub admin_token: Option<String>,
    /// This node's part of the work, "all" or some of api,aggregator,publisher,cluster,session [default: all]
    #[arg(long, value_name = "ROLE,...")]
    pub role: Option<String>,
    /// Brokers of Kafka to ask first; without any, everything stays in this process
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Settings file [default: emostream.toml, if present]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its key; may be repeated, beats the short names above
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,
}

/// Settings of a command that only speaks with Kafka.
#[derive(Args)]
pub struct TopicsArgs {
    /// Brokers to ask first [default: localhost:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Settings file [default: emostream.toml, if present]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its key; may be repeated, beats the short name above
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,
}

/// What to watch, and how.
#[derive(Args)]
pub struct ViewArgs {
    /// Address of a node that serves sessions [default: http://localhost:5001]
    #[arg(long, value_name = "URL", conflicts_with = "kafka")]
    pub url: Option<String>,
    /// Brokers of Kafka to read the windows from, without any node
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Stream to watch; may be repeated [default: main; with --kafka, all of them]
    #[arg(long, value_name = "NAME", value_parser = parse_stream)]
    pub stream: Vec<String>,
    /// Bearer token of the node's admin routes, which tell its clusters and streams; safer as EMOSTREAM_ADMIN_TOKEN
    /// [default: neither is shown]
    #[arg(long, value_name = "TOKEN")]
    pub admin_token: Option<String>,
    /// Writes JSON, one object per line, also to a terminal
    #[arg(long)]
    pub json: bool,
    /// Ends after one window, which is written as a line
    #[arg(long)]
    pub once: bool,
    /// Settings file [default: emostream.toml, if present]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its key, such as window.size with --kafka; may be repeated, beats the short names above
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,
}

impl From<ViewArgs> for SettingArgs {
    fn from(args: ViewArgs) -> Self {
        Self {
            kafka: args.kafka,
            admin_token: args.admin_token,
            config: args.config,
            set: args.set,
            ..Self::default()
        }
    }
}

impl From<TopicsArgs> for SettingArgs {
    fn from(args: TopicsArgs) -> Self {
        Self {
            kafka: args.kafka,
            config: args.config,
            set: args.set,
            ..Self::default()
        }
    }
}

impl SettingArgs {
    /// Loads the configuration with these over the environment of the process.
    ///
    /// # Errors
    ///
    /// All mistakes of all sources at once.
    pub fn load(self) -> Result<Loaded, Mistakes> {
        config::load(Sources {
            file: match &self.config {
                Some(path) => SettingsFile::Named(path.clone()),
                None => SettingsFile::IfPresent("emostream.toml".into()),
            },
            environment: &ProcessEnvironment,
            flags: self.into_flags(),
        })
    }

    fn into_flags(self) -> Vec<Flag> {
        let bind = (!self.bind.is_empty()).then(|| self.bind.join(","));
        let short = [
            ("--bind", "http.bind", bind),
            ("--window", "window.size", self.window),
            ("--clusters", "clusters.initial", self.clusters),
            ("--role", "node.roles", self.role),
            ("--kafka", "kafka.bootstrap", self.kafka),
            ("--admin-token", "admin.token", self.admin_token),
        ];
        let short = short.into_iter().filter_map(|(name, key, value)| {
            Some(Flag {
                name: name.to_owned(),
                key: key.to_owned(),
                value: value?,
            })
        });
        let set = self.set.into_iter().map(|(key, value)| Flag {
            name: format!("--set {key}"),
            key,
            value,
        });
        short.chain(set).collect()
    }
}

/// Leaves out all values of settings: any of them may be the admin token.
impl fmt::Debug for ViewArgs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ViewArgs")
            .field("url", &self.url)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// Leaves out all values: any of them may be a password.
impl fmt::Debug for TopicsArgs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TopicsArgs")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Leaves out all values: any of them may be the admin token.
impl fmt::Debug for SettingArgs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SettingArgs")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn parse_assignment(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected section.key=value, such as window.size=2s"),
    }
}

pub(super) fn parse_stream(text: &str) -> Result<String, &'static str> {
    match StreamName::parse(text) {
        Ok(stream) => Ok(stream.as_str().to_owned()),
        Err(_) => Err("expected 1 to 64 of A-Z a-z 0-9 _ . -"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::*;
    use crate::config::Setting;

    fn flags(line: &str) -> Vec<(String, String, String)> {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let settings = match cli.command {
            Some(Command::Serve(settings)) => settings,
            _ => cli.settings,
        };
        let flags = settings.into_flags().into_iter();
        flags
            .map(|flag| (flag.name, flag.key, flag.value))
            .collect()
    }

    fn flag(name: &str, key: &str, value: &str) -> (String, String, String) {
        (name.to_owned(), key.to_owned(), value.to_owned())
    }

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn short_flags_stand_for_settings_and_set_comes_last() {
        assert_eq!(
            flags(
                "emostream serve --set window.size=1s --bind [::1]:0 --window 2s --bind 127.0.0.1:0"
            ),
            [
                flag("--bind", "http.bind", "[::1]:0,127.0.0.1:0"),
                flag("--window", "window.size", "2s"),
                flag("--set window.size", "window.size", "1s"),
            ]
        );
    }

    #[test]
    fn serve_is_what_runs_without_a_command() {
        assert!(
            Cli::try_parse_from(["emostream"])
                .unwrap()
                .command
                .is_none()
        );
        assert_eq!(
            flags("emostream --clusters 5"),
            flags("emostream serve --clusters 5")
        );
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        assert_eq!(
            flags("emostream --set log.level=info,emostream=debug"),
            [flag("--set log.level", "log.level", "info,emostream=debug")]
        );
    }

    #[test]
    fn debug_output_holds_no_token() {
        let line =
            "emostream --admin-token hunter2hunter2hunter2 --set admin.token=hunter2hunter2hunter2";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert!(!format!("{cli:?}").contains("hunter2"));
    }

    #[test]
    fn topics_takes_brokers_and_settings() {
        let line = "emostream topics --kafka a:1 --set kafka.partitions=6";
        let Some(Command::Topics(args)) = Cli::try_parse_from(line.split(' ')).unwrap().command
        else {
            panic!("topics");
        };
        let flags = SettingArgs::from(args).into_flags().into_iter();
        let keys: Vec<_> = flags.map(|flag| (flag.key, flag.value)).collect();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = [
            pair("kafka.bootstrap", "a:1"),
            pair("kafka.partitions", "6"),
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn help_shows_the_defaults_of_the_table() {
        let mut command = Cli::command().term_width(200);
        let help = command
            .find_subcommand_mut("serve")
            .unwrap()
            .render_help()
            .to_string();
        for key in ["http.bind", "window.size", "clusters.initial", "node.roles"] {
            let default = Setting::find(key).unwrap().default.replace(',', " and ");
            assert!(
                help.contains(&format!("[default: {default}]")),
                "{key}: {help}"
            );
        }
    }
}
