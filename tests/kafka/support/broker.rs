//! A real Apache Kafka broker as a child process: started, killed, paused and started again.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What the script says once clients are served.
const READY: &str = "is ready on";

/// The longest silence of the script while it starts; the first time it fetches the broker.
const START_PATIENCE: Duration = Duration::from_secs(300);

/// Lines of the broker's log that wait for a reader; once the broker is ready nobody reads, and they are dropped.
const MAX_LINES: usize = 1_000;

/// Ports below those that Linux gives to outgoing connections: a client that tries a port of that range again and again
/// while the broker is down may end up connected with itself.
const PORTS: std::ops::Range<u16> = 12_000..30_000;

/// A broker with its own data. Dropped, it ends and leaves nothing; the same happens however the test process ends.
#[derive(Debug)]
pub(crate) struct Broker {
    port: u16,
    data: TempDir,
    process: Process,
}

/// The script and what holds it.
#[derive(Debug)]
struct Process {
    script: Child,
    /// Closed, by drop or by the end of the test process, it ends the script and with it the broker.
    lifeline: Option<ChildStdin>,
    broker: Pid,
}

impl Broker {
    /// The one broker of this test binary, for tests that leave it as it is; each takes topics and groups of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A broker of the caller's own, ready for clients, for tests that kill or pause it.
    pub(crate) fn start() -> Self {
        let port = free_port();
        let data = TempDir::new().expect("a folder for the broker");
        let process = Process::start(port, data.path());
        Self {
            port,
            data,
            process,
        }
    }

    /// The port on `127.0.0.1`.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What clients are given as `bootstrap.servers`.
    pub(crate) fn address(&self) -> String {
        address(self.port)
    }

    /// Ends the broker as `kill -9` does; what it has written stays. Returns once it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.script.wait().expect("the script's state");
    }

    /// Starts the killed broker on its port and data; returns once it is ready for clients.
    pub(crate) fn restart(&mut self) {
        self.process = Process::start(self.port, self.data.path());
    }

    /// Stops the broker in its tracks: connections stay open, and nobody answers.
    pub(crate) fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets a paused broker go on.
    pub(crate) fn resume(&self) {
        self.process.signal(Signal::CONT);
    }
}

impl Process {
    fn start(port: u16, data: &Path) -> Self {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka"))
            .arg("--until-eof")
            .arg("--data")
            .arg(data)
            .arg(address(port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/kafka runs");
        let lifeline = script.stdin.take();
        let lines = lines_of(&mut script);
        await_ready(&lines);
        let broker = std::fs::read_to_string(data.join("pid"))
            .ok()
            .and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?))
            .expect("the script writes the broker's process id before it is ready");
        Self {
            script,
            lifeline,
            broker,
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.broker, signal).expect("the broker takes a signal");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.lifeline.take();
        let _ = self.script.wait();
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// A port that is free on `127.0.0.1`, and the next one on the address of the broker's controller.
fn free_port() -> u16 {
    let is_free = |address, port| TcpListener::bind((address, port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(PORTS))
        .take(100)
        .find(|port| is_free("127.0.0.1", *port) && is_free("127.0.0.2", port + 1))
        .expect("a free port for the broker")
}

/// The script's lines as they come. They are read to the end, so that the broker never waits for its reader.
fn lines_of(script: &mut Child) -> Receiver<String> {
    let stdout = script.stdout.take().expect("stdout is piped");
    let (sender, lines) = sync_channel(MAX_LINES);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.try_send(line);
        }
    });
    lines
}

fn await_ready(lines: &Receiver<String>) {
    let mut said = String::new();
    loop {
        match lines.recv_timeout(START_PATIENCE) {
            Ok(line) if line.contains(READY) => return,
            Ok(line) => writeln!(said, "{line}").expect("a string takes every line"),
            Err(error) => panic!("the broker did not start ({error}); it said:\n{said}"),
        }
    }
}
