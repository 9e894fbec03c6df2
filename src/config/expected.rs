//! What a setting expects, in words.

use super::layers::Raw;
use super::setting::{Kind, Setting};

const ADDRESSES: &str =
    "IP addresses with ports, at least one and none twice, such as \"127.0.0.1:5000\"";
const ORIGINS: &str = "origins such as \"https://example.org\", without a path";
const URL: &str = "an http or https address such as \"https://emoji.example.org\", or nothing";
const BROKERS: &str =
    "HOST:PORT such as \"localhost:9092\", several with commas between, or nothing";
const ROLES: &str =
    "\"all\", or some of \"api,aggregator,publisher,cluster,session\" with commas between";
const LIMIT: &str = "\"auto\", \"off\", or a rate such as \"20/s\" or \"20/s burst 100\"";
const LOG_LEVEL: &str = "\"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", \
     or directives such as \"info,emostream=debug\"";

/// What `setting` expects, fit to follow "expected".
pub(super) fn expectation(setting: &Setting, raw: &Raw) -> String {
    let example = setting.default;
    match setting.kind {
        Kind::Duration { min, max } => format!(
            "a duration from {} to {} such as \"{example}\"",
            humantime::format_duration(min),
            humantime::format_duration(max)
        ),
        Kind::Window => format!("a duration from 100ms to 60s such as \"{example}\""),
        Kind::Size { min, max } => {
            format!("a size from {min} to {max} bytes such as \"{example}\" or \"16KiB\"")
        }
        Kind::Number { min, max } => {
            let quoted = matches!(raw, Raw::Toml(toml::Value::String(_)));
            let quotes = if quoted { ", without quotes" } else { "" };
            format!("a whole number from {min} to {max}{quotes}")
        }
        Kind::Addresses => ADDRESSES.to_owned() + array_hint(raw),
        Kind::Origins => ORIGINS.to_owned() + array_hint(raw),
        Kind::Url => URL.to_owned(),
        Kind::Scale => "\"brief\", \"legacy\" or a divisor from 1".to_owned(),
        Kind::Limit => LIMIT.to_owned(),
        Kind::Roles => ROLES.to_owned(),
        Kind::Brokers => BROKERS.to_owned(),
        Kind::Topic => "1 to 240 characters out of A-Z, a-z, 0-9, '_', '.' and '-'".to_owned(),
        Kind::Token => "16 to 256 visible ASCII characters, or nothing".to_owned(),
        Kind::LogLevel => LOG_LEVEL.to_owned(),
        Kind::LogFormat => "\"auto\", \"human\" or \"json\"".to_owned(),
    }
}

fn array_hint(raw: &Raw) -> &'static str {
    match raw {
        Raw::Toml(toml::Value::Array(_)) | Raw::Text(_) => "",
        Raw::Toml(_) => ", as an array: [\"...\"]",
    }
}
