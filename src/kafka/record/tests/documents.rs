//! The documents show what is written.

use super::*;

const TOPICS: &str = include_str!("../../../../docs/topics.md");
const ASYNCAPI: &str = include_str!("../../../../docs/asyncapi.yaml");

/// Every record that the document shows.
fn examples() -> Vec<String> {
    let blocks = TOPICS.split("```json\n").skip(1);
    let records = blocks.flat_map(|block| {
        let block = block.split("```").next().unwrap();
        let values = serde_json::Deserializer::from_str(block).into_iter::<serde_json::Value>();
        values.map(|value| value.unwrap().to_string())
    });
    records.collect()
}

/// Every field of a record, at any depth; emojis and streams are no fields.
fn fields(value: &serde_json::Value, into: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if name.is_ascii() {
            into.push(name.clone());
        }
        if name != "streams" {
            fields(value, into);
        }
    }
}

#[test]
fn every_record_of_the_document_can_be_read() {
    let examples = examples();
    assert_eq!(examples.len(), 10);
    let named = ["client:ada", "viewers:9f3c51d20a7be846"];
    for example in examples {
        let value = example.as_bytes();
        let control = |key: &str| control::ControlRecord::decode(key.as_bytes(), Some(value));
        let is_control = named.iter().any(|key| control(key).is_ok());
        assert!(
            is_control || read_by_all(value).iter().any(Result::is_ok),
            "{example}"
        );
    }
}

#[test]
fn every_field_that_is_written_is_in_both_documents() {
    let whole = window(two_fires(5, 2), two_fires(15, 2));
    let cluster = ClusterId::try_new(9).unwrap();
    let cut = Policy {
        top_n: NonZeroU32::new(1),
        ..Policy::default()
    };
    let mut written = window::encode_shaped(&whole, seconds(2), cluster, &cut);
    written.extend(examples().into_iter().map(String::into_bytes));
    let mut names = Vec::new();
    for value in written {
        fields(&serde_json::from_slice(&value).unwrap(), &mut names);
    }
    assert!(names.iter().any(|name| name == "counts"));
    for name in names {
        assert!(
            ASYNCAPI.contains(&format!(" {name}: ")) || ASYNCAPI.contains(&format!(" {name}:\n")),
            "{name}"
        );
        assert!(
            TOPICS.contains(&format!("`{name}`")) || TOPICS.contains(&format!("\"{name}\":")),
            "{name}"
        );
    }
}
