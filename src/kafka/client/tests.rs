#![allow(clippy::unwrap_used)]

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::BaseProducer;

use super::*;

const USES: [Use<'static>; 8] = [
    Use::Reactions,
    Use::Windows,
    Use::Transactions {
        id: "emostream-agg-0",
    },
    Use::Counting {
        group: "emostream-agg",
        instance: "emostream-agg-0",
    },
    Use::Forwarding {
        group: "emostream-publisher",
    },
    Use::Watching,
    Use::Admin,
    Use::Control,
];

fn with(own: &[(&str, &str)]) -> ClientsConfig {
    let owned = own
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ClientsConfig {
        // Nobody listens there.
        bootstrap: Some("127.0.0.1:1".to_owned()),
        own: owned.collect(),
        ..ClientsConfig::default()
    }
}

/// librdkafka checks how settings go together only when it makes a client.
#[test]
fn librdkafka_makes_a_client_for_every_use() {
    for purpose in USES {
        let mut client = with(&[("message.timeout.ms", "60000")]).client(purpose);
        // It would complain about the broker that is not there.
        client.set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
        let made = match purpose {
            Use::Reactions | Use::Windows | Use::Control | Use::Transactions { .. } => {
                client.create::<BaseProducer>().map(drop)
            }
            Use::Counting { .. } | Use::Forwarding { .. } | Use::Watching => {
                client.create::<BaseConsumer>().map(drop)
            }
            Use::Admin => client
                .create::<AdminClient<DefaultClientContext>>()
                .map(drop),
        };
        assert_eq!(made, Ok(()), "{purpose:?}");
    }
}

#[test]
fn no_client_commits_by_itself_or_reads_what_was_aborted() {
    for purpose in [USES[3], USES[4], USES[5]] {
        let client = with(&[]).client(purpose);
        for (key, value) in [
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("isolation.level", "read_committed"),
        ] {
            assert_eq!(client.get(key), Some(value), "{purpose:?}");
        }
    }
}

#[test]
fn who_counts_is_told_when_its_place_is_gone_and_others_go_on_from_the_oldest_record() {
    for purpose in USES {
        let client = with(&[]).client(purpose);
        let expected = match purpose {
            Use::Counting { .. } => Some("error"),
            Use::Forwarding { .. } | Use::Watching => Some("earliest"),
            _ => None,
        };
        assert_eq!(client.get("auto.offset.reset"), expected, "{purpose:?}");
    }
}

#[test]
fn what_the_user_sets_beats_what_a_use_sets_under_either_name() {
    for key in ["message.timeout.ms", "delivery.timeout.ms"] {
        let client = with(&[(key, "9000")]).client(Use::Reactions);
        assert_eq!(client.get("message.timeout.ms"), Some("9000"));
        assert_eq!(client.get("delivery.timeout.ms"), None);
    }
}

#[test]
fn no_record_outlives_its_transaction_whatever_the_user_sets() {
    let client = with(&[("message.timeout.ms", "60000")]).client(USES[2]);
    assert_eq!(
        client.get("message.timeout.ms"),
        client.get("transaction.timeout.ms")
    );
}

#[test]
fn settings_that_a_promise_hangs_on_are_refused_with_the_reason() {
    for (key, reason) in HELD {
        assert_eq!(check(key, "1"), Err(Refused::Held(reason)));
        let asked = ClientConfig::new().set(*key, "1").create_native_config();
        let is_unknown = matches!(
            asked,
            Err(KafkaError::ClientConfig(
                RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN,
                ..
            ))
        );
        assert!(!is_unknown, "{key} is a setting of librdkafka");
    }
}

#[test]
fn librdkafka_says_what_it_knows_and_takes() {
    assert_eq!(check("sasl.username", "ada"), Ok(()));
    assert_eq!(check("linger.ms", "20"), Ok(()));
    assert_eq!(check("linger.msec", "20"), Err(Refused::Unknown));
    let Err(Refused::Invalid(sentence)) = check("linger.ms", "soon") else {
        panic!("a text is no number");
    };
    assert!(sentence.contains("Invalid value"), "{sentence}");
}

#[test]
fn secrets_are_not_printed() {
    for key in [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.pem",
    ] {
        assert!(is_secret(key), "{key}");
        assert!(!format!("{:?}", with(&[(key, "hunter2")])).contains("hunter2"));
    }
    assert!(!is_secret("security.protocol") && !is_secret("ssl.ca.location"));
}
