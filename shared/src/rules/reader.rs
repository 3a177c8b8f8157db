//! Reads values out of a document's tree, and collects what is wrong instead of stopping at the first problem.

use std::str::FromStr;

use crate::domain::InvalidId;

use super::{
    diagnostic::{Diagnostics, Problem, Report, Source, Span},
    node::{Entry, Kind, Node, Text, Value},
    trust::Trust,
};

/// Problems kept; the rest are only counted.
const MOST_PROBLEMS: usize = 100;

/// The files of a bundle, and the problems found in them so far.
#[derive(Debug)]
pub(super) struct Reader {
    sources: Vec<std::sync::Arc<Source>>,
    problems: Vec<Problem>,
    unlisted: usize,
    /// What the settings say about it, as far as they have been read.
    pub(super) trust: Trust,
}

/// A map's entries that have been checked against the keys it may have.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    /// Keys that a misspelt one seems to mean: they are not reported as missing too.
    meant: Vec<&'static str>,
    span: Span,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key.text == key)
    }

    /// Whether a misspelt key seems to mean this one.
    pub(super) fn seem_to_have(&self, key: &str) -> bool {
        self.meant.contains(&key)
    }
}

impl Reader {
    pub(super) fn new(sources: Vec<std::sync::Arc<Source>>) -> Self {
        Self { sources, problems: Vec::new(), unlisted: 0, trust: Trust::default() }
    }

    pub(super) fn report(&mut self, report: Report) {
        match self.sources.get(report.file()) {
            Some(source) if self.problems.len() < MOST_PROBLEMS => {
                self.problems.push(report.into_problem(source));
            }
            Some(_) | None => self.unlisted += 1,
        }
    }

    /// `None` if all is well.
    pub(super) fn finish(mut self) -> Option<Diagnostics> {
        let place = |problem: &Problem| {
            let plain = problem.plain();
            (plain.file.clone(), plain.line, plain.column)
        };
        self.problems.sort_by_key(place);
        (self.unlisted > 0 || !self.problems.is_empty())
            .then(|| Diagnostics::new(self.problems, self.unlisted))
    }

    /// The file and line where a span begins.
    pub(super) fn written_at(&self, span: Span) -> super::WrittenAt {
        self.sources.get(span.file).map_or_else(
            || super::WrittenAt { file: "".into(), line: 0 },
            |source| super::WrittenAt { file: source.name().clone(), line: source.line(span.start) },
        )
    }

