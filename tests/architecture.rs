//! Who may import whom. The table below is the rule; the tests after it hold the sources to it, and hold the checker to
//! finding what it should.

#[path = "architecture/planted.rs"]
mod planted;
#[path = "architecture/scan.rs"]
mod scan;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use scan::{Named, named_paths, test_modules, tokens};

/// One row: what a module may name besides itself.
struct Rule {
    module: &'static str,
    /// Modules of this crate. `actors` means all of it, `actors::close` that file alone.
    may_import: &'static [&'static str],
    /// Foreign crates; test code may name any.
    crates: Crates,
}

enum Crates {
    Any,
    Only(&'static [&'static str]),
}

/// From the pure core outwards. What a row does not name, it may not import.
const RULES: &[Rule] = &[
    // Values and folds: no clock, socket, actor, JSON or log.
    Rule {
        module: "domain",
        may_import: &[],
        crates: Crates::Only(&["std", "core", "alloc", "emojis"]),
    },
    Rule {
        module: "telemetry",
        may_import: &["domain"],
        crates: Crates::Any,
    },
    // Each file of `actors` by itself: it may name the shared files, and never another actor.
    Rule {
        module: "actors",
        may_import: &[
            "domain",
            "telemetry",
            "actors::messages",
            "actors::close",
            "actors::supervisor",
            "actors::link",
            "actors::outbox",
            "actors::clock",
            "actors::streams",
            "actors::in_flight",
            "actors::frames",
            "actors::subscriber",
            "actors::board",
            "actors::cursor",
            "actors::door",
            "actors::credit",
            "actors::queue",
        ],
        crates: Crates::Any,
    },
    // Probes and fixtures, compiled for tests alone. The test code of every module may name it.
    Rule {
        module: TESTKIT,
        may_import: &["domain", "telemetry", "actors"],
        crates: Crates::Any,
    },
    // The edge of the system: it asks by message.
    Rule {
        module: "http",
        may_import: &[
            "domain",
            "telemetry",
            "actors::messages",
            "actors::close",
            "actors::session",
            "actors::board",
            "actors::cursor",
            "actors::link",
            "actors::door",
            "actors::subscriber",
            "actors::streams",
            "actors::frames",
        ],
        crates: Crates::Any,
    },
    // The other edge: topics. It never meets `http`.
    Rule {
        module: "kafka",
        may_import: &[
            "domain",
            "telemetry",
            "actors::messages",
            "actors::link",
            "actors::outbox",
            "actors::streams",
            "actors::in_flight",
            "actors::clock",
            "actors::supervisor",
        ],
        crates: Crates::Any,
    },
    // Reads settings into the `Config` structs that the modules own, which do not know it.
    Rule {
        module: "config",
        may_import: &["domain", "telemetry", "actors", "http", "kafka"],
        crates: Crates::Any,
    },
    // The only place that names every actor.
    Rule {
        module: "app",
        may_import: &["domain", "telemetry", "actors", "http", "kafka", "config"],
        crates: Crates::Any,
    },
    Rule {
        module: "commands",
        may_import: &["app", "config", "telemetry", "kafka", "domain"],
        crates: Crates::Any,
    },
    Rule {
        module: "main",
        may_import: &["commands"],
        crates: Crates::Any,
    },
];

/// What tests share.
const TESTKIT: &str = "testkit";

/// Modules whose files are checked one by one instead of as a whole.
const CHECKED_BY_FILE: &[&str] = &["actors"];

/// `mod.rs` files that are a table of contents and nothing else.
const TABLES_OF_CONTENTS: &[&str] = &["domain/mod.rs", "actors/mod.rs", "kafka/mod.rs"];

/// A crate that upstream has given up is named in one place, so that it can be replaced there.
const NAMED_IN_ONE_FILE: &[(&str, &str)] = &[("actix_web_actors", "http/subscribe.rs")];

/// Calls that ignore a mailbox's bound.
const FORBIDDEN_WORDS: &[&str] = &["do_send"];

/// A longer file has more than one job.
const MAX_LINES: usize = 500;

/// What a file cannot tell about itself.
#[derive(Default)]
struct Package {
    /// Foreign crates, as code writes them.
    dependencies: Vec<String>,
    /// Modules in files of their own that are declared for tests only.
    test_modules: Vec<Vec<String>>,
}

impl Package {
    fn is_test(&self, module: &[&str]) -> bool {
        self.test_modules.iter().any(|test| {
            module.len() >= test.len() && module.iter().zip(test).all(|(one, other)| one == other)
        })
    }
}

