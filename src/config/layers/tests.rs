#![allow(clippy::unwrap_used)]

use super::*;

fn collect(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> (Layers, Mistakes) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("emostream.toml");
    fs::write(&path, file).unwrap();
    let environment: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let flags = flags.iter().map(|(key, value)| Flag {
        name: format!("--set {key}"),
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    Layers::collect(Sources {
        file: SettingsFile::Named(path),
        environment: &environment,
        flags: flags.collect(),
    })
}

fn value_of(layers: &Layers, key: &str) -> (String, String) {
    let (_, given) = layers
        .iter()
        .find(|(setting, _)| setting.key == key)
        .unwrap();
    let source = given.source.rsplit('/').next().unwrap().to_owned();
    (given.raw.as_text(), source)
}

fn pair(text: &str, source: &str) -> (String, String) {
    (text.to_owned(), source.to_owned())
}

#[test]
fn each_layer_beats_the_one_before_it() {
    let file = "window.size = '3s'\nstreams.max = 3\nclusters.initial = 3";
    let variables = [
        ("EMOSTREAM_STREAMS_MAX", "4"),
        ("EMOSTREAM_CLUSTERS_INITIAL", "4"),
    ];
    let (layers, mistakes) = collect(file, &variables, &[("clusters.initial", "5")]);
    assert_eq!(mistakes, Mistakes::default());
    assert_eq!(
        value_of(&layers, "pipeline.partitions"),
        pair("3", "default")
    );
    assert_eq!(
        value_of(&layers, "window.size"),
        pair("3s", "emostream.toml:window.size")
    );
    assert_eq!(
        value_of(&layers, "streams.max"),
        pair("4", "EMOSTREAM_STREAMS_MAX")
    );
    assert_eq!(
        value_of(&layers, "clusters.initial"),
        pair("5", "--set clusters.initial")
    );
}

#[test]
fn each_layer_may_set_what_librdkafka_knows() {
    let file = "[kafka]\nlinger.ms = 5\n'client.id' = 'a'\nsecurity.protocol = 'plaintext'";
    let variables = [
        ("EMOSTREAM_KAFKA_CLIENT_ID", "b"),
        ("EMOSTREAM_KAFKA_SECURITY_PROTOCOL", "ssl"),
    ];
    let (layers, mistakes) = collect(file, &variables, &[("kafka.client.id", "c")]);
    assert_eq!(mistakes, Mistakes::default());
    let given = layers.librdkafka().map(|(key, given)| {
        let source = given.source.rsplit('/').next().unwrap();
        (key.as_str(), given.raw.as_text(), source)
    });
    assert_eq!(
        given.collect::<Vec<_>>(),
        [
            ("client.id", "c".to_owned(), "--set kafka.client.id"),
            (
                "linger.ms",
                "5".to_owned(),
                "emostream.toml:kafka.linger.ms"
            ),
            (
                "security.protocol",
                "ssl".to_owned(),
                "EMOSTREAM_KAFKA_SECURITY_PROTOCOL"
            ),
        ]
    );
}

#[test]
fn of_two_flags_for_one_key_the_later_wins() {
    let (layers, _) = collect("", &[], &[("streams.max", "5"), ("streams.max", "6")]);
    assert_eq!(value_of(&layers, "streams.max").0, "6");
}

#[test]
fn unknown_keys_of_all_layers_are_reported_at_once_with_the_nearest() {
    let (_, mistakes) = collect(
        "[window]\nsiez = '2s'",
        &[("EMOSTREAM_HTTP_BINDS", "")],
        &[("session.retentoin", "1m")],
    );
    let [in_file, in_environment, in_flags] = mistakes.sentences() else {
        panic!("three mistakes expected: {mistakes}");
    };
    assert!(
        in_file
            .ends_with("emostream.toml:window.siez is not a setting; the nearest is window.size")
    );
    assert_eq!(
        in_environment,
        "EMOSTREAM_HTTP_BINDS is not the variable of any setting; the nearest is EMOSTREAM_HTTP_BIND (http.bind)"
    );
    assert_eq!(
        in_flags,
        "session.retentoin (--set session.retentoin) is not a setting; the nearest is session.retention"
    );
}

#[test]
fn a_named_file_has_to_be_there_and_the_usual_one_need_not() {
    let none = BTreeMap::new();
    let sources = |file| Sources {
        file,
        environment: &none,
        flags: Vec::new(),
    };
    let (_, mistakes) = Layers::collect(sources(SettingsFile::Named("/no/such.toml".into())));
    assert!(mistakes.sentences()[0].starts_with("/no/such.toml cannot be read"));
    let (_, mistakes) = Layers::collect(sources(SettingsFile::IfPresent("/no/such.toml".into())));
    assert_eq!(mistakes, Mistakes::default());
}

#[test]
fn variables_that_kubernetes_adds_for_services_are_no_mistake() {
    let links = [
        ("EMOSTREAM_SERVICE_HOST", "10.0.0.1"),
        ("EMOSTREAM_PORT", "tcp://10.0.0.1:5000"),
        ("EMOSTREAM_API_PORT_5000_TCP_ADDR", "10.0.0.1"),
    ];
    let (_, mistakes) = collect("", &links, &[]);
    assert_eq!(mistakes.sentences().len(), links.len());
    let in_kubernetes = [&links[..], &[("KUBERNETES_SERVICE_HOST", "10.0.0.2")]].concat();
    let (_, mistakes) = collect("", &in_kubernetes, &[]);
    assert_eq!(mistakes, Mistakes::default());
}
