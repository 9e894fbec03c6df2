//! One emoji, checked once at the edge and two bytes ever after.
//!
//! The set is Unicode's RGI emojis, skin tones included. Senders disagree about variation selector
//! 16 (`❤` or `❤️`), so each form the standard lists leads to one canonical, fully qualified emoji.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::LazyLock;

/// The longest form of any emoji is 35 bytes; beyond this no Unicode work is done at all.
const MAX_BYTES: usize = 64;

/// Asks for emoji rather than text presentation.
const VARIATION_SELECTOR_16: char = '\u{fe0f}';

/// One RGI emoji in its canonical form: an index into the table of all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Emoji(u16);

/// Every emoji in the order of Unicode's charts, each followed by its skin tones.
static TABLE: LazyLock<Vec<&'static emojis::Emoji>> = LazyLock::new(|| {
    let with_tones = emojis::iter().flat_map(|emoji| {
        let tones = emoji.skin_tones().into_iter().flatten();
        let untoned = emoji.skin_tone().is_none().then_some(emoji);
        tones.chain(untoned)
    });
    with_tones.collect()
});

/// Every known form, so that a parse is one lookup.
static FORMS: LazyLock<HashMap<Box<str>, Emoji>> = LazyLock::new(|| {
    let all_forms = Emoji::all().flat_map(|emoji| {
        forms(emoji.as_str())
            .into_iter()
            .map(move |form| (form.into_boxed_str(), emoji))
    });
    all_forms.collect()
});

impl Emoji {
    /// Reads a text that is exactly one emoji, in any of its listed forms.
    pub fn parse(text: &str) -> Result<Self, EmojiError> {
        if text.len() > MAX_BYTES {
            return Err(EmojiError::TooLong);
        }
        FORMS.get(text).copied().ok_or_else(|| refusal(text))
    }

    /// The canonical form.
    pub fn as_str(self) -> &'static str {
        TABLE[usize::from(self.0)].as_str()
    }

    /// Its place in the table, for arrays with a place for each of [`Emoji::all`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The English name Unicode gives it, such as `fire`.
    pub fn name(self) -> &'static str {
        TABLE[usize::from(self.0)].name()
    }

    /// Every emoji in table order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u16..).take(TABLE.len()).map(Self)
    }
}

impl fmt::Display for Emoji {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Emoji {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a text is not exactly one RGI emoji. The text itself is never repeated: it may be hostile to
/// a terminal or a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmojiError {
    /// Nothing at all.
    Empty,
    /// Longer than any emoji can be.
    TooLong,
    /// More than one emoji, and nothing else.
    Several,
    /// Anything else: letters, digits, lone modifiers, joiners without a listed result.
    NotAnEmoji,
}

impl fmt::Display for EmojiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("is empty"),
            Self::TooLong => write!(formatter, "is longer than {MAX_BYTES} bytes"),
            Self::Several => formatter.write_str("is more than one emoji"),
            Self::NotAnEmoji => {
                formatter.write_str("is not an emoji that Unicode recommends for interchange")
            }
        }
    }
}

impl Error for EmojiError {}

/// The canonical form, the same with any of its selectors left out, and the one with a selector
/// that is allowed but not needed; of these the ones that the standard lists.
///
/// The crate is asked whether a form is listed, not what it leads to: for some couples of equal
/// skin tone without a selector, and for a digit with one, it names another emoji.
fn forms(canonical: &str) -> Vec<String> {
    let mut forms = vec![String::new()];
    for character in canonical.chars() {
        let without = (character == VARIATION_SELECTOR_16).then(|| forms.clone());
        forms.iter_mut().for_each(|form| form.push(character));
        forms.extend(without.into_iter().flatten());
    }
    forms.push(format!("{canonical}{VARIATION_SELECTOR_16}"));
    forms.retain(|form| emojis::get(form).is_some());
    forms
}

/// The reason to refuse a short text that is no known form.
fn refusal(text: &str) -> EmojiError {
    if text.is_empty() {
        return EmojiError::Empty;
    }
    let mut rest = text;
    while let Some(length) = leading_emoji(rest) {
        rest = &rest[length..];
    }
    if rest.is_empty() {
        EmojiError::Several
    } else {
        EmojiError::NotAnEmoji
    }
}

