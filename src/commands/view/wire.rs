//! The JSON of a node, as a client reads it. Fields that are not needed are passed over, and so are frames of unknown types.

use serde::Deserialize;

use super::update::{Cluster, Counts, Standing, Window};

/// A frame of a session.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame {
    Hello(Hello),
    Window(WindowIn),
    Status {
        delivery: Delivery,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    pub(super) client_id: String,
    pub(super) seq: u64,
    stream: String,
    viewers: Option<u64>,
    total: u64,
    totals: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delivery {
    Interrupted,
    #[serde(other)]
    Resumed,
}

/// A window frame, and a window of `GET /streams/{stream}/windows`, which has no stream and no span.
#[derive(Debug, Deserialize)]
pub(super) struct WindowIn {
    seq: u64,
    #[serde(default = "one")]
    span: u64,
    start_ms: u64,
    end_ms: u64,
    viewers: Option<u64>,
    total: u64,
    counts: Vec<CountIn>,
}

#[derive(Debug, Deserialize)]
struct CountIn {
    emoji_type: String,
    count: u64,
}

fn one() -> u64 {
    1
}

/// `GET /streams/{stream}/windows`.
#[derive(Debug, Deserialize)]
pub(super) struct WindowsIn {
    pub(super) windows: Vec<WindowIn>,
}

/// `GET /admin/clusters`.
#[derive(Debug, Deserialize)]
pub(super) struct ClustersIn {
    clusters: Vec<ClusterIn>,
}

#[derive(Debug, Deserialize)]
struct ClusterIn {
    id: u64,
    state: String,
    sessions: u64,
}

/// `GET /admin/ledger`, as far as it names the streams.
#[derive(Debug, Deserialize)]
pub(super) struct LedgerIn {
    pub(super) streams: std::collections::BTreeMap<String, serde::de::IgnoredAny>,
}

/// The reason of a close frame.
#[derive(Debug, Deserialize)]
pub(super) struct CloseReason {
    pub(super) code: String,
    pub(super) retry_after_ms: Option<u64>,
}

/// An error of a route.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub(super) detail: String,
}

impl From<Hello> for Standing {
    fn from(hello: Hello) -> Self {
        Self {
            stream: hello.stream,
            total: hello.total,
            totals: hello.totals,
            viewers: hello.viewers,
        }
    }
}

impl WindowIn {
    pub(super) fn of(self, stream: &str) -> Window {
        let counts = self.counts.into_iter();
        Window {
            stream: stream.to_owned(),
            seq: self.seq,
            span: self.span,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            total: self.total,
            counts: counts
                .map(|listed| (listed.emoji_type, listed.count))
                .collect(),
            running: None,
            viewers: self.viewers,
        }
    }
}

impl From<ClustersIn> for Vec<Cluster> {
    fn from(answer: ClustersIn) -> Self {
        let clusters = answer.clusters.into_iter();
        let cluster = |cluster: ClusterIn| Cluster {
            id: cluster.id,
            state: cluster.state,
            sessions: cluster.sessions,
        };
        clusters.map(cluster).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Frame {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn frames_are_read_as_the_protocol_shows_them() {
        let hello = r#"{"type":"hello","session":"0a","client_id":"seat-12","cluster":2,"stream":"main",
            "window_ms":2000,"seq":897794286,"recovered":false,"viewers":12,"total":4,"totals":{"🔥":4}}"#;
        let Frame::Hello(hello) = frame(hello) else {
            panic!("a hello");
        };
        assert_eq!(
            (hello.client_id.as_str(), hello.seq),
            ("seat-12", 897_794_286)
        );
        let standing = Standing::from(hello);
        assert_eq!((standing.total, standing.totals["🔥"]), (4, 4));

        let window = r#"{"type":"window","stream":"main","cluster":2,"seq":897794287,"span":2,
            "start_ms":1795588574000,"end_ms":1795588576000,"total":3790,
            "counts":[{"emoji_type":"🔥","count":3785,"final_count":3}]}"#;
        let Frame::Window(window) = frame(window) else {
            panic!("a window");
        };
        let window = window.of("main");
        assert_eq!(
            (window.seq, window.span, window.total),
            (897_794_287, 2, 3_790)
        );
        assert_eq!(window.counts, [("🔥".to_owned(), 3_785)]);
    }

    #[test]
    fn delivery_is_told_and_what_is_unknown_is_passed_over() {
        let status =
            |word: &str| match frame(&format!(r#"{{"type":"status","delivery":"{word}"}}"#)) {
                Frame::Status { delivery } => delivery,
                other => panic!("a status, not {other:?}"),
            };
        assert_eq!(status("interrupted"), Delivery::Interrupted);
        assert_eq!(status("resumed"), Delivery::Resumed);
        for other in [
            r#"{"type":"moved","cluster":3}"#,
            r#"{"type":"balloon","size":[1]}"#,
        ] {
            assert!(matches!(frame(other), Frame::Other), "{other}");
        }
    }

    #[test]
    fn clusters_are_read_as_the_protocol_shows_them() {
        let text = r#"{"clusters":[{"id":9,"state":"live","policy":{"top_n":10,"min_count":0,"scale":{"divisor":100}},
            "sessions":3,"topics":{"cluster":"cluster_topic_9"},"last_window":null}]}"#;
        let clusters: ClustersIn = serde_json::from_str(text).unwrap();
        let expected = Cluster {
            id: 9,
            state: "live".to_owned(),
            sessions: 3,
        };
        assert_eq!(Vec::from(clusters), [expected]);
    }
}
