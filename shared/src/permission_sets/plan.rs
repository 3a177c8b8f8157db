//! What is to be done to one declared permission set.
//!
//! INVARIANT: only what is declared is planned; what isn't Usher's is changed only where its declaration says `adopt`; and a set goes only
//! when nothing holds it.

use std::fmt;

use super::{Change, Details, Inline, MAKING_TAG, NewSet};
use crate::{
    domain::{Mode, PermissionSetArn, RuleId, Tags},
    policy::Effect,
    rules::{DeclaredSet, SetContent, Wanted},
};

/// Whose a permission set is that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Ours,
    /// Ours, and it bears the mark that the ledger has kept since before it was made: nobody has it yet, so nothing is taken from anybody.
    BeingMade,
    /// Made by somebody else, or it can't be told.
    NotOurs,
}

/// What holds a permission set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// How many accounts have it.
    pub accounts: usize,
    /// The management account has it, and Usher may not write there.
    pub in_management: bool,
    /// Rules that give it.
    pub rules: Vec<RuleId>,
}

/// What is known when one set is planned.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub mode: Mode,
    pub actual: Option<&'a Details>,
    pub claim: Claim,
    pub held: &'a Held,
}

/// What is to be done to one permission set, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPlan {
    pub name: String,
    /// `None` for one that is not there.
    pub arn: Option<PermissionSetArn>,
    /// In the order in which they are made.
    pub changes: Vec<Change>,
    /// It becomes Usher's.
    pub adopts: bool,
    /// Why nothing of it is done now.
    pub withheld: Option<Withheld>,
}

/// Why nothing is done to a permission set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Withheld {
    /// The mode is `observe`.
    Observed,
    /// The mode is `create-only`, and this would replace something or take it away.
    CreateOnly,
    /// It is there, and others made it.
    NotOurs,
    /// The management account has it.
    InManagementAccount,
    /// Rules still give it.
    GivenByRules { rules: Vec<RuleId> },
    /// Accounts still have it.
    Provisioned { accounts: usize },
    /// It could not be read, so what there is to do can't be told.
    Unread { why: String },
}

impl Withheld {
    /// The word for it, the same as in its JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::CreateOnly => "create_only",
            Self::NotOurs => "not_ours",
            Self::InManagementAccount => "in_management_account",
            Self::GivenByRules { .. } => "given_by_rules",
            Self::Provisioned { .. } => "provisioned",
            Self::Unread { .. } => "unread",
        }
    }
}

impl SetPlan {
    /// Whether there is anything to do in AWS now.
    pub fn has_work(&self) -> bool {
        self.withheld.is_none() && !self.changes.is_empty()
    }

    /// Whether there is nothing to tell.
    pub fn is_quiet(&self) -> bool {
        let Self { name: _, arn: _, changes, adopts, withheld } = self;
        changes.is_empty() && !adopts && withheld.is_none()
    }

    /// Of a set that could not be read: nothing is known of what is to be done.
    pub fn unread(name: &str, arn: Option<PermissionSetArn>, why: String) -> Self {
        let withheld = Some(Withheld::Unread { why });
        Self { name: name.to_owned(), arn, changes: Vec::new(), adopts: false, withheld }
    }

    /// Whether it could not be read.
    pub fn is_unread(&self) -> bool {
        matches!(self.withheld, Some(Withheld::Unread { .. }))
    }

    /// Whether it is deleted, now or later.
    pub fn deletes(&self) -> bool {
        self.changes == [Change::Delete]
    }
}

/// Plans one set.
pub fn plan(declared: &DeclaredSet, facts: Facts<'_>) -> SetPlan {
    let Facts { mode, actual, claim, held } = facts;
    let changes = match (&declared.wanted, actual) {
        (Wanted::There(content), Some(actual)) => edit(content, actual),
        (Wanted::There(content), None) => make(&declared.name, content),
        (Wanted::Gone, Some(_)) => vec![Change::Delete],
        (Wanted::Gone, None) => Vec::new(),
    };
    let adopts = actual.is_some() && claim == Claim::NotOurs && declared.adopt;
    let is_made = actual.is_some() && claim != Claim::BeingMade;
    let takes_away = || {
        is_made && changes.iter().any(|change| takes_away(change, actual))
            || changes.contains(&Change::Delete)
    };
    let withheld = if changes.is_empty() && !adopts {
        None
    } else if actual.is_some() && claim == Claim::NotOurs && !declared.adopt {
        Some(Withheld::NotOurs)
    } else if mode == Mode::Observe {
        Some(Withheld::Observed)
    } else if mode == Mode::CreateOnly && takes_away() {
        Some(Withheld::CreateOnly)
    } else if !changes.is_empty() && held.in_management {
        Some(Withheld::InManagementAccount)
    } else if changes.contains(&Change::Delete) && !held.rules.is_empty() {
        Some(Withheld::GivenByRules { rules: held.rules.clone() })
    } else if changes.contains(&Change::Delete) && held.accounts > 0 {
        Some(Withheld::Provisioned { accounts: held.accounts })
    } else {
        None
    };
    let arn = actual.map(|actual| actual.arn.clone());
    SetPlan { name: declared.name.clone(), arn, changes, adopts, withheld }
}

