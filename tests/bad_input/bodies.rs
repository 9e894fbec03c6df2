//! Bad requests over HTTP, and what each deserves.

use fastrand::Rng;

use super::support::Server;
use super::values::{
    Fields, bad_field, good_fields, nested, no_json, no_text, object, pick, quoted, set,
};

const JSON: Option<&str> = Some("application/json");
const NDJSON: Option<&str> = Some("application/x-ndjson");
const MEGABYTE: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct BadBody {
    path: &'static str,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    verdict: Verdict,
}

#[derive(Debug)]
enum Verdict {
    /// A problem with one of these status codes.
    Problem(&'static [u16]),
    /// 200, and each of that many reactions refused for itself.
    EachRejected(usize),
}

impl BadBody {
    fn new(text: impl Into<Vec<u8>>, verdict: Verdict) -> Self {
        Self {
            path: "/emoji",
            content_type: JSON,
            body: text.into(),
            verdict,
        }
    }

    fn problem(text: impl Into<Vec<u8>>, codes: &'static [u16]) -> Self {
        Self::new(text, Verdict::Problem(codes))
    }

    pub(crate) fn draw(rng: &mut Rng) -> Self {
        match rng.u16(..1_000) {
            0..400 => Self::problem(object(&bad_reaction(rng)), &[422]),
            400..470 => missing_field(rng),
            470..570 => with_value_outside_json(rng),
            570..650 => Self::problem(cut_short(rng, object(&good_fields())), &[400]),
            650..720 => Self::problem(with_stray_byte(rng), &[400]),
            720..760 => duplicate_key(rng),
            760..810 => deeply_nested(rng),
            810..860 => wrong_content_type(rng),
            860..900 => {
                let array = good_array(rng.usize(2..9));
                Self::problem(cut_short(rng, array), &[400])
            }
            900..945 => rejected_batch(rng),
            945..990 => registration(rng),
            _ => megabyte(rng),
        }
    }

    /// Sends it and holds the server to the verdict.
    pub(crate) async fn judge(self, server: &Server) {
        let mut post = server.http.post(server.url(self.path)).body(self.body);
        if let Some(content_type) = self.content_type {
            post = post.header("content-type", content_type);
        }
        let (status, answer) = server.send(post).await;
        match self.verdict {
            Verdict::Problem(codes) => {
                assert!(
                    codes.contains(&status),
                    "{status} is none of {codes:?}: {answer}"
                );
                // A client that is not known is answered in the prototype's own words.
                let named = answer["code"].is_string() || answer["status"] == "not found";
                assert!(named, "no code: {answer}");
            }
            Verdict::EachRejected(num) => {
                assert_eq!(status, 200, "{answer}");
                assert_eq!(answer["accepted"], 0, "{answer}");
                let rejected = answer["rejected"].as_array().map(Vec::len);
                assert_eq!(rejected, Some(num), "{answer}");
            }
        }
    }

