//! The terminal as a screen: taken, and given back as it was.

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::DefaultTerminal;

/// A terminal that shows a screen. However it ends, the terminal is put back; a panic does so before it prints.
pub(super) struct Screen {
    pub(super) terminal: DefaultTerminal,
    /// What is typed.
    pub(super) keys: EventStream,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// It does not do what it is asked.
    pub(super) fn take() -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        let keys = EventStream::new();
        Ok(Self { terminal, keys })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// The key that went down, if that is what happened.
pub(super) fn pressed(event: &Event) -> Option<&KeyEvent> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(key),
        _ => None,
    }
}

/// Whether it is a key that quits: on a screen Ctrl-C is a key, and no signal.
pub(super) fn is_quit(event: &Event) -> bool {
    pressed(event).is_some_and(|key| match key.code {
        KeyCode::Char('c') => key.modifiers.contains(KeyModifiers::CONTROL),
        KeyCode::Char('q') => true,
        _ => false,
    })
}
