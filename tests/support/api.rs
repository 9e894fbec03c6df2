//! A client of the HTTP routes, and what is checked of every answer.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::wait::{PATIENCE, within};

/// Media type of every error body (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// One bind of one server.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    token: String,
    client: Client,
}

/// An answer, read to its end. Status 0 stands for a connection that could not be made.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Api {
    pub(crate) fn new(address: &str, token: &str) -> Self {
        let client = Client::builder()
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self {
            base: format!("http://{address}"),
            token: token.to_owned(),
            client,
        }
    }

    /// A request on which the caller sets what it wants.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// `POST /emoji` with a body of any type and form.
    pub(crate) async fn post_text(
        &self,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        send(
            self.request(Method::POST, "/emoji")
                .header("content-type", content_type)
                .body(body),
        )
        .await
    }

    /// Any method with the admin token; `body` null sends none.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = self.request(method, path).bearer_auth(&self.token);
        send(if body.is_null() {
            request
        } else {
            request.json(body)
        })
        .await
    }

    /// `POST /emoji` that has to be accepted whole.
    pub(crate) async fn react(&self, reactions: &Value) -> Reply {
        let reply = self.post("/emoji", reactions).await.expect(200);
        if let Some(all) = reactions.as_array() {
            assert_eq!(
                reply.json(),
                json!({"status": "success", "accepted": all.len(), "rejected": []})
            );
        }
        reply
    }

    /// Every cluster as `GET /admin/clusters` shows it.
    pub(crate) async fn clusters(&self) -> Vec<Value> {
        let body = self
            .admin(Method::GET, "/admin/clusters", &Value::Null)
            .await
            .expect(200)
            .json();
        body["clusters"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("a list of clusters in {body}"))
    }

    /// The cluster `id`, if it is shown.
    pub(crate) async fn cluster(&self, id: u64) -> Option<Value> {
        self.clusters()
            .await
            .into_iter()
            .find(|cluster| cluster["id"] == id)
    }

    /// Sessions of the cluster `id`.
    pub(crate) async fn sessions(&self, id: u64) -> u64 {
        let cluster = self
            .cluster(id)
            .await
            .unwrap_or_else(|| panic!("cluster {id} is shown"));
        cluster["sessions"]
            .as_u64()
            .unwrap_or_else(|| panic!("a number of sessions in {cluster}"))
    }

    /// Sessions of all clusters.
    pub(crate) async fn all_sessions(&self) -> u64 {
        self.clusters()
            .await
            .iter()
            .filter_map(|cluster| cluster["sessions"].as_u64())
            .sum()
    }
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }

    /// Itself, if the status is `status`.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "body: {}", self.body);
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The problem document of an error with `status`: media type, members and a code fit for programs.
    pub(crate) fn problem(self, status: u16) -> Value {
        let reply = self.expect(status);
        let content_type = reply.header("content-type").unwrap_or_default();
        assert!(
            content_type.starts_with(PROBLEM),
            "{content_type:?} for {}",
            reply.body
        );
        let problem = reply.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{problem}"
        );
        let code = code(&problem);
        let plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        assert!(!code.is_empty() && code.chars().all(plain), "{problem}");
        problem
    }

    /// The same, where the text has to name `field`.
    pub(crate) fn problem_naming(self, status: u16, field: &str) -> Value {
        let problem = self.problem(status);
        let mut text = problem.clone();
        text["instance"] = Value::Null;
        assert!(
            text.to_string().contains(field),
            "{field} is not named in {problem}"
        );
        problem
    }

    /// Whole seconds of `Retry-After`.
    pub(crate) fn retry_after(&self) -> u64 {
        let value = self
            .header("retry-after")
            .unwrap_or_else(|| panic!("no Retry-After: {}", self.body));
        value
            .parse()
            .unwrap_or_else(|_| panic!("Retry-After in seconds, not {value:?}"))
    }
}

/// The stable code of a problem document.
pub(crate) fn code(problem: &Value) -> &str {
    problem["code"]
        .as_str()
        .unwrap_or_else(|| panic!("no code in {problem}"))
}

/// Sends and reads the whole answer.
pub(crate) async fn send(request: RequestBuilder) -> Reply {
    within(PATIENCE, "an HTTP answer", async {
        match request.send().await {
            Err(_) => Reply {
                status: 0,
                headers: HeaderMap::new(),
                body: String::new(),
            },
            Ok(response) => Reply {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                body: response.text().await.unwrap_or_default(),
            },
        }
    })
    .await
}
