//! What was measured, as a table and as JSON.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};

use super::percentiles::Percentiles;

/// A figure with the words that a reader needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Its name in JSON.
    pub(super) key: &'static str,
    /// Its name in the table.
    pub(super) label: &'static str,
    /// None if it could not be measured.
    pub(super) value: Option<f64>,
    /// What it counts.
    pub(super) unit: &'static str,
    /// The least and the most of several runs, where the value is their median.
    pub(super) range: Option<(f64, f64)>,
    /// What it has to reach.
    pub(super) wanted: Option<Wanted>,
}

/// What a figure has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
}

impl Wanted {
    fn json(self) -> Value {
        match self {
            Self::AtLeast(bound) | Self::AtMost(bound) => json!(bound),
            Self::Between(least, most) => json!([least, most]),
        }
    }

    fn is_reached_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Between(least, most) => (least..=most).contains(&value),
        }
    }

    fn shown(self) -> String {
        let number = |bound| shown(Some(bound));
        match self {
            Self::AtLeast(least) => format!("≥ {}", number(least)),
            Self::AtMost(most) => format!("≤ {}", number(most)),
            Self::Between(least, most) => format!("{} to {}", number(least), number(most)),
        }
    }
}

impl Figure {
    /// What the figure has to reach; where that stands in the report, and whether it does.
    pub(super) fn wanted(self, wanted: Wanted) -> Self {
        Self {
            wanted: Some(wanted),
            ..self
        }
    }

    fn is_reached(&self) -> Option<bool> {
        let wanted = self.wanted?;
        Some(self.value.is_some_and(|value| wanted.is_reached_by(value)))
    }

    /// What stands behind its unit.
    fn remarks(&self) -> String {
        let mut text = self.unit.to_owned();
        if let Some((least, most)) = self.range {
            let _ = write!(text, "  ({} to {})", shown(Some(least)), shown(Some(most)));
        }
        if let (Some(wanted), Some(is_reached)) = (self.wanted, self.is_reached()) {
            let verdict = if is_reached { "reached" } else { "NOT REACHED" };
            let _ = write!(text, "  {} wanted: {verdict}", wanted.shown());
        }
        text
    }
}

/// A figure that was measured.
pub(super) fn figure(
    key: &'static str,
    label: &'static str,
    value: impl Into<Option<f64>>,
    unit: &'static str,
) -> Figure {
    Figure {
        key,
        label,
        value: value.into(),
        unit,
        range: None,
        wanted: None,
    }
}

/// The median of several runs, with the least and the most of them.
pub(super) fn median(
    key: &'static str,
    label: &'static str,
    values: impl IntoIterator<Item = f64>,
    unit: &'static str,
) -> Figure {
    let values = Percentiles::of(values);
    Figure {
        range: values.at(0.0).zip(values.max()),
        ..figure(key, label, values.at(0.5), unit)
    }
}

/// What went in against what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ledger {
    /// Reactions that went in.
    pub(super) put_in: u64,
    /// Of which nobody knows whether they did.
    pub(super) unknown: u64,
    /// Reactions that came out; the one that differs most, where there are several readers.
    pub(super) came_out: u64,
    /// Whether they also agree emoji by emoji, or reader by reader.
    pub(super) agrees_in_detail: bool,
}

impl Ledger {
    /// Whether nothing was lost and nothing counted twice.
    pub(super) fn adds_up(&self) -> bool {
        let possible = self.put_in..=self.put_in + self.unknown;
        self.agrees_in_detail && possible.contains(&self.came_out)
    }
}

/// All that a run has to say.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// What was measured, in one line.
    pub(super) title: String,
    /// Figures of Emostream.
    pub(super) figures: Vec<Figure>,
    /// The limit of the machine in the same run.
    pub(super) limit: Vec<Figure>,
    /// Somebody else, in the same run.
    pub(super) peer: Vec<Figure>,
    /// Emostream to limit and to peer.
    pub(super) ratio: Vec<Figure>,
    /// What went in and came out.
    pub(super) ledger: Ledger,
    /// What to bear in mind about this run.
    pub(super) notes: Vec<String>,
}

