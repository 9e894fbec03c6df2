//! Reads Rust source as far as the architecture needs: which paths a file names, on which line, and whether in test code.
//!
//! It is a scanner, not a compiler: macros are read as plain code, and what a name was imported from is not followed,
//! since the import itself was already read.

use std::iter::Peekable;
use std::str::CharIndices;

/// A path that a file names, resolved as far as its text allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Segments from the crate's root, for example `actors`, `ingest`, `Ingest`; or a foreign crate's name and what follows.
    pub(crate) path: Vec<String>,
    /// Whether `path` starts at this crate's root.
    pub(crate) local: bool,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Whether it stands in code compiled for tests only.
    pub(crate) in_test: bool,
}

/// An identifier or one character of punctuation; `::` is one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The code of `source` without comments, strings and characters.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source.char_indices().peekable();
    while let Some((start, character)) = rest.next() {
        let end = match character {
            '/' if source[start..].starts_with("//") => end_of_line(source, start),
            '/' if source[start..].starts_with("/*") => end_of_block_comment(source, start),
            '"' => end_of_string(source, start + 1),
            '\'' => end_of_character(source, start),
            _ if character.is_alphanumeric() || character == '_' => {
                let end = end_of_word(source, start);
                end_of_prefixed_literal(source, start, end).unwrap_or_else(|| {
                    let text = source[start..end].to_owned();
                    found.push(Token { text, line });
                    end
                })
            }
            _ if character.is_whitespace() => start + character.len_utf8(),
            _ => {
                let colons = source[start..].starts_with("::");
                let end = start + if colons { 2 } else { character.len_utf8() };
                let text = source[start..end].to_owned();
                found.push(Token { text, line });
                end
            }
        };
        line += source[start..end].matches('\n').count();
        skip_to(&mut rest, end);
    }
    found
}

fn skip_to(rest: &mut Peekable<CharIndices<'_>>, end: usize) {
    while rest.next_if(|(at, _)| *at < end).is_some() {}
}

fn end_of_line(source: &str, start: usize) -> usize {
    source[start..]
        .find('\n')
        .map_or(source.len(), |length| start + length)
}

