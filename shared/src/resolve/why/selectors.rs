//! Whether a rule's principals and permission sets are those that are asked about.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;

use super::Asked;
use crate::{
    domain::{PermissionSetArn, Principal},
    resolve::{
        Lookup, Missing,
        names::{barred_principals, barred_sets, principals_of, sets_of},
    },
    rules::{Finding, NameTemplate, PermissionSetSelector, PrincipalSelector},
};

/// Whether one of a rule's principals is whom it is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrincipalWhy {
    /// The key as rules write it: `group`, `members_of`.
    pub key: &'static str,
    /// What it names, as it is written.
    pub asks: String,
    /// The name that it makes for this account, where it is made from the account's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    #[serde(flatten)]
    pub outcome: PrincipalOutcome,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "detail")]
pub enum PrincipalOutcome {
    /// It is these of whom is asked about.
    These(BTreeSet<Principal>),
    /// It is others.
    Others,
    /// It is each member of the group that is asked about, and not the group.
    EachMember,
    /// Nothing bears the name, or it can't be made for the account.
    Missing(String),
    /// It could not be looked up.
    Failed(String),
}

/// Whether one of a rule's permission sets is the one that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetWhy {
    /// The key as rules write it: `name`, `permission_set_arn`, `tagged`.
    pub key: &'static str,
    /// What it names, as it is written; empty where tags select.
    pub asks: String,
    /// The name that it makes for this account, where it is made from the account's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// Where tags select: which of them fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Finding>,
    #[serde(flatten)]
    pub outcome: SetOutcome,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "detail")]
pub enum SetOutcome {
    /// It is the one that is asked about.
    This,
    /// It is another, or none.
    Other,
    /// It would be, but it is protected: only a rule that names it, in accounts that it lists by id, gives it.
    Protected,
    /// Nothing bears the name, or it can't be made for the account.
    Missing(String),
    /// It could not be looked up.
    Failed(String),
    /// No permission set is asked about.
    Unasked,
}

impl PrincipalWhy {
    /// Those of whom is asked about that it is.
    pub fn these(&self) -> impl Iterator<Item = &Principal> {
        let these = match &self.outcome {
            PrincipalOutcome::These(these) => Some(these),
            PrincipalOutcome::Others
            | PrincipalOutcome::EachMember
            | PrincipalOutcome::Missing(_)
            | PrincipalOutcome::Failed(_) => None,
        };
        these.into_iter().flatten()
    }

    /// Why it could not be looked up.
    pub fn failed(&self) -> Option<&str> {
        match &self.outcome {
            PrincipalOutcome::Failed(why) => Some(why),
            PrincipalOutcome::These(_)
            | PrincipalOutcome::Others
            | PrincipalOutcome::EachMember
            | PrincipalOutcome::Missing(_) => None,
        }
    }
}

impl SetWhy {
    /// Why it could not be looked up.
    pub fn failed(&self) -> Option<&str> {
        match &self.outcome {
            SetOutcome::Failed(why) => Some(why),
            SetOutcome::This
            | SetOutcome::Other
            | SetOutcome::Protected
            | SetOutcome::Missing(_)
            | SetOutcome::Unasked => None,
        }
    }
}

/// That it is missing, in a sentence.
fn told(missing: &Missing) -> String {
    match missing {
        Missing::AccountData(data) => format!("the account has no `{data}` to make the name from"),
        Missing::Protected(_) => missing.to_string(),
        Missing::Group(_)
        | Missing::GroupId(_)
        | Missing::User(_)
        | Missing::UserId(_)
        | Missing::PermissionSet(_)
        | Missing::PermissionSetArn(_) => format!("there is no {missing}"),
    }
}

