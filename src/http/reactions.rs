//! `POST /emoji`: one reaction, an array, or lines of them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

use super::body::{self, JSON};
use super::dto::{BatchAnswer, ReactionIn, RejectedOut};
use super::error::Problem;
use super::reading::{self, Read};
use super::state::Worker;
use crate::actors::door::Offer;
use crate::actors::messages::Submit;
use crate::actors::streams::add;
use crate::domain::{Emoji, EventId, MAX_COUNT, Reaction, StreamName, UserId};

/// Where they are taken in.
pub(super) const ROUTE: &str = "/emoji";

const MAX_TIMESTAMP_BYTES: usize = 64;
/// `2026-06-11T20:00`: a date alone is not a moment.
const MIN_TIMESTAMP_BYTES: usize = 16;
const NDJSON: &str = "application/x-ndjson";

/// A request that brings reactions.
pub(super) struct Submission<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: Option<SocketAddr>,
    pub(super) payload: Payload,
}

/// Why one reaction is not accepted.
enum Refused {
    /// With the stream that it was meant for, if that much can be read.
    Invalid(Option<StreamName>, Problem),
    Limited {
        reaction: Reaction,
        wait: Duration,
    },
}

/// Takes reactions in.
#[utoipa::path(
    post, path = "/emoji", tag = "reactions",
    request_body(content(
        (ReactionIn = "application/json"),
        (String = "application/x-ndjson"),
    ), description = "One reaction, an array of up to 10,000, or as many lines of JSON"),
    responses(
        (status = 200, description = "Accepted: will be counted. `BatchAnswer` for arrays and lines", body = BatchAnswer),
        (status = 400, description = "`bad_json`"), (status = 408, description = "`body_timeout`"),
        (status = 413, description = "`too_large`"), (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "A field is invalid; `field` names it"),
        (status = 429, description = "`limited`, with Retry-After"),
        (status = 503, description = "`overloaded`, `draining`, `broker_away`, `broker_refused` or `unknown_outcome`, with Retry-After"),
    )
)]
pub(super) async fn submit(
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let submission = Submission {
        headers: request.headers(),
        peer: request.peer_addr(),
        payload: payload.into_inner(),
    };
    take_in(Worker::of(&request), submission).await
}

/// The same, of a request that may not have gone through the router.
pub(super) async fn take_in(
    worker: &Worker,
    Submission {
        headers,
        peer,
        payload,
    }: Submission<'_>,
) -> Result<HttpResponse, Problem> {
    let offered = match is_ndjson(headers) {
        Ok(lines) => {
            let bytes = body::read_first(headers, payload, worker).await;
            let address = worker.shared.address(peer, headers);
            bytes.and_then(|bytes| offer(worker, address, &bytes, lines))
        }
        Err(unsupported) => Err(unsupported),
    };
    match offered {
        Ok(offered) => offered?.answered().await,
        // The request as a whole could not be read; nothing of it has entered the ledger.
        Err(problem) => {
            add(&worker.shared.streams.unattributed().rejected, 1);
            Err(problem)
        }
    }
}

/// Reactions that were offered, and what to say once they are accepted.
struct Offered {
    offer: Offer,
    receipt: Receipt,
}

enum Receipt {
    One,
    Many {
        accepted: usize,
        rejected: Vec<RejectedOut>,
    },
}

impl Offered {
    async fn answered(self) -> Result<HttpResponse, Problem> {
        self.offer.await?;
        Ok(match self.receipt {
            Receipt::One => success(),
            Receipt::Many { accepted, rejected } => HttpResponse::Ok().json(BatchAnswer {
                status: "success",
                accepted,
                rejected,
            }),
        })
    }
}

/// Reads, checks and offers what a body brings. The outer error is of a body that can't be read, the inner one of its
/// reaction.
fn offer(
    worker: &Worker,
    address: Option<IpAddr>,
    bytes: &[u8],
    lines: bool,
) -> Result<Result<Offered, Problem>, Problem> {
    if lines {
        return Ok(Ok(offer_many(worker, address, reading::lines(bytes)?)));
    }
    if reading::first_byte(bytes) == Some(b'[') {
        return Ok(Ok(offer_many(worker, address, reading::array(bytes)?)));
    }
    Ok(offer_one(worker, address, reading::one(bytes)?))
}

fn is_ndjson(headers: &HeaderMap) -> Result<bool, Problem> {
    let media_type = body::media_type(headers);
    if media_type.eq_ignore_ascii_case(JSON) {
        Ok(false)
    } else if media_type.eq_ignore_ascii_case(NDJSON) {
        Ok(true)
    } else {
        Err(body::unsupported(
            "application/json or application/x-ndjson",
        ))
    }
}

// === checking ===

/// The reaction if every field is valid.
fn check(worker: &Worker, read: Read<'_>) -> Result<Reaction, Refused> {
    let given = read.map_err(|problem| Refused::Invalid(None, problem))?;
    validate(worker, &given).map_err(|problem| Refused::Invalid(named_stream(&given), problem))
}

/// The reaction if no limit is in the way. An address that has been asked already is not given.
fn admit(
    worker: &Worker,
    address: Option<IpAddr>,
    reaction: Reaction,
) -> Result<Reaction, Refused> {
    let limits = &worker.shared.limits;
    match limits.admit(address, reaction.user_id.as_str(), reaction.count) {
        Ok(()) => Ok(reaction),
        Err(wait) => Err(Refused::Limited { reaction, wait }),
    }
}

