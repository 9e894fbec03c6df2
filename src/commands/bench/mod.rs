//! `emostream bench`: measures a node as a process of its own, next to the limit of the same machine in the same run, and
//! ends with a check that what came out is what went in.

// What is asked, and what is answered.
mod args;
mod report;
mod failure;

// Measuring.
mod process;
mod percentiles;
mod pacing;

// The ground that a run stands on.
mod http;
mod child;
mod ground;
mod crowd;

// Windows over Kafka.
mod backlog;
mod bare;
mod published;
mod peer;
mod windows;

// The whole pipeline over Kafka.
mod frames;
mod viewers;
mod senders;
mod relay;
mod pipeline;

// A crowd at a running node.
mod people;

pub use args::{BenchAction, BenchArgs, PeerName, PipelineArgs, WindowsArgs};

pub use people::CrowdArgs;

use self::failure::Failure;
use self::report::Report;
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
    let measured = match action {
        BenchAction::Windows(args) => windows::measure(args),
        BenchAction::Pipeline(args) => pipeline::measure(args),
    };
    match measured {
        Ok(report) => show(&report, is_json),
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
