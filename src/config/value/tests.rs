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
