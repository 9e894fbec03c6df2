//! A reader of Prometheus' text format, as strict as a scraper.

use std::collections::BTreeMap;

use super::api::Api;

/// One scrape.
#[derive(Debug, Clone)]
pub(crate) struct Scrape {
    pub(crate) samples: Vec<Sample>,
    /// Type of every metric family.
    pub(crate) types: BTreeMap<String, String>,
}

/// One line of a scrape.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) name: String,
    /// Labels as written, without the braces.
    pub(crate) labels: String,
    pub(crate) value: f64,
}

impl Scrape {
    pub(crate) async fn read(api: &Api) -> Self {
        Self::parse(&api.get("/metrics").await.expect(200).body)
    }

    fn parse(text: &str) -> Self {
        let mut scrape = Self {
            samples: Vec::new(),
            types: BTreeMap::new(),
        };
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("# ") {
                Some(comment) => scrape.add_comment(comment),
                None => scrape.samples.push(sample(line)),
            }
        }
        scrape
    }

    fn add_comment(&mut self, comment: &str) {
        if let Some(family) = comment.strip_prefix("TYPE ") {
            let (name, kind) = family.split_once(' ').expect("a name and a type");
            let known = self.types.insert(name.to_owned(), kind.to_owned());
            assert!(known.is_none(), "{name} is typed twice");
        }
    }

    /// Sum of the samples of `name` whose labels contain `label`; zero while there is none.
    pub(crate) fn sum(&self, name: &str, label: &str) -> f64 {
        let asked = |sample: &&Sample| sample.name == name && sample.labels.contains(label);
        self.samples
            .iter()
            .filter(asked)
            .map(|sample| sample.value)
            .sum()
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line
        .rsplit_once(' ')
        .unwrap_or_else(|| panic!("no value: {line}"));
    let value = value
        .parse()
        .unwrap_or_else(|_| panic!("not a number: {line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (
            name,
            rest.strip_suffix('}')
                .unwrap_or_else(|| panic!("open braces: {line}")),
        ),
        None => (series, ""),
    };
    Sample {
        name: name.to_owned(),
        labels: labels.to_owned(),
        value,
    }
}
