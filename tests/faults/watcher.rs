//! A session that trusts nobody: it adds up what it is sent, reacts now and then, and comes back whenever it is cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::black_box::subscriber::Join;
use crate::support::account::Account;
use crate::support::topics::Published;

/// The emoji of all that sessions send: no lane of the load has it.
pub(crate) const EMOJI: &str = "👏";

/// Between two reactions of a session.
const REACTS: Duration = Duration::from_millis(250);

/// Between two tries to come back.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a session waits for a word, or for a node to be back.
const PATIENCE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<TcpStream>;

/// Sessions that watch one stream.
pub(crate) struct Watchers {
    phase: watch::Sender<Phase>,
    accounts: mpsc::Receiver<Account>,
    sessions: JoinSet<Watched>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Some react, all watch.
    Lively,
    /// All watch; the books of those that reacted are closed.
    Quiet,
    /// They leave after this window.
    Until(u64),
}

/// What one session was told.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) seq: u64,
    pub(crate) total: u64,
    pub(crate) totals: BTreeMap<String, u64>,
    window_ms: u64,
    /// How often it was cut off.
    pub(crate) losses: usize,
    /// How often it stood elsewhere than it had left when it came back.
    pub(crate) unrecovered: usize,
    /// What it was told about the delivery.
    pub(crate) told: Vec<String>,
    /// The longest time between two windows.
    pub(crate) silence: Duration,
    heard: Option<Instant>,
    account: Account,
    waiting: BTreeSet<String>,
    reacts: Option<Interval>,
    num_sent: u64,
    books: Option<mpsc::Sender<Account>>,
}

/// Why a session reads no more.
#[derive(Debug, PartialEq, Eq)]
enum End {
    CutOff,
    ReadThrough,
}

impl Watchers {
    /// Opens sessions; every third reacts as well.
    pub(crate) fn open(joins: Vec<Join>) -> Self {
        let phase = watch::Sender::new(Phase::Lively);
        let (books, accounts) = mpsc::channel(joins.len());
        let mut sessions = JoinSet::new();
        for (index, join) in joins.into_iter().enumerate() {
            let watched = Watched::new(index, books.clone());
            sessions.spawn(watched.attend(join, phase.subscribe()));
        }
        Self {
            phase,
            accounts,
            sessions,
        }
    }

    /// Nobody reacts from here on. Gives the books of all.
    pub(crate) async fn quiet(&mut self) -> Account {
        self.phase.send_replace(Phase::Quiet);
        let mut all = Account::default();
        for _ in 0..self.sessions.len() {
            let account = timeout(PATIENCE, self.accounts.recv()).await;
            all.merge(
                account
                    .ok()
                    .flatten()
                    .expect("each session closes its books"),
            );
        }
        all
    }

    /// Lets all read through a window, and holds each to what was published.
    pub(crate) async fn finish(
        mut self,
        published: &Published,
        stream: &str,
        seq: u64,
    ) -> Vec<Watched> {
        self.phase.send_replace(Phase::Until(seq));
        let mut all = Vec::new();
        while let Some(watched) = self.sessions.join_next().await {
            let watched = watched.expect("each session is as it has to be");
            let name = &watched.name;
            let counts = published.counts(stream);
            assert_eq!(watched.totals, counts, "{name}: {watched:?}");
            assert_eq!(watched.total, published.total(stream), "{name}");
            all.push(watched);
        }
        all
    }
}

impl Watched {
    fn new(index: usize, books: mpsc::Sender<Account>) -> Self {
        let mut ticks = interval(REACTS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            name: format!("watcher-{index}"),
            seq: 0,
            total: 0,
            totals: BTreeMap::new(),
            window_ms: 0,
            losses: 0,
            unrecovered: 0,
            told: Vec::new(),
            silence: Duration::ZERO,
            heard: None,
            account: Account::default(),
            waiting: BTreeSet::new(),
            reacts: index.is_multiple_of(3).then_some(ticks),
            num_sent: 0,
            books: Some(books),
        }
    }

    async fn attend(mut self, join: Join, mut phase: watch::Receiver<Phase>) -> Self {
        let join = join.with("client_id", &self.name);
        loop {
            let mut socket = self.enter(&join).await;
            match self.read(&mut socket, &mut phase).await {
                End::ReadThrough => return self,
                End::CutOff => self.losses += 1,
            }
            // What was sent and not answered is somewhere, or not.
            let unknown = std::mem::take(&mut self.waiting).len() as u64;
            book(&mut self.account.unknown, unknown);
        }
    }

