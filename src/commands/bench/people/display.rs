//! Where the crowd is shown while it lasts: on the screen, as lines, or not at all.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::super::super::terminal::{Screen, is_quit};
use super::args::CrowdArgs;
use super::lines::line;
use super::picture::Picture;
use super::table;

/// Time between two pictures on the screen.
const REDRAW: Duration = Duration::from_millis(250);
/// Time between two lines.
const LINE: Duration = Duration::from_secs(2);

/// A place to show pictures.
pub(super) enum Display {
    Screen(Box<Screen>),
    Lines,
    /// Lines beside the JSON of the end, for whoever sits in front of it.
    Progress,
    Silent,
}

impl Display {
    /// The one that fits the output.
    ///
    /// # Errors
    ///
    /// The terminal does not do what it is asked.
    pub(super) fn for_args(args: &CrowdArgs) -> io::Result<Self> {
        Ok(if args.json && io::stderr().is_terminal() {
            Self::Progress
        } else if args.json {
            Self::Silent
        } else if io::stdout().is_terminal() {
            Self::Screen(Box::new(Screen::take()?))
        } else {
            Self::Lines
        })
    }

    /// Shows one picture after the other, until somebody asks for the end.
    ///
    /// # Errors
    ///
    /// The output does not take what it is given.
    pub(super) async fn show(&mut self, take: impl Fn() -> Picture) -> io::Result<()> {
        loop {
            match self {
                Self::Screen(screen) => {
                    let picture = take();
                    screen.terminal.draw(|frame| table::draw(frame, &picture))?;
                    tokio::select! {
                        () = sleep(REDRAW) => {}
                        event = screen.keys.next() => match event {
                            Some(Ok(event)) if !is_quit(&event) => {}
                            Some(Err(error)) => return Err(error),
                            _ => return Ok(()),
                        },
                    }
                }
                Self::Lines => {
                    sleep(LINE).await;
                    match write(line(&take()), io::stdout).await {
                        // Whoever reads has read what it wanted.
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                            *self = Self::Silent;
                            return Ok(());
                        }
                        written => written?,
                    }
                }
                Self::Progress => {
                    sleep(LINE).await;
                    write(line(&take()), io::stderr).await?;
                }
                Self::Silent => std::future::pending().await,
            }
        }
    }
}

/// Writes off the runtime: people go on while nobody takes the line.
async fn write<Output: Write + 'static>(line: String, output: fn() -> Output) -> io::Result<()> {
    let written = spawn_blocking(move || {
        let mut output = output();
        output.write_all(line.as_bytes())?;
        output.flush()
    });
    written.await.map_err(io::Error::other)?
}
