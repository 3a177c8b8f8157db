//! Whether a rule stays within its team's scope, by what is written alone.
//!
//! A rule is taken apart into what it selects: one account, OU, name or value of a tag, with one permission set or value of a tag. Each
//! is held against each scope. Only selectors of one kind can be compared: ids with ids, paths of OUs with paths, values of a tag with
//! values of the same tag. What they leave open takes an organization to tell.
//!
//! INVARIANT: what is called beyond gives something that no scope has, in every organization in which it gives anything at all, or at the
//! latest when an account or a permission set is added that it selects.

mod values;

use std::collections::BTreeSet;

use super::{
    name_template::NameTemplate,
    rule_set::Rule,
    scope::{Scope, ScopeSets},
    selector::{AccountSelector, OuRef, PermissionSetSelector, TagSelector},
    text_selector::{TagValueSelector, TextSelector},
};
use values::{is_any_value, text_extent, value_extent};

use crate::domain::{AccountId, PermissionSetArn};

/// So many parts of a rule are compared; one with more is left to the organization.
const MOST_PARTS: usize = 20_000;

/// How much of what is selected lies within something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it, whatever the organization.
    Within,
    /// Nothing of it.
    Outside,
    /// Some of it may, and some does not.
    Wider,
    /// That depends on the organization, or on the permission sets' tags.
    Open,
}

/// What a rule is to its team's scope, by what is written alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleExtent {
    /// Whatever the organization.
    Within,
    /// It takes an organization to tell.
    Open,
    /// It gives what no scope has.
    Beyond(Vec<Excess>),
}

/// What a rule gives beyond its team's scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// Which of the rule's permission sets, counted from 0.
    pub permission_set: usize,
    /// It is the permission set that no scope has, wherever.
    pub is_of_set: bool,
    /// What is given, and where: `ReadOnlyAccess` in the OU Workloads.
    pub told: String,
}

/// Holds a rule against the scopes of its team.
pub fn extent(rule: &Rule, scopes: &[Scope], protected: &BTreeSet<String>) -> RuleExtent {
    let Some(parts) = AccountPart::of(&rule.accounts) else { return RuleExtent::Open };
    let parts: Vec<AccountPart<'_>> = parts.into_iter().filter(AccountPart::gives_something).collect();
    let Some(sets) = SetPart::of(&rule.permission_sets) else { return RuleExtent::Open };
    if parts.len().saturating_mul(sets.len()) > MOST_PARTS {
        return RuleExtent::Open;
    }
    let is_joined = !rule.joins.is_empty();
    let mut excesses: Vec<Excess> = Vec::new();
    let mut is_open = false;
    for set in &sets {
        let of_sets: Vec<Extent> = scopes
            .iter()
            .map(|scope| set.extent(&scope.permission_sets, protected))
            .map(|it| loosened(it, is_joined))
            .collect();
        let is_of_set = of_sets.iter().all(|extent| is_beyond(*extent));
        for part in &parts {
            let each: Vec<(Extent, bool)> = scopes
                .iter()
                .zip(&of_sets)
                .map(|(scope, of_set)| {
                    let of_accounts = loosened(part.extent(&scope.accounts), is_joined || part.is_narrowed());
                    (both(of_accounts, *of_set), is_closed(&scope.accounts))
                })
                .collect();
            match any(&each) {
                Extent::Within => {}
                Extent::Open => is_open = true,
                Extent::Outside | Extent::Wider => {
                    let told = if is_of_set { set.told() } else { format!("{} {}", set.told(), part.told()) };
                    let excess = Excess { permission_set: set.at, is_of_set, told };
                    if !excesses.contains(&excess) {
                        excesses.push(excess);
                    }
                }
            }
        }
    }
    if !excesses.is_empty() {
        RuleExtent::Beyond(excesses)
    } else if is_open {
        RuleExtent::Open
    } else {
        RuleExtent::Within
    }
}

fn is_beyond(extent: Extent) -> bool {
    matches!(extent, Extent::Outside | Extent::Wider)
}

