//! Requests as they come off the wire: in pieces, late, several at once, or not at all.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::ledger::Ledger;
use crate::support::server::Server;
use crate::support::wait::{PATIENCE, within};

const BODY: &str =
    r#"{"user_id":"me","emoji_type":"🔥","timestamp":"2026-06-11T20:00:00Z","count":3}"#;

/// A client that writes bytes when the test says so.
struct Wire(TcpStream);

impl Wire {
    async fn to(server: &Server) -> Self {
        let stream = server.join().connect().await;
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("pieces go as they are");
        Self(stream)
    }

    async fn write(&mut self, bytes: &str) {
        let written = self.0.write_all(bytes.as_bytes()).await;
        written.expect("the server takes it");
    }

    /// The status line, the headers and the body of the next answer, which has to say how long it is.
    async fn answer(&mut self) -> (String, String) {
        within(PATIENCE, "an answer", async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.expect("a head"));
            }
            let head = String::from_utf8(head).expect("text");
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.parse::<usize>().ok())?
            });
            let mut body = vec![0; length.unwrap_or_default()];
            self.0.read_exact(&mut body).await.expect("a body");
            (head, String::from_utf8(body).expect("text"))
        })
        .await
    }

    /// Waits until the server has read what was written: it answers another connection after it.
    async fn let_it_read(server: &Server) {
        server.api().get("/health").await.expect(200);
    }
}

fn post(headers: &str) -> String {
    format!("POST /emoji HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}\r\n")
}

fn sized() -> String {
    post(&format!("content-length: {}\r\n", BODY.len()))
}

#[tokio::test]
async fn a_body_may_come_after_its_head_and_in_pieces() {
    let server = Server::start(&[]).await;
    let mut wire = Wire::to(&server).await;
    wire.write(&sized()).await;
    Wire::let_it_read(&server).await;
    let (first, rest) = BODY.split_at(20);
    wire.write(first).await;
    Wire::let_it_read(&server).await;
    wire.write(rest).await;
    let (head, body) = wire.answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, r#"{"status":"success"}"#);
    assert_eq!(Ledger::read(&server.api()).await.sum.accepted, 3);
}

#[tokio::test]
async fn a_body_may_come_in_chunks() {
    let server = Server::start(&[]).await;
    let mut wire = Wire::to(&server).await;
    wire.write(&post("transfer-encoding: chunked\r\n")).await;
    for piece in [&BODY[..7], &BODY[7..30], &BODY[30..]] {
        wire.write(&format!("{:x}\r\n{piece}\r\n", piece.len()))
            .await;
        Wire::let_it_read(&server).await;
    }
    wire.write("0\r\n\r\n").await;
    let (head, _) = wire.answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(Ledger::read(&server.api()).await.sum.accepted, 3);
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_turn() {
    let server = Server::start(&[]).await;
    let mut wire = Wire::to(&server).await;
    let wrong = post("content-length: 2\r\n") + "{}";
    let health = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    wire.write(&[&sized(), BODY, &wrong, health, &sized(), BODY].concat())
        .await;
    for status in ["200", "422", "200", "200"] {
        let (head, _) = wire.answer().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
    let ledger = Ledger::read(&server.api()).await.sum;
    assert_eq!((ledger.accepted, ledger.rejected), (6, 1));
}

#[tokio::test]
async fn thousands_of_requests_sent_ahead_are_all_answered() {
    const REQUESTS: usize = 5_000;
    let server = Server::start(&[]).await;
    let Wire(stream) = Wire::to(&server).await;
    let (mut answers, mut requests) = stream.into_split();
    let all = many() + &(sized() + BODY).repeat(REQUESTS);
    let sending = tokio::spawn(async move {
        let sent = requests.write_all(all.as_bytes()).await;
        sent.expect("the server takes them");
        requests
    });
    // The server has more to say by now than the connection holds.
    Wire::let_it_read(&server).await;
    let answered = async {
        let (mut read, mut unseen, mut seen) = (vec![0; 65_536], Vec::new(), 0);
        while seen < REQUESTS + 1 {
            let length = answers.read(&mut read).await.expect("answers");
            assert_ne!(length, 0, "the server hangs up after {seen} answers");
            unseen.extend_from_slice(&read[..length]);
            let text = String::from_utf8_lossy(&unseen).into_owned();
            seen += text.matches("HTTP/1.1 200 OK").count();
            // The beginning of one that was cut may be at the end.
            let rest = text.rfind("HTTP").filter(|at| text.len() - at < 15);
            unseen.drain(..rest.unwrap_or(text.len().saturating_sub(4)));
        }
        seen
    };
    assert_eq!(
        within(PATIENCE, "every answer", answered).await,
        REQUESTS + 1
    );
    drop(sending.await.expect("all sent"));
    let ledger = Ledger::read(&server.api()).await.sum;
    assert_eq!(ledger.accepted, (REQUESTS as u64 + 2) * 3);
}

#[tokio::test]
async fn a_client_that_waits_for_a_go_ahead_gets_it() {
    let server = Server::start(&[]).await;
    let mut wire = Wire::to(&server).await;
    let length = BODY.len();
    wire.write(&post(&format!(
        "content-length: {length}\r\nexpect: 100-continue\r\n"
    )))
    .await;
    let (head, _) = wire.answer().await;
    assert!(head.starts_with("HTTP/1.1 100 "), "{head}");
    wire.write(BODY).await;
    let (head, _) = wire.answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_and_counts_as_rejected() {
    let server = Server::start(&["--set", "http.body_timeout=200ms"]).await;
    for part in ["", &BODY[..10]] {
        let mut wire = Wire::to(&server).await;
        wire.write(&(sized() + part)).await;
        let (head, body) = wire.answer().await;
        assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["code"], "body_timeout");
    }
    assert_eq!(Ledger::read(&server.api()).await.sum.rejected, 2);
}

/// A request that is not answered as it comes, so that what is behind it has to wait.
fn many() -> String {
    let body = format!("[{BODY},{BODY}]");
    post(&format!("content-length: {}\r\n", body.len())) + &body
}

#[tokio::test]
async fn a_body_behind_another_request_is_waited_for_and_not_without_end() {
    let server = Server::start(&["--set", "http.body_timeout=3s"]).await;
    let mut wire = Wire::to(&server).await;
    wire.write(&(many() + &sized())).await;
    let (head, _) = wire.answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Wire::let_it_read(&server).await;
    wire.write(&(BODY.to_owned() + &many() + &sized())).await;
    for status in ["200", "200", "408"] {
        let (head, _) = wire.answer().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
    let ledger = Ledger::read(&server.api()).await.sum;
    assert_eq!((ledger.accepted, ledger.rejected), (15, 1));
}

#[tokio::test]
async fn an_answer_to_a_head_alone_has_a_length_and_no_body() {
    let server = Server::start(&[]).await;
    let mut wire = Wire::to(&server).await;
    wire.write("HEAD /health HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    let mut all = String::new();
    within(PATIENCE, "both answers", wire.0.read_to_string(&mut all))
        .await
        .expect("text");
    let heads: Vec<&str> = all.matches("HTTP/1.1 200 OK").collect();
    assert_eq!(
        (heads.len(), all.matches(r#"{"status":"ok""#).count()),
        (2, 1),
        "{all}"
    );
    assert_eq!(all.matches("content-length: ").count(), 2, "{all}");
}
