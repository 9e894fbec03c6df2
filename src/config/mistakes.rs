//! What is wrong with the settings, all of it at once.

use std::fmt;

/// Mistakes in the settings, one sentence each. Never holds the value of a secret.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    /// Adds one sentence.
    pub fn push(&mut self, sentence: impl Into<String>) {
        self.0.push(sentence.into());
    }

    /// Adds those of another check.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sentences, in the order they were found.
    pub fn sentences(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => formatter.write_str("the configuration has a mistake")?,
            count => write!(formatter, "the configuration has {count} mistakes")?,
        }
        self.0
            .iter()
            .try_for_each(|sentence| write!(formatter, "\n  {sentence}"))
    }
}

impl std::error::Error for Mistakes {}
