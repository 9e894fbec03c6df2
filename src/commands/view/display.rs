//! The display on a terminal: keys, and the model behind the screen.

use std::io;

use crossterm::event::{Event, KeyCode};
use futures_util::{Stream, StreamExt as _};

use super::super::terminal::{Screen, is_quit, pressed};
use super::Watching;
use super::model::Model;
use super::screen::{self, View};
use super::update::Update;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Quit,
    Next,
    Previous,
    Pause,
}

/// The model, and what is shown of it.
#[derive(Debug)]
struct Display {
    model: Model,
    /// What stood there when it was paused.
    frozen: Option<Model>,
}

/// How the display ended.
#[derive(Debug)]
pub(super) enum End {
    /// Somebody asked for it.
    Asked,
    /// The source has nothing more to tell.
    Source(String),
}

/// Shows what comes until a key or a signal ends it.
///
/// # Errors
///
/// The terminal does not do what it is asked.
pub(super) async fn run(
    mut watching: Watching,
    mut signals: impl Stream<Item = ()> + Unpin,
) -> io::Result<End> {
    let mut screen = Screen::take()?;
    let mut display = Display::new(&watching.streams());
    loop {
        watching.follow(display.model.selected());
        screen
            .terminal
            .draw(|frame| screen::draw(frame, display.view(watching.address())))?;
        tokio::select! {
            update = watching.next() => {
                let mut update_opt = Some(update);
                // All that is there is one picture.
                while let Some(update) = update_opt {
                    if let Update::End(why) = update {
                        return Ok(End::Source(why));
                    }
                    display.model.apply(update);
                    update_opt = watching.try_next();
                }
            }
            event = screen.keys.next() => match event {
                Some(Ok(event)) => if display.press(&event) == Some(Wish::Quit) {
                    return Ok(End::Asked);
                },
                Some(Err(error)) => return Err(error),
                None => return Ok(End::Asked),
            },
            _ = signals.next() => return Ok(End::Asked),
        }
    }
}

impl Display {
    fn new(streams: &[String]) -> Self {
        Self {
            model: Model::new(streams),
            frozen: None,
        }
    }

    fn view<'a>(&'a self, address: &'a str) -> View<'a> {
        View {
            model: self.frozen.as_ref().unwrap_or(&self.model),
            address,
            is_paused: self.frozen.is_some(),
        }
    }

    /// Does what the key asks for; to quit is for the caller.
    fn press(&mut self, event: &Event) -> Option<Wish> {
        let wish = wish(event)?;
        match wish {
            Wish::Quit => {}
            Wish::Next => self.select(Model::select_next),
            Wish::Previous => self.select(Model::select_previous),
            Wish::Pause => {
                self.frozen = match self.frozen.take() {
                    Some(_) => None,
                    None => Some(self.model.clone()),
                };
            }
        }
        Some(wish)
    }

    fn select(&mut self, step: fn(&mut Model)) {
        step(self.frozen.as_mut().unwrap_or(&mut self.model));
        if let Some(frozen) = &self.frozen {
            self.model.select(frozen.selected());
        }
    }
}

fn wish(event: &Event) -> Option<Wish> {
    if is_quit(event) {
        return Some(Wish::Quit);
    }
    match pressed(event)?.code {
        KeyCode::Char('p') => Some(Wish::Pause),
        KeyCode::Right | KeyCode::Tab => Some(Wish::Next),
        KeyCode::Left | KeyCode::BackTab => Some(Wish::Previous),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyEvent, KeyModifiers};

    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    fn plain(code: KeyCode) -> Event {
        key(code, KeyModifiers::NONE)
    }

    fn display() -> Display {
        let mut display = Display::new(&["main".to_owned()]);
        display
            .model
            .apply(Update::Streams(vec!["zoo".to_owned(), "final".to_owned()]));
        display
    }

    fn shown(display: &Display) -> (String, bool) {
        let view = display.view("");
        (view.model.selected().to_owned(), view.is_paused)
    }

    #[test]
    fn q_and_ctrl_c_quit_and_c_does_not() {
        let control_c = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(wish(&control_c), Some(Wish::Quit));
        assert_eq!(wish(&plain(KeyCode::Char('q'))), Some(Wish::Quit));
        assert_eq!(wish(&plain(KeyCode::Char('c'))), None);
        assert_eq!(wish(&Event::Resize(80, 24)), None);
    }

    #[test]
    fn arrows_and_tab_switch_the_stream() {
        let mut display = display();
        for (code, expected) in [
            (KeyCode::Right, "zoo"),
            (KeyCode::Tab, "final"),
            (KeyCode::Left, "zoo"),
            (KeyCode::BackTab, "main"),
        ] {
            display.press(&plain(code));
            assert_eq!(shown(&display).0, expected, "{code}");
        }
    }

    #[test]
    fn a_paused_screen_stands_still_while_the_windows_go_on() {
        let window = |seq| {
            Update::Window(super::super::update::Window {
                stream: "main".to_owned(),
                seq,
                total: 1,
                ..Default::default()
            })
        };
        let total = |display: &Display| display.view("").model.shown().unwrap().total;
        let mut display = display();
        display.model.apply(window(1));
        display.press(&plain(KeyCode::Char('p')));
        display.model.apply(window(2));
        assert_eq!((total(&display), shown(&display).1), (1, true));
        display.press(&plain(KeyCode::Char('p')));
        assert_eq!((total(&display), shown(&display).1), (2, false));
    }

    #[test]
    fn a_stream_that_is_chosen_while_paused_stays_chosen() {
        let mut display = display();
        display.press(&plain(KeyCode::Char('p')));
        display.press(&plain(KeyCode::Right));
        assert_eq!(shown(&display), ("zoo".to_owned(), true));
        display.press(&plain(KeyCode::Char('p')));
        assert_eq!(shown(&display), ("zoo".to_owned(), false));
    }
}
