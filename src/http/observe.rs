//! What surrounds every route: answers are counted, and a panic becomes a 500 instead of a dropped connection.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use futures_util::FutureExt;

use super::error::Problem;
use super::state::Worker;
use crate::telemetry::Metrics;

/// Label of requests that match no route: a path is the client's own word, and would make series without end.
const UNMATCHED: &str = "unmatched";

/// The middleware, for `actix_web::middleware::from_fn`.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let metrics = Worker::of(request.request()).shared.metrics.clone();
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let outcome = answered.unwrap_or_else(|_| Err(panicked().into()));
    match &outcome {
        Ok(response) => {
            let route = response.request().match_pattern();
            count(&metrics, route.as_deref(), response.status());
        }
        Err(error) => count(&metrics, None, error.as_response_error().status_code()),
    }
    outcome
}

fn panicked() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the request ended in a panic; see the log",
    )
}

fn count(metrics: &Arc<Metrics>, route: Option<&str>, status: StatusCode) {
    let labels = [route.unwrap_or(UNMATCHED), status.as_str()];
    metrics.http_responses.with_label_values(&labels).inc();
}
