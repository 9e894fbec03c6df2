//! Records of `emostream_control`: the clusters that should exist, registered clients, and the viewers of each node. The
//! topic is compacted; what is gone is a tombstone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json::{self, PolicyJson, moment, read_moment};
use super::{Poison, read};
use crate::domain::{ClusterId, ClusterState, EpochMs, Policy, StreamName, UserId};

const CLUSTER: &str = "cluster:";
const CLIENT: &str = "client:";
const VIEWERS: &str = "viewers:";

/// Streams that one node tells viewers of.
pub const MAX_WATCHED: usize = 1_000;

/// Viewers that one node may have of one stream: so many nodes may add up.
const MAX_VIEWERS: u64 = 1_000_000_000;

/// The longest name of a node.
const MAX_NODE_BYTES: usize = 64;

/// What a record of the topic says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlRecord {
    /// A cluster should be so.
    Cluster {
        /// The cluster.
        id: ClusterId,
        /// How far along its life it should be.
        state: ClusterState,
        /// Its policy.
        policy: Policy,
        /// How often the cluster has been changed. Of two changes to the same state the log takes the first.
        revision: u64,
    },
    /// A cluster is forgotten.
    ClusterGone(ClusterId),
    /// A client is registered.
    Client {
        /// Who.
        client_id: UserId,
        /// Where its sessions sit.
        cluster: ClusterId,
        /// Until when, unless it registers again.
        lease_end: EpochMs,
    },
    /// A client has left.
    ClientGone(UserId),
    /// Sessions of a node that watch.
    Viewers {
        /// The node, by a name that it gives itself when it starts.
        node: String,
        /// How many watch each stream; at most [`MAX_WATCHED`].
        streams: BTreeMap<StreamName, u64>,
        /// Until when, unless it says so again.
        until: EpochMs,
    },
    /// Nobody watches on a node.
    ViewersGone(String),
}

#[derive(Serialize, Deserialize)]
struct ClusterJson<'a> {
    id: u64,
    #[serde(borrow)]
    state: Cow<'a, str>,
    policy: PolicyJson,
    #[serde(default)]
    revision: u64,
}

#[derive(Serialize, Deserialize)]
struct ClientJson<'a> {
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    cluster: u64,
    #[serde(borrow)]
    lease_end: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct ViewersJson<'a> {
    #[serde(borrow)]
    node: Cow<'a, str>,
    #[serde(borrow)]
    streams: BTreeMap<Cow<'a, str>, u64>,
    #[serde(borrow)]
    until: Cow<'a, str>,
}

impl ControlRecord {
    /// The key, by which the topic is compacted.
    pub fn key(&self) -> String {
        match self {
            Self::Cluster { id, .. } | Self::ClusterGone(id) => format!("{CLUSTER}{id}"),
            Self::Client { client_id, .. } | Self::ClientGone(client_id) => {
                format!("{CLIENT}{}", client_id.as_str())
            }
            Self::Viewers { node, .. } | Self::ViewersGone(node) => format!("{VIEWERS}{node}"),
        }
    }

    /// The value; none is a tombstone.
    pub fn encode(&self) -> Option<Vec<u8>> {
        match self {
            Self::Cluster {
                id,
                state,
                policy,
                revision,
            } => Some(json::write(&ClusterJson {
                id: id.get().into(),
                state: state.as_str().into(),
                policy: (*policy).into(),
                revision: *revision,
            })),
            Self::Client {
                client_id,
                cluster,
                lease_end,
            } => Some(json::write(&ClientJson {
                client_id: client_id.as_str().into(),
                cluster: cluster.get().into(),
                lease_end: moment(*lease_end).into(),
            })),
            Self::Viewers {
                node,
                streams,
                until,
            } => Some(json::write(&ViewersJson {
                node: node.into(),
                streams: streams
                    .iter()
                    .map(|(stream, viewers)| (stream.as_str().into(), *viewers))
                    .collect(),
                until: moment(*until).into(),
            })),
            Self::ClusterGone(_) | Self::ClientGone(_) | Self::ViewersGone(_) => None,
        }
    }

