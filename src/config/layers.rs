//! Where values come from: file, environment, flags; the later layer wins, and each value remembers its source.

use std::{collections::BTreeMap, ffi::OsString, fmt, fs, io, path::PathBuf};

use super::{file, librdkafka, mistakes::Mistakes, setting::Setting, table::SETTINGS};

/// Where settings are looked for, the weakest first.
#[expect(
    missing_debug_implementations,
    reason = "flags may hold the admin token"
)]
pub struct Sources<'a> {
    /// The file, if any.
    pub file: SettingsFile,
    /// Environment variables.
    pub environment: &'a dyn Environment,
    /// Values from the command line; of two for one key the later wins.
    pub flags: Vec<Flag>,
}

/// The settings file.
#[derive(Debug)]
pub enum SettingsFile {
    /// Asked for by name: it has to be there.
    Named(PathBuf),
    /// Read if it is there.
    IfPresent(PathBuf),
}

/// A value from the command line.
#[expect(missing_debug_implementations, reason = "it may hold the admin token")]
pub struct Flag {
    /// As the user wrote it: `--window` or `--set window.size`.
    pub name: String,
    /// The key it is short for.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Environment variables, so that a test can bring its own.
pub trait Environment {
    /// All of them.
    fn variables(&self) -> Vec<(OsString, OsString)>;
}

/// The variables of this process.
#[derive(Debug)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    fn variables(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().collect()
    }
}

impl Environment for BTreeMap<String, String> {
    fn variables(&self) -> Vec<(OsString, OsString)> {
        self.iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }
}

/// A value as it was written, not yet checked.
#[derive(Clone)]
pub(super) enum Raw {
    /// From a variable, a flag or the table of defaults: lists are separated by commas.
    Text(String),
    /// From the file, which has types of its own.
    Toml(toml::Value),
}

impl Raw {
    /// The value as a variable would hold it.
    pub(super) fn as_text(&self) -> String {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => text.trim().to_owned(),
            Self::Toml(toml::Value::Array(items)) => {
                let texts = items.iter().map(|item| match item {
                    toml::Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                texts.collect::<Vec<_>>().join(",")
            }
            Self::Toml(other) => other.to_string(),
        }
    }
}

/// As quoted in a mistake: text in quotes, numbers bare, long ones cut.
impl fmt::Display for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_CHARS: usize = 80;
        let shown = match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => format!("{text:?}"),
            Self::Toml(toml::Value::Table(_)) => "a table".to_owned(),
            Self::Toml(other) => other.to_string(),
        };
        match shown.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => write!(formatter, "{}...", &shown[..end]),
            None => formatter.write_str(&shown),
        }
    }
}

/// A value in force, and where it came from.
pub(super) struct Given {
    pub(super) raw: Raw,
    /// `default`, `emostream.toml:window.size`, `EMOSTREAM_WINDOW_SIZE`, `--window`.
    pub(super) source: String,
}

/// All values.
pub(super) struct Layers {
    /// One per setting, in the order of the table.
    settings: Vec<(&'static Setting, Given)>,
    /// Those of librdkafka by its own names, as far as they are given.
    librdkafka: BTreeMap<String, Given>,
}

impl Layers {
    /// Reads all sources. What is unknown or unreadable is a mistake; the rest is still there to be checked.
    pub(super) fn collect(sources: Sources<'_>) -> (Self, Mistakes) {
        let mut layers = Self::defaults();
        let mut mistakes = Mistakes::default();
        layers.add_file(&sources.file, &mut mistakes);
        layers.add_environment(sources.environment, &mut mistakes);
        for flag in sources.flags {
            layers.add_flag(flag, &mut mistakes);
        }
        (layers, mistakes)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static Setting, &Given)> {
        self.settings
            .iter()
            .map(|(setting, given)| (*setting, given))
    }

    pub(super) fn librdkafka(&self) -> impl Iterator<Item = (&String, &Given)> + Clone {
        self.librdkafka.iter()
    }

