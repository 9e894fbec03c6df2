//! Every error answer: `application/problem+json` (RFC 9457) with a stable `code`. The only place that knows status codes
//! of errors.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::error::QueryPayloadError;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::actors::link::Gone;
use crate::actors::messages::{ClusterError, PlacementError, Shed};
use crate::actors::session::shed_code;
use crate::actors::streams::TooManyStreams;

/// For how long a client is sent away that found no room.
const OVERLOADED_SECONDS: RangeInclusive<u64> = 1..=4;

/// What went wrong, for a program (`code`) and for a person (`detail`).
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    allow: &'static [Method],
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// A problem with its parts.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            field: None,
            retry_after: None,
            allow: &[],
        }
    }

    /// 400: the body is not what its content type says.
    pub fn bad_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_json", detail)
    }

    /// 400: the query string can't be taken apart, or names a parameter twice.
    pub fn bad_query(error: &QueryPayloadError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_query", error.to_string())
    }

    /// 422: one field is wrong.
    pub fn field(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
        }
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 405, naming the methods that would do.
    pub fn method_not_allowed(allow: &'static [Method]) -> Self {
        let detail = format!("this route takes {}", listed(allow));
        Self {
            allow,
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        }
    }

    /// 429: over a rate limit.
    pub fn limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "limited",
                "over the rate limit",
            )
        }
    }

    /// 503: come back later.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
        }
    }

    /// The same, about a field of another name: each route has its own words for a cluster.
    pub fn about(mut self, field: &'static str) -> Self {
        self.field = self.field.map(|_| Cow::Borrowed(field));
        self
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

fn listed(methods: &[Method]) -> String {
    methods
        .iter()
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/problem+json");
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if !self.allow.is_empty() {
            response.insert_header((header::ALLOW, listed(self.allow)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            field: self.field.as_deref(),
        })
    }
}

impl From<Gone> for Problem {
    fn from(gone: Gone) -> Self {
        Self::unavailable("unavailable", gone.to_string())
    }
}

impl From<Shed> for Problem {
    fn from(shed: Shed) -> Self {
        let seconds = match shed {
            // Not all at once: they would be too many again.
            Shed::Overloaded => fastrand::u64(OVERLOADED_SECONDS),
            Shed::Draining | Shed::Unavailable => 1,
            // Brokers that were away are heard within about that.
            Shed::BrokerAway | Shed::UnknownOutcome => 2,
            // Somebody has to do something first.
            Shed::Refused => 30,
        };
        Self {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Self::unavailable(shed_code(shed), shed.to_string())
        }
    }
}

impl From<TooManyStreams> for Problem {
    fn from(error: TooManyStreams) -> Self {
        Self::field("stream", "stream_limit", error.to_string())
    }
}

impl From<PlacementError> for Problem {
    fn from(error: PlacementError) -> Self {
        let detail = error.to_string();
        match error {
            PlacementError::UnknownCluster => Self::field("subscriber", "unknown_cluster", detail),
            PlacementError::TooManyClients => Self::unavailable("registry_full", detail),
            PlacementError::TooManySessions | PlacementError::NoCluster => {
                Self::unavailable("overloaded", detail)
            }
            PlacementError::Unavailable => Self::unavailable("unavailable", detail),
        }
    }
}

impl From<ClusterError> for Problem {
    fn from(error: ClusterError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, detail.clone());
        match error {
            ClusterError::Unknown => Self::new(StatusCode::NOT_FOUND, "unknown_cluster", detail),
            ClusterError::OtherPolicy => conflict("cluster_exists"),
            ClusterError::Draining => conflict("cluster_draining"),
            ClusterError::Last => conflict("last_cluster"),
            ClusterError::TooMany => conflict("cluster_limit"),
            ClusterError::Unavailable | ClusterError::NotServed => {
                Self::unavailable("unavailable", detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_turned_away_is_told_why_and_when_to_come_back() {
        for (shed, code, seconds) in [
            (Shed::Overloaded, "overloaded", OVERLOADED_SECONDS),
            (Shed::Draining, "draining", 1..=1),
            (Shed::Unavailable, "unavailable", 1..=1),
            (Shed::BrokerAway, "broker_away", 2..=2),
            (Shed::UnknownOutcome, "unknown_outcome", 2..=2),
            (Shed::Refused, "broker_refused", 30..=30),
        ] {
            let problem = Problem::from(shed);
            let response = problem.error_response();
            assert_eq!(problem.code(), code);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{code}");
            let after = response.headers().get(header::RETRY_AFTER).unwrap();
            let after = after.to_str().unwrap().parse().unwrap();
            assert!(seconds.contains(&after), "{code}: {after}");
        }
    }
}
