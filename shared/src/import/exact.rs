//! Whether a document wants exactly what there is. It is asked of the code that plans, not of the code that wrote it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Document, Existing, Induced};
use crate::{
    domain::{AssignmentKey, Principal},
    resolve::{self, Facts, Lookup},
    rules::{self, Diagnostics, Index},
};

/// Why a document is not what there is: a mistake in Usher. Nothing is written then.
#[derive(Debug, thiserror::Error)]
pub enum Inexact {
    #[error("the rules that were made can't be read")]
    Unreadable(#[source] Box<Diagnostics>),
    #[error(
        "the rules that were made would want {more} assignments that are not there, and not {fewer} that are"
    )]
    Differs { more: usize, fewer: usize },
}

/// Reads the document as `usher plan` does, and compares what it wants with what there is: all of it in accounts that are active, and no more than
/// that in others.
pub fn is_exact(document: &Document, existing: &Existing, induced: &Induced) -> Result<(), Inexact> {
    let rules = rules::read(&document.bundle).map_err(|error| Inexact::Unreadable(Box::new(error)))?;
    let index = Index::compile(rules);
    let facts = facts(existing);
    let mut wanted: BTreeSet<AssignmentKey> = BTreeSet::new();
    for account in existing.accounts.values() {
        wanted.extend(resolve::desired(&index, account, &facts, Timestamp::UNIX_EPOCH).wanted.into_keys());
    }
    let is_asleep = |key: &&AssignmentKey| {
        existing.accounts.get(&key.account).is_some_and(|account| !account.state.is_active())
    };
    let more = wanted.difference(&existing.assignments).count();
    let left_out = wanted.difference(&induced.wanted).filter(|key| !is_asleep(key)).count();
    let fewer = induced.wanted.difference(&wanted).count();
    if more + left_out + fewer == 0 { Ok(()) } else { Err(Inexact::Differs { more: more + left_out, fewer }) }
}

/// The answers to every look-up, as the directory would give them: a name that several bear is nobody's.
fn facts(existing: &Existing) -> Facts {
    let mut facts = Facts {
        groups: BTreeMap::new(),
        group_ids: BTreeMap::new(),
        users: BTreeMap::new(),
        user_ids: BTreeMap::new(),
        members: BTreeMap::new(),
        member_groups: BTreeMap::new(),
        permission_sets: Lookup::Found(existing.sets.values().cloned().collect()),
        confirmed: BTreeMap::new(),
    };
    for (principal, name) in &existing.principals {
        match principal {
            Principal::Group(id) => {
                facts.group_ids.insert(id.clone(), Lookup::Found(()));
                borne(&mut facts.groups, name, id);
            }
            Principal::User(id) => {
                facts.user_ids.insert(id.clone(), Lookup::Found(()));
                borne(&mut facts.users, name, id);
            }
        }
    }
    facts
}

fn borne<T: Clone>(names: &mut BTreeMap<String, Lookup<T>>, name: &str, id: &T) {
    let found = if names.contains_key(name) {
        Lookup::Failed("several bear this name".to_owned())
    } else {
        Lookup::Found(id.clone())
    };
    names.insert(name.to_owned(), found);
}