    /// Reads and checks a record.
    ///
    /// # Errors
    ///
    /// Anything but one of these, and a value under another's key.
    pub fn decode(key: &[u8], value_opt: Option<&[u8]>) -> Result<Self, Poison> {
        let key = std::str::from_utf8(key).map_err(|_| Poison::InvalidKey)?;
        let record = if let Some(number) = key.strip_prefix(CLUSTER) {
            Self::decode_cluster(number, value_opt)?
        } else if let Some(client_id) = key.strip_prefix(CLIENT) {
            Self::decode_client(client_id, value_opt)?
        } else if let Some(node) = key.strip_prefix(VIEWERS) {
            Self::decode_viewers(node, value_opt)?
        } else {
            return Err(Poison::InvalidKey);
        };
        // Numbers have more than one spelling, and compaction goes by the bytes.
        if record.key() == key {
            Ok(record)
        } else {
            Err(Poison::InvalidKey)
        }
    }

    fn decode_cluster(number: &str, value_opt: Option<&[u8]>) -> Result<Self, Poison> {
        let Some(value) = value_opt else {
            let number = number.parse().map_err(|_| Poison::InvalidKey)?;
            return cluster(number).map(Self::ClusterGone);
        };
        let given: ClusterJson<'_> = read(value)?;
        let states = [
            ClusterState::Starting,
            ClusterState::Live,
            ClusterState::Draining,
            ClusterState::Stopped,
        ];
        let state = states
            .into_iter()
            .find(|state| state.as_str() == given.state);
        Ok(Self::Cluster {
            id: cluster(given.id)?,
            state: state.ok_or(Poison::InvalidState)?,
            policy: given.policy.into(),
            revision: given.revision,
        })
    }

    fn decode_client(client_id: &str, value_opt: Option<&[u8]>) -> Result<Self, Poison> {
        let who = |text: &str| UserId::parse(text).map_err(|_| Poison::InvalidUserId);
        let Some(value) = value_opt else {
            return who(client_id).map(Self::ClientGone);
        };
        let given: ClientJson<'_> = read(value)?;
        Ok(Self::Client {
            client_id: who(&given.client_id)?,
            cluster: cluster(given.cluster)?,
            lease_end: read_moment(&given.lease_end).ok_or(Poison::InvalidTimestamp)?,
        })
    }

    fn decode_viewers(node: &str, value_opt: Option<&[u8]>) -> Result<Self, Poison> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=MAX_NODE_BYTES).contains(&node.len()) || !node.bytes().all(is_name) {
            return Err(Poison::InvalidKey);
        }
        let Some(value) = value_opt else {
            return Ok(Self::ViewersGone(node.to_owned()));
        };
        let given: ViewersJson<'_> = read(value)?;
        if given.streams.len() > MAX_WATCHED {
            return Err(Poison::InvalidCount);
        }
        let named = given.streams.into_iter().map(|(stream, viewers)| {
            let stream = StreamName::parse(&stream).map_err(|_| Poison::InvalidStream)?;
            if viewers > MAX_VIEWERS {
                return Err(Poison::InvalidCount);
            }
            Ok((stream, viewers))
        });
        Ok(Self::Viewers {
            node: given.node.into_owned(),
            streams: named.collect::<Result<_, _>>()?,
            until: read_moment(&given.until).ok_or(Poison::InvalidTimestamp)?,
        })
    }
}

