//! The `emostream` program: reads the command line, runs one command, ends with its exit code.

use std::process::ExitCode;

use clap::Parser;
use emostream::commands::{self, Cli};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(refusal) => commands::refuse(&refusal),
    };
    exit.into()
}
