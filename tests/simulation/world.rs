//! What surrounds a host, and what it goes through there.

use crate::broker::Broker;
use crate::roles::Settings;

/// Faults that are planted to see whether they are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// The commit is the bare offset.
    NoMetadata,
    /// Open windows are closed when the partition is taken back.
    FlushOnRevoke,
    /// The log is taken to hold nothing more as soon as nothing comes.
    CloseOnSilence,
}

/// What a step of a host may touch.
pub(crate) struct World<'a> {
    pub(crate) broker: &'a mut Broker,
    pub(crate) rng: &'a mut fastrand::Rng,
    pub(crate) now: u64,
    pub(crate) settings: &'a Settings,
    /// Requests fail by themselves.
    pub(crate) is_rough: bool,
}

/// What hosts went through, to show that a run was not idle.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    pub(crate) aborted: u64,
    pub(crate) unclear: u64,
    pub(crate) fenced: u64,
    pub(crate) revoked: u64,
    pub(crate) unstable: u64,
    pub(crate) proofs: u64,
}
