//! What the scopes of teams name, held against what there is: an account, an OU or a permission set that isn't there is a slip of the pen,
//! or is gone.

use std::collections::BTreeMap;

use shared::{
    domain::{Account, PermissionSetArn},
    ports::AccessReader,
    rules::{AccountSelector, Index, PermissionSetSelector, Scope, ScopeSets, Team},
};

use crate::report::IdleScope;

/// Names of which nothing was found so far.
#[derive(Debug, Default)]
pub(crate) struct ScopeNames {
    places: BTreeMap<IdleScope, AccountSelector>,
    sets: BTreeMap<IdleScope, PermissionSetArn>,
}

impl ScopeNames {
    /// Of all teams.
    pub(crate) fn of(index: &Index) -> Self {
        let mut names = Self::default();
        for team in index.teams() {
            for scope in team.limits().unwrap_or_default() {
                names.add_places(team, scope, &scope.accounts);
                names.add_sets(team, scope);
            }
        }
        names
    }

    fn add_places(&mut self, team: &Team, scope: &Scope, selector: &AccountSelector) {
        match selector {
            AccountSelector::Id(ids) => {
                for id in ids {
                    let what = format!("there is no account {id}");
                    let one = AccountSelector::Id([id.clone()].into_iter().collect());
                    self.places.insert(idle(team, scope, what), one);
                }
            }
            AccountSelector::InOu(ous) => {
                for ou in ous {
                    let what = format!("no account is in the OU {ou}");
                    self.places.insert(idle(team, scope, what), AccountSelector::InOu(vec![ou.clone()]));
                }
            }
            AccountSelector::DirectlyInOu(ous) => {
                for ou in ous {
                    let what = format!("no account is directly in the OU {ou}");
                    let one = AccountSelector::DirectlyInOu(vec![ou.clone()]);
                    self.places.insert(idle(team, scope, what), one);
                }
            }
            AccountSelector::AllOf(parts) | AccountSelector::AnyOf(parts) => {
                for part in parts {
                    self.add_places(team, scope, part);
                }
            }
            AccountSelector::Except { of, except } => {
                self.add_places(team, scope, of);
                for part in except {
                    self.add_places(team, scope, part);
                }
            }
            AccountSelector::Everywhere | AccountSelector::Named(_) | AccountSelector::Tagged(_) => {}
        }
    }

    fn add_sets(&mut self, team: &Team, scope: &Scope) {
        let ScopeSets::These(all) = &scope.permission_sets else { return };
        for selector in all {
            if let PermissionSetSelector::Arn(arn) = selector {
                let what = format!("there is no permission set {arn}");
                self.sets.insert(idle(team, scope, what), arn.clone());
            }
        }
    }

    /// One account of the organization.
    pub(crate) fn look(&mut self, account: Option<&Account>) {
        if let Some(account) = account {
            self.places.retain(|_, selector| !selector.selects(account));
        }
    }

    /// What nothing was found of, once all accounts were looked at. Where the permission sets can't be listed, nothing is said of them.
    pub(crate) async fn idle(self, access: &dyn AccessReader) -> Vec<IdleScope> {
        let Self { places, mut sets } = self;
        if !sets.is_empty() {
            match access.permission_sets().await {
                Ok(there) => sets.retain(|_, arn| !there.contains(arn)),
                Err(_) => sets.clear(),
            }
        }
        let mut all: Vec<IdleScope> = places.into_keys().chain(sets.into_keys()).collect();
        all.sort();
        all
    }
}

fn idle(team: &Team, scope: &Scope, what: String) -> IdleScope {
    IdleScope { team: team.id.clone(), written_at: scope.written_at.to_string(), what }
}
