//! The settings file: TOML text to keys and values.

use super::setting::Setting;
use super::table::SECTIONS;

/// Values of known keys.
type Entries = Vec<(&'static str, toml::Value)>;

/// The values of known keys, and a sentence for each unknown one that starts with the key. The error of a text that
/// is not TOML names the line and quotes nothing: the text may hold the admin token.
pub(super) fn entries(text: &str) -> Result<(Entries, Vec<String>), String> {
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
    let mut entries = Vec::new();
    let mut unknown = Vec::new();
    walk("", table, &mut entries, &mut unknown);
    Ok((entries, unknown))
}

fn walk(prefix: &str, table: toml::Table, entries: &mut Entries, unknown: &mut Vec<String>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match (Setting::find(&key), value) {
            (Some(setting), value) => entries.push((setting.key, value)),
            (None, toml::Value::Table(inner)) if !inner.is_empty() || is_section(&key) => {
                walk(&format!("{key}."), inner, entries, unknown);
            }
            (None, _) if is_section(&key) => {
                unknown.push(format!(
                    "{key} is a section; write [{key}] and its settings below"
                ));
            }
            (None, _) => unknown.push(format!(
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
        let (in_section, unknown) = entries("[window]\nsize = '1s'").unwrap();
        assert_eq!(in_section, [("window.size", "1s".into())]);
        assert!(unknown.is_empty());
        assert_eq!(entries("window.size = '1s'").unwrap().0, in_section);
        assert!(entries("[window]").unwrap().1.is_empty());
    }

    #[test]
    fn what_is_not_a_setting_is_named_with_the_nearest() {
        let (_, unknown) =
            entries("bind = []\nwindow = '2s'\n[windows]\nsize = '2s'\n[htp]\nbind = []").unwrap();
        assert_eq!(
            unknown,
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
