//! What teams may give, a second time.

use shared::domain::{AssignmentKey, PermissionSet};

use super::{Rule, Rules, Truth, What, Where, quoted, tag};

/// Some permission sets in some accounts.
#[derive(Debug, Clone)]
pub(in crate::scenarios) struct Scope {
    /// `None` is any.
    what: Option<Vec<What>>,
    accounts: Where,
}

/// Any permission set in these accounts.
pub(in crate::scenarios) fn scope(accounts: Where) -> Scope {
    Scope { what: None, accounts }
}

impl Scope {
    /// Only this one, and others that are named.
    pub(in crate::scenarios) fn of(mut self, set: &str) -> Self {
        self.what.get_or_insert_default().push(What::Named(set.to_owned()));
        self
    }

    /// Only those with one of these values of a tag, and others that are named.
    pub(in crate::scenarios) fn of_tagged(mut self, key: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.what.get_or_insert_default().push(What::Tagged(key.to_owned(), values));
        self
    }

    pub(super) fn account_tags(&self) -> Vec<&str> {
        self.accounts.tags().into_iter().collect()
    }

    pub(super) fn set_tags(&self) -> Vec<&str> {
        let tags = self.what.iter().flatten().filter_map(|what| match what {
            What::Named(_) | What::Arn(_) => None,
            What::Tagged(key, _) => Some(key.as_str()),
        });
        tags.collect()
    }

    fn has(&self, set: &PermissionSet) -> bool {
        self.what.as_ref().is_none_or(|all| {
            all.iter().any(|what| match what {
                What::Named(name) => set.name == *name,
                What::Arn(arn) => set.arn == *arn,
                What::Tagged(key, values) => {
                    set.tags.get(key).is_some_and(|has| values.iter().any(|value| value == has))
                }
            })
        })
    }

    fn yaml(&self) -> String {
        let what = self.what.as_ref().map(|all| {
            let all = all.iter().map(|what| match what {
                What::Named(name) => quoted(name),
                What::Arn(arn) => format!("{{ permission_set_arn: {arn} }}"),
                What::Tagged(key, values) => format!("{{ tagged: {} }}", tag(key, values)),
            });
            format!("[{}]", all.collect::<Vec<_>>().join(", "))
        });
        let what = what.unwrap_or_else(|| "any".to_owned());
        format!("{{ permission_sets: {what}, accounts: {} }}", self.accounts.yaml())
    }
}

impl Rules {
    /// What the rules of a team may give; its rules are those that are made `of_team`.
    pub(in crate::scenarios) fn scoped(
        mut self,
        team: &str,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        self.scopes.push((team.to_owned(), scopes.into_iter().collect()));
        self
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().flat_map(|(_, scopes)| scopes)
    }

    /// Whether the team of a rule may give it.
    pub(super) fn may_give(&self, rule: &Rule, truth: &Truth, key: &AssignmentKey) -> bool {
        let Some(team) = &rule.team else { return true };
        let scopes = self.scopes.iter().filter(|(of, _)| of == team).flat_map(|(_, scopes)| scopes);
        let set = truth.sets.iter().find(|set| set.arn == key.permission_set);
        let account = truth.account(&key.account);
        set.zip(account).is_some_and(|(set, account)| {
            scopes.into_iter().any(|scope| scope.has(set) && scope.accounts.selects(account, true))
        })
    }

    /// `teams`, as the root file has them.
    pub(super) fn teams(&self) -> String {
        if self.scopes.is_empty() {
            return String::new();
        }
        let teams = self.scopes.iter().map(|(team, scopes)| {
            let scopes = scopes.iter().map(Scope::yaml).collect::<Vec<_>>().join(", ");
            format!("  - {{ id: {team}, files: teams/{team}.yaml, scope: [{scopes}] }}\n")
        });
        format!("teams:\n{}", teams.collect::<String>())
    }

    /// The file of each team that has rules.
    pub(super) fn files_of_teams(&self) -> Vec<(String, String)> {
        let file = |(team, _): &(String, Vec<Scope>)| {
            let own = self.list.iter().filter(|rule| rule.team.as_ref() == Some(team));
            let rules: String = own.map(|rule| rule.yaml(false)).collect();
            (!rules.is_empty())
                .then(|| (format!("teams/{team}.yaml"), format!("version: 1\nrules:\n{rules}")))
        };
        self.scopes.iter().filter_map(file).collect()
    }
}
