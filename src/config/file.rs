//! The settings file: TOML text to keys and values.

use super::librdkafka;
use super::setting::Setting;
use super::table::SECTIONS;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Values of our settings.
    pub(super) settings: Vec<(&'static str, toml::Value)>,
    /// Values of what may be settings of librdkafka, by its own names.
    pub(super) librdkafka: Vec<(String, toml::Value)>,
    /// A sentence for each unknown key that starts with the key.
    pub(super) unknown: Vec<String>,
}

/// Reads a file. The error of a text that is not TOML names the line and quotes nothing: the text may hold the admin token.
pub(super) fn entries(text: &str) -> Result<Entries, String> {
    let table = text.parse::<toml::Table>().map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let place = line
            .map(|line| format!(", line {line},"))
            .unwrap_or_default();
        let reason = error.message().lines().next().unwrap_or_default();
        format!("{place} is not valid TOML: {reason}")
    })?;
    let mut entries = Entries::default();
    walk("", table, &mut entries);
    Ok(entries)
}

fn walk(prefix: &str, table: toml::Table, entries: &mut Entries) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        let own_name = librdkafka::name_of(&key).map(str::to_owned);
        match (Setting::find(&key), value) {
            (Some(setting), value) => entries.settings.push((setting.key, value)),
            (None, toml::Value::Table(inner)) if !inner.is_empty() || is_section(&key) => {
                walk(&format!("{key}."), inner, entries);
            }
            (None, _) if is_section(&key) => {
                entries.unknown.push(format!(
                    "{key} is a section; write [{key}] and its settings below"
                ));
            }
            (None, value) if own_name.is_some() => {
                entries
                    .librdkafka
                    .extend(own_name.map(|name| (name, value)));
            }
            (None, _) => entries.unknown.push(format!(
                "{} is not a setting; the nearest is {}",
                key.escape_debug(),
                Setting::nearest(&key).key
            )),
        }
    }
}

fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| *section == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sections_and_dotted_keys_mean_the_same() {
        let in_section = entries("[window]\nsize = '1s'").unwrap();
        assert_eq!(in_section.settings, [("window.size", "1s".into())]);
        assert!(in_section.unknown.is_empty());
        let dotted = entries("window.size = '1s'").unwrap();
        assert_eq!(dotted.settings, in_section.settings);
        assert!(entries("[window]").unwrap().unknown.is_empty());
    }

    #[test]
    fn what_is_not_a_setting_is_named_with_the_nearest() {
        let found =
            entries("bind = []\nwindow = '2s'\n[windows]\nsize = '2s'\n[htp]\nbind = []").unwrap();
        assert_eq!(
            found.unknown,
            [
                "bind is not a setting; the nearest is http.bind",
                "htp.bind is not a setting; the nearest is http.bind",
                "window is a section; write [window] and its settings below",
                "windows.size is not a setting; the nearest is window.size",
            ]
        );
    }

    #[test]
    fn broken_text_names_its_line_and_never_quotes_it() {
        let twice = entries("[streams]\nmax = 1\nmax = 2").unwrap_err();
        assert!(
            twice.starts_with(", line 3, is not valid TOML: duplicate key"),
            "{twice}"
        );
        let secret = entries("[admin]\ntoken = hunter2hunter2hunter2").unwrap_err();
        assert!(secret.contains("line 2"), "{secret}");
        assert!(!secret.contains("hunter2"), "{secret}");
    }
}