fn cluster(number: u64) -> Result<ClusterId, Poison> {
    ClusterId::try_new(number).map_err(|_| Poison::InvalidCluster)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::kafka::record::tests::any_policy;

    const CLUSTER_9: &str = r#"{"id":9,"state":"live","policy":{"top_n":5,"min_count":2,"scale":{"divisor":100}},"revision":3}"#;
    const ADA: &str = r#"{"client_id":"ada","cluster":9,"lease_end":"2025-12-02T16:00:30.000Z"}"#;

    const NODE: &str =
        r#"{"node":"9f3c","streams":{"final":3,"main":41000},"until":"2025-12-02T16:00:30.000Z"}"#;

    fn id(number: u64) -> ClusterId {
        ClusterId::try_new(number).unwrap()
    }

    fn decode(key: &str, value_opt: Option<&str>) -> Result<ControlRecord, Poison> {
        ControlRecord::decode(key.as_bytes(), value_opt.map(str::as_bytes))
    }

    #[test]
    fn clusters_clients_and_viewers_look_like_this() {
        for (key, golden) in [
            ("cluster:9", CLUSTER_9),
            ("client:ada", ADA),
            ("viewers:9f3c", NODE),
        ] {
            let record = decode(key, Some(golden)).unwrap();
            assert_eq!(record.key(), key);
            assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), golden);
        }
    }

    #[test]
    fn a_tombstone_says_what_is_gone() {
        for (key, gone) in [
            ("cluster:9", ControlRecord::ClusterGone(id(9))),
            (
                "client:ada",
                ControlRecord::ClientGone(UserId::parse("ada").unwrap()),
            ),
            (
                "viewers:9f3c",
                ControlRecord::ViewersGone("9f3c".to_owned()),
            ),
        ] {
            assert_eq!(decode(key, None), Ok(gone.clone()));
            assert_eq!((gone.key().as_str(), gone.encode()), (key, None));
        }
    }

    #[test]
    fn a_policy_may_be_given_in_part() {
        let record = decode("cluster:9", Some(r#"{"id":9,"state":"live","policy":{}}"#)).unwrap();
        let policy = Policy::default();
        let state = ClusterState::Live;
        assert_eq!(
            record,
            ControlRecord::Cluster {
                id: id(9),
                state,
                policy,
                revision: 0,
            }
        );
    }

    #[test]
    fn each_refusal_names_its_reason() {
        for (key, value_opt, reason) in [
            ("cluster:8", Some(CLUSTER_9), Poison::InvalidKey),
            ("cluster:09", None, Poison::InvalidKey),
            ("cluster:0", None, Poison::InvalidCluster),
            ("client:", None, Poison::InvalidUserId),
            ("client:bob", Some(ADA), Poison::InvalidKey),
            ("topic:1", Some("{}"), Poison::InvalidKey),
            ("viewers:", None, Poison::InvalidKey),
            ("viewers:a b", None, Poison::InvalidKey),
            ("viewers:other", Some(NODE), Poison::InvalidKey),
            (
                "viewers:9f3c",
                Some(r#"{"node":"9f3c","streams":{"a b":1},"until":"2025-12-02T16:00:30Z"}"#),
                Poison::InvalidStream,
            ),
            (
                "viewers:9f3c",
                Some(
                    r#"{"node":"9f3c","streams":{"main":1000000001},"until":"2025-12-02T16:00:30Z"}"#,
                ),
                Poison::InvalidCount,
            ),
            ("cluster:9", Some(""), Poison::NoValue),
            (
                "cluster:9",
                Some(r#"{"id":9,"state":"gone","policy":{}}"#),
                Poison::InvalidState,
            ),
            (
                "client:ada",
                Some(r#"{"client_id":"ada","cluster":9,"lease_end":"soon"}"#),
                Poison::InvalidTimestamp,
            ),
        ] {
            assert_eq!(decode(key, value_opt), Err(reason), "{key} {value_opt:?}");
        }
        assert_eq!(
            ControlRecord::decode(b"\xff", None),
            Err(Poison::InvalidKey)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same(
            policy in any_policy(), number in 1..=9_999_u64, client in "[^\\p{Cc}]{1,32}", at in 0..1_u64 << 45,
        ) {
            let client_id = UserId::parse(&client).unwrap();
            for record in [
                ControlRecord::Cluster { id: id(number), state: ClusterState::Draining, policy, revision: at },
                ControlRecord::Client { client_id: client_id.clone(), cluster: id(number), lease_end: EpochMs(at) },
                ControlRecord::ClientGone(client_id),
                ControlRecord::ClusterGone(id(number)),
                ControlRecord::Viewers {
                    node: "9f3c".to_owned(), streams: BTreeMap::from([(StreamName::main(), at % MAX_VIEWERS)]), until: EpochMs(at),
                },
                ControlRecord::ViewersGone("9f3c".to_owned()),
            ] {
                let value = record.encode();
                prop_assert_eq!(ControlRecord::decode(record.key().as_bytes(), value.as_deref()).unwrap(), record);
            }
        }
    }
}