/// Bytes of the longest emoji that `text` starts with.
fn leading_emoji(text: &str) -> Option<usize> {
    let ends = text
        .char_indices()
        .map(|(start, character)| start + character.len_utf8());
    ends.rev().find(|&end| FORMS.contains_key(&text[..end]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn bare(text: &str) -> String {
        text.replace(VARIATION_SELECTOR_16, "")
    }

    fn any_emoji() -> impl Strategy<Value = Emoji> {
        (0..u16::try_from(TABLE.len()).unwrap()).prop_map(Emoji)
    }

    #[test]
    fn every_emoji_is_its_own_canonical_form() {
        let all: Vec<Emoji> = Emoji::all().collect();
        assert!(all.len() > 3_900, "skin tones are missing: {}", all.len());
        for &emoji in &all {
            assert_eq!(Emoji::parse(emoji.as_str()), Ok(emoji));
            assert!(!emoji.name().is_empty());
        }
        let distinct: HashSet<&str> = all.iter().map(|emoji| emoji.as_str()).collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn every_listed_tone_is_an_emoji_of_its_own() {
        for base in emojis::iter() {
            for tone in base.skin_tones().into_iter().flatten() {
                assert_eq!(Emoji::parse(tone.as_str()).unwrap().as_str(), tone.as_str());
            }
        }
        assert_ne!(Emoji::parse("👍"), Emoji::parse("👍🏽"));
    }

    #[test]
    fn forms_without_selectors_lead_to_the_canonical_one() {
        for emoji in Emoji::all() {
            assert_eq!(
                Emoji::parse(&bare(emoji.as_str())),
                Ok(emoji),
                "{emoji} without selectors"
            );
        }
    }

    #[test]
    fn forms_with_a_selector_are_known_exactly_where_the_standard_lists_them() {
        for emoji in Emoji::all() {
            let selected = format!("{emoji}{VARIATION_SELECTOR_16}");
            let listed = emojis::get(&selected).is_some();
            assert_eq!(
                Emoji::parse(&selected).ok(),
                listed.then_some(emoji),
                "{emoji} with a selector"
            );
        }
        assert_eq!(Emoji::parse("👍\u{fe0f}").unwrap().as_str(), "👍");
    }

    #[test]
    fn hearts_flags_keycaps_and_families_have_one_form() {
        for (sent, canonical) in [
            ("❤", "❤️"),
            ("❤️", "❤️"),
            ("1\u{20e3}", "1️⃣"),
            ("🇮🇳", "🇮🇳"),
            ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
            ("👩🏽\u{200d}❤\u{200d}💋\u{200d}👨🏿", "👩🏽‍❤️‍💋‍👨🏿"),
        ] {
            let emoji = Emoji::parse(sent).unwrap();
            assert_eq!(
                (emoji.as_str(), emoji.to_string()),
                (canonical, canonical.to_owned())
            );
        }
    }

    #[test]
    fn each_refusal_names_its_reason() {
        let chain = vec!["👩"; 150].join("\u{200d}");
        for (text, reason) in [
            ("", EmojiError::Empty),
            (chain.as_str(), EmojiError::TooLong),
            (&"a".repeat(65), EmojiError::TooLong),
            ("🔥🔥", EmojiError::Several),
            ("❤❤️👍🏽🇮🇳", EmojiError::Several),
            ("fire", EmojiError::NotAnEmoji),
            (":fire:", EmojiError::NotAnEmoji),
            ("7", EmojiError::NotAnEmoji),
            ("7\u{fe0f}", EmojiError::NotAnEmoji),
            ("12", EmojiError::NotAnEmoji),
            ("#", EmojiError::NotAnEmoji),
            ("\u{fe0f}", EmojiError::NotAnEmoji),
            ("\u{fe0e}", EmojiError::NotAnEmoji),
            ("❤\u{fe0e}", EmojiError::NotAnEmoji),
            ("\u{20e3}", EmojiError::NotAnEmoji),
            ("🏽", EmojiError::NotAnEmoji),
            ("🇮", EmojiError::NotAnEmoji),
            ("🇮🇳🇮", EmojiError::NotAnEmoji),
            ("🇿🇿", EmojiError::NotAnEmoji),
            ("🔥\u{200d}🔥", EmojiError::NotAnEmoji),
            ("🔥\u{200b}", EmojiError::NotAnEmoji),
            ("\u{202e}🔥", EmojiError::NotAnEmoji),
            ("🔥\u{2069}", EmojiError::NotAnEmoji),
            ("\u{feff}🔥", EmojiError::NotAnEmoji),
            ("\0", EmojiError::NotAnEmoji),
            ("🔥\0", EmojiError::NotAnEmoji),
            (" 🔥", EmojiError::NotAnEmoji),
            ("🔥 🔥", EmojiError::NotAnEmoji),
            ("\u{fffd}", EmojiError::NotAnEmoji),
        ] {
            assert_eq!(Emoji::parse(text), Err(reason), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn several_emojis_are_never_one(first in any_emoji(), second in any_emoji()) {
            let text = format!("{first}{second}");
            let expected = if text.len() > MAX_BYTES { EmojiError::TooLong } else { EmojiError::Several };
            prop_assert_eq!(Emoji::parse(&text), Err(expected));
        }

        #[test]
        fn an_emoji_beside_anything_invisible_is_refused(
            emoji in any_emoji(),
            invisible in "[\0\n\u{ad}\u{200b}\u{200d}\u{200e}\u{202e}\u{2066}\u{feff}]",
        ) {
            prop_assert_eq!(Emoji::parse(&format!("{emoji}{invisible}")), Err(EmojiError::NotAnEmoji));
            prop_assert_eq!(Emoji::parse(&format!("{invisible}{emoji}")), Err(EmojiError::NotAnEmoji));
        }

        #[test]
        fn any_text_is_an_emoji_up_to_selectors_or_is_not_listed(
            text in "\\PC{0,12}|.{0,80}|[🇦-🇿👩👨\u{200d}\u{fe0f}0-9❤🏽]{0,8}",
        ) {
            match Emoji::parse(&text) {
                Ok(emoji) => prop_assert_eq!(bare(&text), bare(emoji.as_str())),
                Err(EmojiError::Empty) => prop_assert!(text.is_empty()),
                Err(EmojiError::TooLong) => prop_assert!(text.len() > MAX_BYTES),
                Err(EmojiError::Several | EmojiError::NotAnEmoji) => {
                    let listed = emojis::get(&text).filter(|found| bare(found.as_str()) == bare(&text));
                    prop_assert!(listed.is_none());
                }
            }
        }
    }
}
