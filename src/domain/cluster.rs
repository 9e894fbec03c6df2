//! Delivery groups: what they are called, where they read and write, and how far along their life
//! they are.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU16;

const SUBSCRIBER_TOPIC: &str = "subscriber_topic_";
const CLUSTER_TOPIC: &str = "cluster_topic_";

/// Number of a cluster, 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(NonZeroU16);

impl ClusterId {
    const MAX: u16 = 9_999;

    /// Checks a number.
    pub fn try_new(number: u64) -> Result<Self, ClusterIdError> {
        let small = u16::try_from(number)
            .ok()
            .filter(|&small| small <= Self::MAX);
        small
            .and_then(NonZeroU16::new)
            .map(Self)
            .ok_or(ClusterIdError)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }

    /// The topic that the cluster's sessions read.
    pub fn subscriber_topic(self) -> String {
        format!("{SUBSCRIBER_TOPIC}{self}")
    }

    /// The topic that the cluster's publisher reads.
    pub fn cluster_topic(self) -> String {
        format!("{CLUSTER_TOPIC}{self}")
    }

    /// The cluster of a subscriber topic, if `topic` is exactly the name of one.
    pub fn from_subscriber_topic(topic: &str) -> Option<Self> {
        let number = topic.strip_prefix(SUBSCRIBER_TOPIC)?.parse().ok()?;
        // Numbers have more than one spelling (`+1`, `01`), a topic has one.
        Self::try_new(number)
            .ok()
            .filter(|id| id.subscriber_topic() == topic)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A number that no cluster can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterIdError;

impl fmt::Display for ClusterIdError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "must be 1 to {}", ClusterId::MAX)
    }
}

impl Error for ClusterIdError {}

/// How far along its life a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterState {
    /// Wanted, not yet delivering.
    Starting,
    /// Delivers.
    Live,
    /// Still delivers while its sessions move elsewhere.
    Draining,
    /// Delivers no more.
    Stopped,
}

impl ClusterState {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for ClusterState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_outside_the_range_are_refused() {
        for number in [0, 10_000, 65_536, 65_537, u64::MAX] {
            assert_eq!(ClusterId::try_new(number), Err(ClusterIdError), "{number}");
        }
        assert_eq!(ClusterId::try_new(1).unwrap().get(), 1);
        assert_eq!(ClusterId::try_new(9_999).unwrap().get(), 9_999);
    }

    #[test]
    fn every_cluster_is_found_by_its_subscriber_topic() {
        for number in 1..=9_999 {
            let id = ClusterId::try_new(number).unwrap();
            assert_eq!(
                ClusterId::from_subscriber_topic(&id.subscriber_topic()),
                Some(id)
            );
        }
    }

    #[test]
    fn topics_carry_the_number() {
        let id = ClusterId::try_new(7).unwrap();
        assert_eq!(id.subscriber_topic(), "subscriber_topic_7");
        assert_eq!(id.cluster_topic(), "cluster_topic_7");
    }

    #[test]
    fn other_spellings_are_no_subscriber_topic() {
        for topic in [
            "",
            "subscriber_topic_",
            "subscriber_topic_0",
            "subscriber_topic_01",
            "subscriber_topic_+1",
            "subscriber_topic_-1",
            "subscriber_topic_1 ",
            "subscriber_topic_10000",
            "Subscriber_topic_1",
            "cluster_topic_1",
        ] {
            assert_eq!(ClusterId::from_subscriber_topic(topic), None, "{topic:?}");
        }
    }
}
