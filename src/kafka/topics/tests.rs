#![allow(clippy::unwrap_used)]

use super::*;

fn config() -> TopicsConfig {
    TopicsConfig {
        reactions: "emoji_topic".to_owned(),
        partials: "emoji_topic_partials".to_owned(),
        aggregated: "emoji_topic_aggregated".to_owned(),
        totals: "emoji_topic_totals".to_owned(),
        cluster_prefix: "cluster_topic_".to_owned(),
        subscriber_prefix: "subscriber_topic_".to_owned(),
        control: "emostream_control".to_owned(),
        partitions: 3,
        replicas: None,
    }
}

fn clusters(numbers: RangeInclusive<u64>) -> Vec<ClusterId> {
    numbers
        .map(|number| ClusterId::try_new(number).unwrap())
        .collect()
}

/// As the topics are after they were made, on three brokers.
fn sound() -> (Vec<Topic>, Descriptions) {
    let needed = config().all(clusters(1..=2));
    let described = |topic: &Topic| {
        let mut settings = BTreeMap::from([
            (TIMESTAMPS, "CreateTime"),
            (RETENTION, "604800000"),
            (IN_SYNC, "2"),
        ]);
        settings.extend(topic.role.settings().iter().copied());
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Described {
            partitions: topic.partitions.into(),
            replicas: 3,
            settings: settings.into_iter().map(text).collect(),
            records: 0,
        }
    };
    let found = needed
        .iter()
        .map(|topic| (topic.name.clone(), described(topic)));
    let found = found.collect();
    (needed, found)
}

/// What is said after one topic was changed.
fn after(name: &str, change: impl FnOnce(&mut Described)) -> Vec<String> {
    let (needed, mut found) = sound();
    change(found.get_mut(name).unwrap());
    warnings(&needed, &found, 3)
}

fn set(name: &str, setting: &str, value: &str) -> Vec<String> {
    after(name, |described| {
        described
            .settings
            .insert(setting.to_owned(), value.to_owned());
    })
}

#[test]
fn the_topics_are_those_of_the_contract() {
    let topics = config().all(clusters(1..=2));
    let names: Vec<(&str, u16)> = topics
        .iter()
        .map(|topic| (&*topic.name, topic.partitions))
        .collect();
    assert_eq!(
        names,
        [
            ("emoji_topic", 3),
            ("emoji_topic_partials", 3),
            ("emoji_topic_totals", 3),
            ("emoji_topic_aggregated", 3),
            ("cluster_topic_1", 3),
            ("subscriber_topic_1", 3),
            ("cluster_topic_2", 3),
            ("subscriber_topic_2", 3),
            ("emostream_control", 1),
        ]
    );
}

#[test]
fn clusters_are_known_by_their_topics() {
    let names = [
        "cluster_topic_7",
        "subscriber_topic_2",
        "cluster_topic_2",
        "cluster_topic_02",
        "cluster_topic_x",
        "other",
    ];
    assert_eq!(
        config().clusters_of(names),
        [clusters(2..=2), clusters(7..=7)].concat()
    );
}

#[test]
fn one_name_for_two_topics_is_found() {
    assert_eq!(config().ambiguous(1..=9_999), None);
    for config in [
        TopicsConfig {
            partials: "emoji_topic".to_owned(),
            ..config()
        },
        TopicsConfig {
            cluster_prefix: "subscriber_topic_".to_owned(),
            ..config()
        },
        TopicsConfig {
            control: "cluster_topic_64".to_owned(),
            ..config()
        },
    ] {
        assert!(config.ambiguous(1..=9_999).is_some(), "{config:?}");
    }
}

#[test]
fn nothing_is_wrong_with_topics_as_they_are_made() {
    let (needed, found) = sound();
    assert_eq!(warnings(&needed, &found, 3), Vec::<String>::new());
}

#[test]
fn a_missing_topic_is_named() {
    let (needed, mut found) = sound();
    found.remove("emoji_topic");
    assert_eq!(warnings(&needed, &found, 3), ["emoji_topic is missing"]);
}

#[test]
fn a_setting_that_breaks_a_promise_is_told_with_what_comes_of_it() {
    for (topic, setting, value, said) in [
        (
            "emoji_topic",
            TIMESTAMPS,
            "CreateTime",
            "clocks of producers",
        ),
        ("emoji_topic", CLEANUP, "compact,delete", "are not the same"),
        ("emoji_topic", RETENTION, "600000", "loses reactions"),
        (
            "emoji_topic_partials",
            RETENTION,
            "3599999",
            "loses reactions",
        ),
        (
            "emoji_topic_totals",
            CLEANUP,
            "delete",
            "deleted when it is old",
        ),
        (
            "emostream_control",
            CLEANUP,
            "delete,compact",
            "deleted when it is old",
        ),
        ("cluster_topic_1", IN_SYNC, "1", "one disk alone"),
        ("cluster_topic_1", IN_SYNC, "4", "nothing can be written"),
    ] {
        let warnings = set(topic, setting, value);
        let [warning] = warnings.as_slice() else {
            panic!("one warning: {warnings:?}");
        };
        assert!(warning.starts_with(&format!("{topic} has ")), "{warning}");
        assert!(
            warning.contains(value) && warning.contains(said),
            "{warning}"
        );
    }
}

#[test]
fn what_breaks_no_promise_is_not_told() {
    for (topic, setting, value) in [
        ("emoji_topic", RETENTION, "-1"),
        ("cluster_topic_1", RETENTION, "60000"),
        ("cluster_topic_1", TIMESTAMPS, "LogAppendTime"),
    ] {
        assert_eq!(
            set(topic, setting, value),
            Vec::<String>::new(),
            "{topic} {setting}"
        );
    }
}

#[test]
fn another_number_of_partitions_is_told() {
    let fewer = after("emoji_topic", |described| described.partitions = 1);
    assert_eq!(fewer.len(), 1);
    assert!(
        fewer[0].starts_with("emoji_topic has 1 partition where 3 are configured"),
        "{fewer:?}"
    );

    let control = after("emostream_control", |described| described.partitions = 3);
    assert!(control[0].contains("one order"), "{control:?}");

    let totals = after("emoji_topic_totals", |described| described.partitions = 2);
    assert_eq!(totals.len(), 2);
    assert!(
        totals[1].contains("emoji_topic_partials has 3 partitions"),
        "{totals:?}"
    );
}

#[test]
fn single_replicas_are_told_in_one_sentence() {
    let (needed, mut found) = sound();
    for described in found.values_mut() {
        described.replicas = 1;
        described
            .settings
            .insert(IN_SYNC.to_owned(), "1".to_owned());
    }
    let warnings = warnings(&needed, &found, 1);
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("9 of 9 topics have a single replica"),
        "{warnings:?}"
    );
}

#[test]
fn topics_that_one_broker_less_would_stop_are_told() {
    let warnings = after("emoji_topic", |described| described.replicas = 2);
    assert!(
        warnings[0].contains("while one broker is away"),
        "{warnings:?}"
    );
}
