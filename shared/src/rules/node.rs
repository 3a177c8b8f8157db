//! A YAML document as a tree in which every key and value knows where it is written.
//!
//! Only what a rule document needs: maps with text keys, lists, text. Aliases and tags are refused, so the tree is never
//! larger than the text; nesting is bounded. What is wrong inside is reported and stands as [`Value::Invalid`], so that reading goes on.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle};

use super::{
    diagnostic::{Report, Source, Span},
    reader::Reader,
};

/// Maps and lists inside each other. The deepest sensible selector needs about ten.
const DEEPEST: usize = 40;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(Text),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Reported already: whoever reads it stays silent.
    Invalid,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Text,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// A scalar, with its kind as YAML would see it.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// What a scalar is to YAML 1.1 or 1.2 readers. Rules take as text only what is text to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Nothing,
    Boolean,
    Number,
}

impl Kind {
    fn of(text: &str, style: ScalarStyle) -> Self {
        if style != ScalarStyle::Plain {
            Self::Text
        } else if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            Self::Nothing
        } else if text.len() <= 5
            && matches!(
                text.to_ascii_lowercase().as_str(),
                "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
            )
        {
            Self::Boolean
        } else if is_number(text) {
            Self::Number
        } else {
            Self::Text
        }
    }
}

/// Whole numbers of any base, with `_` between digits as YAML 1.1 has them, and fractions.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return true;
    }
    if let Some((base, digits)) = unsigned.split_at_checked(2)
        && let Some(radix) = match base {
            "0x" | "0X" => Some(16),
            "0o" | "0O" => Some(8),
            "0b" | "0B" => Some(2),
            _ => None,
        }
    {
        return !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(radix));
    }
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.replace('_', "").parse::<f64>().is_ok()
}

/// A map or list that is not complete yet.
enum Open {
    List { start: Span, items: Vec<Node> },
    Map { start: Span, entries: Vec<Entry>, key: Option<Result<(Text, Span), Unkeyed>> },
}

/// Stands for a key that has been reported: its value is dropped.
struct Unkeyed;

/// Builds the tree of one file. `None` if the text isn't one YAML document; that is reported then.
pub(super) fn parse(reader: &mut Reader, file: usize, source: &Source) -> Option<Node> {
    let text = source.text();
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: DEEPEST + 2,
        block_nesting_limit: DEEPEST + 2,
    };
    let mut tree = Tree { reader, file, text, open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                let tag = span.tag_span().map(|tag| tree.span(&tag));
                let span = tree.span(&span);
                if let Some(tag) = tag {
                    tree.refuse_tag(tag);
                }
                if !tree.take(event, span) {
                    return None;
                }
            }
            Err(error) => {
                let at = tree.clip(error.marker().byte_offset().unwrap_or_default());
                let end =
                    text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
                let span = Span { file, start: at, end };
                tree.reader.report(if *error.kind() == granit_parser::ErrorKind::RecursionLimitExceeded {
                    too_deep(span)
                } else {
                    Report::at(span, format!("not valid YAML: {}", error.info()))
                });
                return None;
            }
        }
    }
    if tree.root.is_none() {
        tree.reader.report(
            Report::at(Span { file, start: 0, end: 0 }, "the file is empty")
                .help("a rule document begins with `version: 1`"),
        );
    }
    tree.root
}

fn too_deep(span: Span) -> Report {
    Report::at(span, format!("nested deeper than {DEEPEST} levels"))
}

struct Tree<'a> {
    reader: &'a mut Reader,
    file: usize,
    text: &'a str,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Tree<'_> {
    /// The nearest offset at or before this one that is in the text and on a character boundary.
    fn clip(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        let (start, end) = (self.clip(range.start), self.clip(range.end));
        Span { file: self.file, start, end: end.max(start) }
    }

    fn refuse_tag(&mut self, span: Span) {
        self.reader.report(
            Report::at(span, "YAML tags are not allowed")
                .label("a tag")
                .help("write the value without it; put text in quotes"),
        );
    }

    /// Takes one event; `false` if there is no point in going on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        if let Event::Scalar(text, style, ..) = event {
            let kind = Kind::of(&text, style);
            self.complete(Node { span, value: Value::Text(Text { text: text.into_owned(), kind }) });
        } else if matches!(event, Event::Alias(_)) {
            let report = Report::at(span, "YAML aliases are not allowed")
                .label("an alias")
                .help("write the value out, so that every rule says by itself what it does");
            self.reader.report(report);
            self.complete(Node { span, value: Value::Invalid });
        } else if matches!(event, Event::SequenceStart(..)) {
            return self.begin(Open::List { start: span, items: Vec::new() }, span);
        } else if matches!(event, Event::MappingStart(..)) {
            return self.begin(Open::Map { start: span, entries: Vec::new(), key: None }, span);
        } else if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            self.end(span);
        } else if matches!(event, Event::DocumentStart(..)) {
            self.documents += 1;
            if self.documents > 1 {
                self.reader.report(
                    Report::at(span, "a second YAML document begins in this file")
                        .help("a file holds one rule document"),
                );
                return false;
            }
        }
        true
    }

    fn begin(&mut self, open: Open, span: Span) -> bool {
        if self.open.len() >= DEEPEST {
            self.reader.report(too_deep(span));
            return false;
        }
        self.open.push(open);
        true
    }

    /// A flow collection ends at its bracket, a block collection with the last thing in it.
    fn end(&mut self, end: Span) {
        let until = |start: Span, last: Option<Span>| {
            let bracket = self.text.get(end.start..end.end).is_some_and(|text| matches!(text, "]" | "}"));
            let last = if bracket { end } else { last.unwrap_or(start) };
            Span { end: last.end.max(start.end), ..start }
        };
        let node = match self.open.pop() {
            Some(Open::List { start, items }) => {
                let first = items.first().map_or(start, |item| item.span);
                let start = if start.start == start.end { Span { end: first.end, ..start } } else { start };
                Node { span: until(start, items.last().map(|item| item.span)), value: Value::List(items) }
            }
            Some(Open::Map { start, entries, .. }) => {
                self.refuse_repeated(&entries);
                Node { span: until(start, entries.last().map(|e| e.value.span)), value: Value::Map(entries) }
            }
            None => return,
        };
        self.complete(node);
    }

    fn refuse_repeated(&mut self, entries: &[Entry]) {
        let mut first: BTreeMap<&str, Span> = BTreeMap::new();
        for Entry { key, key_span, .. } in entries {
            if let Some(before) = first.get(key.text.as_str()) {
                self.reader.report(
                    Report::at(*key_span, format!("the key `{}` is written twice in one map", key.text))
                        .label("again here")
                        .also(*before, "first here"),
                );
            } else {
                first.insert(&key.text, *key_span);
            }
        }
    }

    /// Hands a complete node to what it is in.
    fn complete(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(Ok((text, key_span))) => entries.push(Entry { key: text, key_span, value: node }),
                Some(Err(Unkeyed)) => {}
                None => match node.value {
                    Value::Text(text) => *key = Some(Ok((text, node.span))),
                    Value::Invalid => *key = Some(Err(Unkeyed)),
                    Value::List(_) | Value::Map(_) => {
                        *key = Some(Err(Unkeyed));
                        self.reader.report(
                            Report::at(node.span, "a key must be text")
                                .help("a value that begins with `{` or `[` must be put in quotes"),
                        );
                    }
                },
            },
        }
    }
}
