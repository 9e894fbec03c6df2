//! What a source tells the display, whichever source it is.

use std::collections::BTreeMap;

/// Counts by emoji. A newer node may know emojis that this program does not, so they stay text.
pub(super) type Counts = BTreeMap<String, u64>;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Update {
    /// How the connection is doing: that of one stream, or of all of them.
    Link { stream: Option<String>, link: Link },
    /// Where a session begins to add up.
    Standing(Standing),
    /// A window, or several in one.
    Window(Window),
    /// Windows from before the session, oldest first.
    Past {
        stream: String,
        windows: Vec<Window>,
    },
    /// Streams that there are.
    Streams(Vec<String>),
    /// The clusters, or why they are not told.
    Clusters(Result<Vec<Cluster>, String>),
    /// Nothing more will come, and trying again would not help.
    End(String),
}

/// How a connection is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// Not there yet.
    #[default]
    Connecting,
    /// Windows come as they are counted.
    Live,
    /// It is open, but the node's brokers do not answer.
    Interrupted,
    /// It is gone, and is tried again by itself.
    Lost(String),
}

/// Exact totals of a stream through a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) stream: String,
    pub(super) total: u64,
    pub(super) totals: Counts,
    /// Sessions that watch, where the source knows.
    pub(super) viewers: Option<u64>,
}

/// Counts of a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) stream: String,
    /// The last window in it.
    pub(super) seq: u64,
    /// How many published windows it sums.
    pub(super) span: u64,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// All reactions, also those that `counts` leaves out.
    pub(super) total: u64,
    /// What is listed, the highest count first.
    pub(super) counts: Vec<(String, u64)>,
    /// The totals through this window, where the source has them.
    pub(super) running: Option<Counts>,
    /// Sessions that watch, where the source knows.
    pub(super) viewers: Option<u64>,
}

/// A cluster as the node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) sessions: u64,
}
