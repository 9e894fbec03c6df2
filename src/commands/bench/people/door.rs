//! The routes of a node, as a person of the crowd uses them: over a few connections for all.

use std::fmt::Display;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;

use super::super::super::node_url::no_node;
use super::wire::{NameOut, Problem, ReactionOut, RegisteredIn, Totals};

/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Requests at once: each is an open file beside the sessions.
pub(super) const MAX_REQUESTS: usize = 64;

/// A node and how to ask it.
pub(super) struct Door {
    base: Url,
    http: reqwest::Client,
    room: Semaphore,
}

/// A place in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) cluster: u64,
    /// Where to connect.
    pub(super) ws_url: Url,
}

/// Why a request has not done what it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing was sent.
    NoNode(String),
    /// Sent, and not answered: nobody knows.
    Silence,
    /// Answered.
    Problem {
        status: u16,
        code: String,
        detail: String,
        retry_after: Option<Duration>,
    },
}

impl Refusal {
    /// A few words, the same for everybody it happens to.
    pub(super) fn words(&self, what: &str) -> String {
        match self {
            Self::NoNode(_) => format!("{what}: no node answers"),
            Self::Silence => format!("{what}: the answer did not come"),
            Self::Problem { status, code, .. } => format!("{what}: {status} {code}"),
        }
    }

    /// How long the node wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem { retry_after, .. } => *retry_after,
            Self::NoNode(_) | Self::Silence => None,
        }
    }

    /// Whether the same request may fare better later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::NoNode(_) | Self::Silence => true,
            Self::Problem { status, .. } => *status >= 500 || matches!(status, 408 | 429),
        }
    }
}

impl Door {
    /// The node at `base`.
    ///
    /// # Errors
    ///
    /// There is no client on this machine.
    pub(super) fn new(base: Url) -> Result<Self, String> {
        // Variables for proxies do not count: the sessions would not go by them either.
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER)
            .pool_max_idle_per_host(MAX_REQUESTS)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            base,
            http,
            room: Semaphore::new(MAX_REQUESTS),
        })
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(super) async fn register(&self, name: &str) -> Result<Registered, Refusal> {
        let name = NameOut { client_id: name };
        let body = self.post("register", &name).await?;
        let RegisteredIn { cluster, ws_url } = read(&body)?;
        let ws_url = Url::parse(&ws_url).map_err(|error| no_answer(&error))?;
        Ok(Registered { cluster, ws_url })
    }

    pub(super) async fn deregister(&self, name: &str) -> Result<(), Refusal> {
        let name = NameOut { client_id: name };
        self.post("deregister", &name).await.map(drop)
    }

    pub(super) async fn react(&self, reaction: &ReactionOut<'_>) -> Result<(), Refusal> {
        self.post("emoji", reaction).await.map(drop)
    }

    /// The totals of a stream, from the node that serves the sessions at `ws_url`. A stream that is not there yet has none.
    pub(super) async fn totals(&self, ws_url: &Url, stream: &str) -> Result<Totals, Refusal> {
        let url = beside(ws_url, &format!("streams/{stream}/totals"));
        match self.answer(self.http.get(url)).await {
            Err(Refusal::Problem { code, .. }) if code == "unknown_stream" => Ok(Totals::default()),
            answer => read(&answer?),
        }
    }

    async fn post(&self, route: &str, body: &impl Serialize) -> Result<Vec<u8>, Refusal> {
        let url = self.base.join(route).unwrap_or_else(|_| self.base.clone());
        // Names and emojis can always be written.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let request = self.http.post(url);
        let request = request.header("content-type", "application/json");
        self.answer(request.body(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, Refusal> {
        // It is never closed.
        let _room = self.room.acquire().await;
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                Refusal::NoNode(no_node(self.address(), &root(&error)))
            } else {
                Refusal::Silence
            }
        })?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = response.bytes().await.map_err(|_| Refusal::Silence)?;
        if status == StatusCode::OK {
            return Ok(body.to_vec());
        }
        let problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
            code: "no words".to_owned(),
            detail: status.to_string(),
        });
        Err(Refusal::Problem {
            status: status.as_u16(),
            code: problem.code,
            detail: problem.detail,
            retry_after,
        })
    }
}

/// A route next to the one of sessions.
fn beside(ws_url: &Url, route: &str) -> Url {
    let mut url = ws_url.join(route).unwrap_or_else(|_| ws_url.clone());
    // Possible from `ws`, which is what a node gives.
    let _ = url.set_scheme("http");
    url.set_query(None);
    url
}

fn read<'a, Answer: Deserialize<'a>>(body: &'a [u8]) -> Result<Answer, Refusal> {
    serde_json::from_slice(body).map_err(|error| no_answer(&error))
}

fn no_answer(error: &impl Display) -> Refusal {
    Refusal::Problem {
        status: 200,
        code: "not an answer of a node".to_owned(),
        detail: format!("what answers there is no node: {error}"),
        retry_after: None,
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

/// What is at the bottom of an error, which is what helps.
fn root(error: &reqwest::Error) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(below) = bottom.source() {
        bottom = below;
    }
    bottom.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn totals_are_asked_where_the_sessions_are() {
        let ws_url = Url::parse("ws://10.0.0.7:5001/live/ws?client_id=seat-12").unwrap();
        assert_eq!(
            beside(&ws_url, "streams/main/totals").as_str(),
            "http://10.0.0.7:5001/live/streams/main/totals"
        );
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        let problem = |status| Refusal::Problem {
            status,
            code: "x".to_owned(),
            detail: String::new(),
            retry_after: None,
        };
        for (refusal, may_pass) in [
            (Refusal::NoNode(String::new()), true),
            (Refusal::Silence, true),
            (problem(429), true),
            (problem(503), true),
            (problem(404), false),
            (problem(422), false),
        ] {
            assert_eq!(refusal.may_pass(), may_pass, "{refusal:?}");
        }
    }

    #[test]
    fn what_is_no_answer_of_a_node_is_a_refusal_for_good() {
        let refusal = read::<Totals>(b"<html>").unwrap_err();
        assert!(!refusal.may_pass());
    }
}