impl Asked<'_> {
    /// Whether a rule's principal is whom it is asked about: by what was looked up, or else by the names that they bear.
    pub(super) fn principal(&self, selector: &PrincipalSelector, is_looked_up: bool) -> PrincipalWhy {
        let found = is_looked_up.then(|| principals_of(selector, self.account, self.facts));
        self.principal_why(selector, found)
    }

    /// The same of a `never`, which is about pinned ids whether they exist or not.
    pub(super) fn barred_principal(&self, selector: &PrincipalSelector, is_looked_up: bool) -> PrincipalWhy {
        let found = is_looked_up.then(|| barred_principals(selector, self.account, self.facts));
        self.principal_why(selector, found)
    }

    fn principal_why(
        &self,
        selector: &PrincipalSelector,
        found: Option<Lookup<Vec<Principal>>>,
    ) -> PrincipalWhy {
        let (key, asks) = match selector {
            PrincipalSelector::Group(name) => ("group", name.to_string()),
            PrincipalSelector::GroupId(id) => ("group_id", id.to_string()),
            PrincipalSelector::User(name) => ("user_name", name.to_string()),
            PrincipalSelector::UserId(id) => ("user_id", id.to_string()),
            PrincipalSelector::MembersOf(name) => ("members_of", name.to_string()),
            PrincipalSelector::MembersOfId(id) => ("members_of", id.to_string()),
        };
        let asked = self.question.principals;
        let these = |all: Vec<Principal>| -> BTreeSet<Principal> {
            all.into_iter().filter(|principal| asked.contains_key(principal)).collect()
        };
        let outcome = match found {
            Some(Lookup::Failed(why)) => PrincipalOutcome::Failed(why),
            Some(Lookup::Absent) => {
                PrincipalOutcome::Missing(told(&Missing::principal(selector, self.account)))
            }
            Some(Lookup::Found(all)) => self.these(selector, these(all)),
            None => self.by_name(selector),
        };
        PrincipalWhy { key, asks, named: selector.name().and_then(|name| self.made(name)), outcome }
    }

    fn these(&self, selector: &PrincipalSelector, these: BTreeSet<Principal>) -> PrincipalOutcome {
        if !these.is_empty() {
            return PrincipalOutcome::These(these);
        }
        let is_its_group = self.group_meant(selector).is_some();
        let is_of_members =
            matches!(selector, PrincipalSelector::MembersOf(_) | PrincipalSelector::MembersOfId(_));
        if is_of_members && is_its_group && self.user().is_none() {
            PrincipalOutcome::EachMember
        } else {
            PrincipalOutcome::Others
        }
    }

    /// Whom it means by the names that those who are asked about bear.
    fn by_name(&self, selector: &PrincipalSelector) -> PrincipalOutcome {
        if selector.name().is_some_and(|name| name.name_for(self.account).is_err()) {
            return PrincipalOutcome::Missing(told(&Missing::principal(selector, self.account)));
        }
        let meant = match selector {
            PrincipalSelector::Group(_) | PrincipalSelector::GroupId(_) => self.group_meant(selector),
            PrincipalSelector::User(name) => {
                let bears =
                    |(_, bears): &(&Principal, Option<&str>)| bears.is_some_and(|it| self.makes(name, it));
                self.user().filter(bears).map(|(user, _)| user)
            }
            PrincipalSelector::UserId(id) => {
                self.user().map(|(user, _)| user).filter(|user| **user == Principal::User(id.clone()))
            }
            PrincipalSelector::MembersOf(_) | PrincipalSelector::MembersOfId(_) => {
                self.group_meant(selector).and_then(|_| self.user()).map(|(user, _)| user)
            }
        };
        self.these(selector, meant.into_iter().cloned().collect())
    }

    /// The user, if it is one that is asked about, with their name.
    fn user(&self) -> Option<(&Principal, Option<&str>)> {
        let mut all = self.question.principals.iter();
        let user = all.find(|(principal, _)| matches!(principal, Principal::User(_)));
        user.map(|(user, name)| (user, name.as_deref()))
    }

    /// The group among those who are asked about that a selector names.
    fn group_meant(&self, selector: &PrincipalSelector) -> Option<&Principal> {
        let mut all = self.question.principals.iter();
        let meant = all.find(|(principal, bears)| match (principal, selector) {
            (Principal::Group(_), PrincipalSelector::Group(name) | PrincipalSelector::MembersOf(name)) => {
                bears.as_deref().is_some_and(|bears| self.makes(name, bears))
            }
            (
                Principal::Group(id),
                PrincipalSelector::GroupId(pinned) | PrincipalSelector::MembersOfId(pinned),
            ) => id == pinned,
            (Principal::Group(_), PrincipalSelector::User(_) | PrincipalSelector::UserId(_))
            | (Principal::User(_), _) => false,
        });
        meant.map(|(principal, _)| principal)
    }

    fn makes(&self, name: &NameTemplate, bears: &str) -> bool {
        name.name_for(self.account).is_ok_and(|name| name == bears)
    }

    /// The name that is made for the account, where it isn't written out.
    fn made(&self, name: &NameTemplate) -> Option<String> {
        match name.as_plain() {
            Some(_) => None,
            None => name.name_for(self.account).ok().map(Cow::into_owned),
        }
    }

    /// Whether a rule's permission set is the one that is asked about.
    pub(super) fn given_set(
        &self,
        selector: &PermissionSetSelector,
        lists_accounts: bool,
        is_looked_up: bool,
    ) -> SetWhy {
        let why = self.set_why(selector, |it, arn| {
            if !is_looked_up {
                return None;
            }
            Some(match sets_of(it, self.account, self.facts) {
                Lookup::Found(all) => Lookup::Found(all.iter().any(|it| Some(&it.set.arn) == arn)),
                Lookup::Absent => Lookup::Absent,
                Lookup::Failed(why) => Lookup::Failed(why),
            })
        });
        // A protected set that tags select, or a name made from data, is not given by accident.
        let names_it = match selector {
            PermissionSetSelector::Name(name) => name.as_plain().is_some(),
            PermissionSetSelector::Arn(_) => true,
            PermissionSetSelector::Tagged(_) => false,
        };
        let protected = &self.index.settings().protected_permission_sets;
        let is_protected = self.set().is_some_and(|set| protected.contains(&set.name));
        if why.outcome == SetOutcome::This && is_protected && !(lists_accounts && names_it) {
            SetWhy { outcome: SetOutcome::Protected, ..why }
        } else {
            why
        }
    }

    /// The same of a `never`: a pinned one without asking.
    pub(super) fn barred_set(&self, selector: &PermissionSetSelector, is_looked_up: bool) -> SetWhy {
        self.set_why(selector, |it, arn| {
            if !is_looked_up {
                return None;
            }
            Some(match barred_sets(it, self.account, self.facts) {
                Lookup::Found(all) if all.is_empty() && it.name().is_some() => Lookup::Absent,
                Lookup::Found(all) => Lookup::Found(arn.is_some_and(|arn| all.contains(arn))),
                Lookup::Absent => Lookup::Absent,
                Lookup::Failed(why) => Lookup::Failed(why),
            })
        })
    }

    fn set_why(
        &self,
        selector: &PermissionSetSelector,
        look_up: impl FnOnce(&PermissionSetSelector, Option<&PermissionSetArn>) -> Option<Lookup<bool>>,
    ) -> SetWhy {
        let set = self.set();
        let (key, asks, tags) = match selector {
            PermissionSetSelector::Name(name) => ("name", name.to_string(), None),
            PermissionSetSelector::Arn(arn) => ("permission_set_arn", arn.to_string(), None),
            PermissionSetSelector::Tagged(tags) => {
                ("tagged", String::new(), set.map(|set| tags.why(&set.tags, "the permission set")))
            }
        };
        let missing = || {
            Missing::permission_set(selector, self.account)
                .map_or(SetOutcome::Other, |missing| SetOutcome::Missing(told(&missing)))
        };
        let unmade = selector.name().is_some_and(|name| name.name_for(self.account).is_err());
        let outcome = match (set, look_up(selector, set.map(|set| &set.arn))) {
            (_, Some(Lookup::Absent)) => missing(),
            (_, Some(Lookup::Failed(why))) => SetOutcome::Failed(why),
            (None, Some(Lookup::Found(_)) | None) => SetOutcome::Unasked,
            (Some(_), Some(Lookup::Found(true))) => SetOutcome::This,
            (Some(_), None) if unmade => missing(),
            (Some(set), None) if selector.selects(set, self.account) => SetOutcome::This,
            (Some(_), Some(Lookup::Found(false)) | None) => SetOutcome::Other,
        };
        SetWhy { key, asks, named: selector.name().and_then(|name| self.made(name)), tags, outcome }
    }
}
