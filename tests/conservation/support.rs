//! A server of its own for a test, and the questions the suites put to it over HTTP.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a server may take from its start to the line that names its address, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks at something that has no signal of its own.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const ADMIN_TOKEN: &str = "an-admin-token-for-tests";

/// The binary under test, on free ports, in an empty folder and with an empty environment: no file
/// or variable of the machine reaches it. It is killed by its id when this value goes.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// Where it listens, in the order of its binds.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Every request of the suite shares its connections.
    pub(crate) http: reqwest::Client,
    folder: TempDir,
}

impl Server {
    /// Starts it with `settings`, each a `section.key=value`, and waits for both of its addresses.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("a log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_emostream"));
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--bind", "127.0.0.1:0"])
            .args(["--admin-token", ADMIN_TOKEN])
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .env_clear()
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut process = command.spawn().expect("the binary starts");
        let stdout = process.stdout.take().expect("stdout is piped");
        let listening = read_addresses(stdout);
        let mut server = Self {
            process,
            addresses: Vec::new(),
            http: client(),
            folder,
        };
        for _ in 0..2 {
            let address = listening
                .recv_timeout(START_TIMEOUT)
                .expect("the server prints where it listens");
            server.addresses.push(address);
        }
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses[0])
    }

    /// Resident memory in KiB, as the kernel accounts for it.
    #[allow(
        dead_code,
        reason = "only one of the two suites that share this file weighs the server"
    )]
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .expect("the server is alive");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        kib.and_then(|kib| kib.parse().ok()).expect("VmRSS in kB")
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.http.get(self.url(path))).await
    }

    /// Sends a request with the admin token; the answer's body is null unless it is JSON.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request
            .bearer_auth(ADMIN_TOKEN)
            .timeout(Duration::from_secs(15))
            .send()
            .await
            .expect("the server answers");
        let status = response.status().as_u16();
        let body = response.bytes().await.expect("a whole body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn ledger(&self) -> Value {
        let (status, ledger) = self.get("/admin/ledger").await;
        assert_eq!(status, 200, "the ledger: {ledger}");
        ledger
    }

    /// Waits until `accepted` have been accepted and none of them is still on its way, and gives
    /// the ledger then.
    pub(crate) async fn settled_ledger(&self, accepted: u64, within: Duration) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let ledger = self.ledger().await;
            let sum = &ledger["sum"];
            if column(sum, "accepted") >= accepted && column(sum, "in_flight") == 0 {
                return ledger;
            }
            assert!(
                Instant::now() < deadline,
                "{accepted} do not settle: {ledger}"
            );
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the totals of `stream` have reached `total`, and gives them.
    pub(crate) async fn totals_of(&self, stream: &str, total: u64, within: Duration) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let (status, totals) = self.get(&format!("/streams/{stream}/totals")).await;
            if status == 200 && totals["total"] == total {
                return totals;
            }
            assert!(
                Instant::now() < deadline,
                "{stream} does not reach {total}: {status} {totals}"
            );
            sleep(POLL_INTERVAL).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its own child, by its id; it may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let mut log = String::new();
            let file = File::open(self.folder.path().join("log"));
            let _ = file.and_then(|mut file| file.read_to_string(&mut log));
            let skip = log.lines().count().saturating_sub(40);
            for line in log.lines().skip(skip) {
                say(&format!("server: {line}"));
            }
        }
    }
}

/// One column of a row of the ledger.
pub(crate) fn column(row: &Value, name: &str) -> u64 {
    let value = row[name].as_u64();
    value.unwrap_or_else(|| panic!("the ledger has no {name}: {row}"))
}

/// Holds a row of the ledger to its two equations.
pub(crate) fn assert_balanced(row: &Value, name: &str) {
    let of = |column_name| column(row, column_name);
    assert_eq!(
        of("received"),
        of("accepted") + of("rejected") + of("limited") + of("shed"),
        "received in {name}: {row}"
    );
    assert_eq!(
        of("accepted"),
        of("counted") + of("in_flight") + of("deduplicated"),
        "accepted in {name}: {row}"
    );
}

/// The seed of a run: another each time, unless `EMOSTREAM_TEST_SEED` was set when the tests were
/// built. It is printed, so that a failure can be run again.
pub(crate) fn seed(suite: &str) -> u64 {
    let given = option_env!("EMOSTREAM_TEST_SEED").and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    say(&format!("{suite}: EMOSTREAM_TEST_SEED={seed}"));
    seed
}

/// Prints a line, also in a test that passes.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Reads stdout to its end, so that the server never waits for a reader, and passes on the
/// addresses it names.
fn read_addresses(stdout: ChildStdout) -> Receiver<SocketAddr> {
    let (sender, receiver) = sync_channel(16);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let found = line
                .split_once("listening on http://")
                .and_then(|(_, address)| address.trim().parse().ok());
            if let Some(address) = found {
                let _ = sender.try_send(address);
            }
        }
    });
    receiver
}

/// A client that trusts no idle connection which the server may be about to give up: after 5 s without a request it
/// answers 408 and closes, and that answer would be taken for the next request's.
fn client() -> reqwest::Client {
    let built = reqwest::Client::builder()
        .pool_idle_timeout(Duration::from_secs(2))
        .build();
    built.expect("a client")
}
