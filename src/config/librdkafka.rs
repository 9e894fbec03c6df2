//! Settings of librdkafka, which stand under `kafka` beside ours. There are some two hundred, and librdkafka knows them best.

use super::build::Row;
use super::layers::Given;
use super::setting::Setting;
use crate::kafka::client::{self, Refused};

/// What a key of librdkafka's begins with.
const SECTION: &str = "kafka.";

/// The name that librdkafka knows a setting by, if the key is in its section.
pub(super) fn name_of(key: &str) -> Option<&str> {
    key.strip_prefix(SECTION).filter(|name| !name.is_empty())
}

/// The name that a variable stands for: `EMOSTREAM_KAFKA_SECURITY_PROTOCOL` is `security.protocol`. A few names have an
/// underscore of their own.
pub(super) fn name_of_variable(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("EMOSTREAM_KAFKA_")?.to_lowercase();
    let dotted = name.replace('_', ".");
    let is_unknown = |name: &str| client::check(name, "") == Err(Refused::Unknown);
    if is_unknown(&dotted) && !is_unknown(&name) {
        return Some(name);
    }
    Some(dotted).filter(|dotted| !dotted.is_empty())
}

/// Checks a value; the sentence quotes none.
pub(super) fn check(name: &str, given: &Given) -> Result<(), String> {
    let source = &given.source;
    let key = format!("{SECTION}{name}");
    client::check(name, &given.raw.as_text()).map_err(|refused| match refused {
        Refused::Unknown => format!(
            "{} ({source}) is not a setting, nor one of librdkafka; the nearest is {}",
            key.escape_debug(),
            Setting::nearest(&key).key
        ),
        other => format!("{key} ({source}) {other}"),
    })
}

/// The setting as it may be shown.
pub(super) fn row(name: &str, given: &Given) -> Row {
    let value = match given.raw.as_text() {
        _ if client::is_secret(name) => "(set, not shown)".to_owned(),
        text => text.escape_debug().to_string(),
    };
    Row {
        key: format!("{SECTION}{name}").into(),
        value,
        source: given.source.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_stands_for_the_name_that_librdkafka_knows() {
        for (variable, name) in [
            (
                "EMOSTREAM_KAFKA_SECURITY_PROTOCOL",
                Some("security.protocol"),
            ),
            ("EMOSTREAM_KAFKA_LOG_LEVEL", Some("log_level")),
            ("EMOSTREAM_KAFKA_ACKS", Some("acks")),
            ("EMOSTREAM_KAFKA_NO_SUCH", Some("no.such")),
            ("EMOSTREAM_KAFKA_", None),
            ("EMOSTREAM_HTTP_BIND", None),
        ] {
            assert_eq!(name_of_variable(variable).as_deref(), name, "{variable}");
        }
    }
}
