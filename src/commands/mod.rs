//! The command line: one file per command.

mod cli;
mod exit;
mod banner;
mod descriptors;
mod node_url;
mod backoff;
mod figures;
mod terminal;
mod serve;
mod topics;
mod view;
mod config;
mod bench;

pub use bench::{
    BareArgs, BenchAction, BenchArgs, CrowdArgs, FanoutArgs, IngestArgs, LimitKind, PeerName,
    PipelineArgs, ScenarioName, WindowsArgs,
};
pub use cli::{Cli, Command, ConfigAction, SettingArgs, TopicsArgs, ViewArgs};
pub use exit::Exit;

/// Runs the command that was asked for; without one, `serve`.
pub fn run(cli: Cli) -> Exit {
    match cli.command {
        None => serve::run(cli.settings),
        Some(Command::Serve(settings)) => serve::run(settings),
        Some(Command::View(args)) => view::run(args),
        Some(Command::Topics(settings)) => topics::run(settings.into()),
        Some(Command::Bench(args)) => bench::run(args),
        Some(Command::Config(ConfigAction::Check(settings))) => config::check(settings),
        Some(Command::Config(ConfigAction::Show(settings))) => config::show(settings),
    }
}

/// Answers a command line that runs nothing: help and version, or what is wrong with it.
pub fn refuse(refusal: &clap::Error) -> Exit {
    // Nobody is left to tell when the terminal is gone.
    let _ = refusal.print();
    if refusal.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}
