#![allow(clippy::unwrap_used)]

use super::*;

/// `emostream.toml` as the table has it.
fn document() -> String {
    let mut text = "# Every setting of Emostream with its default. Copy this file, keep what differs, and pass it with --config;\n\
         # a file of this name in the working directory is read unasked. `emostream config show` prints what is in force.\n\
         # A variable beats this file, a flag beats both: [window] size is EMOSTREAM_WINDOW_SIZE and --set window.size=2s.\n\
         # Time spans carry a unit (\"250ms\", \"2s\", \"10m\"); sizes are bytes, plain or with KiB, MiB or GiB.\n"
        .to_owned();
    for (section, doc) in SECTIONS {
        text += &format!("\n# {}\n[{section}]\n", doc.replace('\n', "\n# "));
        for setting in SETTINGS {
            if let Some(name) = setting
                .key
                .strip_prefix(section)
                .and_then(|rest| rest.strip_prefix('.'))
            {
                let default = literal(setting);
                text += &format!(
                    "# {}. Default: {default}\n{name} = {default}\n",
                    setting.doc
                );
            }
        }
    }
    text
}

fn literal(setting: &Setting) -> String {
    match setting.kind {
        Kind::Number { .. } => setting.default.to_owned(),
        Kind::Addresses | Kind::Origins => {
            let items = setting.default.split(',').filter(|item| !item.is_empty());
            let quoted: Vec<_> = items.map(|item| format!("{item:?}")).collect();
            format!("[{}]", quoted.join(", "))
        }
        _ => format!("{:?}", setting.default),
    }
}

#[test]
fn emostream_toml_and_the_table_agree() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/emostream.toml");
    let file = std::fs::read_to_string(path).unwrap();
    for (number, (found, expected)) in file.lines().zip(document().lines()).enumerate() {
        assert_eq!(found, expected, "line {} of emostream.toml", number + 1);
    }
    assert_eq!(file, document());
}

#[test]
fn emostream_toml_sets_every_key_to_its_default() {
    let text = include_str!("../../../emostream.toml");
    let entries = super::super::file::entries(text).unwrap();
    assert!(entries.unknown.is_empty() && entries.librdkafka.is_empty());
    assert_eq!(entries.settings.len(), SETTINGS.len());
    for (key, value) in entries.settings {
        let given = super::super::layers::Raw::Toml(value);
        assert_eq!(
            given.as_text(),
            Setting::find(key).unwrap().default,
            "{key}"
        );
    }
}

#[test]
fn every_setting_has_a_section_and_one_place() {
    for (position, setting) in SETTINGS.iter().enumerate() {
        let (section, _) = setting.key.split_once('.').unwrap();
        assert!(
            SECTIONS.iter().any(|(name, _)| *name == section),
            "{section}"
        );
        let first = SETTINGS
            .iter()
            .position(|other| other.variable() == setting.variable());
        assert_eq!(first, Some(position), "{}", setting.key);
    }
}