/// What is narrowed further by what can't be compared may not be wider any more.
fn loosened(extent: Extent, is_narrowed: bool) -> Extent {
    match extent {
        Extent::Wider if is_narrowed => Extent::Open,
        Extent::Within | Extent::Outside | Extent::Wider | Extent::Open => extent,
    }
}

/// Of two things both of which must be within.
fn both(one: Extent, other: Extent) -> Extent {
    match (one, other) {
        (Extent::Outside, _) | (_, Extent::Outside) => Extent::Outside,
        (Extent::Wider, _) | (_, Extent::Wider) => Extent::Wider,
        (Extent::Within, Extent::Within) => Extent::Within,
        (Extent::Within | Extent::Open, Extent::Within | Extent::Open) => Extent::Open,
    }
}

/// Of several of which one will do; each with whether it can't be the rest of what another one leaves out.
fn any(each: &[(Extent, bool)]) -> Extent {
    if each.iter().any(|(extent, _)| *extent == Extent::Within) {
        return Extent::Within;
    }
    let left: Vec<&(Extent, bool)> = each.iter().filter(|(extent, _)| *extent != Extent::Outside).collect();
    match left.as_slice() {
        [] => Extent::Outside,
        [(only, _)] => *only,
        several if several.iter().all(|(extent, closed)| *extent == Extent::Wider && *closed) => {
            Extent::Wider
        }
        _ => Extent::Open,
    }
}

/// Whether what it leaves out can't be just what another such selector has: then two of them together may be everything.
fn is_closed(selector: &AccountSelector) -> bool {
    match selector {
        AccountSelector::Everywhere
        | AccountSelector::InOu(_)
        | AccountSelector::DirectlyInOu(_)
        | AccountSelector::Id(_) => true,
        AccountSelector::Tagged(tags) => tags.0.values().flatten().all(|value| match value {
            TagValueSelector::Value(TextSelector::Is(_)) => true,
            TagValueSelector::Value(TextSelector::Like(_))
            | TagValueSelector::Present
            | TagValueSelector::Absent => false,
        }),
        AccountSelector::Named(names) => names.iter().all(|name| matches!(name, TextSelector::Is(_))),
        AccountSelector::AllOf(parts) | AccountSelector::AnyOf(parts) => parts.iter().all(is_closed),
        AccountSelector::Except { .. } => false,
    }
}