    /// Says in short what it is, for a failure.
    pub(crate) fn describe(&self) -> String {
        let start = &self.body[..self.body.len().min(300)];
        let text = String::from_utf8_lossy(start);
        let (len, content_type) = (self.body.len(), self.content_type);
        format!("POST {} {content_type:?}, {len} bytes: {text:?}", self.path)
    }
}

fn bad_reaction(rng: &mut Rng) -> Fields {
    let mut fields = good_fields();
    let (key, value) = bad_field(rng);
    set(&mut fields, key, value);
    fields
}

fn missing_field(rng: &mut Rng) -> BadBody {
    let mut fields = good_fields();
    fields.remove(rng.usize(..3)); // the fourth one, the stream, is optional
    BadBody::problem(object(&fields), &[422])
}

fn with_value_outside_json(rng: &mut Rng) -> BadBody {
    let mut fields = good_fields();
    let index = rng.usize(..fields.len());
    fields[index].1 = no_json(rng);
    // A parser may meet the wrong type before it meets what is no JSON.
    BadBody::problem(object(&fields), &[400, 422])
}

fn cut_short(rng: &mut Rng, text: String) -> Vec<u8> {
    let length = rng.usize(..text.len());
    text.into_bytes()[..length].to_vec()
}

/// A byte that stands nowhere in JSON, in the middle of a reaction or after it.
fn with_stray_byte(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = object(&good_fields()).into_bytes();
    let index = rng.usize(..=bytes.len());
    bytes.insert(
        index,
        pick(rng, &[0x00, 0x07, 0x1b, 0xc0, 0xed, 0xf5, 0xff]),
    );
    bytes
}

fn duplicate_key(rng: &mut Rng) -> BadBody {
    let mut fields = good_fields();
    let twin = fields[rng.usize(..fields.len())].clone();
    fields.push(twin);
    BadBody::problem(object(&fields), &[400, 422])
}

fn deeply_nested(rng: &mut Rng) -> BadBody {
    let depth = rng.usize(200..20_000);
    match rng.u8(..4) {
        0 => BadBody::problem("[".repeat(depth), &[400]),
        1 => BadBody::problem("{\"a\":".repeat(depth), &[400, 422]),
        2 => {
            let mut fields = good_fields();
            let index = rng.usize(..fields.len());
            fields[index].1 = nested(depth);
            BadBody::problem(object(&fields), &[400, 422])
        }
        _ => BadBody::problem(
            format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
            &[400, 422],
        ),
    }
}

fn wrong_content_type(rng: &mut Rng) -> BadBody {
    let types = [
        None,
        Some("text/plain"),
        Some("application/xml"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/octet-stream"),
        Some("application/jsonp"),
        Some("/"),
    ];
    let mut bad = BadBody::problem(object(&good_fields()), &[415]);
    bad.content_type = pick(rng, &types);
    bad
}

fn good_array(num: usize) -> String {
    format!("[{}]", vec![object(&good_fields()); num].join(","))
}

/// An array or lines in which every single reaction is bad.
fn rejected_batch(rng: &mut Rng) -> BadBody {
    let num = rng.usize(1..60);
    let lines = rng.bool();
    let element = |rng: &mut Rng| match rng.u8(..8) {
        0 => no_text(rng),
        1 if lines => format!("{{{}", quoted("user_id")),
        _ => object(&bad_reaction(rng)),
    };
    let elements: Vec<String> = (0..num).map(|_| element(rng)).collect();
    let verdict = Verdict::EachRejected(num);
    if !lines {
        return BadBody::new(format!("[{}]", elements.join(",")), verdict);
    }
    let mut bad = BadBody::new(elements.join("\n"), verdict);
    bad.content_type = NDJSON;
    bad
}

fn registration(rng: &mut Rng) -> BadBody {
    let bodies = [
        "{}",
        "[]",
        "{\"client_id\":",
        "{\"client_id\":7}",
        "{\"client_id\":\"\"}",
        "{\"client_id\":\"a\\u0000\"}",
        "{\"client_id\":[\"a\"]}",
        "",
        "\u{0}",
    ];
    let mut bad = BadBody::problem(pick(rng, &bodies), &[400, 404, 422]);
    bad.path = pick(rng, &["/register", "/deregister"]);
    bad
}

/// A body of a megabyte, which the server may well read, and has to forget.
fn megabyte(rng: &mut Rng) -> BadBody {
    let text = match rng.u8(..6) {
        0 => "[".repeat(MEGABYTE),
        1 => " ".repeat(MEGABYTE),
        2 => format!("[{}1]", "1,".repeat(MEGABYTE / 2)),
        3 => good_array(MEGABYTE / 90), // more of them than a batch may hold
        kind => {
            let mut fields = good_fields();
            let index = rng.usize(..fields.len());
            let unit = if kind == 4 { "👩\u{200d}" } else { "\u{0}" };
            fields[index].1 = quoted(&unit.repeat(MEGABYTE / 7));
            object(&fields)
        }
    };
    BadBody::problem(text, &[400, 413, 422])
}
