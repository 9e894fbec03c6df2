//! How a command ends, and the exit code of each end (those of sysexits.h where it has one).

use std::{fmt, io::Write, process::ExitCode};

/// The end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, or was asked to stop and has drained.
    Done,
    /// The command line cannot be understood.
    Usage,
    /// A pipeline stage could not be kept alive.
    StageFailed,
    /// The settings are wrong, or do not fit this machine.
    Configuration,
    /// A second signal cut the drain short.
    Interrupted,
}

impl Exit {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 64,
            Self::StageFailed => 70,
            Self::Configuration => 78,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Says on standard error why the command does not go on.
pub(super) fn complain(reason: &impl fmt::Display) {
    // Nobody is left to tell when standard error is gone; the exit code still says it.
    let _ = writeln!(std::io::stderr().lock(), "emostream: {reason}");
}

/// Writes to standard output. A reader that has gone, as in `| head`, has read what it wanted.
pub(super) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
