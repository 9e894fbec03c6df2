//! The checker finds what is planted, and lets pass what is allowed.

use super::scan::test_modules;
use super::{Breach, Package, breaches, dependencies_of};

/// Lines of the breaches in `source`, as if it stood at `file`.
fn lines(file: &str, source: &str) -> Vec<usize> {
    planted(file, source)
        .iter()
        .map(|breach| breach.line)
        .collect()
}

/// `domain::laws` is declared for tests only.
fn planted(file: &str, source: &str) -> Vec<Breach> {
    let dependencies = ["serde", "tokio", "actix", "tracing", "emojis", "proptest"];
    let package = Package {
        dependencies: dependencies.map(str::to_owned).to_vec(),
        test_modules: vec![vec!["domain".to_owned(), "laws".to_owned()]],
    };
    breaches(file, source, &package)
}

#[test]
fn a_breach_names_file_line_and_rule() {
    let found = planted("telemetry/mod.rs", "\nuse crate::config::Config;");
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "src/telemetry/mod.rs:2: `telemetry` may not import `crate::config::Config`, only: domain"
        ]
    );
}

#[test]
fn the_domain_knows_no_foreign_crate_but_emojis() {
    assert_eq!(lines("domain/tally.rs", "use serde::Serialize;"), [1]);
    assert_eq!(
        lines(
            "domain/tally.rs",
            "#[derive(serde::Serialize)]\nstruct Tally;"
        ),
        [1]
    );
    assert_eq!(
        lines(
            "domain/tally.rs",
            "fn log() {\n    tracing::info!(\"lost\");\n}"
        ),
        [2]
    );
    assert_eq!(
        lines(
            "domain/tally.rs",
            "use std::sync::Arc;\nuse {tokio::time, emojis::get};"
        ),
        [2]
    );
    assert_eq!(lines("domain/tally.rs", "use ::actix::Addr;"), [1]);
    assert_eq!(
        lines(
            "domain/emoji.rs",
            "use std::fmt;\nuse emojis::SkinTone;\nuse super::Tally;"
        ),
        []
    );
}

#[test]
fn test_code_may_use_any_crate_but_keeps_the_module_rule() {
    let source = "#[cfg(test)]\nmod tests {\n    use proptest::prelude::*;\n    use super::*;\n    use crate::app::Node;\n}\nuse tokio::time;";
    assert_eq!(lines("domain/tally.rs", source), [5, 7]);
    assert_eq!(
        lines("domain/tally.rs", "#[cfg(not(test))]\nuse tokio::time;"),
        [2]
    );
    assert_eq!(lines("domain/laws.rs", "use proptest::prelude::*;"), []);
}

#[test]
fn a_file_declared_for_tests_only_is_test_code() {
    let source = "pub mod tally;\n#[cfg(test)]\nmod laws;\nmod merge;\n#[cfg(test)]\nmod tests { mod inner; }\nmod policy;";
    assert_eq!(
        test_modules(source, &["domain".to_owned()]),
        [vec!["domain", "laws"], vec!["domain", "tests", "inner"]]
    );
}

#[test]
fn an_actor_never_names_another_actor() {
    assert_eq!(
        lines("actors/ingest.rs", "use crate::actors::registry::Registry;"),
        [1]
    );
    assert_eq!(
        lines("actors/ingest.rs", "use super::registry::Registry;"),
        [1]
    );
    assert_eq!(
        lines(
            "actors/ingest.rs",
            "use super::{messages::Drain,\n    registry::Registry};"
        ),
        [2]
    );
    assert_eq!(
        lines(
            "actors/ingest.rs",
            "use crate::{domain::Seq, actors::{close, clusters as other}};"
        ),
        [1]
    );
    assert_eq!(lines("actors/ingest.rs", "use super::*;"), [1]);
    assert_eq!(lines("actors/ingest.rs", "use crate::actors;"), [1]);
    assert_eq!(lines("actors/ingest.rs", "use crate::actors::{self};"), [1]);
    assert_eq!(
        lines(
            "actors/ingest.rs",
            "fn find() -> super::registry::Registry { panic!() }"
        ),
        [1]
    );
    assert_eq!(
        lines(
            "actors/session/pong.rs",
            "use super::super::ingest::Ingest;"
        ),
        [1]
    );
    assert_eq!(
        lines(
            "actors/ingest.rs",
            "mod tests {\n    use super::super::registry::Registry;\n}"
        ),
        [2]
    );
    assert_eq!(
        lines("actors/messages.rs", "use super::ingest::IngestConfig;"),
        [1]
    );
}

#[test]
fn an_actor_may_name_shared_files_and_itself() {
    let source = "pub(in crate::actors) struct Ingest;\nuse super::messages::Drain;\nuse crate::{domain::Seq, telemetry};\n\
                  impl Ingest { const CLOSE: u16 = crate::actors::close::DRAINING; }\nmod tests { use super::*; use super::Ingest; }";
    assert_eq!(lines("actors/ingest.rs", source), []);
    assert_eq!(
        lines(
            "actors/session/pong.rs",
            "use super::Session;\nuse crate::actors::session::ping;"
        ),
        []
    );
    assert_eq!(
        lines(
            "actors/mod.rs",
            "mod ingest;\npub use ingest::Ingest;\npub use self::ingest::IngestConfig;"
        ),
        []
    );
}

