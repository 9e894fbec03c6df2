//! The command line from outside: exit codes, mistakes, and where settings come from.

#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const TOKEN: &str = "hunter2hunter2hunter2";

/// The program in an empty folder, without variables of its own.
struct Program {
    folder: TempDir,
    command: Command,
}

impl Program {
    fn new(line: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_emostream"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .current_dir(folder.path());
        Self { folder, command }
    }

    fn file(self, text: &str) -> Self {
        std::fs::write(self.folder.path().join("emostream.toml"), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    fn run(mut self) -> Finished {
        Finished::from(self.command.output().unwrap())
    }
}

struct Finished {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Finished {
    /// Value and source of a key, as `config show` prints them.
    fn row(&self, key: &str) -> (&str, &str) {
        let line = self
            .stdout
            .lines()
            .find(|line| line.split(' ').next() == Some(key));
        let columns: Vec<&str> = line
            .unwrap()
            .split("  ")
            .filter(|cell| !cell.is_empty())
            .collect();
        (columns[1].trim(), columns[2].trim())
    }
}

/// A node that is ended with the test, whatever its end.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn help_and_version_succeed() {
    for line in [
        "--help",
        "--version",
        "serve --help",
        "view --help",
        "config --help",
        "config show --help",
    ] {
        let finished = Program::new(line).run();
        assert_eq!(finished.code, 0, "{line}");
        assert!(!finished.stdout.is_empty(), "{line}");
    }
}

#[test]
fn a_command_line_that_is_not_understood_exits_64() {
    for line in [
        "srve",
        "--windows 2s",
        "topics --role api",
        "serve --window",
        "serve --set window.size",
        "config",
        "config list",
        "view --url localhost:5001",
        "view --url https://fans.example",
        "view --url http://localhost:5001 --kafka localhost:9092",
        "view --stream a/b",
    ] {
        let finished = Program::new(line).run();
        assert_eq!(finished.code, 64, "{line}");
        assert!(finished.stdout.is_empty(), "{line}");
        assert!(!finished.stderr.is_empty(), "{line}");
    }
}

#[test]
fn wrong_settings_exit_78_before_anything_starts() {
    for line in [
        "serve --window 99ms",
        "serve --bind localhost:5000",
        "--clusters 0",
        "serve --admin-token short",
        "config check --config /no/such.toml",
        "config show --set limits.user=fast",
        "view --admin-token short",
    ] {
        let finished = Program::new(line).run();
        assert_eq!(finished.code, 78, "{line}");
        assert!(finished.stdout.is_empty(), "{line}");
    }
}

#[test]
fn all_mistakes_are_named_at_once_with_key_source_and_expectation() {
    let finished = Program::new("serve --window 2 --set streams.maximum=7")
        .file("[clusters]\ninitial = 'three'\n[htp]\nbind = []")
        .variable("EMOSTREAM_LOG_FORMAT", "xml")
        .variable("EMOSTREAM_LOG_LEVL", "info")
        .run();
    assert_eq!(finished.code, 78);
    assert!(
        finished
            .stderr
            .starts_with("emostream: the configuration has 6 mistakes\n")
    );
    for sentence in [
        "window.size is \"2\" (--window): expected a duration",
        "streams.maximum (--set streams.maximum) is not a setting; the nearest is streams.max",
        "clusters.initial is \"three\" (emostream.toml:clusters.initial): expected a whole number",
        "emostream.toml:htp.bind is not a setting; the nearest is http.bind",
        "log.format is \"xml\" (EMOSTREAM_LOG_FORMAT): expected",
        "EMOSTREAM_LOG_LEVL is not the variable of any setting; the nearest is EMOSTREAM_LOG_LEVEL (log.level)",
    ] {
        assert!(
            finished.stderr.contains(sentence),
            "{sentence}\n{}",
            finished.stderr
        );
    }
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let shown = Program::new("config show --window 7s --set clusters.initial=7")
        .file("window.size = '5s'\nstreams.max = 5\nclusters.max = 50\nclusters.initial = 5")
        .variable("EMOSTREAM_WINDOW_SIZE", "6s")
        .variable("EMOSTREAM_STREAMS_MAX", "6")
        .run();
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert_eq!(shown.row("window.size"), ("7s", "--window"));
    assert_eq!(
        shown.row("clusters.initial"),
        ("7", "--set clusters.initial")
    );
    assert_eq!(shown.row("streams.max"), ("6", "EMOSTREAM_STREAMS_MAX"));
    assert_eq!(
        shown.row("clusters.max"),
        ("50", "emostream.toml:clusters.max")
    );
    assert_eq!(shown.row("pipeline.partitions"), ("3", "default"));
}

#[test]
fn a_named_file_is_read_instead_of_the_usual_one() {
    let program = Program::new("config show --config other.toml").file("streams.max = 5");
    std::fs::write(
        program.folder.path().join("other.toml"),
        "clusters.max = 50",
    )
    .unwrap();
    let shown = program.run();
    assert_eq!(shown.row("clusters.max"), ("50", "other.toml:clusters.max"));
    assert_eq!(shown.row("streams.max"), ("100", "default"));
}

#[test]
fn bind_replaces_the_default_addresses() {
    let shown = Program::new("config show --bind 127.0.0.1:0 --bind [::1]:0").run();
    assert_eq!(shown.row("http.bind"), ("127.0.0.1:0,[::1]:0", "--bind"));
}

#[test]
fn check_says_ok_and_the_shipped_file_passes() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("emostream.toml");
    let text = std::fs::read_to_string(shipped).unwrap();
    let checked = Program::new("config check").file(&text).run();
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    assert!(checked.stdout.starts_with("ok: "), "{}", checked.stdout);
}

#[test]
fn the_token_is_never_shown() {
    let shown = [
        Program::new("config show").variable("EMOSTREAM_ADMIN_TOKEN", TOKEN),
        Program::new("config show").file(&format!("admin.token = '{TOKEN}'")),
        Program::new(&format!("config show --admin-token {TOKEN}")),
        Program::new(&format!("config show --set admin.token={TOKEN}")),
    ];
    for program in shown {
        let finished = program.run();
        assert_eq!(finished.code, 0);
        assert_eq!(finished.row("admin.token").0, "(set, not shown)");
        assert!(!finished.stdout.contains(TOKEN));
    }
}

#[test]
fn mistakes_never_quote_the_token() {
    let refused = [
        Program::new("config check").variable("EMOSTREAM_ADMIN_TOKEN", "hunter2"),
        Program::new("config check").variable("EMOSTREAM_ADMIN_TOKENS", TOKEN),
        Program::new("config check").file(&format!("[admin]\ntoken = {TOKEN}")),
        Program::new("config check").file(&format!("admin.token = ['{TOKEN}']")),
        Program::new(&format!("config check --set admin.tokn={TOKEN}")),
    ];
    for program in refused {
        let finished = program.run();
        assert_eq!(finished.code, 78);
        assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
    }
}

#[test]
fn a_port_in_use_exits_78_and_names_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let finished = Program::new(&format!("serve --bind {address}")).run();
    assert_eq!(finished.code, 78, "{}", finished.stderr);
    assert!(finished.stderr.contains("http.bind"), "{}", finished.stderr);
}

#[test]
fn a_node_says_where_it_listens_and_drains_on_sigterm() {
    let mut program = Program::new("serve --bind 127.0.0.1:0 --bind 127.0.0.1:0");
    let child = program
        .command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut node = Node(child.unwrap());
    let mut stdout = BufReader::new(node.0.stdout.take().unwrap());
    let mut banner = String::new();
    while !banner.contains("admin token (generated, valid until this process ends): ") {
        assert_ne!(stdout.read_line(&mut banner).unwrap(), 0, "{banner}");
    }
    assert_eq!(
        banner.matches("listening on http://127.0.0.1:").count(),
        2,
        "{banner}"
    );
    let id = Pid::from_raw(node.0.id().try_into().unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(node.0.wait().unwrap().code(), Some(0));
    assert!(!rest.contains("admin token"), "{rest}");
}
