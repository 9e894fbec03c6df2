//! Values that no reaction may have, as JSON text: some of them are not even JSON.

use fastrand::Rng;
use serde_json::json;

/// Fields of a reaction, each with its value as JSON text.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// An emoji that only bad input carries: in a window it would show.
pub(crate) const BAD_EMOJI: &str = "🔥";
/// The stream that the good clients use, and that bad input aims at.
pub(crate) const STREAM: &str = "stage";

const ZWJ: char = '\u{200d}';
/// Overrides, isolates and marks that turn the direction of the text around them.
const BIDI: [char; 6] = [
    '\u{202e}', '\u{202d}', '\u{2066}', '\u{2069}', '\u{200f}', '\u{061c}',
];
const INVISIBLE: [char; 6] = [
    '\u{200b}', '\u{200c}', ZWJ, '\u{2060}', '\u{feff}', '\u{00ad}',
];

/// A reaction that would be accepted.
pub(crate) fn good_fields() -> Fields {
    let fields = [
        ("user_id", "mallory"),
        ("emoji_type", BAD_EMOJI),
        ("timestamp", "2026-06-01T20:15:00Z"),
        ("stream", STREAM),
    ];
    fields.map(|(key, value)| (key, quoted(value))).to_vec()
}

/// Writes `fields` as a JSON object.
pub(crate) fn object(fields: &Fields) -> String {
    let fields = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Puts `value` in the place of the field `key`, or adds it.
pub(crate) fn set(fields: &mut Fields, key: &'static str, value: String) {
    match fields.iter_mut().find(|(name, _)| *name == key) {
        Some(field) => field.1 = value,
        None => fields.push((key, value)),
    }
}

/// A field of a reaction with a value that is JSON, but not allowed there.
pub(crate) fn bad_field(rng: &mut Rng) -> (&'static str, String) {
    match rng.u8(..12) {
        0..4 => ("emoji_type", quoted(&no_emoji(rng))),
        4 => ("user_id", quoted(&no_user(rng))),
        5 => ("timestamp", quoted(&no_timestamp(rng))),
        6 => ("stream", quoted(&no_name(rng, 65))),
        7 => ("event_id", quoted(&no_name(rng, 65))),
        8 | 9 => ("count", no_count(rng)),
        _ => {
            let keys = ["user_id", "emoji_type", "timestamp", "stream", "event_id"];
            (pick(rng, &keys), no_text(rng))
        }
    }
}

/// A value that no JSON parser lets pass as a text.
pub(crate) fn no_json(rng: &mut Rng) -> String {
    let values = [
        r#""\ud83d""#,
        r#""\udd25\ud83d""#,
        r#""\ud83d\ud83d""#,
        "\"\u{0}\"",
        "\"fire\u{1}\"",
        r#""\x41""#,
        r#""\u00""#,
        "NaN",
        "-Infinity",
        "undefined",
        "0x10",
        "01",
        "+1",
        "'🔥'",
        "",
        "\"",
        "{]",
        "[1,]",
        "nul",
    ];
    pick(rng, &values).to_owned()
}

/// Any text that is not exactly one emoji.
pub(crate) fn no_emoji(rng: &mut Rng) -> String {
    match rng.u8(..10) {
        0 => zwj_chain(rng, 300),
        1 => format!("{}{BAD_EMOJI}", pick(rng, &BIDI)),
        2 => format!("{BAD_EMOJI}{}", pick(rng, &INVISIBLE)),
        3 => pick(rng, &BIDI).to_string().repeat(rng.usize(1..60)),
        4 => BAD_EMOJI.repeat(rng.usize(2..2_000)),
        5 => format!("{BAD_EMOJI}\u{0}"),
        6 => format!(
            "x{}",
            (0..rng.usize(..40))
                .map(|_| rng.char(..))
                .collect::<String>()
        ),
        7 => zalgo(rng),
        _ => {
            let texts = [
                "",
                " ",
                "x",
                ":fire:",
                "1",
                "#",
                "🇩",
                "🇽🇽",
                "🔥 ",
                "❤\u{fe0f}\u{fe0f}",
                "\u{fe0f}",
                "&#128293;",
                "🏴\u{e0067}\u{e0062}",
                "<script>",
                "\u{10ffff}",
                "\u{d7ff}",
                "null",
            ];
            pick(rng, &texts).to_owned()
        }
    }
}

/// People joined hand in hand, `length` code points long, as no font and no standard knows them.
fn zwj_chain(rng: &mut Rng, length: usize) -> String {
    let people = ['👩', '👨', '👧', '🧑'];
    let chain = (0..length).map(|index| {
        if index % 2 == 0 {
            pick(rng, &people)
        } else {
            ZWJ
        }
    });
    chain.collect()
}

/// An emoji under a heap of combining marks.
fn zalgo(rng: &mut Rng) -> String {
    let marks = (0..rng.usize(1..200)).map(|_| rng.char('\u{0300}'..='\u{036f}'));
    BAD_EMOJI.chars().chain(marks).collect()
}

fn no_user(rng: &mut Rng) -> String {
    match rng.u8(..3) {
        0 => String::new(),
        1 => "u".repeat(rng.usize(129..4_000)),
        _ => format!("user{}", rng.char('\u{0}'..'\u{20}')),
    }
}

fn no_timestamp(rng: &mut Rng) -> String {
    let texts = [
        "",
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-06-01T25:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-06-01T20:15:00+99:99",
        "20:15",
        "2026-06-01T20:15:00Z\u{0}",
        "٢٠٢٦-٠٦-٠١T20:15:00Z",
    ];
    match rng.u8(..4) {
        0 => "9".repeat(rng.usize(20..10_000)),
        _ => pick(rng, &texts).to_owned(),
    }
}

/// Neither the name of a stream nor the id of an event; from `too_long` bytes on they are refused.
fn no_name(rng: &mut Rng, too_long: usize) -> String {
    match rng.u8(..4) {
        0 => "n".repeat(rng.usize(too_long..too_long + 2_000)),
        1 => format!("{STREAM}{}", pick(rng, &INVISIBLE)),
        2 => format!("{}{STREAM}", pick(rng, &BIDI)),
        _ => {
            let texts = [
                "",
                " ",
                "a b",
                "a/b",
                "../stage",
                "bühne",
                "stage\u{0}",
                "stage\n",
                "%2e%2e",
                "🔥",
                "ｓtage",
            ];
            pick(rng, &texts).to_owned()
        }
    }
}

pub(crate) fn no_count(rng: &mut Rng) -> String {
    let counts = [
        "0",
        "-1",
        "1001",
        "1.5",
        "18446744073709551616",
        "-9223372036854775809",
        "true",
        "\"1\"",
        "[1]",
        "{}",
        "1e99",
    ];
    pick(rng, &counts).to_owned()
}

/// JSON of every type but text.
pub(crate) fn no_text(rng: &mut Rng) -> String {
    match rng.u8(..3) {
        0 => nested(rng.usize(1..100)),
        1 => rng.i64(..).to_string(),
        _ => {
            let values = ["true", "false", "1.5", "[]", "{}", "[\"🔥\"]", "{\"🔥\":1}"];
            pick(rng, &values).to_owned()
        }
    }
}

/// Arrays in arrays, `depth` deep.
pub(crate) fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

pub(crate) fn quoted(text: &str) -> String {
    json!(text).to_string()
}

pub(crate) fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}