impl Report {
    /// One object on one line.
    pub(super) fn json(&self) -> String {
        let object = json!({
            "title": self.title,
            "figures": figures(&self.figures),
            "limit": figures(&self.limit),
            "peer": figures(&self.peer),
            "ratio": figures(&self.ratio),
            "ledger": {
                "put_in": self.ledger.put_in,
                "unknown": self.ledger.unknown,
                "came_out": self.ledger.came_out,
                "adds_up": self.ledger.adds_up(),
            },
            "notes": self.notes,
            "machine": machine(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        format!("{object}\n")
    }

    /// A section per kind of figure, columns lined up.
    pub(super) fn table(&self) -> String {
        let sections = [
            ("Emostream", &self.figures),
            ("limit of this machine, same run", &self.limit),
            ("peer, same run", &self.peer),
            ("ratio", &self.ratio),
        ];
        let all = sections.iter().flat_map(|(_, figures)| figures.iter());
        let label_width = all.clone().map(|figure| figure.label.chars().count()).max();
        let value_width = all.map(|figure| shown(figure.value).len()).max();
        let (label_width, value_width) = (
            label_width.unwrap_or_default(),
            value_width.unwrap_or_default(),
        );
        let mut text = format!("{}\n", self.title);
        for (heading, figures) in sections {
            if figures.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n{heading}");
            for figure in figures {
                let (label, value) = (figure.label, shown(figure.value));
                let remarks = figure.remarks();
                let line = format!("  {label:label_width$}  {value:>value_width$}  {remarks}");
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        let Ledger {
            put_in,
            unknown,
            came_out,
            ..
        } = self.ledger;
        let verdict = if self.ledger.adds_up() {
            "adds up"
        } else {
            "DOES NOT ADD UP"
        };
        let _ = writeln!(
            text,
            "\nclosing check: {put_in} went in ({unknown} unknown), {came_out} came out: {verdict}"
        );
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

/// Each value under its key; beside it `_min` and `_max` of several runs, `_wanted` and `_reached`.
fn figures(figures: &[Figure]) -> Value {
    let mut named = Map::new();
    for figure in figures {
        let mut name = |suffix, value| named.insert(format!("{}{suffix}", figure.key), value);
        name("", json!(figure.value));
        if let Some((least, most)) = figure.range {
            name("_min", json!(least));
            name("_max", json!(most));
        }
        if let Some(wanted) = figure.wanted {
            name("_wanted", wanted.json());
            name("_reached", json!(figure.is_reached()));
        }
    }
    Value::Object(named)
}

/// Three digits or all of the whole part, in groups.
fn shown(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let decimals = match value.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let is_boundary = (whole.len() - index).is_multiple_of(3);
        if index > 0 && is_boundary && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

fn machine() -> Value {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    // All of them, also those that this thread has left to the server.
    let processors = read("/proc/cpuinfo");
    let cores = processors
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    json!({
        "cores": cores,
        "cpu": after(&processors, "model name"),
        "memory": after(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn report() -> Report {
        Report {
            title: "windows".to_owned(),
            figures: vec![
                figure("rate", "records per second", 1_234_567.8, "1/s"),
                figure("broker_cpu", "broker", None, "s"),
            ],
            limit: vec![figure("rate", "bare", 12.34, "1/s")],
            peer: Vec::new(),
            ratio: vec![
                figure("limit", "to limit", 0.567, "").wanted(Wanted::AtLeast(0.5)),
                median("other", "to other", [7.0, 3.0, 5.0], "").wanted(Wanted::AtMost(4.0)),
            ],
            ledger: Ledger {
                put_in: 10,
                unknown: 0,
                came_out: 10,
                agrees_in_detail: true,
            },
            notes: vec!["mind the gap".to_owned()],
        }
    }

    #[test]
    fn columns_line_up_and_empty_sections_are_left_out() {
        let expected = "\
windows

Emostream
  records per second  1,234,568  1/s
  broker                      -  s

limit of this machine, same run
  bare                     12.3  1/s

ratio
  to limit                 0.57    ≥ 0.50 wanted: reached
  to other                 5.00    (3.00 to 7.00)  ≤ 4.00 wanted: NOT REACHED

closing check: 10 went in (0 unknown), 10 came out: adds up
note: mind the gap
";
        assert_eq!(report().table(), expected);
    }

    #[test]
    fn json_is_one_object_with_the_keys_of_the_figures() {
        let object: Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(object["figures"]["rate"], 1_234_567.8);
        assert_eq!(object["figures"]["broker_cpu"], Value::Null);
        assert_eq!(object["ledger"]["adds_up"], true);
        assert_eq!(object["ratio"]["limit_wanted"], 0.5);
        assert_eq!(object["ratio"]["limit_reached"], true);
        assert_eq!(object["ratio"]["limit_min"], Value::Null);
        assert_eq!(object["ratio"]["other_min"], 3.0);
        assert_eq!(object["ratio"]["other"], 5.0);
        assert_eq!(object["ratio"]["other_max"], 7.0);
        for key in ["limit", "ratio", "machine", "version", "peer", "notes"] {
            assert!(!object[key].is_null(), "{key}");
        }
    }

    #[test]
    fn a_ledger_forgives_what_is_unknown_and_nothing_else() {
        let ledger = |unknown, came_out| Ledger {
            put_in: 10,
            unknown,
            came_out,
            agrees_in_detail: true,
        };
        for (unknown, came_out, adds_up) in [
            (0, 10, true),
            (0, 9, false),
            (0, 11, false),
            (2, 12, true),
            (2, 13, false),
            (2, 9, false),
        ] {
            assert_eq!(
                ledger(unknown, came_out).adds_up(),
                adds_up,
                "{unknown} {came_out}"
            );
        }
        let in_sum_alone = Ledger {
            agrees_in_detail: false,
            ..ledger(0, 10)
        };
        assert!(!in_sum_alone.adds_up());
    }

    #[test]
    fn numbers_show_three_digits_at_least() {
        for (value, text) in [
            (0.0, "0.00"),
            (0.567, "0.57"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234.5, "1,234"),
            (-123_456.0, "-123,456"),
        ] {
            assert_eq!(shown(Some(value)), text);
        }
    }
}
