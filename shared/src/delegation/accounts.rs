//! The accounts of scopes, as IAM can name them.

use std::collections::BTreeSet;

use super::{Ground, NoPolicy, Note, matched, statement, work};
use crate::{
    domain::{AccountId, AccountState},
    policy::{Effect, Statement},
    rules::{AccountSelector, Scope},
};

pub(super) enum Accounts {
    /// All but these, whichever are added.
    AllBut(BTreeSet<AccountId>),
    /// These.
    These(BTreeSet<AccountId>),
}

impl Accounts {
    pub(super) fn of(
        scopes: &[&Scope],
        ground: &Ground<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<Self, NoPolicy> {
        let management = || ground.accounts.iter().filter(|account| account.is_management);
        let mut selectors: Vec<&AccountSelector> = Vec::new();
        for scope in scopes {
            if !selectors.contains(&&scope.accounts) {
                selectors.push(&scope.accounts);
            }
        }
        if let [only] = selectors.as_slice()
            && let Some(mut but) = all_but(only)
        {
            but.extend(management().map(|account| account.id.clone()));
            return Ok(Self::AllBut(but));
        }
        let mut these: BTreeSet<AccountId> = BTreeSet::new();
        for selector in selectors {
            let of_it: BTreeSet<AccountId> = ground
                .accounts
                .iter()
                .filter(|account| selector.gives(account) && !is_closed(account.state))
                .map(|account| account.id.clone())
                .collect();
            match listed(selector) {
                Some(ids) => {
                    let gone: Vec<AccountId> =
                        ids.iter().filter(|id| !of_it.contains(*id)).cloned().collect();
                    if !gone.is_empty() && ground.unread == 0 {
                        notes.push(Note::NoAccount(gone));
                    }
                }
                None => notes.push(Note::Expanded { selector: selector.to_string(), accounts: of_it.len() }),
            }
            these.extend(of_it);
        }
        if ground.unread > 0 {
            notes.push(Note::Unread(ground.unread));
        }
        if these.is_empty() {
            return Err(NoPolicy::NoAccount);
        }
        notes.extend(
            management()
                .filter(|account| these.contains(&account.id))
                .map(|account| Note::Management(account.id.clone())),
        );
        Ok(Self::These(these))
    }

    /// What is allowed on the instance and in the accounts. Alone it allows nothing: each call is on a permission set too.
    pub(super) fn allowed(&self, ground: &Ground<'_>) -> Statement {
        let mut resources = vec![ground.instance.to_string()];
        match self {
            Self::AllBut(_) => resources.push(ground.account("*")),
            Self::These(ids) => resources.extend(ids.iter().map(|id| ground.account(id.as_str()))),
        }
        statement("AssignInAccounts", Effect::Allow, work(), matched(resources))
    }

    pub(super) fn denied(&self, ground: &Ground<'_>) -> Option<Statement> {
        match self {
            Self::AllBut(ids) if !ids.is_empty() => {
                let resources = matched(ids.iter().map(|id| ground.account(id.as_str())));
                Some(statement("NotInTheseAccounts", Effect::Deny, work(), resources))
            }
            Self::AllBut(_) | Self::These(_) => None,
        }
    }
}

/// Nobody can be given access there any more.
fn is_closed(state: AccountState) -> bool {
    match state {
        AccountState::Closed | AccountState::PendingClosure => true,
        AccountState::Active
        | AccountState::Suspended
        | AccountState::PendingActivation
        | AccountState::Unknown => false,
    }
}

/// The accounts that are taken away from all, where that is all that is said.
fn all_but(selector: &AccountSelector) -> Option<BTreeSet<AccountId>> {
    match selector {
        AccountSelector::Everywhere => Some(BTreeSet::new()),
        AccountSelector::AllOf(parts) => match parts.as_slice() {
            [only] => all_but(only),
            _ => None,
        },
        AccountSelector::Except { of, except } => {
            let mut but = all_but(of)?;
            for part in except {
                but.extend(listed(part)?.iter().cloned());
            }
            Some(but)
        }
        AccountSelector::InOu(_)
        | AccountSelector::DirectlyInOu(_)
        | AccountSelector::Tagged(_)
        | AccountSelector::Named(_)
        | AccountSelector::Id(_)
        | AccountSelector::AnyOf(_) => None,
    }
}

fn listed(selector: &AccountSelector) -> Option<&BTreeSet<AccountId>> {
    match selector {
        AccountSelector::Id(ids) => Some(ids),
        AccountSelector::Everywhere
        | AccountSelector::InOu(_)
        | AccountSelector::DirectlyInOu(_)
        | AccountSelector::Tagged(_)
        | AccountSelector::Named(_)
        | AccountSelector::AllOf(_)
        | AccountSelector::AnyOf(_)
        | AccountSelector::Except { .. } => None,
    }
}
