//! The OpenAPI document and the routes are the same list.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Api, code};
use crate::support::server::Server;

/// Every route of the contract that is not a page.
const ROUTES: [(&str, &str); 15] = [
    ("post", "/emoji"),
    ("post", "/register"),
    ("post", "/deregister"),
    ("get", "/streams/{stream}/windows"),
    ("get", "/streams/{stream}/totals"),
    ("get", "/admin/clusters"),
    ("post", "/admin/clusters"),
    ("patch", "/admin/clusters/{id}"),
    ("delete", "/admin/clusters/{id}"),
    ("get", "/admin/ledger"),
    ("get", "/health"),
    ("get", "/ready"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
    ("get", "/ws"),
];

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

async fn document(api: &Api) -> Value {
    api.get("/openapi.json").await.expect(200).json()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if METHODS.contains(&method.as_str()) {
                found.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn the_document_is_openapi_3_1_of_this_version() {
    let server = Server::start(&[]).await;
    let document = document(&server.api()).await;
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{}",
        document["openapi"]
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn every_served_route_is_documented() {
    let server = Server::start(&[]).await;
    let document = document(&server.api()).await;
    let documented: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    for (method, path) in ROUTES {
        let route = (method.to_owned(), path.to_owned());
        assert!(
            documented.contains(&route),
            "{method} {path} is missing in {documented:?}"
        );
    }
}

#[tokio::test]
async fn every_documented_route_exists() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let nowhere = code(&api.get("/no-such-route").await.problem(404)).to_owned();
    for (method, path, _) in operations(&document(&api).await) {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let path = path.replace("{stream}", "main").replace("{id}", "77");
        let body = if verb == Method::GET {
            Value::Null
        } else {
            json!({})
        };
        let reply = api.admin(verb, &path, &body).await;
        assert_ne!(reply.status, 405, "{method} {path}");
        if reply.status == 404 && path != "/deregister" {
            assert_ne!(
                code(&reply.problem(404)),
                nowhere,
                "{method} {path} leads nowhere"
            );
        }
    }
}

#[tokio::test]
async fn every_operation_documents_its_success_and_its_errors() {
    let server = Server::start(&[]).await;
    let document = document(&server.api()).await;
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"]
            .as_object()
            .unwrap_or_else(|| panic!("{method} {path}"));
        let good = |status: &String| status.starts_with('2') || status == "101";
        assert!(
            responses.keys().any(good),
            "{method} {path}: no success among {:?}",
            responses.keys()
        );
        if path.starts_with("/admin/") {
            assert!(responses.contains_key("401"), "{method} {path}");
        }
        if method == "post" {
            assert!(responses.contains_key("422"), "{method} {path}");
        }
    }
    let emoji = document["paths"]["/emoji"]["post"]["responses"]
        .as_object()
        .expect("responses of /emoji");
    for status in ["200", "400", "413", "415", "422", "429", "503"] {
        assert!(emoji.contains_key(status), "/emoji without {status}");
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let server = Server::start(&[]).await;
    let document = document(&server.api()).await;
    let text = document.to_string();
    let references: BTreeSet<_> = text
        .split(r##""$ref":"#"##)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}