/// One thing that must hold of an account, or of a permission set.
#[derive(Debug, Clone, Copy)]
enum Atom<'a> {
    Id(&'a AccountId),
    InOu(&'a OuRef),
    DirectlyInOu(&'a OuRef),
    Named(&'a TextSelector),
    Tag(&'a str, &'a TagValueSelector),
}

/// Accounts of which all of this holds, and nothing of what is excepted.
#[derive(Debug, Clone, Default)]
struct AccountPart<'a> {
    atoms: Vec<Atom<'a>>,
    except: Vec<&'a AccountSelector>,
}

impl<'a> AccountPart<'a> {
    fn one(atom: Atom<'a>) -> Self {
        Self { atoms: vec![atom], except: Vec::new() }
    }

    /// What a selector selects is what one of these has; `None` if they are too many.
    fn of(selector: &'a AccountSelector) -> Option<Vec<Self>> {
        let parts: Vec<Self> = match selector {
            AccountSelector::Everywhere => vec![Self::default()],
            AccountSelector::InOu(ous) => ous.iter().map(Atom::InOu).map(Self::one).collect(),
            AccountSelector::DirectlyInOu(ous) => ous.iter().map(Atom::DirectlyInOu).map(Self::one).collect(),
            AccountSelector::Named(names) => names.iter().map(Atom::Named).map(Self::one).collect(),
            AccountSelector::Id(ids) => ids.iter().map(Atom::Id).map(Self::one).collect(),
            AccountSelector::Tagged(tags) => Self::of_tags(tags)?,
            AccountSelector::AllOf(all) => product(all.iter().map(Self::of))?,
            AccountSelector::AnyOf(any) => {
                any.iter().map(Self::of).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()
            }
            AccountSelector::Except { of, except } => {
                let mut parts = Self::of(of)?;
                for part in &mut parts {
                    part.except.extend(except);
                }
                parts
            }
        };
        (parts.len() <= MOST_PARTS).then_some(parts)
    }

    fn of_tags(tags: &'a TagSelector) -> Option<Vec<Self>> {
        let of_key = |(key, values): (&'a String, &'a Vec<TagValueSelector>)| {
            Some(values.iter().map(|value| Self::one(Atom::Tag(key, value))).collect())
        };
        product(tags.0.iter().map(of_key))
    }

    /// An account that is listed and excepted again is none.
    fn gives_something(&self) -> bool {
        let ids = self.atoms.iter().filter_map(|atom| match atom {
            Atom::Id(id) => Some(*id),
            Atom::InOu(_) | Atom::DirectlyInOu(_) | Atom::Named(_) | Atom::Tag(..) => None,
        });
        let is_excepted = |id: &AccountId| {
            self.except.iter().any(|except| matches!(except, AccountSelector::Id(ids) if ids.contains(id)))
        };
        !ids.into_iter().any(is_excepted)
    }

    /// Whether its exceptions may take away just what it has too much. A few accounts can't: more are added to OUs.
    fn is_narrowed(&self) -> bool {
        let has_id = self.atoms.iter().any(|atom| matches!(atom, Atom::Id(_)));
        self.except.iter().any(|except| has_id || !matches!(except, AccountSelector::Id(_)))
    }

    fn told(&self) -> String {
        let atoms: Vec<String> = self
            .atoms
            .iter()
            .map(|atom| match atom {
                Atom::Id(id) => format!("in account {id}"),
                Atom::InOu(ou) => format!("in the OU {ou}"),
                Atom::DirectlyInOu(ou) => format!("directly in the OU {ou}"),
                Atom::Named(name) => format!("in accounts named {name}"),
                Atom::Tag(key, value) => format!("in accounts tagged {key}: {value}"),
            })
            .collect();
        if atoms.is_empty() { "everywhere".to_owned() } else { atoms.join(" and ") }
    }

    fn extent(&self, selector: &AccountSelector) -> Extent {
        match selector {
            // The management account is in none but by its id, and an id may be its.
            AccountSelector::Everywhere if self.atoms.iter().any(|atom| matches!(atom, Atom::Id(_))) => {
                Extent::Open
            }
            AccountSelector::Everywhere => Extent::Within,
            AccountSelector::Id(ids) => self.compared(|atom| match atom {
                Atom::Id(id) if ids.contains(*id) => Some(Extent::Within),
                Atom::Id(_) => Some(Extent::Outside),
                Atom::InOu(_) | Atom::DirectlyInOu(_) | Atom::Named(_) | Atom::Tag(..) => None,
            }),
            AccountSelector::InOu(ous) => {
                any(&ous.iter().map(|ou| (self.in_ou(ou), true)).collect::<Vec<_>>())
            }
            AccountSelector::DirectlyInOu(ous) => {
                any(&ous.iter().map(|ou| (self.directly_in_ou(ou), true)).collect::<Vec<_>>())
            }
            AccountSelector::Named(names) => self.compared(|atom| match atom {
                Atom::Named(name) => Some(text_extent(name, &names.iter().collect::<Vec<_>>())),
                Atom::Id(_) | Atom::InOu(_) | Atom::DirectlyInOu(_) | Atom::Tag(..) => None,
            }),
            AccountSelector::Tagged(tags) => self.tagged(tags),
            AccountSelector::AllOf(all) => {
                all.iter().map(|part| self.extent(part)).reduce(both).unwrap_or(Extent::Within)
            }
            AccountSelector::AnyOf(parts) => {
                any(&parts.iter().map(|part| (self.extent(part), is_closed(part))).collect::<Vec<_>>())
            }
            AccountSelector::Except { of, except } => {
                let excepted: Vec<Extent> = except.iter().map(|part| self.extent(part)).collect();
                match self.extent(of) {
                    Extent::Within if excepted.iter().all(|it| *it == Extent::Outside) => Extent::Within,
                    Extent::Within | Extent::Open if excepted.contains(&Extent::Within) => Extent::Outside,
                    Extent::Within => Extent::Open,
                    other @ (Extent::Outside | Extent::Wider | Extent::Open) => other,
                }
            }
        }
    }

    /// By the one atom that can be compared. Where nothing is asked of an account, it may be any.
    fn compared(&self, compare: impl Fn(&Atom<'a>) -> Option<Extent>) -> Extent {
        let found: Vec<Extent> = self.atoms.iter().filter_map(compare).collect();
        if found.contains(&Extent::Within) {
            Extent::Within
        } else if found.contains(&Extent::Outside) {
            Extent::Outside
        } else {
            match found.as_slice() {
                [only] => *only,
                [] if self.atoms.is_empty() => Extent::Wider,
                _ => Extent::Open,
            }
        }
    }

    fn in_ou(&self, ou: &OuRef) -> Extent {
        self.compared(|atom| match (atom, ou) {
            (Atom::InOu(OuRef::Path(own)) | Atom::DirectlyInOu(OuRef::Path(own)), OuRef::Path(scope))
                if own.starts_with(scope) =>
            {
                Some(Extent::Within)
            }
            (Atom::InOu(OuRef::Path(own)), OuRef::Path(scope)) if scope.starts_with(own) => {
                Some(Extent::Wider)
            }
            (Atom::InOu(OuRef::Path(_)) | Atom::DirectlyInOu(OuRef::Path(_)), OuRef::Path(_)) => {
                Some(Extent::Outside)
            }
            (Atom::InOu(OuRef::Id(own)) | Atom::DirectlyInOu(OuRef::Id(own)), OuRef::Id(scope))
                if own == scope =>
            {
                Some(Extent::Within)
            }
            (Atom::InOu(_) | Atom::DirectlyInOu(_), _) => Some(Extent::Open),
            (Atom::Id(_) | Atom::Named(_) | Atom::Tag(..), _) => None,
        })
    }

    fn directly_in_ou(&self, ou: &OuRef) -> Extent {
        self.compared(|atom| match (atom, ou) {
            (Atom::DirectlyInOu(own), scope) if *own == scope => Some(Extent::Within),
            (Atom::DirectlyInOu(OuRef::Path(_)), OuRef::Path(_))
            | (Atom::DirectlyInOu(OuRef::Id(_)), OuRef::Id(_)) => Some(Extent::Outside),
            (Atom::InOu(OuRef::Path(own)), OuRef::Path(scope)) if !scope.starts_with(own) => {
                Some(Extent::Outside)
            }
            // Of the OU itself it is all, unless there are OUs below.
            (Atom::InOu(OuRef::Path(own)), OuRef::Path(scope)) if own != scope => Some(Extent::Wider),
            (Atom::InOu(_) | Atom::DirectlyInOu(_), _) => Some(Extent::Open),
            (Atom::Id(_) | Atom::Named(_) | Atom::Tag(..), _) => None,
        })
    }

    fn tagged(&self, tags: &TagSelector) -> Extent {
        let of_key = |(key, values): (&String, &Vec<TagValueSelector>)| {
            if is_any_value(values) && values.iter().any(|value| value.selects(None)) {
                return Extent::Within;
            }
            self.compared(|atom| match atom {
                Atom::Tag(own, value) if own == key => Some(value_extent(value, values)),
                Atom::Tag(..) | Atom::Id(_) | Atom::InOu(_) | Atom::DirectlyInOu(_) | Atom::Named(_) => None,
            })
        };
        tags.0.iter().map(of_key).reduce(both).unwrap_or(Extent::Within)
    }
}

/// Every way to have one of each; `None` if they are too many.
fn product<'a>(factors: impl Iterator<Item = Option<Vec<AccountPart<'a>>>>) -> Option<Vec<AccountPart<'a>>> {
    let mut all = vec![AccountPart::default()];
    for factor in factors {
        let factor = factor?;
        if all.len().saturating_mul(factor.len()) > MOST_PARTS {
            return None;
        }
        let with = |one: &AccountPart<'a>| {
            let one = one.clone();
            factor.iter().map(move |other| AccountPart {
                atoms: one.atoms.iter().chain(&other.atoms).copied().collect(),
                except: one.except.iter().chain(&other.except).copied().collect(),
            })
        };
        all = all.iter().flat_map(|one| with(one).collect::<Vec<_>>()).collect();
    }
    Some(all)
}