fn validate(worker: &Worker, given: &ReactionIn<'_>) -> Result<Reaction, Problem> {
    let user_id = UserId::parse(&given.user_id).map_err(|error| {
        Problem::field("user_id", "invalid_user_id", format!("user_id {error}"))
    })?;
    let emoji = Emoji::parse(&given.emoji_type).map_err(|error| {
        Problem::field("emoji_type", "invalid_emoji", format!("emoji_type {error}"))
    })?;
    let stream = stream(given)?;
    let count = given.count.unwrap_or(1);
    let count = u32::try_from(count)
        .ok()
        .filter(|count| (1..=MAX_COUNT).contains(count))
        .ok_or_else(|| {
            Problem::field(
                "count",
                "invalid_count",
                format!("count must be 1 to {MAX_COUNT}"),
            )
        })?;
    let event_id = given
        .event_id
        .as_deref()
        .map(EventId::parse)
        .transpose()
        .map_err(|error| {
            Problem::field("event_id", "invalid_event_id", format!("event_id {error}"))
        })?;
    check_timestamp(&given.timestamp)?;
    Ok(Reaction {
        stream: worker.open(stream)?,
        user_id,
        emoji,
        count,
        timestamp: Some(given.timestamp.as_ref().into()),
        event_id,
    })
}

/// The stream that is named; none is `main`.
fn stream(given: &ReactionIn<'_>) -> Result<Option<StreamName>, Problem> {
    let name = given.stream.as_deref().map(StreamName::parse);
    name.transpose()
        .map_err(|error| Problem::field("stream", "invalid_stream", format!("stream {error}")))
}

fn check_timestamp(text: &str) -> Result<(), Problem> {
    let fits = (MIN_TIMESTAMP_BYTES..=MAX_TIMESTAMP_BYTES).contains(&text.len());
    let is_moment =
        || text.parse::<jiff::civil::DateTime>().is_ok() || text.parse::<jiff::Timestamp>().is_ok();
    if fits && is_moment() {
        return Ok(());
    }
    Err(Problem::field(
        "timestamp",
        "invalid_timestamp",
        "timestamp must be an ISO-8601 date and time, with or without zone",
    ))
}

// === submitting ===

fn offer_one(worker: &Worker, address: Option<IpAddr>, read: Read<'_>) -> Result<Offered, Problem> {
    let checked = check(worker, read).and_then(|reaction| admit(worker, address, reaction));
    match checked {
        Ok(reaction) => {
            let reactions = vec![reaction];
            Ok(Offered {
                offer: worker.door.offer(Submit { reactions }),
                receipt: Receipt::One,
            })
        }
        Err(refused) => Err(worker.enter(refused)),
    }
}

fn offer_many(worker: &Worker, address: Option<IpAddr>, parsed: Vec<Read<'_>>) -> Offered {
    let checked = parsed.into_iter().map(|read| check(worker, read));
    let checked: Vec<Result<Reaction, Refused>> = checked.collect();
    let valid = checked.iter().flatten();
    let total = valid.map(|reaction| reaction.count).sum();
    // What an address may send at once it may send one by one. Else each is asked for, and as many pass as may.
    let is_paid = worker.shared.limits.admit_address(address, total);
    let address = address.filter(|_| !is_paid);
    let mut reactions = Vec::with_capacity(checked.len());
    let mut rejected = Vec::new();
    for (index, checked) in checked.into_iter().enumerate() {
        match checked.and_then(|reaction| admit(worker, address, reaction)) {
            Ok(reaction) => reactions.push(reaction),
            Err(refused) => rejected.push(RejectedOut {
                index,
                code: worker.enter(refused).code(),
            }),
        }
    }
    let accepted = reactions.len();
    let offer = if reactions.is_empty() {
        Offer::Answered(Ok(()))
    } else {
        worker.door.offer(Submit { reactions })
    };
    Offered {
        offer,
        receipt: Receipt::Many { accepted, rejected },
    }
}

fn success() -> HttpResponse {
    let body = BoxBody::new(Bytes::from_static(br#"{"status":"success"}"#));
    let mut answer = HttpResponse::with_body(StatusCode::OK, body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    answer
}

/// The stream that an invalid reaction was meant for, if that much can be read.
fn named_stream(given: &ReactionIn<'_>) -> Option<StreamName> {
    given.stream.as_deref().map_or_else(
        || Some(StreamName::main()),
        |name| StreamName::parse(name).ok(),
    )
}

impl Worker {
    /// The stream, which comes to be if it is new.
    fn open(&self, stream: Option<StreamName>) -> Result<StreamName, Problem> {
        match stream {
            None if self.main_is_open.get() => Ok(self.main_stream.clone()),
            stream => {
                let stream = stream.unwrap_or_else(|| self.main_stream.clone());
                self.shared.streams.open(&stream)?;
                self.main_is_open
                    .set(self.main_is_open.get() || stream == self.main_stream);
                Ok(stream)
            }
        }
    }

    /// Enters a refused reaction in the ledger, and says what to answer.
    fn enter(&self, refused: Refused) -> Problem {
        let streams = &self.shared.streams;
        match refused {
            Refused::Invalid(stream, problem) => {
                streams.with_row(stream.as_ref(), |row| add(&row.rejected, 1));
                problem
            }
            Refused::Limited { reaction, wait } => {
                let count = u64::from(reaction.count);
                streams.with_row(Some(&reaction.stream), |row| add(&row.limited, count));
                Problem::limited(wait)
            }
        }
    }
}
