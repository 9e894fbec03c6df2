//! The elements of a JSON array, as text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Of an array the first `MAX` elements, whatever they are. Those past them are checked and counted, not kept: a megabyte
/// holds half a million.
#[derive(Debug)]
pub(super) struct Elements<'a, const MAX: usize> {
    /// The first ones, each as it was sent.
    pub(super) kept: Vec<&'a str>,
    /// How many there are.
    pub(super) number: usize,
}

impl<'a, const MAX: usize> Elements<'a, MAX> {
    /// Takes an array apart; an error is about the syntax, or means that it is none.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

impl<'de: 'a, 'a, const MAX: usize> Deserialize<'de> for Elements<'a, MAX> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_seq(Collector::<MAX>)
    }
}

struct Collector<const MAX: usize>;

impl<'de, const MAX: usize> Visitor<'de> for Collector<MAX> {
    type Value = Elements<'de, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MAX {
            match array.next_element::<&RawValue>()? {
                Some(element) => kept.push(element.get()),
                None => {
                    let number = kept.len();
                    return Ok(Elements { kept, number });
                }
            }
        }
        let mut number = MAX;
        while array.next_element::<IgnoredAny>()?.is_some() {
            number += 1;
        }
        Ok(Elements { kept, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_as_they_were_sent() {
        let elements = Elements::<3>::read(b" [1, {\"a\" : [2]}, null ] ").unwrap();
        assert_eq!(elements.kept, ["1", "{\"a\" : [2]}", "null"]);
        assert_eq!(elements.number, 3);
        assert_eq!(Elements::<3>::read(b"[]").unwrap().number, 0);
    }

    #[test]
    fn those_past_the_limit_are_counted_and_not_kept() {
        let elements = Elements::<2>::read(b"[1,2,3,4,5]").unwrap();
        assert_eq!(elements.kept, ["1", "2"]);
        assert_eq!(elements.number, 5);
    }

    #[test]
    fn those_past_the_limit_are_checked() {
        assert!(Elements::<2>::read(b"[1,2,3,4,x]").is_err());
        assert!(Elements::<2>::read(b"[1,2,3,4").is_err());
        assert!(Elements::<2>::read(b"{}").is_err());
    }
}
