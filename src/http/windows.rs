//! `GET /streams/{stream}/windows` and `/totals`: what was counted, uncut.

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::dto::{TotalsOut, WindowOut, WindowsOut};
use super::error::Problem;
use super::state::Worker;
use crate::actors::frames::Totals;
use crate::domain::StreamName;

const DEFAULT_LIMIT: usize = 30;

/// Query of the windows route.
#[derive(Debug, Deserialize)]
pub(super) struct Limit {
    limit: Option<String>,
}

/// The newest windows of a stream, newest last.
#[utoipa::path(
    get, path = "/streams/{stream}/windows", tag = "windows",
    params(("stream" = String, Path), ("limit" = Option<u32>, Query, description = "How many at most; 30 if not given")),
    responses((status = 200, description = "The windows, oldest first"),
        (status = 404, description = "`unknown_stream`"), (status = 422, description = "`invalid_limit`"))
)]
pub(super) async fn windows(
    request: HttpRequest,
    stream: Path<String>,
    limit: Query<Limit>,
) -> Result<HttpResponse, Problem> {
    let worker = Worker::of(&request);
    let stream = known_stream(worker, &stream)?;
    let limit = match limit.limit.as_deref() {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| {
                Problem::field(
                    "limit",
                    "invalid_limit",
                    "limit must be a whole number above 0",
                )
            })?,
    };
    let shared = &worker.shared;
    worker.board.caught_up(&stream).await;
    let windows = worker.board.windows(&stream, limit);
    Ok(HttpResponse::Ok().json(WindowsOut {
        stream: stream.as_str(),
        windows: windows
            .iter()
            .map(|window| WindowOut::new(window, shared.window, shared.policy.scale))
            .collect(),
    }))
}

/// The exact totals of a stream.
#[utoipa::path(
    get, path = "/streams/{stream}/totals", tag = "windows", params(("stream" = String, Path)),
    responses((status = 200, description = "Totals, exact up to `seq`"),
        (status = 404, description = "`unknown_stream`"))
)]
pub(super) async fn totals(
    request: HttpRequest,
    stream: Path<String>,
) -> Result<HttpResponse, Problem> {
    let worker = Worker::of(&request);
    let stream = known_stream(worker, &stream)?;
    worker.board.caught_up(&stream).await;
    let (seq, totals) = worker.board.totals(&stream);
    Ok(HttpResponse::Ok().json(TotalsOut {
        stream: stream.as_str(),
        seq: seq.0,
        total: totals.total(),
        totals: Totals(&totals),
    }))
}

fn known_stream(worker: &Worker, name: &str) -> Result<StreamName, Problem> {
    StreamName::parse(name)
        .ok()
        .filter(|stream| worker.shared.streams.row(stream).is_some())
        .ok_or_else(|| {
            let detail = "no reaction and no subscriber has come for this stream";
            Problem::new(
                actix_web::http::StatusCode::NOT_FOUND,
                "unknown_stream",
                detail,
            )
        })
}
