//! What surrounds every route: answers are counted, and a panic becomes a 500 instead of a dropped connection.

use std::panic::AssertUnwindSafe;

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
    let outcome = survive(next.call(request)).await;
    match &outcome {
        Ok(response) => {
            let route = response.request().match_pattern();
            count(&metrics, route.as_deref(), response.status());
        }
        Err(error) => count(&metrics, None, error.as_response_error().status_code()),
    }
    outcome
}

pub(super) async fn survive<Answer, Failure: From<Problem>>(
    request: impl Future<Output = Result<Answer, Failure>>,
) -> Result<Answer, Failure> {
    let answered = AssertUnwindSafe(request).catch_unwind().await;
    answered.unwrap_or_else(|_| Err(panicked().into()))
}

fn panicked() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the request ended in a panic; see the log",
    )
}

pub(super) fn count(metrics: &Metrics, route: Option<&str>, status: StatusCode) {
    let labels = [route.unwrap_or(UNMATCHED), status.as_str()];
    metrics.http_responses.with_label_values(&labels).inc();
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;

    use super::*;

    #[actix_web::test]
    async fn a_panic_in_a_request_is_answered_with_500_and_ends_that_request_alone() {
        let bursting = survive(async { panic!("boom") });
        let others = survive(async { Ok("an answer") });
        type Answer = Result<&'static str, Problem>;
        let (burst, other): (Answer, Answer) = tokio::join!(bursting, others);
        let answer = burst.unwrap_err().error_response();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(other.unwrap(), "an answer");
    }
}
