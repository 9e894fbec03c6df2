//! What a consumer group remembers of one partition of a log: where to read on, and what was decided before.
//!
//! A fold is rebuilt by reading the records of its open windows again. Records do not come in order of time, so records
//! of windows already closed lie among them; the offset alone cannot tell those apart. So each commit also says, in its
//! metadata, through when windows are closed (`ct`) and which records had been read by then (`pos`):
//!
//! ```text
//! v1;ct=1764692002000;pos=4711;c=12
//! ```
//!
//! A record whose window ended by `ct` was decided if it stands before `pos`, and is late if not. `ct` is a time and not
//! a window's number, so it keeps its meaning when the size of the windows changes between two runs.

use std::error::Error;
use std::fmt;

use super::EpochMs;

/// A place in one partition of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The place after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The state of one partition after a transaction. It is committed in the same transaction as what it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Where to read on: the oldest record of any window still open, else `position`.
    pub offset: Offset,
    /// The end of the last closed window.
    pub closed_through: EpochMs,
    /// Everything before it had been read.
    pub position: Offset,
    /// Counts carried into a later window than their own, since the beginning.
    pub carried: u64,
}

impl Commit {
    const VERSION: &str = "v1";

    /// The text that is committed beside the offset.
    pub fn metadata(&self) -> String {
        let Self {
            offset: _,
            closed_through,
            position,
            carried,
        } = self;
        let version = Self::VERSION;
        format!(
            "{version};ct={};pos={position};c={carried}",
            closed_through.0
        )
    }

    /// Reads what [`Commit::metadata`] wrote. Anything else is an error: to go on from a guess would count twice, or
    /// not at all.
    pub fn read(offset: Offset, metadata: &str) -> Result<Self, CommitError> {
        if metadata.is_empty() {
            return Err(CommitError::Missing);
        }
        let mut fields = metadata.split(';');
        match fields.next() {
            Some(Self::VERSION) => {}
            Some(version) if is_version(version) => {
                return Err(CommitError::UnknownVersion(version.into()));
            }
            _ => return Err(CommitError::Unreadable(metadata.into())),
        }
        let unreadable = || CommitError::Unreadable(metadata.into());
        let mut field = |name: &str| {
            let value = fields.next()?.strip_prefix(name)?.strip_prefix('=')?;
            let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| value.parse::<u64>().ok())?
        };
        let commit = Self {
            offset,
            closed_through: EpochMs(field("ct").ok_or_else(unreadable)?),
            position: Offset(field("pos").ok_or_else(unreadable)?),
            carried: field("c").ok_or_else(unreadable)?,
        };
        if fields.next().is_some() || commit.position < offset {
            return Err(unreadable());
        }
        Ok(commit)
    }
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v')
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Why a commit cannot be gone on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitError {
    /// The group has an offset without metadata: something else has committed in its name.
    Missing,
    /// Written by another version of Emostream.
    UnknownVersion(Box<str>),
    /// Not what any version writes.
    Unreadable(Box<str>),
}

impl fmt::Display for CommitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                formatter.write_str("the committed offset has no metadata: another program has committed for this group")
            }
            Self::UnknownVersion(version) => {
                write!(formatter, "the committed state has version `{version}`, which this version cannot read")
            }
            Self::Unreadable(metadata) => {
                write!(formatter, "the committed state `{}` cannot be read", metadata.escape_debug())
            }
        }
    }
}

impl Error for CommitError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const METADATA: &str = "v1;ct=1764692002000;pos=4711;c=12";

    fn commit() -> Commit {
        Commit {
            offset: Offset(4_700),
            closed_through: EpochMs(1_764_692_002_000),
            position: Offset(4_711),
            carried: 12,
        }
    }

    #[test]
    fn the_metadata_is_written_and_read_as_documented() {
        assert_eq!(commit().metadata(), METADATA);
        assert_eq!(Commit::read(Offset(4_700), METADATA), Ok(commit()));
    }

    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let refused = Commit::read(Offset(1), "v2;ct=1;pos=1;c=0;x=9");
        assert_eq!(refused, Err(CommitError::UnknownVersion("v2".into())));
    }

    #[test]
    fn an_offset_that_something_else_has_committed_is_refused() {
        assert_eq!(Commit::read(Offset(1), ""), Err(CommitError::Missing));
    }

    #[test]
    fn nonsense_is_refused_and_never_guessed_at() {
        for nonsense in [
            ";",
            "v",
            "v1",
            "v1;",
            "vx;ct=1;pos=1;c=0",
            "v1;ct=1;pos=1",
            "v1;ct=1;pos=1;c=",
            "v1;ct=1;pos=1;c=0;",
            "v1;ct=1;pos=1;c=0;d=1",
            "v1;pos=1;ct=1;c=0",
            "v1;ct=-1;pos=1;c=0",
            "v1;ct=+1;pos=1;c=0",
            "v1;ct=1;pos= 1;c=0",
            "v1;ct=99999999999999999999;pos=1;c=0",
        ] {
            let refused = Commit::read(Offset(1), nonsense);
            assert_eq!(refused, Err(CommitError::Unreadable(nonsense.into())));
        }
    }

    #[test]
    fn an_offset_beyond_the_position_is_nonsense() {
        let refused = Commit::read(Offset(4_712), METADATA);
        assert_eq!(refused, Err(CommitError::Unreadable(METADATA.into())));
    }

    #[test]
    fn errors_say_what_was_found() {
        let error = Commit::read(Offset(1), "v7;x").unwrap_err();
        assert!(error.to_string().contains("`v7`"), "{error}");
        let error = Commit::read(Offset(1), "a\nb").unwrap_err();
        assert!(error.to_string().contains(r"`a\nb`"), "{error}");
    }

    proptest! {
        #[test]
        fn every_commit_is_read_back(
            offset in 0..=u64::MAX / 2, ahead in 0..=u64::MAX / 2, closed in any::<u64>(), carried in any::<u64>(),
        ) {
            let commit = Commit {
                offset: Offset(offset),
                closed_through: EpochMs(closed),
                position: Offset(offset + ahead),
                carried,
            };
            prop_assert_eq!(Commit::read(commit.offset, &commit.metadata()), Ok(commit));
        }

        #[test]
        fn no_text_brings_the_reader_down(text in "(v1;)?[ -~]{0,40}") {
            if let Ok(commit) = Commit::read(Offset(0), &text) {
                prop_assert_eq!(commit.carried, Commit::read(Offset(0), &commit.metadata()).unwrap().carried);
            }
        }
    }
}
