//! The rule document, its selectors, the compiled index.
//!
//! [`read`] turns a bundle's text into a [`RuleSet`], or says all that is wrong with it; [`Index`] finds an account's rules.
//! The language is described in `docs/rules.md`.

mod bundle;
mod diagnostic;
mod document;
mod index;
mod name_template;
mod node;
mod read_selector;
mod reader;
mod rule_set;
mod selector;
mod text_selector;
mod turn;

use std::sync::Arc;

pub use bundle::Bundle;
pub use diagnostic::{Diagnostics, PlainProblem, Problem};
pub use index::Index;
pub use name_template::{AccountData, NameTemplate, TemplateError};
pub use rule_set::{Guardrails, Never, Repair, Rule, RuleSet, Settings, Team, WrittenAt};
pub use selector::{
    AccountSelector, Join, JoinedWith, OuRef, PermissionSetSelector, PrincipalSelector, TagSelector,
};
pub use text_selector::{Glob, TagValueSelector, TextSelector};
pub use turn::{AccountOutline, Turn, TurnKind, turns};

use diagnostic::{Report, Source, Span};
use reader::Reader;

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// Reads the rules of a bundle, or says what is wrong with them: as much of it as can be found at once.
pub fn read(bundle: &Bundle) -> Result<RuleSet, Diagnostics> {
    let sources = bundle.files.iter().map(|(name, text)| {
        Arc::new(if text.len() > MAX_FILE_BYTES { Source::unseen(name) } else { Source::new(name, text) })
    });
    let mut sources: Vec<Arc<Source>> = sources.collect();
    let root = sources.first().map(Arc::clone);
    if root.is_none() {
        sources.push(Arc::new(Source::unseen("")));
    }
    let mut reader = Reader::new(sources);
    let rules = if let Some(root) = root {
        read_root(&mut reader, bundle, &root)
    } else {
        reader.report(Report::at(start_of(0), "there is no rule file").help("give one rule file"));
        None
    };
    match (reader.finish(), rules) {
        (None, Some(rules)) => Ok(rules),
        (Some(diagnostics), _) => Err(diagnostics),
        (None, None) => Err(Diagnostics::new(Vec::new(), 1)),
    }
}

fn read_root(reader: &mut Reader, bundle: &Bundle, root: &Source) -> Option<RuleSet> {
    for (file, (name, text)) in bundle.files.iter().enumerate() {
        if text.len() > MAX_FILE_BYTES {
            let message =
                format!("`{name}` has {} bytes; a rule file has at most {MAX_FILE_BYTES}", text.len());
            reader.report(Report::at(start_of(file), message));
        }
        if file > 0 {
            reader.report(
                Report::at(start_of(file), format!("`{name}` is a second rule file"))
                    .help("this version of Usher reads one file; put all rules into it"),
            );
        }
    }
    if root.is_unseen() {
        return None;
    }
    let tree = node::parse(reader, 0, root)?;
    document::document(reader, &tree)
}

fn start_of(file: usize) -> Span {
    Span { file, start: 0, end: 0 }
}

#[cfg(test)]
mod tests;
