//! `emostream view`: the aggregation in the terminal, live; where the output is no terminal, as lines.

mod update;
mod wire;
mod node;
mod topics;
mod model;
mod screen;
mod display;
mod lines;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use self::lines::Format;
use self::node::Node;
use self::topics::Topics;
use self::update::{Link, Update, Window};
use super::cli::{SettingArgs, ViewArgs};
use super::config::refuse;
use super::exit::{Exit, complain};
use super::serve::stop_signals;
use crate::config::Config;

/// Where a node is looked for that nobody has named.
const USUAL_NODE: &str = "http://localhost:5001";
/// What is watched on a node unless a stream is named.
const USUAL_STREAM: &str = "main";
/// News that may wait for the display. When it is full the source waits, and the node merges what comes meanwhile.
const MAX_NEWS: usize = 64;

/// How windows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Screen,
    Lines { format: Format, is_once: bool },
}

/// Where windows come from.
enum Source {
    Node(Box<Node>),
    Topics(Box<Topics>),
}

/// A source that is at work.
struct Watching {
    source: Source,
    /// The streams that were asked for on the command line.
    named: Vec<String>,
    followed: BTreeSet<String>,
    tell: Sender<Update>,
    news: Receiver<Update>,
}

/// Shows windows until it is asked to stop.
pub(super) fn run(args: ViewArgs) -> Exit {
    let show = show(&args);
    let (url, named) = (args.url.clone(), args.stream.clone());
    let is_on_kafka = args.kafka.is_some();
    let config = match SettingArgs::from(args).load() {
        Ok(loaded) => loaded.config,
        Err(mistakes) => return refuse(&mistakes),
    };
    let source = if is_on_kafka {
        Source::Topics(Box::new(topics(config, &named, show)))
    } else {
        let url = url.as_deref().unwrap_or(USUAL_NODE);
        match Node::new(url, config.admin_token) {
            Ok(node) => Source::Node(Box::new(node)),
            Err(why) => {
                complain(&why);
                return Exit::Usage;
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(watch(source, named, show));
        // A line that nobody takes would hold up the end.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        complain(&error);
        Exit::Configuration
    })
}

fn show(args: &ViewArgs) -> Show {
    let format = if args.json {
        Format::Json
    } else {
        Format::Plain
    };
    if args.json || args.once || !io::stdout().is_terminal() {
        Show::Lines {
            format,
            is_once: args.once,
        }
    } else {
        Show::Screen
    }
}

fn topics(config: Config, named: &[String], show: Show) -> Topics {
    let back = match show {
        Show::Screen => config.window.duration() * model::HISTORY as u32,
        Show::Lines { .. } => Duration::ZERO,
    };
    Topics {
        clients: config.kafka,
        topic: config.topics.aggregated,
        window: config.window,
        max_streams: config.streams_max,
        streams: named.iter().cloned().collect(),
        back,
    }
}

async fn watch(source: Source, named: Vec<String>, show: Show) -> io::Result<Exit> {
    let signals = stop_signals()?;
    let watching = Watching::new(source, named)?;
    match show {
        Show::Screen => {
            watching.look();
            match display::run(watching, signals).await? {
                display::End::Asked => Ok(Exit::Done),
                display::End::Source(why) => {
                    complain(&why);
                    Ok(Exit::Configuration)
                }
            }
        }
        Show::Lines { format, is_once } => write_lines(watching, signals, format, is_once).await,
    }
}

impl Watching {
    fn new(source: Source, named: Vec<String>) -> io::Result<Self> {
        let (tell, news) = channel(MAX_NEWS);
        if let Source::Topics(topics) = &source {
            topics.as_ref().clone().start(tell.clone())?;
        }
        let mut watching = Self {
            source,
            named,
            followed: BTreeSet::new(),
            tell,
            news,
        };
        for stream in watching.streams() {
            watching.follow(&stream);
        }
        Ok(watching)
    }

    /// The streams to begin with.
    fn streams(&self) -> Vec<String> {
        match &self.source {
            Source::Node(_) if self.named.is_empty() => vec![USUAL_STREAM.to_owned()],
            _ => self.named.clone(),
        }
    }

    fn address(&self) -> &str {
        match &self.source {
            Source::Node(node) => node.address(),
            Source::Topics(topics) => topics.address(),
        }
    }

    /// Opens a session for a stream that has none. From the topics all streams come together.
    fn follow(&mut self, stream: &str) {
        if let Source::Node(node) = &self.source
            && self.followed.insert(stream.to_owned())
        {
            let node = node.as_ref().clone();
            tokio::spawn(node.follow(stream.to_owned(), self.tell.clone()));
        }
    }

    /// Asks for clusters and streams from now on.
    fn look(&self) {
        if let Source::Node(node) = &self.source {
            tokio::spawn(node.as_ref().clone().look(self.tell.clone()));
        }
    }

    async fn next(&mut self) -> Update {
        let gone = || Update::End("the source has ended".to_owned());
        self.news.recv().await.unwrap_or_else(gone)
    }

    fn try_next(&mut self) -> Option<Update> {
        self.news.try_recv().ok()
    }
}

async fn write_lines(
    mut watching: Watching,
    mut signals: impl Stream<Item = ()> + Unpin,
    format: Format,
    is_once: bool,
) -> io::Result<Exit> {
    let mut said = String::new();
    loop {
        let update = tokio::select! {
            update = watching.next() => update,
            _ = signals.next() => return Ok(Exit::Done),
        };
        match update {
            Update::Window(window) => {
                let written = tokio::select! {
                    written = write(format, window) => written,
                    _ = signals.next() => return Ok(Exit::Done),
                };
                match written {
                    Ok(()) if is_once => return Ok(Exit::Done),
                    Ok(()) => {}
                    // Whoever reads has read what it wanted.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(Exit::Done);
                    }
                    Err(error) => return Err(error),
                }
            }
            Update::Link { link, .. } => say(&link, &mut said),
            Update::End(why) => {
                complain(&why);
                return Ok(Exit::Configuration);
            }
            _ => {}
        }
    }
}

/// Says on standard error why nothing comes, once for each reason.
fn say(link: &Link, said: &mut String) {
    match link {
        Link::Lost(why) if why != said => {
            complain(&format!("{why}; trying again"));
            why.clone_into(said);
        }
        Link::Live => said.clear(),
        _ => {}
    }
}

/// Writes off the runtime: sessions go on answering while nobody takes the line.
async fn write(format: Format, window: Window) -> io::Result<()> {
    let written =
        tokio::task::spawn_blocking(move || format.write(&window, &mut io::stdout().lock()));
    written.await.map_err(io::Error::other)?
}
