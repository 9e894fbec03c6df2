//! `/health`, `/ready`, `/metrics`, `/openapi.json`: for orchestrators, scrapers and programs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::dto::{HealthOut, ReadyOut, StageOut};
use super::error::Problem;
use super::state::Worker;
use super::{admin, ops, reactions, registrations, subscribe, windows};
use crate::domain::Ledger;
use crate::telemetry::metrics::raise_to;

/// The process lives.
#[utoipa::path(get, path = "/health", tag = "operations", responses((status = 200, body = HealthOut)))]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(HealthOut {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// The node can do its work, or which stage can't.
#[utoipa::path(
    get, path = "/ready", tag = "operations",
    responses((status = 200, body = ReadyOut), (status = 503, description = "A stage is down, or the node drains", body = ReadyOut))
)]
pub(super) async fn ready(request: HttpRequest) -> HttpResponse {
    let readiness = &Worker::of(&request).shared.readiness;
    let stages: Vec<_> = readiness
        .stages
        .iter()
        .map(|(stage, alive)| StageOut {
            stage: stage.clone(),
            up: alive.is_alive(),
        })
        .collect();
    let (code, status) = if readiness.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if readiness.has_started() && stages.iter().all(|stage| stage.up) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    HttpResponse::build(code).json(ReadyOut { status, stages })
}

/// Every metric, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, content_type = "text/plain")))]
pub(super) async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let shared = &Worker::of(&request).shared;
    let mut sum = shared.streams.unattributed().snapshot();
    let rows = shared.streams.ledgers();
    rows.iter().for_each(|(_, row)| sum.merge(row));
    show_ledger(&shared.metrics, &sum);
    shared.metrics.streams.set(rows.len() as i64);
    let text = shared.metrics.render().map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            error.to_string(),
        )
    })?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}

/// The metrics of reactions are the ledger's columns, copied when somebody looks, so that a reaction is counted once.
fn show_ledger(metrics: &crate::telemetry::Metrics, sum: &Ledger) {
    let columns = [
        ("accepted", sum.accepted),
        ("rejected", sum.rejected),
        ("limited", sum.limited),
        ("shed", sum.shed),
        ("unknown_outcome", sum.unknown_outcome),
        ("counted", sum.counted),
        ("deduplicated", sum.deduplicated),
        ("late_carried", sum.late_carried),
        ("lost", sum.lost),
    ];
    for (outcome, total) in columns {
        raise_to(&metrics.reactions.with_label_values(&[outcome]), total);
    }
    metrics.reactions_in_flight.set(sum.in_flight());
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, content_type = "application/json")))]
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Emostream",
        description = "Live emoji reactions at stadium scale"
    ),
    paths(
        reactions::submit,
        registrations::register,
        registrations::deregister,
        subscribe::subscribe,
        windows::windows,
        windows::totals,
        admin::list,
        admin::spawn,
        admin::change,
        admin::retire,
        admin::ledger,
        ops::health,
        ops::ready,
        ops::metrics,
        ops::openapi,
    )
)]
struct Document;

fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}
