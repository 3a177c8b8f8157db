//! A template as a tree in which everything knows where it is written. JSON and YAML alike: short forms (`!Ref`) become the long ones.

use std::{collections::BTreeSet, sync::Arc};

use granit_parser::{Event, Parser, ScalarStyle};

use super::plain;
use crate::rules::diagnostic::{Report, Source, Span};

/// Maps and lists inside each other. CloudFormation's own templates need about fifteen.
const DEEPEST: usize = 60;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A scalar; `plain` is one without quotes, which may be a number, a truth (`true` or `false` here, however it is written), or in doubt.
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) span: Span,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Text { .. } | Value::List(_) => &[],
        }
    }

    /// Why it can't be said what this is, if it is a scalar in doubt.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        match &self.value {
            Value::Text { text, plain: true } => plain::doubt(text),
            Value::Text { .. } | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// A map or list that is not complete yet, with the short form that it stands under.
enum Open {
    List { start: Span, items: Vec<Node>, tag: Option<String> },
    Map { start: Span, entries: Vec<Entry>, key: Option<(String, Span)>, tag: Option<String> },
}

/// Builds the tree, or says where the text is no template.
pub(super) fn parse(source: &Source) -> Result<Node, Box<Report>> {
    let text = source.text();
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST + 2,
        block_nesting_limit: DEEPEST + 2,
    };
    let clip = |offset: usize| text.floor_char_boundary(offset);
    let span_of = |span: &granit_parser::Span| {
        let range = span.byte_range().unwrap_or_default();
        let (start, end) = (clip(range.start), clip(range.end));
        Span { file: 0, start, end: end.max(start) }
    };
    let mut tree = Tree { open: Vec::new(), root: None };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, at) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = clip(error.marker().byte_offset().unwrap_or_default());
                let end =
                    text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
                let span = Span { file: 0, start: at, end };
                let help =
                    "JSON has no comments, and its escapes are few: a backslash in a text is written `\\\\`";
                return Err(Box::new(
                    Report::at(span, format!("not valid JSON or YAML: {}", error.info())).help(help),
                ));
            }
        };
        let tag = at.tag_span().map(|tag| span_of(&tag));
        let tag = tag.and_then(|tag| text.get(tag.start..tag.end)).map(str::to_owned);
        let span = span_of(&at);
        if tree.root.is_some() && !matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            return Err(Box::new(
                Report::at(span, "a second document begins here").label("after the template"),
            ));
        }
        tree.take(event, span, tag)?;
    }
    tree.root.ok_or_else(|| Box::new(Report::at(Span { file: 0, start: 0, end: 0 }, "the template is empty")))
}

struct Tree {
    open: Vec<Open>,
    root: Option<Node>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span, tag: Option<String>) -> Result<(), Box<Report>> {
        if let Event::Scalar(text, style, ..) = event {
            // A tag says what it is: `!Ref On` is the name `On`. So is a key a name.
            let is_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
            let plain = style == ScalarStyle::Plain && tag.is_none() && !is_key;
            let text = match plain::truth(&text).filter(|_| plain) {
                Some(truth) => truth.to_string(),
                None => text.into_owned(),
            };
            return self.complete(Node { span, value: Value::Text { text, plain } }, tag);
        }
        if matches!(event, Event::Alias(_)) {
            return Err(Box::new(Report::at(span, "an alias can't be followed").help("write the value out")));
        }
        if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
            if self.open.len() >= DEEPEST {
                return Err(Box::new(Report::at(span, format!("nested deeper than {DEEPEST} levels"))));
            }
            self.open.push(if matches!(event, Event::SequenceStart(..)) {
                Open::List { start: span, items: Vec::new(), tag }
            } else {
                Open::Map { start: span, entries: Vec::new(), key: None, tag }
            });
            return Ok(());
        }
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            return match self.open.pop() {
                Some(Open::List { start, items, tag }) => {
                    let span = Span { end: span.end.max(start.end), ..start };
                    self.complete(Node { span, value: Value::List(items) }, tag)
                }
                Some(Open::Map { start, entries, key: _, tag }) => {
                    refuse_repeated(&entries)?;
                    let span = Span { end: span.end.max(start.end), ..start };
                    self.complete(Node { span, value: Value::Map(entries) }, tag)
                }
                None => Ok(()),
            };
        }
        Ok(())
    }

    /// Hands a complete node to what it is in.
    fn complete(&mut self, node: Node, tag: Option<String>) -> Result<(), Box<Report>> {
        let node = match tag {
            Some(tag) => long_form(node, &tag),
            None => node,
        };
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((key, span)) => entries.push(Entry { key, span, value: node }),
                None => match node.value {
                    Value::Text { text, .. } => *key = Some((text, node.span)),
                    Value::List(_) | Value::Map(_) => {
                        return Err(Box::new(Report::at(node.span, "a key must be text")));
                    }
                },
            },
        }
        Ok(())
    }
}

fn refuse_repeated(entries: &[Entry]) -> Result<(), Box<Report>> {
    let mut seen = BTreeSet::new();
    match entries.iter().find(|entry| !seen.insert(&entry.key)) {
        Some(entry) => Err(Box::new(Report::at(
            entry.span,
            format!("the key `{}` is written twice in one map", entry.key),
        ))),
        None => Ok(()),
    }
}

/// `!Ref X` is `{ Ref: X }`, `!GetAtt X.Y` is `{ Fn::GetAtt: X.Y }`; tags of YAML itself say nothing here.
fn long_form(node: Node, tag: &str) -> Node {
    let Some(name) = tag.strip_prefix('!').filter(|name| !name.is_empty() && !name.starts_with('!')) else {
        return node;
    };
    let key = match name {
        "Ref" | "Condition" => name.to_owned(),
        _ => format!("Fn::{name}"),
    };
    let span = node.span;
    Node { span, value: Value::Map(vec![Entry { key, span, value: node }]) }
}

/// A source to point at.
pub(super) fn source(name: &str, text: &str) -> Arc<Source> {
    Arc::new(Source::new(name, text))
}