/// One permission set, or those with one value of each tag.
#[derive(Debug)]
struct SetPart<'a> {
    /// Which of the rule's permission sets it is of.
    at: usize,
    it: SetAtom<'a>,
}

#[derive(Debug)]
enum SetAtom<'a> {
    Name(&'a NameTemplate),
    Arn(&'a PermissionSetArn),
    Tagged(AccountPart<'a>),
}

impl<'a> SetPart<'a> {
    fn of(selectors: &'a [PermissionSetSelector]) -> Option<Vec<Self>> {
        let mut parts = Vec::new();
        for (at, selector) in selectors.iter().enumerate() {
            match selector {
                PermissionSetSelector::Name(name) => parts.push(Self { at, it: SetAtom::Name(name) }),
                PermissionSetSelector::Arn(arn) => parts.push(Self { at, it: SetAtom::Arn(arn) }),
                PermissionSetSelector::Tagged(tags) => {
                    let of_tags = AccountPart::of_tags(tags)?.into_iter();
                    parts.extend(of_tags.map(|part| Self { at, it: SetAtom::Tagged(part) }));
                }
            }
        }
        Some(parts)
    }

    fn told(&self) -> String {
        match &self.it {
            SetAtom::Name(name) => format!("`{name}`"),
            SetAtom::Arn(arn) => arn.to_string(),
            SetAtom::Tagged(part) => {
                let tags = part.atoms.iter().filter_map(|atom| match atom {
                    Atom::Tag(key, value) => Some(format!("{key}: {value}")),
                    Atom::Id(_) | Atom::InOu(_) | Atom::DirectlyInOu(_) | Atom::Named(_) => None,
                });
                format!("what is tagged {}", tags.collect::<Vec<_>>().join(" and "))
            }
        }
    }

    fn extent(&self, sets: &ScopeSets, protected: &BTreeSet<String>) -> Extent {
        let is_protected = matches!(&self.it, SetAtom::Name(name) if name.as_plain().is_some_and(|name| protected.contains(name)));
        match sets {
            ScopeSets::Any if is_protected => Extent::Outside,
            ScopeSets::Any => match &self.it {
                SetAtom::Arn(_) if !protected.is_empty() => Extent::Open,
                SetAtom::Name(_) | SetAtom::Arn(_) | SetAtom::Tagged(_) => Extent::Within,
            },
            ScopeSets::These(all) => {
                // Two selections by tags that are both wider may be everything together.
                let each: Vec<(Extent, bool)> =
                    all.iter().map(|one| (self.extent_of(one, is_protected), false)).collect();
                any(&each)
            }
        }
    }

    fn extent_of(&self, selector: &PermissionSetSelector, is_protected: bool) -> Extent {
        let same = |is: bool| if is { Extent::Within } else { Extent::Outside };
        match (&self.it, selector) {
            (SetAtom::Name(own), PermissionSetSelector::Name(name)) => {
                match (own.as_plain(), name.as_plain()) {
                    (Some(own), Some(name)) => same(own == name),
                    (None, Some(name)) if !own.may_be(name) => Extent::Outside,
                    (None, _) | (_, None) => Extent::Open,
                }
            }
            (SetAtom::Arn(own), PermissionSetSelector::Arn(arn)) => same(*own == arn),
            (SetAtom::Tagged(part), PermissionSetSelector::Tagged(tags)) => part.tagged(tags),
            // Tags take in no protected permission set.
            (SetAtom::Name(_), PermissionSetSelector::Tagged(_)) if is_protected => Extent::Outside,
            (SetAtom::Name(_) | SetAtom::Arn(_) | SetAtom::Tagged(_), _) => Extent::Open,
        }
    }
}
