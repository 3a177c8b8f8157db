//! Which rules may be about a group, a user or a permission set that has changed, by as much as is known of it: too many rather than too few.

use std::collections::BTreeSet;

use super::{AccountSelector, Index, NameTemplate, PermissionSetSelector, PrincipalSelector, Rule};
use crate::domain::{GroupId, PermissionSetArn, UserId};

/// What has changed.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// A group, with every name that it bears or bore.
    Group { id: &'a GroupId, names: &'a BTreeSet<String> },
    /// Who is in a group, with every name that it bears or bore.
    MembersOf { id: &'a GroupId, names: &'a BTreeSet<String> },
    /// Who is in some group.
    Members,
    /// A user, with every name that it bears.
    User { id: &'a UserId, names: &'a BTreeSet<String> },
    /// A permission set, with its name where that is known.
    PermissionSet { arn: &'a PermissionSetArn, name: Option<&'a str> },
}

impl About<'_> {
    fn is_about(&self, principals: &[PrincipalSelector], permission_sets: &[PermissionSetSelector]) -> bool {
        match self {
            Self::PermissionSet { arn, name } => permission_sets.iter().any(|set| match set {
                PermissionSetSelector::Name(template) => name.is_none_or(|name| template.may_be(name)),
                PermissionSetSelector::Arn(pinned) => pinned == *arn,
                PermissionSetSelector::Tagged(_) => true,
            }),
            Self::Group { .. } | Self::MembersOf { .. } | Self::Members | Self::User { .. } => {
                principals.iter().any(|principal| self.is_about_principal(principal))
            }
        }
    }

    fn is_about_principal(&self, principal: &PrincipalSelector) -> bool {
        let bears = |template: &NameTemplate, names: &BTreeSet<String>| {
            names.iter().any(|name| template.may_be(name))
        };
        match (self, principal) {
            (Self::Group { names, .. }, PrincipalSelector::Group(name))
            | (
                Self::Group { names, .. } | Self::MembersOf { names, .. },
                PrincipalSelector::MembersOf(name),
            )
            | (Self::User { names, .. }, PrincipalSelector::User(name)) => bears(name, names),
            (Self::Group { id, .. }, PrincipalSelector::GroupId(pinned))
            | (Self::Group { id, .. } | Self::MembersOf { id, .. }, PrincipalSelector::MembersOfId(pinned)) => {
                pinned == *id
            }
            (Self::User { id, .. }, PrincipalSelector::UserId(pinned)) => pinned == *id,
            (Self::Members, PrincipalSelector::MembersOf(_) | PrincipalSelector::MembersOfId(_)) => true,
            (
                Self::Group { .. }
                | Self::MembersOf { .. }
                | Self::Members
                | Self::User { .. }
                | Self::PermissionSet { .. },
                _,
            ) => false,
        }
    }
}

impl Index {
    /// The rules that may be about it.
    pub fn rules_about(&self, about: About<'_>) -> Vec<&Rule> {
        let rules = self.rules().iter();
        rules.filter(|rule| about.is_about(&rule.principals, &rule.permission_sets)).collect()
    }

    /// Where these rules give something, and where what may be about it forbids something.
    pub fn accounts_about(&self, about: About<'_>) -> Vec<&AccountSelector> {
        let given = self.rules_about(about).into_iter().map(|rule| &rule.accounts);
        let never = self.never().iter().filter(|never| {
            // What is forbidden to everybody changes for nobody with a principal.
            about.is_about(never.principals.as_deref().unwrap_or_default(), &never.permission_sets)
        });
        given.chain(never.map(|never| &never.accounts)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{self, Bundle};

    const RULES: &str = "
version: 1
settings: { mode: sync, trusted_account_tags: [Team], trusted_permission_set_tags: [Level] }
never:
  - principals: [{ group: Contractors }]
    permission_sets: [Admin]
    accounts: everywhere
rules:
  - id: plain
    principals: [{ group: Developers }]
    permission_sets: [ReadOnly]
    accounts: everywhere
  - id: made
    principals: [{ group: \"{account_tag.Team}-developers\" }]
    permission_sets: [\"{account_tag.Team}-access\"]
    accounts: { tagged: { Team: { present: true } } }
  - id: pinned
    principals: [{ group_id: 11111111-0000-4000-8000-000000000001 }]
    permission_sets: [ReadOnly]
    accounts: everywhere
  - id: members
    principals: [{ members_of: BreakGlass }, { user_name: alice@example.com }]
    permission_sets: [{ tagged: { Level: High } }]
    accounts: everywhere
";

    fn index() -> Index {
        let bundle = Bundle { files: [("usher.yaml".to_owned(), RULES.to_owned())].into() };
        Index::compile(rules::read(&bundle).unwrap())
    }

    fn about(index: &Index, about: About<'_>) -> Vec<String> {
        index.rules_about(about).into_iter().map(|rule| rule.id.to_string()).collect()
    }

    #[test]
    fn a_group_is_found_by_each_of_its_names_by_what_names_are_made_of_and_by_its_id() {
        let (index, id) = (index(), "11111111-0000-4000-8000-000000000001".parse().unwrap());
        let other = "11111111-0000-4000-8000-000000000002".parse().unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let of = |id, names: BTreeSet<String>| about(&index, About::Group { id, names: &names });
        assert_eq!(of(&other, names(&["Developers"])), ["plain"]);
        assert_eq!(of(&other, names(&["Others", "web-developers"])), ["made"]);
        assert_eq!(of(&other, names(&["-developers"])), [""; 0], "nothing stands for what is missing");
        assert_eq!(of(&id, names(&[])), ["pinned"]);
        assert_eq!(of(&other, names(&["BreakGlass"])), ["members"]);
        let who = names(&["Developers", "BreakGlass"]);
        assert_eq!(about(&index, About::MembersOf { id: &other, names: &who }), ["members"]);
        assert_eq!(about(&index, About::Members), ["members"]);
        let contractors = names(&["Contractors"]);
        assert_eq!(index.accounts_about(About::Group { id: &other, names: &contractors }).len(), 1);
    }

    #[test]
    fn a_permission_set_is_found_by_its_name_and_wherever_tags_select() {
        let index = index();
        let arn = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef".parse().unwrap();
        let of = |name| about(&index, About::PermissionSet { arn: &arn, name });
        assert_eq!(of(Some("ReadOnly")), ["plain", "pinned", "members"]);
        assert_eq!(of(Some("web-access")), ["made", "members"]);
        assert_eq!(of(None), ["plain", "made", "pinned", "members"]);
        let admin = About::PermissionSet { arn: &arn, name: Some("Admin") };
        assert_eq!(index.accounts_about(admin).len(), 2, "what forbids it, and what selects by tags");
    }
}
