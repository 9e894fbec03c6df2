//! `POST /register` and `POST /deregister`: a place for a client, with a lease.

use actix_web::http::StatusCode;
use actix_web::http::header::HOST;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::body;
use super::dto::{DeregisterIn, DeregisterOut, RegisterIn, RegisterOut};
use super::error::Problem;
use super::state::{ListensOn, Shared, Worker};
use crate::actors::messages::{Deregister, Register};
use crate::domain::{ClusterId, UserId};

/// Registers a client, or renews its lease.
#[utoipa::path(
    post, path = "/register", tag = "registrations", request_body = RegisterIn,
    responses(
        (status = 200, body = RegisterOut), (status = 400, description = "`bad_json`"),
        (status = 422, description = "`invalid_client_id`, `invalid_subscriber`, `unknown_cluster`"),
        (status = 503, description = "`registry_full`, `unavailable`, with Retry-After"),
    )
)]
pub(super) async fn register(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let shared = &Worker::of(&request).shared;
    let wish: RegisterIn = body::json(&request, payload, &shared.config).await?;
    check_client_id(&wish.client_id)?;
    let cluster_opt = wish.subscriber.as_deref().map(cluster_of).transpose()?;
    let registered = shared
        .offices
        .register
        .ask(Register {
            client_id: wish.client_id.clone(),
            cluster_opt,
        })
        .await??;
    Ok(HttpResponse::Ok().json(RegisterOut {
        status: "registered",
        client_id: &wish.client_id,
        cluster: registered.cluster.get(),
        subscriber: registered.cluster.subscriber_topic(),
        ws_url: ws_url(shared, &request, &wish.client_id),
        lease_seconds: registered.lease.as_secs(),
    }))
}

/// Ends a registration. A session that is open stays open.
#[utoipa::path(
    post, path = "/deregister", tag = "registrations", request_body = DeregisterIn,
    responses(
        (status = 200, body = DeregisterOut), (status = 400, description = "`bad_json`"),
        (status = 404, description = "`not_registered`; the body's `status` is `not found`"),
        (status = 422, description = "`invalid_client_id`"),
        (status = 503, description = "`unavailable`, with Retry-After"),
    )
)]
pub(super) async fn deregister(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let shared = &Worker::of(&request).shared;
    let DeregisterIn { client_id } = body::json(&request, payload, &shared.config).await?;
    check_client_id(&client_id)?;
    if shared
        .offices
        .deregister
        .ask(Deregister { client_id })
        .await??
    {
        return Ok(HttpResponse::Ok().json(DeregisterOut {
            status: "deregistered",
        }));
    }
    Ok(not_registered())
}

/// The one problem whose `status` is a text: clients of the prototype look for it.
fn not_registered() -> HttpResponse {
    HttpResponse::build(StatusCode::NOT_FOUND)
        .content_type("application/problem+json")
        .json(serde_json::json!({
            "type": "about:blank",
            "title": "Not Found",
            "status": "not found",
            "code": "not_registered",
            "detail": "no client with this id is registered",
        }))
}

fn check_client_id(client_id: &str) -> Result<(), Problem> {
    UserId::parse(client_id).map(drop).map_err(|error| {
        Problem::field(
            "client_id",
            "invalid_client_id",
            format!("client_id {error}"),
        )
    })
}

fn cluster_of(subscriber: &str) -> Result<ClusterId, Problem> {
    ClusterId::from_subscriber_topic(subscriber).ok_or_else(|| {
        Problem::field(
            "subscriber",
            "invalid_subscriber",
            "subscriber must be `subscriber_topic_N`, N the number of a cluster",
        )
    })
}

/// Where the client connects: the node's public URL, or the host by which it was found.
fn ws_url(shared: &Shared, request: &HttpRequest, client_id: &str) -> String {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client_id)
        .finish();
    let base = match &shared.config.public_url {
        Some(url) => {
            let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
            let authority = url.authority().to_owned();
            let path = url.path().trim_end_matches('/');
            format!("{scheme}://{authority}{path}")
        }
        None => format!("ws://{}", found_at(request)),
    };
    format!("{base}/ws?{query}")
}

/// The host by which the client found this node. One of HTTP/1.0 need not name it, and is told where it is.
fn found_at(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    let is_named = connection.host() != request.app_config().host();
    match request.app_data::<ListensOn>() {
        Some(ListensOn(address)) if !is_named && !request.headers().contains_key(HOST) => {
            address.to_string()
        }
        _ => connection.host().to_owned(),
    }
}
