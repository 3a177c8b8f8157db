//! Which rules may be about a group, a user or a permission set that has changed, and where: by as much as is known of it, too many rather
//! than too few.

use std::collections::BTreeSet;

use super::{
    AccountData, AccountOutline, AccountSelector, Index, NameTemplate, PermissionSetSelector,
    PrincipalSelector, Rule,
};
use crate::domain::{GroupId, PermissionSetArn, Tags, UserId};

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

/// The accounts that one rule may be about something in.
#[derive(Debug, Clone)]
pub struct Reach<'r> {
    accounts: &'r AccountSelector,
    by: By<'r>,
}

/// How a rule comes to be about something.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By<'r> {
    /// In whichever account: by its id, its tags, or a name that is the same everywhere.
    Itself,
    /// In the accounts that make one of these names so.
    Made(Vec<(&'r NameTemplate, String)>),
}

impl<'r> By<'r> {
    fn bears<'n>(template: &'r NameTemplate, names: impl IntoIterator<Item = &'n String>) -> Option<Self> {
        let mut fitting = names.into_iter().filter(|name| template.may_be(name)).peekable();
        fitting.peek()?;
        if template.as_plain().is_some() {
            return Some(Self::Itself);
        }
        Some(Self::Made(fitting.map(|name| (template, name.clone())).collect()))
    }

    fn is(id: bool) -> Option<Self> {
        id.then_some(Self::Itself)
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Itself, _) | (_, Self::Itself) => Self::Itself,
            (Self::Made(mut names), Self::Made(others)) => {
                names.extend(others);
                Self::Made(names)
            }
        }
    }
}

impl About<'_> {
    fn is_about<'r>(
        &self,
        principals: &'r [PrincipalSelector],
        permission_sets: &'r [PermissionSetSelector],
    ) -> Option<By<'r>> {
        match self {
            Self::PermissionSet { .. } => {
                permission_sets.iter().filter_map(|set| self.is_about_permission_set(set)).reduce(By::or)
            }
            Self::Group { .. } | Self::MembersOf { .. } | Self::Members | Self::User { .. } => {
                principals.iter().filter_map(|principal| self.is_about_principal(principal)).reduce(By::or)
            }
        }
    }

    fn is_about_permission_set<'r>(&self, set: &'r PermissionSetSelector) -> Option<By<'r>> {
        let Self::PermissionSet { arn, name } = self else { return None };
        match set {
            PermissionSetSelector::Name(template) => match name {
                Some(name) => By::bears(template, [&(*name).to_owned()]),
                None => Some(By::Itself),
            },
            PermissionSetSelector::Arn(pinned) => By::is(pinned == *arn),
            PermissionSetSelector::Tagged(_) => Some(By::Itself),
        }
    }

    fn is_about_principal<'r>(&self, principal: &'r PrincipalSelector) -> Option<By<'r>> {
        match (self, principal) {
            (Self::Group { names, .. }, PrincipalSelector::Group(name))
            | (
                Self::Group { names, .. } | Self::MembersOf { names, .. },
                PrincipalSelector::MembersOf(name),
            )
            | (Self::User { names, .. }, PrincipalSelector::User(name)) => By::bears(name, names.iter()),
            (Self::Group { id, .. }, PrincipalSelector::GroupId(pinned))
            | (Self::Group { id, .. } | Self::MembersOf { id, .. }, PrincipalSelector::MembersOfId(pinned)) => {
                By::is(pinned == *id)
            }
            (Self::User { id, .. }, PrincipalSelector::UserId(pinned)) => By::is(pinned == *id),
            (Self::Members, PrincipalSelector::MembersOf(_) | PrincipalSelector::MembersOfId(_)) => {
                Some(By::Itself)
            }
            (
                Self::Group { .. }
                | Self::MembersOf { .. }
                | Self::Members
                | Self::User { .. }
                | Self::PermissionSet { .. },
                _,
            ) => None,
        }
    }
}

impl Reach<'_> {
    /// Whether the tags of an account may tell that it is none of them.
    pub fn depends_on_tags(&self) -> bool {
        let is_of_tag = |data: &AccountData| matches!(data, AccountData::Tag(_));
        match &self.by {
            By::Itself => false,
            By::Made(names) => names.iter().any(|(template, _)| template.data().into_iter().any(is_of_tag)),
        }
    }

    /// Whether the rule may be about it in an account, by what is known of that one. A tag that it is not known to have may be anything.
    pub fn may_touch(&self, account: &AccountOutline, tags: Option<&Tags>) -> bool {
        let known = |data: &AccountData| match data {
            AccountData::Tag(key) => tags.and_then(|tags| tags.get(key)).filter(|value| !value.is_empty()),
            AccountData::Name => Some(account.name.as_str()).filter(|name| !name.is_empty()),
            AccountData::Id => Some(account.id.as_str()),
            AccountData::Ou => account.path.last().and_then(|(_, name)| name.as_deref()),
        };
        let makes = match &self.by {
            By::Itself => true,
            By::Made(names) => names.iter().any(|(template, name)| template.may_be_with(name, known)),
        };
        makes && self.accounts.may_give(account)
    }
}

impl Index {
    /// The rules that may be about it.
    pub fn rules_about(&self, about: About<'_>) -> Vec<&Rule> {
        let rules = self.rules().iter();
        rules.filter(|rule| about.is_about(&rule.principals, &rule.permission_sets).is_some()).collect()
    }

    /// Where these rules give something, and where what may be about it forbids something.
    pub fn accounts_about(&self, about: About<'_>) -> Vec<Reach<'_>> {
        let given = self.rules().iter().filter_map(|rule| {
            let by = about.is_about(&rule.principals, &rule.permission_sets)?;
            Some(Reach { accounts: &rule.accounts, by })
        });
        let never = self.never().iter().filter_map(|never| {
            // What is forbidden to everybody changes for nobody with a principal.
            let principals = never.principals.as_deref().unwrap_or_default();
            Some(Reach { accounts: &never.accounts, by: about.is_about(principals, &never.permission_sets)? })
        });
        given.chain(never).collect()
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
    fn a_name_that_is_made_reaches_the_accounts_that_make_it_so_or_of_which_too_little_is_known() {
        let (index, id) = (index(), "11111111-0000-4000-8000-000000000002".parse().unwrap());
        let outline = AccountOutline {
            id: "111122223333".parse().unwrap(),
            name: "shop".to_owned(),
            path: Vec::new(),
            is_management: false,
        };
        let touches = |names: &[&str], tags: Option<&[(&str, &str)]>| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let reaches = index.accounts_about(About::Group { id: &id, names: &names });
            let tags = tags.map(|tags| tags.iter().copied().collect::<Tags>());
            reaches.iter().filter(|reach| reach.may_touch(&outline, tags.as_ref())).count()
        };
        assert_eq!(touches(&["web-developers"], Some(&[("Team", "web")])), 1);
        assert_eq!(touches(&["web-developers"], Some(&[("Team", "shop")])), 0);
        assert_eq!(touches(&["web-developers", "shop-developers"], Some(&[("Team", "shop")])), 1);
        assert_eq!(touches(&["web-developers"], Some(&[("Environment", "Production")])), 1, "not known yet");
        assert_eq!(touches(&["web-developers"], None), 1);
        assert_eq!(touches(&["Developers"], Some(&[("Team", "shop")])), 1, "the same in every account");
        let (plain, made) = (["Developers".to_owned()].into(), ["web-developers".to_owned()].into());
        let depends = |names| index.accounts_about(About::Group { id: &id, names })[0].depends_on_tags();
        assert!(!depends(&plain) && depends(&made));
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
