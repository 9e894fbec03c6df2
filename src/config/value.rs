//! One written value to one checked value.

use std::{net::SocketAddr, num::NonZeroU64, time::Duration};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::expected::expectation;
use super::layers::{Given, Raw};
use super::limit::Limit;
use super::setting::{Kind, Setting};
use crate::domain::{Roles, Scale, WindowSize};
use crate::telemetry::LogFormat;

/// A checked value.
#[derive(Clone)]
pub(super) enum Value {
    Duration(Duration),
    Window(WindowSize),
    /// Bytes or a plain number.
    Number(u64),
    Addresses(Vec<SocketAddr>),
    Origins(Vec<String>),
    Url(Option<Url>),
    Scale(Scale),
    Limit(Limit),
    Roles(Roles),
    Brokers(Option<String>),
    Topic(String),
    Token(Option<String>),
    LogLevel(String),
    LogFormat(LogFormat),
}

/// Checks a value; the error is a sentence that names the key, the value unless it is secret, the source, and what is
/// expected.
pub(super) fn check(setting: &Setting, given: &Given) -> Result<Value, String> {
    parse(setting.kind, &given.raw).ok_or_else(|| {
        let Given { raw, source } = given;
        let expected = expectation(setting, raw);
        if setting.is_secret() {
            format!("{} ({source}): expected {expected}", setting.key)
        } else {
            format!("{} is {raw} ({source}): expected {expected}", setting.key)
        }
    })
}

fn parse(kind: Kind, raw: &Raw) -> Option<Value> {
    match kind {
        Kind::Duration { min, max } => {
            let duration = humantime::parse_duration(text(raw)?).ok()?;
            (min..=max)
                .contains(&duration)
                .then_some(Value::Duration(duration))
        }
        Kind::Window => {
            let duration = humantime::parse_duration(text(raw)?).ok()?;
            WindowSize::try_new(duration).ok().map(Value::Window)
        }
        Kind::Size { min, max } => {
            let bytes = number(raw).or_else(|| text(raw).and_then(parse_size))?;
            (min..=max).contains(&bytes).then_some(Value::Number(bytes))
        }
        Kind::Number { min, max } => {
            let number = number(raw)?;
            (min..=max)
                .contains(&number)
                .then_some(Value::Number(number))
        }
        Kind::Addresses => parse_addresses(&list(raw)?).map(Value::Addresses),
        Kind::Origins => {
            let origins = list(raw)?
                .iter()
                .map(|item| parse_origin(item))
                .collect::<Option<_>>();
            origins.map(Value::Origins)
        }
        Kind::Url => match text(raw)? {
            "" => Some(Value::Url(None)),
            address => parse_url(address).map(|url| Value::Url(Some(url))),
        },
        Kind::Scale => parse_scale(raw).map(Value::Scale),
        Kind::Limit => text(raw)?.parse().ok().map(Value::Limit),
        Kind::Roles => text(raw)?.parse().ok().map(Value::Roles),
        Kind::Brokers => parse_brokers(text(raw)?).map(Value::Brokers),
        Kind::Topic => parse_topic(text(raw)?).map(Value::Topic),
        Kind::Token => parse_token(text(raw)?).map(Value::Token),
        Kind::LogLevel => parse_level(text(raw)?).map(Value::LogLevel),
        Kind::LogFormat => match text(raw)? {
            "auto" => Some(Value::LogFormat(LogFormat::Auto)),
            "human" => Some(Value::LogFormat(LogFormat::Human)),
            "json" => Some(Value::LogFormat(LogFormat::Json)),
            _ => None,
        },
    }
}

/// Text, which in the file has to stand in quotes.
fn text(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Text(text) | Raw::Toml(toml::Value::String(text)) => Some(text.trim()),
        Raw::Toml(_) => None,
    }
}

/// A whole number, which in the file has to stand without quotes.
fn number(raw: &Raw) -> Option<u64> {
    match raw {
        Raw::Text(text) => text.trim().parse().ok(),
        Raw::Toml(value) => value.as_integer()?.try_into().ok(),
    }
}

/// A list, which in the file has to be an array of texts.
fn list(raw: &Raw) -> Option<Vec<&str>> {
    match raw {
        Raw::Text(text) if text.trim().is_empty() => Some(Vec::new()),
        Raw::Text(text) => Some(text.split(',').map(str::trim).collect()),
        Raw::Toml(value) => value.as_array()?.iter().map(toml::Value::as_str).collect(),
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let factor: u64 = match text[digits.len()..].trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// At least one, none twice; port 0 may come more than once, as it stands for a different port each time.
fn parse_addresses(items: &[&str]) -> Option<Vec<SocketAddr>> {
    let addresses: Vec<SocketAddr> = items
        .iter()
        .map(|item| item.parse().ok())
        .collect::<Option<_>>()?;
    let mut fixed: Vec<_> = addresses
        .iter()
        .filter(|address| address.port() != 0)
        .collect();
    let fixed_count = fixed.len();
    fixed.sort();
    fixed.dedup();
    (!addresses.is_empty() && fixed.len() == fixed_count).then_some(addresses)
}

fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && is_plain).then_some(url)
}

/// In the form browsers send in `Origin`, so that it can be compared as text.
fn parse_origin(text: &str) -> Option<String> {
    let url = parse_url(text)?;
    (url.path() == "/").then(|| url.origin().ascii_serialization())
}

fn parse_scale(raw: &Raw) -> Option<Scale> {
    match text(raw) {
        Some("brief") => Some(Scale::Brief),
        Some("legacy") => Some(Scale::Legacy),
        _ => number(raw).and_then(NonZeroU64::new).map(Scale::Divisor),
    }
}

fn parse_brokers(text: &str) -> Option<Option<String>> {
    let is_broker = |broker: &str| {
        let (host, port) = broker.rsplit_once(':')?;
        let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
        (is_host && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(())
    };
    match text {
        "" => Some(None),
        _ if text
            .split(',')
            .all(|broker| is_broker(broker.trim()).is_some()) =>
        {
            Some(Some(text.to_owned()))
        }
        _ => None,
    }
}

/// Kafka takes up to 249 characters; there has to be room for a cluster's number.
fn parse_topic(text: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let fits = (1..=240).contains(&text.len()) && !matches!(text, "." | "..");
    (fits && text.bytes().all(is_name)).then(|| text.to_owned())
}

/// Visible ASCII only, as it has to fit into an `Authorization` header.
fn parse_token(text: &str) -> Option<Option<String>> {
    match text.len() {
        0 => Some(None),
        16..=256 if text.bytes().all(|byte| byte.is_ascii_graphic()) => Some(Some(text.to_owned())),
        _ => None,
    }
}

/// `EnvFilter` takes a misspelt level for the name of a module; here a lone word has to be a level.
fn parse_level(text: &str) -> Option<String> {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    let is_directive = |part: &str| part.contains(['=', '[']) || LEVELS.contains(&part);
    let is_known = text.split(',').all(|part| is_directive(part.trim()));
    (is_known && EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