    /// The entries of a map that may have these keys and no others.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&'static str],
    ) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            self.expected(node, &format!("{what} as a map with {}", one_of(known)));
            return None;
        };
        let mut fields = Fields { entries, meant: Vec::new(), span: node.span };
        for Entry { key, key_span, .. } in entries {
            if known.contains(&key.text.as_str()) {
                continue;
            }
            let name = shorten(&key.text);
            let near = nearest(&key.text, known.iter().copied());
            fields.meant.extend(near);
            let help = near.map_or_else(
                || format!("{what} can have {}", one_of(known)),
                |near| format!("did you mean `{near}`?"),
            );
            self.report(
                Report::at(*key_span, format!("{what} can't have the key `{name}`"))
                    .label("unknown key")
                    .help(help),
            );
        }
        Some(fields)
    }

    /// The value of a key that must be there.
    pub(super) fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        what: &str,
        key: &str,
        help: &str,
    ) -> Option<&'n Node> {
        let found = fields.get(key);
        if found.is_none() && !fields.seem_to_have(key) {
            self.report(
                Report::at(fields.span, format!("{what} needs the key `{key}`"))
                    .label(format!("`{key}` is missing"))
                    .help(help),
            );
        }
        found
    }

    /// A list with something in it.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                self.report(
                    Report::at(node.span, format!("expected {what}, found an empty list"))
                        .label("empty")
                        .help("list at least one, or leave the key out if it is optional"),
                );
                None
            }
            Value::List(items) => Some(items),
            Value::Text(_) | Value::Map(_) | Value::Invalid => {
                self.expected(node, what);
                None
            }
        }
    }

    /// Text that isn't empty, and that no YAML reader takes for anything else.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => self.unmistakable(text, node.span, what),
            Value::List(_) | Value::Map(_) | Value::Invalid => {
                self.expected(node, what);
                None
            }
        }
    }

    /// The same of a key or a value.
    pub(super) fn unmistakable<'n>(&mut self, text: &'n Text, span: Span, what: &str) -> Option<&'n str> {
        let written = shorten(&text.text);
        let taken_for = match text.kind {
            Kind::Text if text.text.is_empty() => {
                self.report(Report::at(span, format!("expected {what}, found empty text")).label("empty"));
                return None;
            }
            Kind::Text => return Some(&text.text),
            Kind::Nothing => {
                self.report(Report::at(span, format!("expected {what}, found nothing")).label("nothing"));
                return None;
            }
            Kind::Boolean => "true or false",
            Kind::Number => "a number",
        };
        self.report(
            Report::at(span, format!("expected {what}, found `{written}`, which is {taken_for} to YAML"))
                .label(taken_for)
                .help(format!("quote it: \"{written}\"")),
        );
        None
    }

    /// The items of a list, or the one value that stands in its place.
    pub(super) fn one_or_more<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(_) => self.list(node, what),
            Value::Text(_) | Value::Map(_) | Value::Invalid => Some(std::slice::from_ref(node)),
        }
    }

    /// One text, or a list of them.
    pub(super) fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Option<Vec<(&'n str, Span)>> {
        let items = self.one_or_more(node, what)?;
        let texts: Vec<_> = items.iter().map(|item| Some((self.text(item, what)?, item.span))).collect();
        texts.into_iter().collect()
    }

    /// An id, in the form that AWS or the rule language gives it.
    pub(super) fn id<T: FromStr<Err = InvalidId>>(&mut self, text: &str, span: Span) -> Option<T> {
        text.parse()
            .map_err(|error: InvalidId| {
                self.report(Report::at(span, error.to_string()).label("not of this form"));
            })
            .ok()
    }

    /// A whole number from 0 to `most`.
    pub(super) fn number(&mut self, node: &Node, most: u32) -> Option<u32> {
        let what = if most == u32::MAX {
            "a whole number".to_owned()
        } else {
            format!("a whole number from 0 to {most}")
        };
        let Value::Text(text) = &node.value else {
            self.expected(node, &what);
            return None;
        };
        let digits = text.kind == Kind::Number && text.text.bytes().all(|b| b.is_ascii_digit());
        let octal = text.text.len() > 1 && text.text.starts_with('0');
        let number = text.text.parse().ok().filter(|number| digits && !octal && *number <= most);
        if number.is_none() {
            self.expected(node, &what);
        }
        number
    }

    /// Says what was expected here, and what is here instead.
    pub(super) fn expected(&mut self, node: &Node, what: &str) {
        let found = match &node.value {
            Value::Invalid => return,
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Text(text) if text.kind == Kind::Nothing => "nothing".to_owned(),
            Value::Text(text) if text.kind == Kind::Text && text.text.parse::<f64>().is_ok() => {
                format!("the text \"{}\"", shorten(&text.text))
            }
            Value::Text(text) => format!("`{}`", shorten(&text.text)),
        };
        self.report(Report::at(node.span, format!("expected {what}, found {found}")).label("found this"));
    }

    /// Says what was expected of this text, and which word is meant if one is near.
    pub(super) fn unknown_word(&mut self, node: &Node, text: &str, what: &str, words: &[&'static str]) {
        let Some(near) = nearest(text, words.iter().copied()) else {
            self.expected(node, what);
            return;
        };
        self.report(
            Report::at(node.span, format!("expected {what}, found `{}`", shorten(text)))
                .label("unknown word")
                .help(format!("did you mean `{near}`?")),
        );
    }
}

/// `a`, `b` or `c`.
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}

/// The known word that is meant, most likely: one letter in three may be wrong.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &plain(name)), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Text as it stands in a message: not too long, on one line.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}
