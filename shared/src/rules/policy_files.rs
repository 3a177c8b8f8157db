//! Policies in files of their own: `.json` beside the rule files, each named by a permission set.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::de::IgnoredAny;

use super::{
    Bundle,
    diagnostic::{Report, Source, Span},
    node::{self, Node, Value},
    reader::{Reader, shorten},
};

/// What the name of a policy's file ends in.
const ENDING: &str = ".json";

/// The longest path of one, in bytes.
const LONGEST: usize = 512;

/// Which of these names are of policies' files: those in `.json`, as long as another one is of rules.
pub(super) fn are_policies(names: &[String]) -> Vec<bool> {
    let any_rules = names.iter().any(|name| !name.ends_with(ENDING));
    names.iter().map(|name| any_rules && name.ends_with(ENDING)).collect()
}

/// Whether this names a policy's file in the folder of the root file or below.
pub(super) fn is_path(path: &str) -> bool {
    path.len() <= LONGEST
        && path.ends_with(ENDING)
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct PolicyFile {
    /// Which of the bundle's files it is.
    pub(super) at: usize,
    pub(super) source: Arc<Source>,
}

impl PolicyFile {
    /// What is no JSON in it, if something is not: whatever reads rules takes JSON as the YAML that it is, and so more than JSON.
    pub(super) fn is_not_json(&self) -> Option<Report> {
        let text = self.source.text();
        let error = serde_json::from_str::<IgnoredAny>(text).err()?;
        let at = offset(text, error.line(), error.column());
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        let place = Span { file: self.at, start: at, end: at };
        let report = Report::at(place, format!("the policy's file is not JSON: {why}"));
        Some(
            report
                .label("here")
                .help("IAM's policies are JSON, which has no comments and no comma before a bracket"),
        )
    }
}

/// Where a line and a column, both counted from 1 and the column in bytes, are in a text.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let at = (before + column.saturating_sub(1)).min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The policies' files of a bundle, and which of them were named.
#[derive(Debug, Default)]
pub(super) struct PolicyFiles<'n> {
    files: BTreeMap<&'n str, PolicyFile>,
    named: BTreeSet<&'n str>,
}

impl<'n> PolicyFiles<'n> {
    pub(super) fn add(&mut self, name: &'n str, file: PolicyFile) {
        self.files.insert(name, file);
    }

    /// The file of this name, which is named by it.
    pub(super) fn take(&mut self, path: &str) -> Option<PolicyFile> {
        let (name, file) = self.files.get_key_value(path)?;
        self.named.insert(name);
        Some(file.clone())
    }

    /// Tells of those that nothing names: nobody would know what they are for.
    pub(super) fn report_unnamed(&self, reader: &mut Reader) {
        for (name, file) in self.files.iter().filter(|(name, _)| !self.named.contains(*name)) {
            let message = format!("no permission set names the file `{}`", shorten(name));
            reader.report(
                Report::at(super::start_of(file.at), message)
                    .help("a rule file ends in `.yaml`; a policy's file is named by an `inline_policy`"),
            );
        }
    }
}

impl Bundle {
    /// The policies' files that its rule files name and that it hasn't got, as its own files are named: by these names they would be in it.
    /// What is wrong with the rules is not told here.
    pub fn policy_files(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for (name, text) in &self.files {
            if text.len() > super::MAX_FILE_BYTES {
                continue;
            }
            let source = Arc::new(Source::new(name, text));
            let mut reader = Reader::new(vec![Arc::clone(&source)]);
            if let Some(tree) = node::parse(&mut reader, 0, &source) {
                paths.extend(named_in(&tree));
            }
        }
        let folder = self.folder();
        let names = paths.into_iter().filter(|path| is_path(path)).map(|path| format!("{folder}{path}"));
        names.filter(|name| !self.files.contains_key(name)).collect()
    }

    /// What the names of all files begin with.
    fn folder(&self) -> String {
        let names = self.files.keys().zip(self.short_names());
        let folders = names.filter_map(|(name, short)| Some(name.strip_suffix(short.as_str())?.to_owned()));
        folders.min_by_key(String::len).unwrap_or_default()
    }
}

fn named_in(tree: &Node) -> Vec<String> {
    let Some(sets) = member(tree, "permission_sets") else { return Vec::new() };
    let Value::List(sets) = &sets.value else { return Vec::new() };
    let named = sets.iter().filter_map(|set| {
        let file = member(member(set, "inline_policy")?, "file")?;
        match &file.value {
            Value::Text(text) => Some(text.text.clone()),
            Value::List(_) | Value::Map(_) | Value::Invalid => None,
        }
    });
    named.collect()
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key.text == key).map(|entry| &entry.value),
        Value::Text(_) | Value::List(_) | Value::Invalid => None,
    }
}