#[test]
fn http_asks_by_message() {
    assert_eq!(
        lines(
            "http/admin.rs",
            "use crate::actors::messages::SpawnCluster;"
        ),
        []
    );
    assert_eq!(
        lines("http/admin.rs", "use crate::actors::clusters::Clusters;"),
        [1]
    );
    assert_eq!(
        lines(
            "http/admin.rs",
            "use crate::actors::session_hub::SessionHub;"
        ),
        [1]
    );
    assert_eq!(
        lines("http/admin.rs", "use crate::actors::SpawnCluster;"),
        [1]
    );
    assert_eq!(
        lines(
            "http/admin.rs",
            "use super::error::Problem;\nuse crate::http::dto;"
        ),
        []
    );
}

#[test]
fn nobody_but_app_and_commands_knows_the_configuration() {
    for file in [
        "domain/policy.rs",
        "telemetry/mod.rs",
        "actors/ingest.rs",
        "http/mod.rs",
    ] {
        assert_eq!(lines(file, "use crate::config::Config;"), [1], "{file}");
    }
    assert_eq!(
        lines(
            "app.rs",
            "use crate::config::Config;\nuse crate::actors::ingest::Ingest;"
        ),
        []
    );
    assert_eq!(
        lines(
            "commands/serve.rs",
            "use crate::config::Config;\nuse crate::app::Node;"
        ),
        []
    );
    assert_eq!(
        lines(
            "config/mod.rs",
            "use crate::actors::ingest::IngestConfig;\nuse crate::http::HttpConfig;"
        ),
        []
    );
}

#[test]
fn the_top_looks_down_only() {
    assert_eq!(lines("app.rs", "use crate::commands::serve;"), [1]);
    assert_eq!(
        lines("commands/view.rs", "use crate::actors::session::Session;"),
        [1]
    );
    assert_eq!(lines("main.rs", "use emostream::commands;"), []);
    assert_eq!(lines("main.rs", "use emostream::app::Node;"), [1]);
}

#[test]
fn a_module_without_a_row_is_a_breach() {
    assert_eq!(lines("helpers/text.rs", "\n"), [1]);
    assert_eq!(lines("lib.rs", "pub mod domain;\npub mod actors;"), []);
}

#[test]
fn the_deprecated_crate_is_named_in_one_file() {
    let source = "\nuse actix_web_actors::ws;";
    assert_eq!(lines("http/subscribe.rs", source), []);
    assert_eq!(lines("http/mod.rs", source), [2]);
    assert_eq!(lines("actors/session.rs", source), [2]);
    assert_eq!(
        lines(
            "actors/session.rs",
            "fn end(frame: actix_web_actors::ws::Message) {}"
        ),
        [1]
    );
}

#[test]
fn an_unbounded_send_is_a_breach_in_code_and_not_in_words() {
    assert_eq!(
        lines("app.rs", "fn stop() {\n    next.do_send(Drain);\n}"),
        [2]
    );
    assert_eq!(
        lines(
            "app.rs",
            "// never do_send\nconst RULE: &str = \"no do_send\";"
        ),
        []
    );
}

#[test]
fn a_table_of_contents_has_no_functions() {
    assert_eq!(lines("actors/mod.rs", "mod ingest;\nfn help() {}"), [2]);
    assert_eq!(lines("domain/mod.rs", "mod tally;\nfn help() {}"), [2]);
    assert_eq!(lines("http/mod.rs", "fn routes() {}"), []);
}

#[test]
fn a_file_has_at_most_five_hundred_lines() {
    assert_eq!(lines("app.rs", &"\n".repeat(500)), []);
    assert_eq!(lines("app.rs", &"\n".repeat(501)), [501]);
}

#[test]
fn comments_strings_and_characters_are_not_code() {
    let source = r####"
//! See [`crate::config`].
/* use crate::config; /* nested */ use crate::app; */
const TEXT: &str = "use crate::config::Config; \" use crate::app";
const RAW: &str = r##"use "crate::config"# ;"##;
const QUOTE: char = '"';
const TICK: char = '\'';
fn borrow<'name>(text: &'name str) -> &'name str { text }
use crate::config;
"####;
    assert_eq!(lines("telemetry/mod.rs", source), [9]);
}

#[test]
fn lifetimes_in_a_use_bound_are_not_a_path() {
    let source =
        "fn names<'a>(of: &'a Names) -> impl Iterator + use<'a> { of.iter() }\nuse crate::app;";
    assert_eq!(lines("telemetry/mod.rs", source), [2]);
}

#[test]
fn a_manifest_gives_the_names_that_code_writes() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\n# a comment\nactix-web = \"4\"\nserde = { version = \"1\" }\n[dev-dependencies]\nproptest = \"1\"\n[lints.rust]\nunsafe_code = \"forbid\"\n";
    assert_eq!(
        dependencies_of(manifest),
        ["actix_web", "serde", "proptest"]
    );
}

#[test]
fn test_code_alone_may_name_the_testkit() {
    let import = "use crate::testkit::Probe;";
    assert_eq!(lines("http/reactions.rs", import), [1]);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{import}\n}}");
    assert!(lines("http/reactions.rs", &tests).is_empty());
}
