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

/// What is drawn on a screen of that size, line by line, without the blanks at the end.
#[cfg(test)]
pub(super) fn drawn(
    width: u16,
    height: u16,
    draw: impl FnOnce(&mut ratatui::Frame<'_>),
) -> Vec<String> {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::text::Span;

    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(draw).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |row: u16| {
        let mut text = String::new();
        let mut column = 0;
        while column < width {
            let symbol = buffer[(column, row)].symbol();
            text += symbol;
            // A wide symbol hides the cell behind it.
            column += u16::try_from(Span::raw(symbol).width().max(1)).unwrap();
        }
        text.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}
