//! What Emostream counts and how: pure values and folds, without clock, actor, socket or JSON.

mod time;
mod emoji;
mod tally;
mod reaction;
mod window;
mod merge;
mod commit;
mod exactly_once;
mod partition_fold;
mod merge_fold;
mod policy;
mod history;
mod cluster;
mod ledger;
mod role;
mod admission;

pub use admission::Admission;
pub use cluster::{ClusterId, ClusterIdError, ClusterState};
pub use commit::{Commit, CommitError, Offset};
pub use emoji::{Emoji, EmojiError};
pub use exactly_once::{
    Action, ExactlyOnce, Halt, Input, Life, LogFold, Outcome, Part, Transaction,
};
pub use history::{History, Span};
pub use ledger::Ledger;
pub use merge::{PartialMerge, Standing};
pub use merge_fold::{MergeFold, MergeTiming, Published, Punctuation};
pub use partition_fold::{Applied, Arrival, Closing, PartitionFold, PartitionTiming};
pub use policy::{Policy, Scale, Shaped};
pub use reaction::{
    Countable, EventId, EventIdError, MAX_COUNT, Reaction, StreamName, StreamNameError, UserId,
    UserIdError,
};
pub use role::{NoRole, Role, Roles};
pub use tally::Tally;
pub use time::{EpochMs, Seq, WindowSize, WindowSizeError};
pub use window::{Partial, Placed, TumblingWindows, Window};

#[cfg(test)]
mod laws;
