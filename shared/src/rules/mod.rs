//! The rule document, its selectors, the compiled index.
//!
//! [`read`] turns a bundle's text into a [`RuleSet`], or says all that is wrong with it; [`Index`] finds an account's rules.
//! The language is described in `docs/rules.md`.

mod about;
mod bundle;
mod calendar;
pub(crate) mod diagnostic;
mod document;
mod extent;
mod finding;
mod index;
mod name_template;
mod node;
mod policy_files;
mod read_accounts;
mod read_permission_sets;
mod read_reprovision;
mod read_rule;
mod read_scope;
mod read_selector;
mod read_settings;
mod read_tags;
mod read_term;
mod reader;
mod reprovision_notes;
mod rule_set;
mod scope;
mod selector;
mod text_selector;
mod trust;
mod turn;
mod unchanged;

use std::{collections::BTreeSet, sync::Arc};

pub use about::{About, Reach};
pub use bundle::{Bundle, NoBundle};
pub use calendar::{Calendar, Day, Freeze, Shut, TimeOfDay, Window, Zone};
pub use diagnostic::{Diagnostics, PlainProblem, Problem};
pub use extent::{Excess, RuleExtent, extent};
pub use finding::{Deciding, Finding};
pub use index::Index;
pub use name_template::{AccountData, NameTemplate, TemplateError};
pub use reprovision_notes::Note;
pub use rule_set::{
    DeclaredSet, Guardrails, Never, Repair, Reprovision, Rule, RuleSet, SetContent, Settings, Team, Wanted,
    Wave, WrittenAt,
};
pub use scope::{PrincipalMatch, Scope, ScopeSets, ScopedSet, TeamScope};
pub use selector::{
    AccountSelector, Join, JoinedWith, OuRef, PermissionSetSelector, PrincipalSelector, TagSelector,
};
pub use text_selector::{Glob, TagValueSelector, TextSelector};
pub use turn::{AccountOutline, Turn, TurnKind, turns};
pub use unchanged::Unchanged;

use diagnostic::{Report, Source, Span};
use document::File;
use policy_files::{PolicyFile, PolicyFiles, are_policies};
use reader::{Reader, shorten};

/// The root file of a bundle of several: the others say rules only. A bundle of one file is that file.
pub const ROOT_FILE: &str = "usher.yaml";

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// The most files that a bundle may have.
pub const MAX_FILES: usize = 1_000;

/// The most bytes that a bundle's names and texts may have together.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes that such a bundle has as JSON, where every quote and line end takes two. Stores keep and read no more.
pub const MAX_STORED_BYTES: usize = 2 * MAX_BUNDLE_BYTES + MAX_FILES * 32;

/// Reads the rules of a bundle, or says what is wrong with them: as much of it as can be found at once.
pub fn read(bundle: &Bundle) -> Result<RuleSet, Diagnostics> {
    let too_much = too_much(bundle);
    let mut sources: Vec<Arc<Source>> = bundle
        .files
        .iter()
        .map(|(name, text)| {
            let unseen = too_much.is_some() || text.len() > MAX_FILE_BYTES;
            Arc::new(if unseen { Source::unseen(name) } else { Source::new(name, text) })
        })
        .collect();
    // What is wrong with the bundle as a whole is in no file of it.
    sources.push(Arc::new(Source::unseen("")));
    let mut reader = Reader::new(sources.clone());
    let rules = if let Some(why) = too_much {
        reader.report(why);
        None
    } else {
        read_files(&mut reader, bundle, &sources)
    };
    match (reader.finish(), rules) {
        (None, Some(rules)) => Ok(rules),
        (Some(diagnostics), _) => Err(diagnostics),
        (None, None) => Err(Diagnostics::new(Vec::new(), 1)),
    }
}

/// Why a bundle is not read at all.
fn too_much(bundle: &Bundle) -> Option<Report> {
    let whole = start_of(bundle.files.len());
    let count = bundle.files.len();
    let bytes: usize = bundle.files.iter().map(|(name, text)| name.len() + text.len()).sum();
    if count == 0 {
        Some(Report::at(whole, "there is no rule file").help("give one rule file"))
    } else if count > MAX_FILES {
        Some(Report::at(whole, format!("there are {count} rule files; a bundle has at most {MAX_FILES}")))
    } else if count > 1 && bytes > MAX_BUNDLE_BYTES {
        let message = format!("the rule files have {bytes} bytes; a bundle has at most {MAX_BUNDLE_BYTES}");
        Some(Report::at(whole, message))
    } else {
        None
    }
}

fn read_files(reader: &mut Reader, bundle: &Bundle, sources: &[Arc<Source>]) -> Option<RuleSet> {
    let names = bundle.short_names();
    let are_policies = are_policies(&names);
    if names.len() > 1 && !are_plain(reader, &names) {
        return None;
    }
    let is_rules = |at: &usize| are_policies.get(*at) == Some(&false);
    let of_rules: Vec<usize> = (0..names.len()).filter(is_rules).collect();
    let root = root_of(reader, &names, &of_rules)?;
    let mut policies = PolicyFiles::default();
    let mut root_file = None;
    let mut further: Vec<File> = Vec::with_capacity(of_rules.len());
    for (at, ((name, text), source)) in names.iter().zip(bundle.files.values()).zip(sources).enumerate() {
        if source.is_unseen() {
            let message = format!(
                "`{}` has {} bytes; a rule file has at most {MAX_FILE_BYTES}",
                source.name(),
                text.len()
            );
            reader.report(Report::at(start_of(at), message));
        }
        if !is_rules(&at) {
            policies.add(name, PolicyFile { at, source: Arc::clone(source) });
            continue;
        }
        let tree = if source.is_unseen() { None } else { node::parse(reader, at, source) };
        let file = File { name: name.clone(), start: start_of(at), tree };
        if at == root {
            root_file = Some(file);
        } else {
            further.push(file);
        }
    }
    let all_parsed = root_file.iter().chain(&further).all(|file| file.tree.is_some());
    let rules = document::rule_set(reader, &root_file?, &further, &mut policies);
    // What names them may be in what can't be read.
    if all_parsed && rules.is_some() {
        policies.report_unnamed(reader);
    }
    rules
}

/// Whether every name of several is plain: patterns of teams are held against them.
fn are_plain(reader: &mut Reader, names: &[String]) -> bool {
    let mut taken = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        if name.split('/').any(|part| part.is_empty() || part == "..") {
            let message = format!("`{}` is not the name of a file in the folder of the rules", shorten(name));
            reader.report(
                Report::at(start_of(at), message)
                    .help("names have no `..` and nothing empty in them, such as `teams/payments/web.yaml`"),
            );
            return false;
        }
        if !taken.insert(name) {
            reader.report(Report::at(start_of(at), format!("the file `{}` is given twice", shorten(name))));
            return false;
        }
    }
    true
}

/// Which of several files with rules is the root.
fn root_of(reader: &mut Reader, names: &[String], of_rules: &[usize]) -> Option<usize> {
    if let [only] = of_rules {
        return Some(*only);
    }
    let root = names.iter().position(|name| name == ROOT_FILE);
    if root.is_none() {
        reader.report(
            Report::at(start_of(names.len()), format!("none of the {} rule files is `{ROOT_FILE}`", of_rules.len()))
                .help("of several files one is the root, with the settings: `usher.yaml`, in the folder that all the others are in or below"),
        );
    }
    root
}

fn start_of(file: usize) -> Span {
    Span { file, start: 0, end: 0 }
}

#[cfg(test)]
mod tests;