/// The calls that make a set as it is declared.
fn make(name: &str, content: &SetContent) -> Vec<Change> {
    let SetContent {
        description,
        session_duration,
        relay_state,
        aws_managed,
        customer_managed,
        inline,
        boundary,
        tags,
    } = content;
    let mut changes = vec![Change::Create(NewSet {
        name: name.to_owned(),
        description: description.clone(),
        session_duration: *session_duration,
        relay_state: relay_state.clone(),
        tags: tags.clone(),
    })];
    changes.extend(boundary.clone().map(Change::PutBoundary));
    changes.extend(inline.clone().map(Change::PutInline));
    changes.extend(aws_managed.iter().cloned().map(Change::AttachAws));
    changes.extend(customer_managed.iter().cloned().map(Change::AttachCustomer));
    changes
}

/// The calls that bring a set to what is declared.
fn edit(content: &SetContent, actual: &Details) -> Vec<Change> {
    let SetContent {
        description,
        session_duration,
        relay_state,
        aws_managed,
        customer_managed,
        inline,
        boundary,
        tags,
    } = content;
    let mut changes = Vec::new();
    if let Some(boundary) = boundary.as_ref().filter(|boundary| actual.boundary.as_ref() != Some(*boundary)) {
        changes.push(Change::PutBoundary(boundary.clone()));
    }
    let (description, relay_state) = (
        description.as_ref().or(actual.description.as_ref()),
        relay_state.as_ref().or(actual.relay_state.as_ref()),
    );
    if description != actual.description.as_ref()
        || relay_state != actual.relay_state.as_ref()
        || Some(*session_duration) != actual.session_duration
    {
        changes.push(Change::Update {
            description: description.cloned(),
            session_duration: *session_duration,
            relay_state: relay_state.cloned(),
        });
    }
    let surplus = actual.aws_managed.difference(aws_managed);
    changes.extend(surplus.cloned().map(Change::DetachAws));
    let surplus = actual.customer_managed.difference(customer_managed);
    changes.extend(surplus.cloned().map(Change::DetachCustomer));
    match (inline, &actual.inline) {
        (None, Some(_)) => changes.push(Change::DeleteInline),
        (Some(policy), there) => {
            let same = there.as_ref().and_then(Inline::policy).is_some_and(|there| there.is_same(policy));
            changes.extend((!same).then(|| Change::PutInline(policy.clone())));
        }
        (None, None) => {}
    }
    changes.extend(aws_managed.difference(&actual.aws_managed).cloned().map(Change::AttachAws));
    changes
        .extend(customer_managed.difference(&actual.customer_managed).cloned().map(Change::AttachCustomer));
    if boundary.is_none() && actual.boundary.is_some() {
        changes.push(Change::DeleteBoundary);
    }
    // Keys that go make room for those that come; but the mark of one that is being made goes last of all.
    let surplus = |key: &&str| tags.get(key).is_none() && *key != MAKING_TAG && !is_of_aws(key);
    let untagged: Vec<String> =
        actual.tags.iter().map(|(key, _)| key).filter(surplus).map(str::to_owned).collect();
    if !untagged.is_empty() {
        changes.push(Change::Untag(untagged));
    }
    let tagged: Tags = tags.iter().filter(|(key, value)| actual.tags.get(key) != Some(*value)).collect();
    if !tagged.is_empty() {
        changes.push(Change::Tag(tagged));
    }
    if actual.tags.get(MAKING_TAG).is_some() {
        changes.push(Change::Untag(vec![MAKING_TAG.to_owned()]));
    }
    changes
}

/// Whether a tag is AWS's own, such as those of a stack: nobody can declare it or take it away. That holds for tags in general; that it does for
/// those of permission sets is not verified.
pub(super) fn is_of_aws(key: &str) -> bool {
    key.get(..4).is_some_and(|beginning| beginning.eq_ignore_ascii_case("aws:"))
}

/// Whether a change replaces something that is there, or takes it away.
fn takes_away(change: &Change, actual: Option<&Details>) -> bool {
    match change {
        Change::Create(_) | Change::AttachAws(_) | Change::AttachCustomer(_) => false,
        Change::PutInline(policy) => {
            let denies = policy.statements.iter().any(|statement| statement.effect == Effect::Deny);
            denies || actual.is_some_and(|actual| actual.inline.is_some())
        }
        Change::Tag(tags) => {
            actual.is_some_and(|actual| tags.iter().any(|(key, _)| actual.tags.get(key).is_some()))
        }
        Change::PutBoundary(_)
        | Change::Update { .. }
        | Change::DetachAws(_)
        | Change::DetachCustomer(_)
        | Change::DeleteInline
        | Change::DeleteBoundary
        | Change::Untag(_)
        | Change::Delete => true,
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observed => f.write_str("the mode is `observe`"),
            Self::CreateOnly => {
                f.write_str("the mode is `create-only`, and this replaces something or takes it away")
            }
            Self::NotOurs => f.write_str(
                "exists already, made by others; it stays as it is unless its declaration says `adopt: true`",
            ),
            Self::InManagementAccount => f.write_str(
                "the management account has it, which is written to only where `USHER_MANAGEMENT_ACCOUNT` is `direct`",
            ),
            Self::GivenByRules { rules } => {
                let ids: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
                write!(f, "it is still given by {}", ids.join(", "))
            }
            Self::Provisioned { accounts: 1 } => f.write_str("one account still has it"),
            Self::Provisioned { accounts } => write!(f, "{accounts} accounts still have it"),
            Self::Unread { why } => write!(f, "it could not be read: {why}"),
        }
    }
}
