//! Starting: addresses, the admin token, and mistakes that are said in a sentence.

use std::net::TcpListener;
use std::process::Output;

use reqwest::Method;
use serde_json::Value;

use crate::support::api::Api;
use crate::support::server::Server;

/// Exit codes of the contract.
const USAGE: i32 = 64;
const CONFIGURATION: i32 = 78;

/// The shortest token that cannot be guessed, in characters.
const TOKEN_LENGTH: usize = 32;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Words that could be a token: long, and of letters, digits, `-` and `_` alone.
fn tokens(lines: &[String]) -> Vec<String> {
    let of_token = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let words = lines
        .iter()
        .flat_map(|line| line.split(|letter| !of_token(letter)));
    words
        .filter(|word| word.len() >= TOKEN_LENGTH)
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_bind_is_announced_and_answers() {
    let server = Server::start(&[]).await;
    assert_eq!(server.addresses.len(), 2);
    assert_ne!(server.addresses[0], server.addresses[1]);
    for address in &server.addresses {
        Api::new(address, "").get("/health").await.expect(200);
    }
}

#[tokio::test]
async fn a_generated_admin_token_is_printed_once_and_works() {
    let server = Server::start_with(&["--bind", "127.0.0.1:0"]).await;
    let found = tokens(&server.stdout());
    assert_eq!(found.len(), 1, "{:?}", server.stdout());
    assert!(
        tokens(&server.stderr())
            .iter()
            .all(|word| *word != found[0]),
        "the token is in the log"
    );
    let with = Api::new(&server.addresses[0], &found[0]);
    with.admin(Method::GET, "/admin/clusters", &Value::Null)
        .await
        .expect(200);
    let without = Api::new(&server.addresses[0], &"x".repeat(found[0].len()));
    without
        .admin(Method::GET, "/admin/clusters", &Value::Null)
        .await
        .problem(401);
}

#[tokio::test]
async fn each_start_generates_another_token() {
    let mut found = Vec::new();
    for _ in 0..2 {
        let server = Server::start_with(&["--bind", "127.0.0.1:0"]).await;
        found.extend(tokens(&server.stdout()));
    }
    assert_eq!(found.len(), 2);
    assert_ne!(found[0], found[1]);
}

#[tokio::test]
async fn a_configured_admin_token_is_never_printed() {
    let server = Server::start(&[]).await;
    let printed = [server.stdout(), server.stderr()].concat().join("\n");
    assert!(
        !printed.contains(crate::support::server::TOKEN),
        "{printed}"
    );
}

#[tokio::test]
async fn a_port_in_use_is_a_sentence_that_names_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = Server::run_to_end(&["--bind", &address]).await;
    assert_eq!(
        output.status.code(),
        Some(CONFIGURATION),
        "{}",
        said(&output)
    );
    let said = said(&output);
    assert!(
        said.contains("http.bind") && said.contains(&address),
        "{said}"
    );
    assert!(
        !said.contains("panicked") && !said.contains("Os {"),
        "{said}"
    );
}

#[tokio::test]
async fn a_port_in_use_beside_a_free_one_ends_the_start_too() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = Server::run_to_end(&["--bind", "127.0.0.1:0", "--bind", &address]).await;
    assert_eq!(
        output.status.code(),
        Some(CONFIGURATION),
        "{}",
        said(&output)
    );
}

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_its_name_and_78() {
    let mistakes = [
        ("window.size=10ms", "window.size"),
        ("window.size=2h", "window.size"),
        ("window.size=soon", "window.size"),
        ("window.sise=2s", "window.size"),
        ("clusters.scale=huge", "clusters.scale"),
        ("limits.user=often", "limits.user"),
        ("admin.token=short", "admin.token"),
    ];
    for (setting, named) in mistakes {
        let output = Server::run_to_end(&["--bind", "127.0.0.1:0", "--set", setting]).await;
        assert_eq!(
            output.status.code(),
            Some(CONFIGURATION),
            "{setting}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(named),
            "{setting}: {}",
            said(&output)
        );
    }
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let args = [
        "--bind",
        "127.0.0.1:0",
        "--set",
        "window.size=10ms",
        "--set",
        "clusters.scale=huge",
    ];
    let output = Server::run_to_end(&args).await;
    let said = said(&output);
    assert!(
        said.contains("window.size") && said.contains("clusters.scale"),
        "{said}"
    );
}

#[tokio::test]
async fn a_wrong_flag_ends_with_64() {
    let output = Server::run_to_end(&["--no-such-flag"]).await;
    assert_eq!(output.status.code(), Some(USAGE), "{}", said(&output));
}
