//! One edge of the system: requests in, frames out. Every route is on this screen.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpRequest, Resource, Route, guard, web};

pub mod state;
mod front;
mod reactions;
mod registrations;
mod coming;
mod subscribe;
mod inbound;
mod upgrade;
mod windows;
mod admin;
mod ops;
mod assets;
pub mod limits;
pub mod auth;
mod body;
pub mod arrivals;
mod reading;
mod elements;
mod lines;
mod dto;
mod error;
mod observe;

pub use assets::shows_stage;
pub use front::{Answering, Front};
pub use observe::observe;
pub use upgrade::{Handed, Upgraded};

use error::Problem;
use state::Worker;

use crate::domain::Role;

/// Settings under `http`, and the two of `session` that belong to sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where to listen; every route is on each.
    pub bind: Vec<SocketAddr>,
    /// Worker threads; 0 is one per core.
    pub workers: usize,
    /// Longest request body, in bytes.
    pub max_body: usize,
    /// How long a request body may take.
    pub body_timeout: Duration,
    /// Connections per worker.
    pub max_connections: usize,
    /// Kernel send buffer per connection, in bytes: what a slow session may have on its way.
    pub send_buffer: usize,
    /// Where clients find this node, if not where they found it.
    pub public_url: Option<url::Url>,
    /// Origins of pages that may open sockets, besides the node's own.
    pub allowed_origins: Vec<String>,
    /// Proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: usize,
}

/// Every route of the node: those of its roles, and those that every node has.
#[rustfmt::skip]
pub fn configure(worker: Rc<Worker>) -> impl FnOnce(&mut web::ServiceConfig) {
    use web::{delete, get, patch, post};
    move |routes| {
        let roles = worker.shared.roles;
        routes
            .app_data(worker)
            .app_data(web::QueryConfig::default().error_handler(|error, _| Problem::bad_query(&error).into()));
        if roles.has(Role::Api) {
            routes
                .service(only(&[Method::POST], reactions::ROUTE, post().to(reactions::submit)))
                .service(only(&[Method::POST], "/register", post().to(registrations::register)))
                .service(only(&[Method::POST], "/deregister", post().to(registrations::deregister)));
        }
        if roles.has(Role::Session) {
            routes
                .service(only(&[Method::GET], "/ws", get().to(subscribe::subscribe)))
                .service(only(READ, "/streams/{stream}/windows", read().to(windows::windows)))
                .service(only(READ, "/streams/{stream}/totals", read().to(windows::totals)))
                .service(only(READ, "/", read().to(assets::stage)))
                .service(only(READ, "/dashboard", read().to(assets::dashboard)))
                .service(only(READ, "/stage/{path:.+}", read().to(assets::file)))
                .service(only(READ, "/dashboard/{path:.+}", read().to(assets::file)))
                .service(only(READ, "/sdk/{path:.+}", read().to(assets::file)))
                .service(only(READ, "/vendor/{path:.+}", read().to(assets::file)));
        }
        routes
            .service(only(&[Method::GET, Method::HEAD, Method::POST], "/admin/clusters", read().to(admin::list)).route(post().to(admin::spawn)))
            .service(only(&[Method::PATCH, Method::DELETE], "/admin/clusters/{id}", patch().to(admin::change)).route(delete().to(admin::retire)))
            .service(only(READ, "/admin/ledger", read().to(admin::ledger)))
            .service(only(READ, "/health", read().to(ops::health)))
            .service(only(READ, "/ready", read().to(ops::ready)))
            .service(only(READ, "/metrics", read().to(ops::metrics)))
            .service(only(READ, "/openapi.json", read().to(ops::openapi)))
            .default_service(web::to(unknown_route));
    }
}

/// Whoever may read may ask as well what there would be to read: caches and probes do.
const READ: &[Method] = &[Method::GET, Method::HEAD];

fn read() -> Route {
    Route::new().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A resource that answers other methods with 405 and says which would do.
fn only(methods: &'static [Method], path: &str, route: Route) -> Resource {
    let refuse = move || async move { Err::<&str, _>(Problem::method_not_allowed(methods)) };
    web::resource(path)
        .route(route)
        .default_service(web::to(refuse))
}

async fn unknown_route(request: HttpRequest) -> Result<&'static str, Problem> {
    tracing::debug!(method = %request.method(), "request for an unknown route");
    let roles = Worker::of(&request).shared.roles;
    Err(Problem::not_found(if roles.is_all() {
        "there is no such route; see /openapi.json".to_owned()
    } else {
        format!("there is no such route on a node with the roles {roles}; see /openapi.json")
    }))
}
