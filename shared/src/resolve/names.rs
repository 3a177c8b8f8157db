//! What selectors stand for, by what was looked up.

use std::collections::BTreeSet;

use super::{Catalogue, Facts, Lookup, catalogue::Listed};
use crate::{
    domain::{Account, GroupId, PermissionSetArn, Principal, UserId},
    rules::{PermissionSetSelector, PrincipalSelector},
};

/// The permission sets that a rule's selector gives. A selection by tags is never absent: it may be of none.
pub(super) fn sets_of<'a>(
    selector: &PermissionSetSelector,
    account: &Account,
    facts: &'a Facts,
) -> Lookup<Vec<Listed<'a>>> {
    let found = match &facts.permission_sets {
        Lookup::Found(catalogue) => selected(selector, account, catalogue),
        Lookup::Absent => Vec::new(),
        Lookup::Failed(why) => return Lookup::Failed(why.clone()),
    };
    match selector {
        PermissionSetSelector::Tagged(_) => Lookup::Found(found),
        PermissionSetSelector::Name(_) | PermissionSetSelector::Arn(_) => match found.len() {
            0 => Lookup::Absent,
            1 => Lookup::Found(found),
            // Names are unique in an instance: a list in which one is not was read while a set was made anew.
            _ => Lookup::Failed("the list of permission sets has its name more than once".to_owned()),
        },
    }
}

/// What a selector selects for an account. A name that can't be made for it selects nothing.
fn selected<'a>(
    selector: &PermissionSetSelector,
    account: &Account,
    catalogue: &'a Catalogue,
) -> Vec<Listed<'a>> {
    match selector {
        PermissionSetSelector::Name(name) => {
            name.name_for(account).map(|name| catalogue.named(&name)).unwrap_or_default()
        }
        PermissionSetSelector::Arn(arn) => catalogue.with_arn(arn),
        PermissionSetSelector::Tagged(tags) => catalogue.tagged(tags),
    }
}

/// The permission sets that a `never` forbids: a pinned one without asking, all of one name.
pub(super) fn barred_sets(
    selector: &PermissionSetSelector,
    account: &Account,
    facts: &Facts,
) -> Lookup<Vec<PermissionSetArn>> {
    match (selector, &facts.permission_sets) {
        (PermissionSetSelector::Arn(arn), _) => Lookup::Found(vec![arn.clone()]),
        (_, Lookup::Found(catalogue)) => {
            let found = selected(selector, account, catalogue);
            Lookup::Found(found.into_iter().map(|it| it.set.arn.clone()).collect())
        }
        (_, Lookup::Absent) => Lookup::Absent,
        (_, Lookup::Failed(why)) => Lookup::Failed(why.clone()),
    }
}

/// The principals that a rule's selector gives access to. Nobody, where the account has not got what the name is made from.
pub(super) fn principals_of(
    selector: &PrincipalSelector,
    account: &Account,
    facts: &Facts,
) -> Lookup<Vec<Principal>> {
    let one = |principal| vec![principal];
    let users = |members: &BTreeSet<UserId>| members.iter().cloned().map(Principal::User).collect();
    match selector {
        PrincipalSelector::Group(name) => match name.name_for(account) {
            Ok(name) => looked_up(facts.groups.get(name.as_ref()), |id| one(Principal::Group(id.clone()))),
            Err(_) => Lookup::Absent,
        },
        PrincipalSelector::User(name) => match name.name_for(account) {
            Ok(name) => looked_up(facts.users.get(name.as_ref()), |id| one(Principal::User(id.clone()))),
            Err(_) => Lookup::Absent,
        },
        PrincipalSelector::MembersOf(name) => match name.name_for(account) {
            Ok(name) => match looked_up(facts.member_groups.get(name.as_ref()), GroupId::clone) {
                Lookup::Found(group) => looked_up(facts.members.get(&group), users),
                Lookup::Absent => Lookup::Absent,
                Lookup::Failed(why) => Lookup::Failed(why),
            },
            Err(_) => Lookup::Absent,
        },
        PrincipalSelector::MembersOfId(id) => looked_up(facts.members.get(id), users),
        PrincipalSelector::GroupId(id) => {
            looked_up(facts.group_ids.get(id), |()| one(Principal::Group(id.clone())))
        }
        PrincipalSelector::UserId(id) => {
            looked_up(facts.user_ids.get(id), |()| one(Principal::User(id.clone())))
        }
    }
}

/// The principals that a `never` forbids: a pinned one without asking.
pub(super) fn barred_principals(
    selector: &PrincipalSelector,
    account: &Account,
    facts: &Facts,
) -> Lookup<Vec<Principal>> {
    match selector {
        PrincipalSelector::GroupId(id) => Lookup::Found(vec![Principal::Group(id.clone())]),
        PrincipalSelector::UserId(id) => Lookup::Found(vec![Principal::User(id.clone())]),
        PrincipalSelector::Group(_)
        | PrincipalSelector::User(_)
        | PrincipalSelector::MembersOf(_)
        | PrincipalSelector::MembersOfId(_) => principals_of(selector, account, facts),
    }
}

fn looked_up<T, U>(lookup: Option<&Lookup<T>>, found: impl FnOnce(&T) -> U) -> Lookup<U> {
    match lookup {
        Some(Lookup::Found(it)) => Lookup::Found(found(it)),
        Some(Lookup::Absent) => Lookup::Absent,
        Some(Lookup::Failed(why)) => Lookup::Failed(why.clone()),
        None => Lookup::Failed("not looked up".to_owned()),
    }
}
