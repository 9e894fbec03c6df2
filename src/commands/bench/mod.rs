//! `emostream bench`: measures a node as a process of its own, next to the limit of the same machine in the same run, and
//! ends with a check that what came out is what went in.

// What is asked, and what is answered.
mod args;
mod report;
mod failure;

// Measuring.
mod cores;
mod process;
mod percentiles;
mod pacing;

// The ground that a run stands on.
mod http;
mod sources;
mod launch;
mod child;
mod limit;
mod ground;
mod crowd;

// Requests and frames with reactions.
mod load;
mod ingest;

// Windows, in memory and over Kafka.
mod fold;
mod backlog;
mod bare;
mod published;
mod peer;
mod windows;

// The whole pipeline.
mod frames;
mod viewers;
mod senders;
mod relay;
mod pipeline;

// From windows to many sessions.
mod fanout;

// A crowd at a running node.
mod people;

use std::io::Write as _;

pub use args::{BareArgs, BenchAction, BenchArgs, IngestArgs, PeerName, PipelineArgs, WindowsArgs};
pub use fanout::{FanoutArgs, ScenarioName};
pub use limit::LimitKind;
pub use people::CrowdArgs;

use self::failure::Failure;
use self::report::Report;
use super::descriptors::raise_limit;
use super::exit::{Exit, complain, print};

/// Measures what was asked for, and prints it; or sends a crowd.
pub(super) fn run(args: BenchArgs) -> Exit {
    match args.action {
        Some(action) => measure(&action),
        None => people::run(args.crowd),
    }
}

fn measure(action: &BenchAction) -> Exit {
    let is_json = action.is_json();
    // A crowd of connections, here and in the servers that inherit it.
    raise_limit();
    let measured = match action {
        BenchAction::Bare(args) => return ended(limit::serve(args.kind)),
        BenchAction::Ingest(args) => ingest::measure(args),
        BenchAction::Fanout(args) => fanout::measure(args),
        BenchAction::Windows(args) => match &args.kafka {
            Some(bootstrap) => windows::measure(args, bootstrap),
            None => fold::measure(args),
        },
        BenchAction::Pipeline(args) => pipeline::measure(args),
    };
    match measured {
        Ok(report) => show(&report, is_json),
        Err(failure) => ended(Err(failure)),
    }
}

/// Says on standard error what a long run is at.
fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

fn ended(how: Result<(), Failure>) -> Exit {
    match how {
        Ok(()) => Exit::Done,
        Err(Failure::Ground(reason)) => {
            complain(&reason);
            Exit::Configuration
        }
        Err(Failure::Run(reason)) => {
            complain(&format!("{reason:#}"));
            Exit::StageFailed
        }
    }
}

fn show(report: &Report, is_json: bool) -> Exit {
    print(&if is_json {
        report.json()
    } else {
        report.table()
    });
    if report.ledger.adds_up() {
        Exit::Done
    } else {
        complain(&"the closing check failed: what came out is not what went in");
        Exit::StageFailed
    }
}
