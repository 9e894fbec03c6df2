//! The ledger, whose equations hold whenever it is read.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::api::Api;
use super::wait::{PATIENCE, wait_for};

/// One row of `GET /admin/ledger`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Row {
    pub(crate) received: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) limited: u64,
    pub(crate) shed: u64,
    pub(crate) unknown_outcome: u64,
    pub(crate) counted: u64,
    pub(crate) in_flight: i64,
    pub(crate) deduplicated: u64,
    pub(crate) late_carried: u64,
}

/// The whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) sum: Row,
    /// Name of the stream and its row.
    pub(crate) streams: Vec<(String, Row)>,
}

impl Row {
    /// Panics unless both equations of the contract hold.
    pub(crate) fn assert_balanced(&self) {
        assert_eq!(
            self.received,
            self.accepted + self.rejected + self.limited + self.shed,
            "{self:?}"
        );
        assert_eq!(
            self.accepted.cast_signed(),
            (self.counted + self.deduplicated).cast_signed() + self.in_flight,
            "{self:?}"
        );
        assert!(self.unknown_outcome <= self.shed, "{self:?}");
        assert!(self.late_carried <= self.counted, "{self:?}");
    }
}

impl Ledger {
    /// Reads the ledger and checks the equations of the sum and of every stream.
    pub(crate) async fn read(api: &Api) -> Self {
        let body = api
            .admin(Method::GET, "/admin/ledger", &Value::Null)
            .await
            .expect(200)
            .json();
        let sum = row(&body["sum"]);
        let streams = body["streams"]
            .as_object()
            .unwrap_or_else(|| panic!("rows per stream in {body}"));
        let named = |(stream, entry): (&String, &Value)| (stream.clone(), row(entry));
        let ledger = Self {
            sum,
            streams: streams.iter().map(named).collect(),
        };
        ledger.sum.assert_balanced();
        ledger
            .streams
            .iter()
            .for_each(|(_, row)| row.assert_balanced());
        ledger
    }

    /// Waits until nothing is in flight any more and `counted` reactions are in published windows.
    pub(crate) async fn settled(api: &Api, counted: u64) -> Self {
        wait_for(
            "the ledger settles",
            PATIENCE,
            async || Self::read(api).await,
            |ledger| ledger.sum.in_flight == 0 && ledger.sum.counted >= counted,
        )
        .await
    }

    /// The row of `stream`.
    pub(crate) fn stream(&self, stream: &str) -> &Row {
        let found = self.streams.iter().find(|(name, _)| name == stream);
        &found
            .unwrap_or_else(|| panic!("no row for {stream} in {self:?}"))
            .1
    }
}

fn row(value: &Value) -> Row {
    Row::deserialize(value).unwrap_or_else(|error| panic!("not a ledger row ({error}): {value}"))
}
