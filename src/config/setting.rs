//! What a setting is, and how one is found by its key or variable.

use std::time::Duration;

use super::table::SETTINGS;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `section.key`, as in the file and after `--set`.
    pub key: &'static str,
    /// The default, written as in a variable: lists separated by commas.
    pub default: &'static str,
    /// What a value may be.
    pub kind: Kind,
    /// What it is for, in one line.
    pub doc: &'static str,
}

/// What a value may be. Bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A time span with a unit.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// The size of a window; its bounds are those of [`crate::domain::WindowSize`].
    Window,
    /// Bytes, plain or with a binary unit.
    Size {
        /// The fewest bytes.
        min: u64,
        /// The most bytes.
        max: u64,
    },
    /// A whole number.
    Number {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A list of IP addresses with ports.
    Addresses,
    /// A list of web origins.
    Origins,
    /// An absolute web address, or nothing.
    Url,
    /// A scale rule.
    Scale,
    /// A rate limit.
    Limit,
    /// Roles of a node.
    Roles,
    /// Brokers of Kafka to ask first, or nothing.
    Brokers,
    /// The name of a topic, or the beginning of one.
    Topic,
    /// A bearer token, or nothing. Never shown.
    Token,
    /// Log levels, per module if need be.
    LogLevel,
    /// A form of log lines.
    LogFormat,
}

impl Setting {
    /// The setting of that key.
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Its environment variable: `window.size` is `EMOSTREAM_WINDOW_SIZE`.
    pub fn variable(&self) -> String {
        format!("EMOSTREAM_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Whether its value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Token
    }

    /// The setting whose key is most like `key`.
    pub fn nearest(key: &str) -> &'static Self {
        nearest_by(key, |setting| setting.key.to_owned())
    }

    /// The setting whose variable is most like `name`.
    pub fn nearest_variable(name: &str) -> &'static Self {
        nearest_by(name, Self::variable)
    }
}

/// A key without its section (`bind`) is near to the one that ends like it (`http.bind`).
fn nearest_by(given: &str, name_of: impl Fn(&Setting) -> String) -> &'static Setting {
    let distance = |setting: &Setting| {
        let name = name_of(setting);
        let bare = setting.key.rsplit('.').next().unwrap_or(setting.key);
        strsim::damerau_levenshtein(given, &name)
            .min(strsim::damerau_levenshtein(given, bare).saturating_add(1))
    };
    SETTINGS
        .iter()
        .min_by_key(|setting| distance(setting))
        .unwrap_or(&SETTINGS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_after_the_key() {
        let variable = Setting::find("http.max_body").map(Setting::variable);
        assert_eq!(variable.as_deref(), Some("EMOSTREAM_HTTP_MAX_BODY"));
    }

    #[test]
    fn the_nearest_key_is_the_one_meant() {
        for (given, meant) in [
            ("window.siez", "window.size"),
            ("windows.size", "window.size"),
            ("bind", "http.bind"),
            ("http.port", "http.bind"),
            ("session.retention_time", "session.retention"),
            ("admin.tokn", "admin.token"),
        ] {
            assert_eq!(Setting::nearest(given).key, meant, "{given}");
        }
    }
}