    /// Asks for a session until there is one, and reads its hello.
    async fn enter(&mut self, join: &Join) -> Socket {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let join = match self.seq {
                0 => join.clone(),
                seq => join.clone().since(seq),
            };
            if let Ok((mut socket, _)) = join.handshake().await
                && let Some(hello) = next(&mut socket).await
                && hello["type"] == "hello"
            {
                self.stand_at(&hello);
                return socket;
            }
            assert!(Instant::now() < give_up, "{}: not let in", self.name);
            sleep(PAUSE).await;
        }
    }

    fn stand_at(&mut self, hello: &Value) {
        let (seq, total) = (number(hello, "seq"), number(hello, "total"));
        let totals: BTreeMap<String, u64> =
            serde_json::from_value(hello["totals"].clone()).expect("totals");
        assert_eq!(totals.values().sum::<u64>(), total, "{hello}");
        self.window_ms = number(hello, "window_ms");
        if self.seq > 0 {
            let is_recovered = hello["recovered"] == true;
            self.unrecovered += usize::from(!is_recovered);
            if is_recovered {
                let left = (self.seq, self.total, &self.totals);
                assert_eq!((seq, total, &totals), left, "{}: {hello}", self.name);
            }
            assert!(
                seq >= self.seq && total >= self.total,
                "{} stood at {} with {}, and comes back to {hello}",
                self.name,
                self.seq,
                self.total
            );
        }
        (self.seq, self.total, self.totals) = (seq, total, totals);
    }

    async fn read(&mut self, socket: &mut Socket, phase: &mut watch::Receiver<Phase>) -> End {
        loop {
            let now = *phase.borrow_and_update();
            if now != Phase::Lively && self.waiting.is_empty() {
                self.reacts = None;
                if let Some(books) = self.books.take() {
                    let account = self.account.clone();
                    books.send(account).await.expect("the test goes on");
                }
            }
            if matches!(now, Phase::Until(last) if self.seq >= last) {
                return End::ReadThrough;
            }
            let is_lively = now == Phase::Lively;
            let message = tokio::select! {
                message = next(socket) => message,
                _ = phase.changed() => continue,
                () = due(&mut self.reacts), if is_lively => {
                    if !self.react(socket).await {
                        return End::CutOff;
                    }
                    continue;
                }
            };
            match message {
                None => return End::CutOff,
                Some(message) => self.take(&message),
            }
        }
    }

    async fn react(&mut self, socket: &mut Socket) -> bool {
        self.num_sent += 1;
        let id = format!("r{}", self.num_sent);
        let message = json!({"type": "react", "emoji_type": EMOJI, "id": id});
        self.waiting.insert(id);
        let sent = socket.send(Message::text(message.to_string())).await;
        sent.is_ok()
    }

    fn take(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("window") => self.add(message),
            Some("status") => {
                let delivery = message["delivery"].as_str().expect("what it is about");
                self.told.push(delivery.to_owned());
            }
            Some("ack") => {
                self.answered(message);
                book(&mut self.account.acknowledged, 1);
            }
            Some("error") => {
                self.answered(message);
                match message["code"].as_str() {
                    Some("unknown_outcome") => book(&mut self.account.unknown, 1),
                    _ => book(&mut self.account.refused, 1),
                }
            }
            Some("moved") => {}
            _ => panic!("a message of no known type: {message}"),
        }
    }

    fn answered(&mut self, message: &Value) {
        let id = message["id"].as_str().expect("whose answer it is");
        assert!(self.waiting.remove(id), "{}: {message}", self.name);
    }

    /// Adds a window that has to follow on the last one.
    fn add(&mut self, frame: &Value) {
        let (seq, span, before) = (number(frame, "seq"), number(frame, "span"), self.seq);
        assert_eq!(
            seq.checked_sub(span),
            Some(before),
            "{}: after {before} comes {frame}",
            self.name
        );
        assert_eq!(number(frame, "end_ms"), (seq + 1) * self.window_ms);
        let mut listed = 0;
        for entry in frame["counts"].as_array().expect("counts") {
            let (count, emoji) = (number(entry, "count"), entry["emoji_type"].as_str());
            listed += count;
            let emoji = emoji.expect("an emoji").to_owned();
            *self.totals.entry(emoji).or_default() += count;
        }
        assert_eq!(listed, number(frame, "total"), "{frame}");
        self.total += listed;
        self.seq = seq;
        let now = Instant::now();
        let silence = self
            .heard
            .replace(now)
            .map_or(Duration::ZERO, |at| now - at);
        self.silence = self.silence.max(silence);
    }
}

/// The worst of all sessions, in words.
pub(crate) fn summary(all: &[Watched]) -> String {
    let silence = all.iter().map(|one| one.silence).max().unwrap_or_default();
    let losses: usize = all.iter().map(|one| one.losses).sum();
    let unrecovered: usize = all.iter().map(|one| one.unrecovered).sum();
    format!(
        "{} sessions, cut off {losses} times, {unrecovered} of them came back elsewhere, at most {:.1} s without a window",
        all.len(),
        silence.as_secs_f64()
    )
}

async fn due(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

/// The next message; nothing once the session has ended.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await;
        match message.expect("a word of the server, were it a ping") {
            Some(Ok(Message::Text(text))) => {
                return Some(serde_json::from_str(&text).expect("JSON"));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_) | Err(_)) | None => return None,
        }
    }
}

fn number(value: &Value, key: &str) -> u64 {
    let found = value[key].as_u64();
    found.unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn book(side: &mut BTreeMap<String, u64>, number: u64) {
    if number > 0 {
        *side.entry(EMOJI.to_owned()).or_default() += number;
    }
}
