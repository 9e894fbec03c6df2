//! Who comes to `GET /ws`: what they wish, whether their page may, and where they sit.

use actix_web::HttpRequest;
use actix_web::http::header;
use serde::Deserialize;

use super::error::Problem;
use super::state::{Shared, Worker};
use crate::actors::board::{Arrival, Retired};
use crate::actors::cursor::Cursor;
use crate::actors::messages::{PlaceSession, PlacementError};
use crate::domain::{ClusterId, Seq, StreamName, UserId};

/// How often a session asks for another seat when its cluster leaves while it comes.
const MAX_SEATINGS: usize = 3;

/// Query of the route.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    stream: Option<String>,
    cluster: Option<String>,
    client_id: Option<String>,
    since: Option<String>,
}

/// A wish that was understood.
pub(super) struct Coming {
    pub(super) client_id: UserId,
    pub(super) stream: StreamName,
    cluster_opt: Option<ClusterId>,
    since: Option<Seq>,
}

impl Coming {
    pub(super) fn read(wish: &Wish) -> Result<Self, Problem> {
        let stream = wish
            .stream
            .as_deref()
            .map_or_else(|| Ok(StreamName::main()), StreamName::parse);
        let stream = stream.map_err(|error| {
            Problem::field("stream", "invalid_stream", format!("stream {error}"))
        })?;
        let made_up = || format!("{:016x}", fastrand::u64(..));
        let client_id = wish
            .client_id
            .clone()
            .filter(|id| !id.is_empty())
            .unwrap_or_else(made_up);
        let client_id = UserId::parse(&client_id).map_err(|error| {
            Problem::field(
                "client_id",
                "invalid_client_id",
                format!("client_id {error}"),
            )
        })?;
        let cluster_opt = match wish.cluster.as_deref() {
            None | Some("" | "auto") => None,
            Some(text) => Some(read_cluster(text)?),
        };
        let since = wish
            .since
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(str::parse);
        let since = since.transpose().map_err(|_| {
            Problem::field(
                "since",
                "invalid_since",
                "since must be the `seq` of a frame",
            )
        })?;
        Ok(Self {
            client_id,
            stream,
            cluster_opt,
            since: since.map(Seq),
        })
    }
}

fn read_cluster(text: &str) -> Result<ClusterId, Problem> {
    let number = text
        .parse()
        .ok()
        .and_then(|number| ClusterId::try_new(number).ok());
    number.ok_or_else(|| {
        Problem::field(
            "cluster",
            "invalid_cluster",
            "cluster must be a cluster's number, or `auto`",
        )
    })
}

/// A page may open sockets to the node that served it and from the origins that are listed. A client without an origin is
/// not a browser, so no page can be behind it.
pub(super) fn origin_allowed(shared: &Shared, request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    if shared
        .config
        .allowed_origins
        .iter()
        .any(|allowed| allowed == origin)
    {
        return true;
    }
    let Ok(origin) = url::Url::parse(origin) else {
        return false;
    };
    let authority = match (origin.host_str(), origin.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return false,
    };
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(&authority))
}

/// A place on the worker's board, in the cluster that the registry names.
pub(super) async fn seat(worker: &Worker, coming: &Coming) -> Result<Cursor, PlacementError> {
    let mut arrival = Arrival {
        session: format!("{:016x}", fastrand::u64(..)),
        client_id: coming.client_id.as_str().to_owned(),
        stream: coming.stream.clone(),
        since: coming.since,
    };
    for _ in 0..MAX_SEATINGS {
        let place = PlaceSession {
            client_id: coming.client_id.as_str().to_owned(),
            cluster_opt: coming.cluster_opt,
        };
        let placed = worker.shared.offices.place.ask(place).await;
        let seat = placed.map_err(|_| PlacementError::NoCluster)??;
        match Cursor::open(&worker.board, seat, arrival) {
            Ok(cursor) => return Ok(cursor),
            Err(Retired(back)) => arrival = back,
        }
    }
    Err(PlacementError::NoCluster)
}
