//! Declared permission sets in a plan, and what has become of them, as data.

use serde::Serialize;
use shared::{
    domain::PermissionSetArn,
    engine::{Kept, Surveyed},
    permission_sets::{Change, Difference, Withheld},
};

/// A declared permission set that differs from what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetReport {
    pub name: String,
    /// Null for one that is yet to be made.
    pub arn: Option<PermissionSetArn>,
    pub action: SetAction,
    /// It becomes Usher's: its declaration says `adopt`.
    pub adopts: bool,
    /// Where it is declared.
    pub declared_at: String,
    /// Why nothing is done now; null if it is.
    pub withheld: Option<Withheld>,
    /// The reason in a sentence.
    pub why: Option<String>,
    /// How it differs from its declaration.
    pub differences: Vec<Difference>,
    /// AWS's names of the calls that are made, in their order.
    pub calls: Vec<&'static str>,
}

/// What is to be done to a permission set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetAction {
    Make,
    Edit,
    /// Nothing but that it becomes Usher's.
    Adopt,
    Delete,
    /// It could not be read.
    Unknown,
}

/// The permission sets of a plan in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SetsSummary {
    pub make: usize,
    pub edit: usize,
    pub adopt: usize,
    pub delete: usize,
    pub withheld: usize,
    /// Could not be read.
    pub unread: usize,
}

impl SetsSummary {
    pub(crate) fn of(sets: &[SetReport]) -> Self {
        let count = |action| sets.iter().filter(|set| set.withheld.is_none() && set.action == action).count();
        Self {
            make: count(SetAction::Make),
            edit: count(SetAction::Edit),
            adopt: count(SetAction::Adopt),
            delete: count(SetAction::Delete),
            withheld: sets
                .iter()
                .filter(|set| set.withheld.is_some() && set.action != SetAction::Unknown)
                .count(),
            unread: sets.iter().filter(|set| set.action == SetAction::Unknown).count(),
        }
    }

    /// Whether `apply` would have anything to do.
    pub fn has_work(&self) -> bool {
        let Self { make, edit, adopt, delete, withheld: _, unread: _ } = self;
        make + edit + adopt + delete > 0
    }
}

/// What is to be told of a declared set; `None` of one that is as it is declared.
pub(crate) fn permission_set(surveyed: &Surveyed) -> Option<SetReport> {
    let plan = &surveyed.plan;
    if plan.is_quiet() {
        return None;
    }
    let action = match plan.changes.first() {
        None if plan.is_unread() => SetAction::Unknown,
        None => SetAction::Adopt,
        Some(Change::Create(_)) => SetAction::Make,
        Some(Change::Delete) => SetAction::Delete,
        Some(_) => SetAction::Edit,
    };
    Some(SetReport {
        name: plan.name.clone(),
        arn: plan.arn.clone(),
        action,
        adopts: plan.adopts,
        declared_at: surveyed.declared.written_at.to_string(),
        withheld: plan.withheld.clone(),
        why: plan.withheld.as_ref().map(ToString::to_string),
        differences: if plan.is_unread() { Vec::new() } else { surveyed.differences() },
        calls: plan.changes.iter().map(Change::call).collect(),
    })
}

/// What has become of a permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetOutcome {
    pub name: String,
    pub outcome: SetEnd,
    /// AWS's reason, or ours, where it did not go as planned.
    pub why: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetEnd {
    Made,
    Edited,
    Deleted,
    /// It was as it is declared by then.
    AlreadyDone,
    /// It is not to be done now.
    Withheld,
    /// It is left as it is; the next run takes it up.
    Left,
    Failed,
}

impl SetOutcome {
    pub(crate) fn of(name: &str, kept: Kept) -> Self {
        let (outcome, why) = match kept {
            Kept::Made => (SetEnd::Made, None),
            Kept::Done { calls: 0 } => (SetEnd::AlreadyDone, None),
            Kept::Done { .. } => (SetEnd::Edited, None),
            Kept::Deleted => (SetEnd::Deleted, None),
            Kept::Withheld(why) => (SetEnd::Withheld, Some(why.to_string())),
            Kept::Overtaken => (
                SetEnd::Left,
                Some(
                    "other rules or orders came into force meanwhile, or somebody else has changed it"
                        .to_owned(),
                ),
            ),
            Kept::Paused => (
                SetEnd::Left,
                Some(
                    "Usher is paused, or its ledger is in doubt: `usher status` tells the way out".to_owned(),
                ),
            ),
            Kept::HeldOff => (SetEnd::Left, Some("another engine was at work on this ledger".to_owned())),
            Kept::Failed { call, why } => (SetEnd::Failed, Some(format!("{call}: {why}"))),
        };
        Self { name: name.to_owned(), outcome, why }
    }

    /// One that could not be read or done.
    pub(crate) fn failed(name: &str, why: String) -> Self {
        Self { name: name.to_owned(), outcome: SetEnd::Failed, why: Some(why) }
    }

    pub(crate) fn is_good(&self) -> bool {
        match self.outcome {
            SetEnd::Made | SetEnd::Edited | SetEnd::Deleted | SetEnd::AlreadyDone | SetEnd::Withheld => true,
            SetEnd::Left | SetEnd::Failed => false,
        }
    }
}
