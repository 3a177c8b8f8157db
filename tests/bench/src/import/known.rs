//! An organization of known rules: OUs two deep, an environment and a team for each account, and 30 rules of the kinds that people write.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{
        Account, AccountState, AssignmentKey, InvalidId, OrganizationalUnit, OuPath, PermissionSet,
        PermissionSetArn, Principal,
    },
    import::Existing,
};

/// The tags that the rules go by.
pub(super) const TAGS: [&str; 2] = ["Environment", "Team"];
const ENVIRONMENTS: [&str; 3] = ["Development", "Test", "Production"];
const TOPS: usize = 5;
const LEAVES: usize = 20;
const TEAMS: usize = 12;

fn account(number: usize) -> Result<Account, InvalidId> {
    let leaf = number % LEAVES;
    let top = leaf % TOPS;
    let unit = |id: String, name: String| id.parse().map(|id| OrganizationalUnit { id, name });
    let tags = [
        ("Environment", ENVIRONMENTS.get(number / 3 % 3).copied().unwrap_or_default().to_owned()),
        ("Team", format!("team-{:02}", number / 7 % TEAMS)),
        ("Owner", format!("owner-{number}")),
    ];
    Ok(Account {
        id: format!("{:012}", 100_000_000_000 + number).parse()?,
        name: format!("account-{number}"),
        state: AccountState::Active,
        path: OuPath(vec![
            unit(format!("ou-root-top{top:05}"), format!("Top{top}"))?,
            unit(format!("ou-root-leaf{leaf:05}"), format!("Leaf{leaf:02}"))?,
        ]),
        tags: tags.into_iter().collect(),
        is_management: number == 0,
    })
}

fn set(number: usize) -> Result<PermissionSet, InvalidId> {
    let arn = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{number:016}");
    Ok(PermissionSet {
        arn: arn.parse()?,
        name: format!("Set{number:03}"),
        tags: shared::domain::Tags::default(),
    })
}

fn principal(number: usize) -> Result<(Principal, String), InvalidId> {
    let id = format!("9067642ac1-00000000-0000-4000-8000-{number:012}");
    Ok(if number % 4 == 3 {
        (Principal::User(id.parse()?), format!("user-{number}@example.com"))
    } else {
        (Principal::Group(id.parse()?), format!("group-{number}"))
    })
}

/// Whether a rule is about an account. Of each kind there are several, which differ in the OU, the environment or the team.
fn is_in(rule: usize, account: &Account) -> bool {
    let names: Vec<&str> = account.path.units().iter().map(|unit| unit.name.as_str()).collect();
    let in_top = |top: usize| names.first() == Some(&format!("Top{}", top % TOPS).as_str());
    let in_leaf = |leaf: usize| names.get(1) == Some(&format!("Leaf{:02}", leaf % LEAVES).as_str());
    let has =
        |environment: usize| account.tags.get("Environment") == ENVIRONMENTS.get(environment % 3).copied();
    let of_team =
        |team: usize| account.tags.get("Team") == Some(format!("team-{:02}", team % TEAMS).as_str());
    let number = rule / 6;
    match rule % 6 {
        0 => in_leaf(number * 3),
        1 => in_top(number),
        2 => of_team(number),
        3 => in_top(number) && has(number),
        4 => !in_top(number),
        _ => has(number) && !in_leaf(number),
    }
}

/// The assignments of 30 rules, each of one to three principals and one or two permission sets that others have as well; and some strays.
pub(super) fn organization(accounts: usize, strays: usize) -> Result<Existing, InvalidId> {
    let mut existing = empty(accounts, 20, 40)?;
    let (sets, principals) = lists(&existing);
    let pick = |list: &[PermissionSetArn], at: usize| list.get(at % list.len()).cloned();
    let who = |at: usize| principals.get(at % principals.len()).cloned();
    let mut assignments = BTreeSet::new();
    for rule in 0..30 {
        for account in
            existing.accounts.values().filter(|account| !account.is_management && is_in(rule, account))
        {
            for (one, other) in (0..=rule % 3).flat_map(|one| (0..=rule % 2).map(move |other| (one, other))) {
                let (Some(principal), Some(permission_set)) =
                    (who(rule * 2 + one), pick(&sets, rule + other))
                else {
                    continue;
                };
                assignments.insert(AssignmentKey { account: account.id.clone(), permission_set, principal });
            }
        }
    }
    let ids: Vec<_> = existing.accounts.keys().cloned().collect();
    for stray in 0..strays {
        let account = ids.get((stray * 131 + 7) % ids.len()).cloned();
        if let (Some(account), Some(permission_set), Some(principal)) =
            (account, pick(&sets, stray * 7), who(stray * 11))
        {
            assignments.insert(AssignmentKey { account, permission_set, principal });
        }
    }
    existing.assignments = assignments;
    Ok(existing)
}

/// 100 permission sets and 2,000 principals, with 50 assignments an account that follow no rule: what takes the longest.
pub(super) fn large(accounts: usize) -> Result<Existing, InvalidId> {
    let mut existing = empty(accounts, 100, 2_000)?;
    let (sets, principals) = lists(&existing);
    let mut assignments = BTreeSet::new();
    for (number, account) in existing.accounts.keys().enumerate().skip(1) {
        for one in 0..50_usize {
            let chance = (number * 50 + one).wrapping_mul(2_654_435_761) % 1_000_003;
            let (set, who) = (sets.get(chance % sets.len()), principals.get(chance / 7 % principals.len()));
            if let (Some(permission_set), Some(principal)) = (set, who) {
                assignments.insert(AssignmentKey {
                    account: account.clone(),
                    permission_set: permission_set.clone(),
                    principal: principal.clone(),
                });
            }
        }
    }
    existing.assignments = assignments;
    Ok(existing)
}

fn empty(accounts: usize, sets: usize, principals: usize) -> Result<Existing, InvalidId> {
    let accounts = (0..accounts).map(account).collect::<Result<Vec<_>, _>>()?;
    let sets = (0..sets).map(set).collect::<Result<Vec<_>, _>>()?;
    let principals = (0..principals).map(principal).collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(Existing {
        accounts: accounts.into_iter().map(|account| (account.id.clone(), account)).collect(),
        sets: sets.into_iter().map(|set| (set.arn.clone(), set)).collect(),
        principals,
        ..Existing::default()
    })
}

fn lists(existing: &Existing) -> (Vec<PermissionSetArn>, Vec<Principal>) {
    (existing.sets.keys().cloned().collect(), existing.principals.keys().cloned().collect())
}
