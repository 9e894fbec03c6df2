//! `emostream config check|show`: the settings without starting anything.

use super::cli::SettingArgs;
use super::exit::{Exit, complain, print};
use crate::config::{Mistakes, Row};

/// Says that the settings are valid, or everything that is wrong with them.
pub(super) fn check(settings: SettingArgs) -> Exit {
    answer(settings, |rows| {
        format!("ok: all {} settings are valid\n", rows.len())
    })
}

/// Prints every setting with its value and source.
pub(super) fn show(settings: SettingArgs) -> Exit {
    answer(settings, table)
}

fn answer(settings: SettingArgs, render: impl FnOnce(&[Row]) -> String) -> Exit {
    match settings.load() {
        Ok(loaded) => {
            print(&render(&loaded.rows));
            Exit::Done
        }
        Err(mistakes) => refuse(&mistakes),
    }
}

/// Names all mistakes.
pub(super) fn refuse(mistakes: &Mistakes) -> Exit {
    complain(mistakes);
    Exit::Configuration
}

fn table(rows: &[Row]) -> String {
    let widest = |text_of: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| text_of(row).chars().count());
        widths.max().unwrap_or(0)
    };
    let (keys, values) = (widest(|row| &row.key), widest(|row| &row.value));
    let line =
        |key: &str, value: &str, source: &str| format!("{key:keys$}  {value:values$}  {source}\n");
    let mut text = line("key", "value", "source");
    text.extend(
        rows.iter()
            .map(|row| line(&row.key, &row.value, &row.source)),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |key: &'static str, value: &str, source: &str| Row {
            key: key.into(),
            value: value.to_owned(),
            source: source.to_owned(),
        };
        let rows = [
            row("window.size", "2s", "default"),
            row("log.level", "debug", "EMOSTREAM_LOG_LEVEL"),
        ];
        assert_eq!(
            table(&rows),
            "key          value  source\n\
             window.size  2s     default\n\
             log.level    debug  EMOSTREAM_LOG_LEVEL\n"
        );
    }
}