    fn defaults() -> Self {
        let given = |setting: &Setting| Given {
            raw: Raw::Text(setting.default.to_owned()),
            source: "default".to_owned(),
        };
        Self {
            settings: SETTINGS
                .iter()
                .map(|setting| (setting, given(setting)))
                .collect(),
            librdkafka: BTreeMap::new(),
        }
    }

    fn replace(&mut self, key: &str, raw: Raw, source: String) {
        if let Some((_, given)) = self
            .settings
            .iter_mut()
            .find(|(setting, _)| setting.key == key)
        {
            *given = Given { raw, source };
        }
    }

    fn add_file(&mut self, file: &SettingsFile, mistakes: &mut Mistakes) {
        let (SettingsFile::Named(path) | SettingsFile::IfPresent(path)) = file;
        let name = path.display();
        let text = match (fs::read_to_string(path), file) {
            (Ok(text), _) => text,
            (Err(error), SettingsFile::IfPresent(_)) if error.kind() == io::ErrorKind::NotFound => {
                return;
            }
            (Err(error), _) => {
                return mistakes.push(format!("{name} cannot be read as a settings file: {error}"));
            }
        };
        match file::entries(&text) {
            Ok(entries) => {
                for (key, value) in entries.settings {
                    self.replace(key, Raw::Toml(value), format!("{name}:{key}"));
                }
                for (key, value) in entries.librdkafka {
                    let source = format!("{name}:kafka.{key}");
                    let raw = Raw::Toml(value);
                    self.librdkafka.insert(key, Given { raw, source });
                }
                for sentence in entries.unknown {
                    mistakes.push(format!("{name}:{sentence}"));
                }
            }
            Err(sentence) => mistakes.push(format!("{name}{sentence}")),
        }
    }

    fn add_environment(&mut self, environment: &dyn Environment, mistakes: &mut Mistakes) {
        let variables = environment.variables();
        let in_kubernetes = variables
            .iter()
            .any(|(name, _)| name == "KUBERNETES_SERVICE_HOST");
        for (name, value) in variables {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with("EMOSTREAM_") || in_kubernetes && is_service_link(&name) {
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) else {
                if let Some(key) = librdkafka::name_of_variable(&name) {
                    let raw = Raw::Text(value.to_string_lossy().into_owned());
                    let source = name;
                    self.librdkafka.insert(key, Given { raw, source });
                    continue;
                }
                let nearest = Setting::nearest_variable(&name);
                mistakes.push(format!(
                    "{name} is not the variable of any setting; the nearest is {} ({})",
                    nearest.variable(),
                    nearest.key
                ));
                continue;
            };
            match value.into_string() {
                Ok(text) => self.replace(setting.key, Raw::Text(text), name),
                Err(_) => mistakes.push(format!("{} ({name}) is not valid UTF-8", setting.key)),
            }
        }
    }

    fn add_flag(&mut self, flag: Flag, mistakes: &mut Mistakes) {
        let own_name = librdkafka::name_of(&flag.key).map(str::to_owned);
        match (Setting::find(&flag.key), own_name) {
            (Some(setting), _) => self.replace(setting.key, Raw::Text(flag.value), flag.name),
            (None, Some(name)) => {
                let (raw, source) = (Raw::Text(flag.value), flag.name);
                self.librdkafka.insert(name, Given { raw, source });
            }
            (None, None) => mistakes.push(format!(
                "{} ({}) is not a setting; the nearest is {}",
                flag.key,
                flag.name,
                Setting::nearest(&flag.key).key
            )),
        }
    }
}

/// Kubernetes gives every pod variables about each service, and a service may well be called `emostream` or
/// `emostream-api`: `EMOSTREAM_SERVICE_HOST`, `EMOSTREAM_API_PORT_5000_TCP_ADDR` and so on are not meant as settings.
fn is_service_link(name: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"]
        .iter()
        .any(|part| name.contains(part))
        || name.ends_with("_PORT")
}

#[cfg(test)]
mod tests;
