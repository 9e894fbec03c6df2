//! `/admin`: clusters at run time, and the ledger. Every route asks for the bearer token first.

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::body;
use super::dto::{ChangeIn, ClusterOut, ClustersOut, LedgerOut, SpawnIn};
use super::error::Problem;
use super::state::{Shared, Worker};
use crate::actors::messages::{
    ChangeClusterPolicy, ClusterError, ClusterReport, ListClusters, RetireCluster, SpawnCluster,
    Spawned,
};
use crate::domain::{ClusterId, Ledger};

/// Every cluster there is and was.
#[utoipa::path(
    get, path = "/admin/clusters", tag = "admin", security(("bearer" = [])),
    responses((status = 200, body = ClustersOut), (status = 401, description = "`unauthorised`"))
)]
pub(super) async fn list(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let shared = admitted(&request)?;
    let reports = shared.offices.list.ask(ListClusters).await?;
    Ok(HttpResponse::Ok().json(ClustersOut {
        clusters: reports.into_iter().map(ClusterOut::from).collect(),
    }))
}

/// Spawns a cluster. The answer comes when it delivers.
#[utoipa::path(
    post, path = "/admin/clusters", tag = "admin", security(("bearer" = [])), request_body = SpawnIn,
    responses(
        (status = 201, description = "It delivers now", body = ClusterOut),
        (status = 200, description = "The same cluster with the same policy was there", body = ClusterOut),
        (status = 401, description = "`unauthorised`"),
        (status = 409, description = "`cluster_exists`, `cluster_draining`, `cluster_limit`"),
        (status = 422, description = "`invalid_id`, `invalid_body`"),
        (status = 503, description = "`unavailable`, with Retry-After"),
    )
)]
pub(super) async fn spawn(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let shared = admitted(&request)?;
    let wish: Option<SpawnIn> = body::json(&request, payload, &shared.config).await?;
    let wish = wish.unwrap_or_default();
    let spawn = SpawnCluster {
        id_opt: wish.id.map(cluster_id).transpose()?,
        policy_opt: wish.policy.map(|policy| policy.over(shared.policy)),
    };
    Ok(match shared.offices.spawn.ask(spawn).await?? {
        Spawned::New(report) => HttpResponse::Created().json(ClusterOut::from(report)),
        Spawned::Existing(report) => HttpResponse::Ok().json(ClusterOut::from(report)),
    })
}

/// Changes a cluster's policy, from the next window on.
#[utoipa::path(
    patch, path = "/admin/clusters/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = u16, Path)), request_body = ChangeIn,
    responses(
        (status = 200, body = ClusterOut), (status = 401, description = "`unauthorised`"),
        (status = 404, description = "`unknown_cluster`"), (status = 422, description = "`invalid_body`"),
        (status = 503, description = "`unavailable`, with Retry-After"),
    )
)]
pub(super) async fn change(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let shared = admitted(&request)?;
    let wish: ChangeIn = body::json(&request, payload, &shared.config).await?;
    let present = find(shared, &id).await?;
    let change = ChangeClusterPolicy {
        id: present.id,
        policy: wish.policy.over(present.policy),
    };
    let report = shared.offices.change.ask(change).await??;
    Ok(HttpResponse::Ok().json(ClusterOut::from(report)))
}

/// Retires a cluster: its sessions move, then it stops.
#[utoipa::path(
    delete, path = "/admin/clusters/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = u16, Path)),
    responses(
        (status = 202, description = "Its sessions are moving", body = ClusterOut),
        (status = 401, description = "`unauthorised`"), (status = 404, description = "`unknown_cluster`"),
        (status = 409, description = "`last_cluster`"),
        (status = 503, description = "`unavailable`, with Retry-After"),
    )
)]
pub(super) async fn retire(
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let shared = admitted(&request)?;
    let id = find(shared, &id).await?.id;
    let report = shared.offices.retire.ask(RetireCluster { id }).await??;
    Ok(HttpResponse::Accepted().json(ClusterOut::from(report)))
}

/// The ledger: what became of every reaction, in sum and per stream.
#[utoipa::path(
    get, path = "/admin/ledger", tag = "admin", security(("bearer" = [])),
    responses((status = 200, body = LedgerOut), (status = 401, description = "`unauthorised`"))
)]
pub(super) async fn ledger(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let streams = &admitted(&request)?.streams;
    let unattributed = streams.unattributed().snapshot();
    let rows = streams.ledgers();
    let mut sum = Ledger::default();
    sum.merge(&unattributed);
    rows.iter().for_each(|(_, row)| sum.merge(row));
    let streams = rows
        .into_iter()
        .map(|(stream, row)| (stream.to_string(), row.into()));
    Ok(HttpResponse::Ok().json(LedgerOut {
        own: sum.into(),
        sum: sum.into(),
        streams: streams.collect(),
        unattributed: unattributed.into(),
    }))
}

fn admitted(request: &HttpRequest) -> Result<&Shared, Problem> {
    let shared = &Worker::of(request).shared;
    shared.admin.check(request)?;
    Ok(shared)
}

fn cluster_id(number: u64) -> Result<ClusterId, Problem> {
    ClusterId::try_new(number)
        .map_err(|error| Problem::field("id", "invalid_id", format!("id {error}")))
}

/// The cluster with the number in the path.
async fn find(shared: &Shared, id: &str) -> Result<ClusterReport, Problem> {
    let id = id
        .parse()
        .ok()
        .and_then(|number| ClusterId::try_new(number).ok());
    let reports = shared.offices.list.ask(ListClusters).await?;
    reports
        .into_iter()
        .find(|report| Some(report.id) == id)
        .ok_or_else(|| ClusterError::Unknown.into())
}
