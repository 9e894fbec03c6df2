//! The senders over HTTP: each request of the plan at its time, each answer as the plan has it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::plan::{Answer, Request};
use super::support::Server;

/// Requests on their way at once.
const NUM_LANES: usize = 4;

/// Sends `requests` evenly spread over `duration`, later where the server takes longer, and checks
/// every answer.
pub(crate) async fn send_all(server: &Arc<Server>, requests: Vec<Request>, duration: Duration) {
    let interval = duration / u32::try_from(requests.len()).expect("some thousands");
    let mut lanes: [Vec<(Duration, Request)>; NUM_LANES] = Default::default();
    let mut due = Duration::ZERO;
    for (index, request) in requests.into_iter().enumerate() {
        lanes[index % NUM_LANES].push((due, request));
        due += interval;
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for lane in lanes {
        let server = Arc::clone(server);
        tasks.spawn(async move {
            for (due, request) in lane {
                sleep_until(start + due).await;
                send(&server, request).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn send(server: &Server, request: Request) {
    let post = server
        .http
        .post(server.url("/emoji"))
        .header("content-type", request.content_type)
        .body(request.body);
    let (status, body) = server.send(post).await;
    match request.answer {
        Answer::Single { accepted: true } => {
            assert_eq!(
                (status, &body),
                (200, &serde_json::json!({"status": "success"}))
            );
        }
        Answer::Single { accepted: false } => assert_eq!(status, 422, "{body}"),
        Answer::Batch { accepted, rejected } => {
            assert_eq!(status, 200, "{body}");
            assert_eq!(body["status"], "success", "{body}");
            assert_eq!(body["accepted"], accepted, "{body}");
            assert_eq!(rejected_indices(&body), rejected, "{body}");
        }
    }
}

fn rejected_indices(body: &Value) -> Vec<u64> {
    let rejected = body["rejected"].as_array().expect("a list of the rejected");
    let index = |entry: &Value| {
        let code = entry["code"].as_str().expect("a code");
        assert!(!code.is_empty(), "{entry}");
        entry["index"].as_u64().expect("an index")
    };
    rejected.iter().map(index).collect()
}
