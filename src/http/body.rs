//! Request bodies, read within a size and a time.

use std::pin::pin;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::HttpConfig;
use super::dto::ReactionIn;
use super::error::Problem;
use super::state::Worker;

pub(super) const JSON: &str = "application/json";

/// The whole body. actix-web itself bounds the time of a request's head alone.
async fn read(
    headers: &HeaderMap,
    payload: Payload,
    config: &HttpConfig,
) -> Result<Bytes, Problem> {
    may_be_that_long(headers, config)?;
    within_time(collect(payload, config), config).await
}

/// The same where it matters that most bodies come with their head: setting a clock for one costs as much as reading it. To be
/// the first that a request waits for.
pub(super) async fn read_first(
    headers: &HeaderMap,
    payload: Payload,
    worker: &Worker,
) -> Result<Bytes, Problem> {
    let config = &worker.shared.config;
    may_be_that_long(headers, config)?;
    let is_of_http1 = matches!(payload, Payload::H1 { .. });
    let mut body = pin!(collect(payload, config));
    if is_of_http1 && let Some(body) = worker.arrivals.with_head(body.as_mut()).await {
        return body;
    }
    // Boxed: it is rarely come to, and a request's future is copied on its way.
    Box::pin(within_time(body, config)).await
}

async fn within_time(
    body: impl Future<Output = Result<Bytes, Problem>>,
    config: &HttpConfig,
) -> Result<Bytes, Problem> {
    let body = tokio::time::timeout(config.body_timeout, body).await;
    body.unwrap_or_else(|_| {
        Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "the body did not come in time",
        ))
    })
}

fn may_be_that_long(headers: &HeaderMap, config: &HttpConfig) -> Result<(), Problem> {
    if announced_length(headers).is_some_and(|length| length > config.max_body as u64) {
        return Err(too_long(config));
    }
    Ok(())
}

/// What is mostly one piece is not copied.
async fn collect(mut payload: Payload, config: &HttpConfig) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| unreadable(&error))?;
        if first.len() + whole.len() + piece.len() > config.max_body {
            return Err(too_long(config));
        }
        if first.is_empty() && whole.is_empty() {
            first = piece;
            continue;
        }
        whole.extend_from_slice(&std::mem::take(&mut first));
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

fn too_long(config: &HttpConfig) -> Problem {
    too_large(format!("a body has at most {} bytes", config.max_body))
}

/// A JSON body of a known shape. An empty body is `null`.
pub(super) async fn json<Shape: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    config: &HttpConfig,
) -> Result<Shape, Problem> {
    let headers = request.headers();
    let bytes = read(headers, payload.into_inner(), config).await?;
    if !bytes.is_empty() && !media_type(headers).eq_ignore_ascii_case(JSON) {
        return Err(unsupported(JSON));
    }
    let bytes = if bytes.is_empty() {
        b"null"
    } else {
        bytes.as_ref()
    };
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let shape: Result<Shape, _> = serde_path_to_error::deserialize(&mut source);
    match shape {
        Ok(shape) => source
            .end()
            .map(|()| shape)
            .map_err(|error| Problem::bad_json(error.to_string())),
        Err(error) => {
            is_whole(bytes)?;
            let field = wrong_field(&error);
            let detail = format!("{field} {}", reason(error.inner()));
            Err(Problem::field(field, "invalid_body", detail))
        }
    }
}

/// What the client says the body will have: no reason to wait for more than is allowed.
fn announced_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// What the client says the body is, without parameters; empty if it does not say.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let content_type = headers.get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value == JSON) {
        return JSON;
    }
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.and_then(|value| value.split(';').next());
    content_type.unwrap_or_default().trim()
}

/// Names the field that is wrong in a reaction that is JSON but not of the right shape.
///
/// Kept off the way of good reactions: the path to an error costs more than a parse.
pub(super) fn invalid(bytes: &[u8]) -> Problem {
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, ReactionIn<'_>>(&mut source) else {
        return Problem::bad_json("not a reaction");
    };
    if let Err(problem) = is_whole(bytes) {
        return problem;
    }
    let text = error.inner().to_string();
    let place = error.path().to_string();
    let names = |field: &str| place == field || text.contains(&format!("field `{field}`"));
    let why = reason(error.inner());
    match FIELDS.iter().find(|(field, _)| names(field)) {
        Some((field, code)) => Problem::field(*field, code, format!("{field} {why}")),
        None => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_body",
            "a reaction is a JSON object",
        ),
    }
}

/// The field that is wrong: one that is missing has no path, but serde names it.
fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let path = error.path().to_string();
    if path != "." {
        return path;
    }
    let text = error.inner().to_string();
    let named = text
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    named.unwrap_or("body").to_owned()
}

/// A wrong shape is only looked at once it is certain that the rest of the body is JSON.
fn is_whole(bytes: &[u8]) -> Result<(), Problem> {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
        .map(drop)
        .map_err(|error| Problem::bad_json(error.to_string()))
}

/// What is wrong, in words that never repeat what was sent: serde quotes it.
fn reason(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    if text.starts_with("missing field") {
        "is missing"
    } else if text.starts_with("duplicate field") {
        "is given more than once"
    } else if text.starts_with("unknown field") {
        "there is no such field"
    } else {
        "has the wrong type or value"
    }
}

/// The fields of a reaction and the codes of their errors.
const FIELDS: [(&str, &str); 6] = [
    ("user_id", "invalid_user_id"),
    ("emoji_type", "invalid_emoji"),
    ("timestamp", "invalid_timestamp"),
    ("stream", "invalid_stream"),
    ("count", "invalid_count"),
    ("event_id", "invalid_event_id"),
];

/// 413.
pub(super) fn too_large(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

/// 415.
pub(super) fn unsupported(wanted: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("the content type must be {wanted}"),
    )
}

fn unreadable(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => too_large("the body is too large"),
        _ => Problem::new(
            StatusCode::BAD_REQUEST,
            "unreadable_body",
            error.to_string(),
        ),
    }
}
