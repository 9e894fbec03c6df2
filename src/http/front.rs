//! The route that a crowd asks for, answered before the router. Taking in a reaction is so little work that finding its route,
//! and going through what surrounds every route, would cost as much again.
//!
//! `POST /emoji` stands in the router as well, for whoever writes it in another way or asks for another protocol with it.

use std::rc::Rc;

use actix_http::body::BoxBody;
use actix_http::{Method, Request, Response};
use actix_web::ResponseError as _;
use futures_util::future::LocalBoxFuture;
use prometheus::IntCounter;

use super::observe;
use super::reactions::{self, ROUTE, Submission};
use super::state::Worker;
use crate::domain::Role;

/// The answer to a request that was taken here.
pub type Answering = LocalBoxFuture<'static, Result<Response<BoxBody>, Response<BoxBody>>>;

/// What a worker asks first.
#[derive(Debug, Clone)]
pub struct Front {
    is_open: bool,
    desk: Rc<Desk>,
}

/// What every request needs that is taken here.
#[derive(Debug)]
struct Desk {
    worker: Rc<Worker>,
    accepted: IntCounter,
}

impl Front {
    /// Before the routes of this worker.
    pub fn new(worker: Rc<Worker>) -> Self {
        let responses = &worker.shared.metrics.http_responses;
        Self {
            is_open: worker.shared.roles.has(Role::Api),
            desk: Rc::new(Desk {
                accepted: responses.with_label_values(&[ROUTE, "200"]),
                worker,
            }),
        }
    }

    /// Answers a request that brings reactions.
    ///
    /// # Errors
    ///
    /// It is another one, which is given back for the router.
    pub fn take(&self, mut request: Request) -> Result<Answering, Request> {
        if !self.is_open || request.method() != Method::POST || request.path() != ROUTE {
            return Err(request);
        }
        let payload = request.take_payload();
        let desk = self.desk.clone();
        Ok(Box::pin(async move {
            let head = request.head();
            let submission = Submission {
                headers: &head.headers,
                peer: head.peer_addr,
                payload,
            };
            let answer = observe::survive(reactions::take_in(&desk.worker, submission)).await;
            Ok(match answer {
                Ok(answer) => {
                    desk.accepted.inc();
                    answer.into()
                }
                Err(problem) => {
                    observe::count(
                        &desk.worker.shared.metrics,
                        Some(ROUTE),
                        problem.status_code(),
                    );
                    problem.error_response().into()
                }
            })
        }))
    }
}