fn end_of_block_comment(source: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < source.len() {
        if source[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if source[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += source[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    source.len()
}

fn end_of_string(source: &str, first: usize) -> usize {
    let mut escaped = false;
    for (offset, character) in source[first..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return first + offset + 1,
            _ => {}
        }
    }
    source.len()
}

/// A character literal, or the tick alone where it starts a lifetime.
fn end_of_character(source: &str, start: usize) -> usize {
    let mut inside = source[start + 1..].char_indices();
    match inside.next() {
        Some((_, '\\')) => source[start + 3..]
            .find('\'')
            .map_or(source.len(), |offset| start + 3 + offset + 1),
        Some(_) => match inside.next() {
            Some((offset, '\'')) => start + 1 + offset + 1,
            _ => start + 1,
        },
        None => start + 1,
    }
}

fn end_of_word(source: &str, start: usize) -> usize {
    source[start..]
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .map_or(source.len(), |length| start + length)
}

/// The end of a raw or byte literal whose prefix is the word from `start` to `end`; raw identifiers are none.
fn end_of_prefixed_literal(source: &str, start: usize, end: usize) -> Option<usize> {
    let after = &source[end..];
    match &source[start..end] {
        "r" | "br" | "cr" => {
            let num_hashes = after.len() - after.trim_start_matches('#').len();
            let opened = after[num_hashes..].starts_with('"');
            let close = format!("\"{}", "#".repeat(num_hashes));
            opened.then(|| {
                let body = end + num_hashes + 1;
                source[body..]
                    .find(&close)
                    .map_or(source.len(), |offset| body + offset + close.len())
            })
        }
        "b" | "c" if after.starts_with('"') => Some(end_of_string(source, end + 1)),
        "b" if after.starts_with('\'') => Some(end_of_character(source, end)),
        _ => None,
    }
}

/// Every path that `source` names, where `module` is the module that the file holds and `is_test_file` says whether the
/// whole file is test code.
pub(crate) fn named_paths(source: &str, module: &[&str], is_test_file: bool) -> Vec<Named> {
    let tokens = tokens(source);
    let module = module.iter().map(|name| (*name).to_owned()).collect();
    let mut reader = Reader::new(&tokens, module);
    reader.read_items(is_test_file);
    reader.found
}

/// Modules in files of their own that `source`, holding `module`, declares for tests only.
pub(crate) fn test_modules(source: &str, module: &[String]) -> Vec<Vec<String>> {
    let tokens = tokens(source);
    let mut reader = Reader::new(&tokens, module.to_vec());
    reader.read_items(false);
    reader.test_modules
}

/// Names of the modules declared with `mod name`, by which a parent may name its children without a prefix.
fn declared_modules(tokens: &[Token]) -> Vec<String> {
    tokens
        .windows(2)
        .filter(|pair| pair[0].text == "mod" && is_word(&pair[1].text))
        .map(|pair| pair[1].text.clone())
        .collect()
}

fn is_word(text: &str) -> bool {
    text.starts_with(|character: char| character.is_alphabetic() || character == '_')
}

/// Walks the tokens once, knowing in which module and in which kind of code it stands.
struct Reader<'source> {
    tokens: &'source [Token],
    at: usize,
    module: Vec<String>,
    declared: Vec<String>,
    found: Vec<Named>,
    test_modules: Vec<Vec<String>>,
}

impl<'source> Reader<'source> {
    fn new(tokens: &'source [Token], module: Vec<String>) -> Self {
        Reader {
            tokens,
            at: 0,
            module,
            declared: declared_modules(tokens),
            found: Vec::new(),
            test_modules: Vec::new(),
        }
    }

    fn peek(&self, ahead: usize) -> &str {
        self.tokens
            .get(self.at + ahead)
            .map_or("", |token| token.text.as_str())
    }

    fn behind(&self, back: usize) -> &str {
        self.at
            .checked_sub(back)
            .map_or("", |index| self.tokens[index].text.as_str())
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.line)
    }

    /// Reads to the end of the block that the reader stands in, or of the file.
    fn read_items(&mut self, in_test: bool) {
        let mut item_is_test = in_test;
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "#" => item_is_test |= self.read_attribute(item_is_test),
                "mod" if self.peek(2) == "{" => {
                    self.module.push(self.peek(1).to_owned());
                    self.at += 3;
                    self.read_items(item_is_test);
                    self.module.pop();
                    item_is_test = in_test;
                }
                "mod" if self.peek(2) == ";" => {
                    if item_is_test {
                        let mut declared = self.module.clone();
                        declared.push(self.peek(1).to_owned());
                        self.test_modules.push(declared);
                    }
                    self.at += 2;
                }
                // `use<'a>` names lifetimes, not a path.
                "use" if self.peek(1) != "<" => {
                    self.at += 1;
                    self.read_use(&[], item_is_test);
                }
                "{" => {
                    self.at += 1;
                    self.read_items(item_is_test);
                    // Attributes stand on items, and an item ends with its block.
                    item_is_test = in_test;
                }
                "}" => {
                    self.at += 1;
                    return;
                }
                ";" => {
                    self.at += 1;
                    item_is_test = in_test;
                }
                word if is_word(word) => self.read_expression_path(item_is_test),
                _ => self.at += 1,
            }
        }
    }

    /// Reads `#[…]` whole; true if what follows is compiled for tests only. Paths in it count as named.
    fn read_attribute(&mut self, in_test: bool) -> bool {
        let inner = self.peek(1) == "!";
        let open = if inner { 2 } else { 1 };
        if self.peek(open) != "[" {
            self.at += 1;
            return false;
        }
        self.at += open + 1;
        let first = self.peek(0).to_owned();
        let mut depth = 1;
        let mut says_test = false;
        let mut says_not = false;
        while depth > 0 && self.at < self.tokens.len() {
            match self.peek(0) {
                "[" => depth += 1,
                "]" => depth -= 1,
                "test" => says_test = true,
                "not" => says_not = true,
                word if is_word(word) => {
                    self.read_expression_path(in_test);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        (first == "cfg" || first == "test") && says_test && !says_not
    }

    /// Reads one branch of a `use` tree, of which `prefix` was read before, and what follows it in a group.
    fn read_use(&mut self, prefix: &[String], in_test: bool) {
        let line = self.line();
        let mut path = prefix.to_vec();
        let mut leaf = true;
        loop {
            match self.peek(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    leaf = false;
                    while !matches!(self.peek(0), "}" | ";" | "") {
                        self.read_use(&path, in_test);
                        if self.peek(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                }
                "as" => self.at += 2,
                "," | "}" | ";" | "" => break,
                segment => {
                    path.push(segment.to_owned());
                    self.at += 1;
                }
            }
        }
        if leaf {
            self.record(path, line, in_test);
        }
    }

    /// Reads a path of at least two segments out of code; single words are names of the file's own.
    fn read_expression_path(&mut self, in_test: bool) {
        let line = self.line();
        let restricts_visibility = self.behind(1) == "in" && self.behind(2) == "(";
        let continues = matches!(self.behind(1), "::" | ".");
        let mut path = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && is_word(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.at += 2;
        }
        if path.len() > 1 && !restricts_visibility && !continues {
            self.record(path, line, in_test);
        }
    }

    fn record(&mut self, written: Vec<String>, line: usize, in_test: bool) {
        let (path, local) = self.resolve(written);
        self.found.push(Named {
            path,
            local,
            line,
            in_test,
        });
    }

    /// The path from the crate's root, where the text tells it.
    fn resolve(&self, mut written: Vec<String>) -> (Vec<String>, bool) {
        if written.len() > 1 {
            written.pop_if(|last| last == "self");
        }
        let head = written[0].as_str();
        if matches!(head, "crate" | "emostream") {
            return (written[1..].to_vec(), true);
        }
        let mut base = self.module.clone();
        let mut num_consumed = 0;
        for segment in &written {
            match segment.as_str() {
                "self" if num_consumed == 0 => {}
                "super" => {
                    base.pop();
                }
                _ => break,
            }
            num_consumed += 1;
        }
        if num_consumed == 0 && !self.declared.iter().any(|name| name == head) {
            return (written, false);
        }
        let mut path = base;
        path.extend(written.into_iter().skip(num_consumed));
        (path, true)
    }
}
