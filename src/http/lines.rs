//! Lines of JSON, read in one go where all of them are good.

use super::dto::ReactionIn;

/// The reactions of a text that has one on each line that is not blank. None if that is not so: then each line is to be
/// looked at by itself. In one go, so that no parser is set up for each line.
pub(super) fn read(text: &str) -> Option<Vec<ReactionIn<'_>>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let mut all = Vec::new();
    let mut end = 0;
    while let Some(value) = values.next() {
        all.push(value.ok()?);
        let span = text.get(end..values.byte_offset())?;
        let start = span.find(|character: char| !character.is_ascii_whitespace())?;
        let (gap, value) = span.split_at(start);
        let is_on_its_own = end == 0 || gap.contains('\n');
        if !is_on_its_own || value.contains('\n') {
            return None;
        }
        end = values.byte_offset();
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str =
        r#"{"user_id":"u","emoji_type":"\ud83d\udd25","timestamp":"2026-06-11T20:00"}"#;

    #[test]
    fn a_reaction_on_each_line_is_read_whatever_blanks_surround_it() {
        let text = format!("\n {GOOD} \r\n\n{GOOD}\n\t{GOOD}");
        let users = read(&text).unwrap();
        assert_eq!(users.len(), 3);
        assert!(users.iter().all(|given| given.emoji_type == "🔥"));
        assert_eq!(read(" \n\n").unwrap().len(), 0);
    }

    #[test]
    fn two_on_one_line_and_one_on_two_lines_are_not() {
        let broken = GOOD.replace(',', ",\n");
        let both = format!("{GOOD}{GOOD}\n{broken}");
        for text in [&format!("{GOOD} {GOOD}"), &broken, &both, "{}", "x"] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_in_one_go_is_what_is_read_line_by_line(
            parts in proptest::collection::vec(
                prop_oneof![
                    4 => Just(GOOD), 4 => Just("\n"), 1 => Just(" "), 1 => Just("\r"), 1 => Just("{"), 1 => Just("\u{c}"), 1 => Just("1"),
                ],
                0..12,
            )
        ) {
            let text = parts.concat();
            let lines = text.split('\n').filter(|line| !line.bytes().all(|byte| byte.is_ascii_whitespace()));
            let one_by_one: Result<Vec<ReactionIn<'_>>, _> = lines.map(serde_json::from_str).collect();
            if let Some(at_once) = read(&text) {
                prop_assert_eq!(at_once.len(), one_by_one.unwrap().len());
            }
        }
    }
}
