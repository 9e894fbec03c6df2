//! One written value to one checked value.

use std::{net::SocketAddr, num::NonZeroU64, time::Duration};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::expected::expectation;
use super::layers::{Given, Raw};
use super::limit::Limit;
use super::setting::{Kind, Setting};
use crate::domain::{Scale, WindowSize};
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn given(raw: Raw) -> Given {
        Given {
            raw,
            source: "--set".to_owned(),
        }
    }

    fn checked(key: &str, text: &str) -> Result<Value, String> {
        check(
            Setting::find(key).unwrap(),
            &given(Raw::Text(text.to_owned())),
        )
    }

    fn in_file(key: &str, literal: &str) -> Result<Value, String> {
        let mut table: toml::Table = format!("value = {literal}").parse().unwrap();
        check(
            Setting::find(key).unwrap(),
            &given(Raw::Toml(table.remove("value").unwrap())),
        )
    }

    #[test]
    fn durations_need_a_unit_and_keep_their_bounds() {
        assert!(matches!(
            checked("session.retention", "250s"),
            Ok(Value::Duration(Duration { .. }))
        ));
        assert!(
            matches!(checked("window.size", " 250ms "), Ok(Value::Window(size)) if size.as_ms() == 250)
        );
        assert!(checked("window.size", "60s").is_ok());
        for wrong in ["", "2", "99ms", "61s", "-2s", "2 fortnights"] {
            assert!(checked("window.size", wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            in_file("window.size", "2").err().unwrap(),
            "window.size is 2 (--set): expected a duration from 100ms to 60s such as \"2s\""
        );
    }

    #[test]
    fn sizes_take_binary_units_or_plain_bytes() {
        let bytes = |result| match result {
            Ok(Value::Number(bytes)) => Some(bytes),
            _ => None,
        };
        assert_eq!(bytes(checked("http.max_body", "16KiB")), Some(16 * 1024));
        assert_eq!(
            bytes(checked("http.max_body", "2 MiB")),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(bytes(checked("http.max_body", "4096")), Some(4096));
        assert_eq!(bytes(in_file("http.max_body", "4096")), Some(4096));
        assert_eq!(bytes(in_file("http.max_body", "'1MiB'")), Some(1024 * 1024));
        for wrong in ["", "KiB", "2MB", "1.5MiB", "1", "1GiB", "99999999999GiB"] {
            assert!(checked("http.max_body", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_stand_without_quotes_in_the_file() {
        assert!(in_file("streams.max", "5").is_ok());
        assert_eq!(
            in_file("streams.max", "'5'").err().unwrap(),
            "streams.max is \"5\" (--set): expected a whole number from 1 to 100000, without quotes"
        );
        for wrong in ["0", "-1", "2.0", "true", "[5]", "100001"] {
            assert!(in_file("streams.max", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_are_arrays_in_the_file_and_commas_elsewhere() {
        let addresses = |result| match result {
            Ok(Value::Addresses(addresses)) => addresses.len(),
            _ => 0,
        };
        assert_eq!(addresses(checked("http.bind", "127.0.0.1:0, [::1]:0")), 2);
        assert_eq!(addresses(in_file("http.bind", "['0.0.0.0:80']")), 1);
        let sentence = in_file("http.bind", "'0.0.0.0:80'").err().unwrap();
        assert!(sentence.ends_with("as an array: [\"...\"]"), "{sentence}");
    }

    #[test]
    fn binds_are_distinct_addresses_with_ports() {
        assert!(checked("http.bind", "127.0.0.1:0,127.0.0.1:0").is_ok());
        for wrong in [
            "",
            "localhost:80",
            "127.0.0.1",
            ":80",
            "127.0.0.1:70000",
            "127.0.0.1:80,127.0.0.1:80",
        ] {
            assert!(checked("http.bind", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn brokers_are_hosts_with_ports_or_nothing() {
        for right in ["", "localhost:9092", "a.b:1, [::1]:9092", "10.0.0.1:65535"] {
            assert!(checked("kafka.bootstrap", right).is_ok(), "{right}");
        }
        for wrong in ["localhost", ":9092", "a:0", "a:1,", "kafka://a:1", "a b:1"] {
            assert!(checked("kafka.bootstrap", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn topics_have_names_that_kafka_takes() {
        assert!(checked("kafka.topic_reactions", "event-1.emoji_topic").is_ok());
        for wrong in ["", ".", "..", "a b", "a/b", "🔥", &"a".repeat(241)] {
            assert!(checked("kafka.topic_reactions", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins_take_the_form_that_browsers_send() {
        let origins = checked(
            "http.allowed_origins",
            "https://Example.org/,http://a.test:8080",
        );
        assert!(
            matches!(origins, Ok(Value::Origins(list)) if list == ["https://example.org", "http://a.test:8080"])
        );
        for wrong in [
            "*",
            "example.org",
            "https://example.org/path",
            "ftp://example.org",
            "null",
        ] {
            assert!(checked("http.allowed_origins", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_public_url_is_plain_http_or_nothing() {
        assert!(matches!(
            checked("http.public_url", ""),
            Ok(Value::Url(None))
        ));
        assert!(matches!(
            checked("http.public_url", "https://example.org/live"),
            Ok(Value::Url(Some(_)))
        ));
        for wrong in [
            "example.org",
            "ws://example.org",
            "https://me:pw@example.org",
            "https://example.org?a",
        ] {
            assert!(checked("http.public_url", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_scale_is_a_name_or_a_divisor() {
        let is_divisor = |result, of| matches!(result, Ok(Value::Scale(Scale::Divisor(divisor))) if divisor.get() == of);
        assert!(matches!(
            checked("clusters.scale", "legacy"),
            Ok(Value::Scale(Scale::Legacy))
        ));
        assert!(is_divisor(checked("clusters.scale", "50"), 50));
        assert!(is_divisor(in_file("clusters.scale", "50"), 50));
        for wrong in ["", "0", "Brief", "-1", "1.5"] {
            assert!(checked("clusters.scale", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_long_fits_a_header_and_is_never_quoted() {
        assert!(matches!(checked("admin.token", ""), Ok(Value::Token(None))));
        assert!(matches!(
            checked("admin.token", "0123456789abcdef"),
            Ok(Value::Token(Some(_)))
        ));
        for wrong in [
            "hunter2",
            "hunter2 hunter2 hunter2",
            "hunter2hunter2hunterü",
        ] {
            let sentence = checked("admin.token", wrong).err().unwrap();
            assert_eq!(
                sentence,
                "admin.token (--set): expected 16 to 256 visible ASCII characters, or nothing"
            );
        }
    }

    #[test]
    fn a_misspelt_log_level_is_refused() {
        for right in [
            "info",
            "off",
            "info,emostream::http=debug",
            "emostream=trace",
        ] {
            assert!(checked("log.level", right).is_ok(), "{right}");
        }
        for wrong in ["", "inof", "emostream=inof", "info,", "INFO!"] {
            assert!(checked("log.level", wrong).is_err(), "{wrong}");
        }
    }
}