/// One breach, for the person who made it.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "src/{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// Every breach in one file, given by its path under `src`; `package` is what the rest of the package says about it.
fn breaches(file: &str, source: &str, package: &Package) -> Vec<Breach> {
    let module = module_of(file);
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    let named = named_paths(source, &module, package.is_test(&module));

    let mut found = import_breaches(&module, &named, &package.dependencies);
    found.extend(placement_breaches(file, &named));
    found.extend(text_breaches(file, source));
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|(line, rule)| Breach {
            file: file.to_owned(),
            line,
            rule,
        })
        .collect()
}

/// The module that a file holds: `actors/ingest.rs` is `actors::ingest`, `actors/mod.rs` is `actors`, `lib.rs` the root.
fn module_of(file: &str) -> Vec<String> {
    let mut segments: Vec<String> = file
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    segments.pop_if(|last| last == "mod" || last == "lib");
    segments
}

/// Names that the table does not allow. The root only lists modules, so it has no row.
fn import_breaches(
    module: &[&str],
    named: &[Named],
    dependencies: &[String],
) -> Vec<(usize, String)> {
    let Some(&layer) = module.first() else {
        return Vec::new();
    };
    let Some(rule) = RULES.iter().find(|rule| rule.module == layer) else {
        let rule = format!("module `{layer}` has no row in the table of tests/architecture.rs");
        return vec![(1, rule)];
    };
    let depth = if CHECKED_BY_FILE.contains(&layer) {
        2
    } else {
        1
    };
    let own = module[..module.len().min(depth)].join("::");

    let mut found = Vec::new();
    for name in named {
        let path = name.path.join("::");
        if name.local {
            let allowed = is_within(&path, &own)
                || (name.in_test && is_within(&path, TESTKIT))
                || rule
                    .may_import
                    .iter()
                    .any(|allowed| is_within(&path, allowed));
            if !allowed {
                let list = rule.may_import.join(", ");
                found.push((
                    name.line,
                    format!("`{own}` may not import `crate::{path}`, only: {list}"),
                ));
            }
        } else if let Crates::Only(allowed) = rule.crates
            && !name.in_test
            && dependencies.contains(&name.path[0])
            && !allowed.contains(&name.path[0].as_str())
        {
            let list = allowed.join(", ");
            found.push((
                name.line,
                format!("`{own}` may not use the crate of `{path}`, only: {list}"),
            ));
        }
    }
    found
}

/// Whether `path` is `module` or something in it.
fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Crates named outside the one file that may.
fn placement_breaches(file: &str, named: &[Named]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (crate_name, home) in NAMED_IN_ONE_FILE {
        let strays = named
            .iter()
            .filter(|name| !name.local && name.path[0] == *crate_name && file != *home);
        found.extend(strays.map(|name| {
            let rule = format!("`{crate_name}` is named in src/{home} only");
            (name.line, rule)
        }));
    }
    found
}

/// What is seen in the text alone: words, functions in a table of contents, length.
fn text_breaches(file: &str, source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for token in tokens(source) {
        if FORBIDDEN_WORDS.contains(&token.text.as_str()) {
            let rule = format!(
                "`{}` ignores the mailbox bound: use `try_send` or `send`",
                token.text
            );
            found.push((token.line, rule));
        }
        if token.text == "fn" && TABLES_OF_CONTENTS.contains(&file) {
            found.push((
                token.line,
                "a table of contents has no functions".to_owned(),
            ));
        }
    }
    let num_lines = source.lines().count();
    if num_lines > MAX_LINES {
        let rule = format!(
            "{num_lines} lines: a file has at most {MAX_LINES}, split it by responsibility"
        );
        found.push((MAX_LINES + 1, rule));
    }
    found
}

/// Crate names, as code writes them, of the `[dependencies]` tables of a manifest.
fn dependencies_of(manifest: &str) -> Vec<String> {
    let mut in_table = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_table = line.ends_with("dependencies]");
        } else if in_table && let Some((name, _)) = line.split_once('=') {
            names.push(name.trim().replace('-', "_"));
        }
    }
    names
}

/// Path under `root` and text of every Rust file.
fn sources_under(root: &Path) -> Vec<(String, String)> {
    rust_files_under(root)
        .into_iter()
        .map(|path| {
            let file = path.strip_prefix(root).expect("it is under the root");
            let source = fs::read_to_string(&path).expect("the source is UTF-8");
            (file.to_string_lossy().into_owned(), source)
        })
        .collect()
}

fn rust_files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            files.extend(rust_files_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_source_file_keeps_the_import_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest can be read");
    let sources = sources_under(&folder.join("src"));
    assert!(sources.len() > 1, "the sources were not found");
    let test_modules = sources
        .iter()
        .flat_map(|(file, source)| test_modules(source, &module_of(file)))
        .collect();
    let package = Package {
        dependencies: dependencies_of(&manifest),
        test_modules,
    };

    let mut report = String::new();
    for (file, source) in &sources {
        for breach in breaches(file, source, &package) {
            report.push_str(&format!("{breach}\n"));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
