//! An organization of any size, and 500 rules of every kind that give each of its accounts 100 assignments.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use shared::{
    domain::{
        Account, AccountState, GroupId, InvalidId, OrganizationalUnit, OuPath, PermissionSet,
        PermissionSetArn, Principal, UserId,
    },
    resolve::{Facts, Lookup},
    rules::{self, Bundle, Index},
};

use super::Trouble;

/// How many rules there are.
pub(super) const RULES: usize = 500;

/// How many assignments the rules want in every account.
pub(super) const PER_ACCOUNT: usize = 100;

const TOPS: usize = 20;
const LEAVES: usize = 200;
const TEAMS: usize = 100;
const CENTRES: usize = 40;
const PURPOSES: usize = 49;
const NAMED: usize = 980;
const ENVIRONMENTS: [&str; 3] = ["Development", "Test", "Production"];

/// Accounts with the rules' answers to every look-up.
pub(super) struct Estate {
    pub(super) accounts: Vec<Account>,
    pub(super) facts: Facts,
    /// The rules as they are written.
    pub(super) bundle: Bundle,
}

/// The accounts' OUs are two deep, and each has a team, an environment, a cost centre and a name with its purpose in it.
pub(super) fn estate(accounts: usize) -> Result<Estate, InvalidId> {
    let mut written = Written::default();
    written.all();
    let Written { text, groups, .. } = written;
    let accounts = (0..accounts).map(account).collect::<Result<_, _>>()?;
    let bundle = Bundle { files: BTreeMap::from([("usher.yaml".to_owned(), text)]) };
    Ok(Estate { accounts, facts: facts(&groups)?, bundle })
}

impl Estate {
    /// Reads and compiles the rules.
    pub(super) fn index(&self) -> Result<Index, Trouble> {
        rules::read(&self.bundle).map(Index::compile).map_err(|wrong| Trouble::Rules(format!("{wrong:?}")))
    }
}

fn account(number: usize) -> Result<Account, InvalidId> {
    let leaf = number % LEAVES;
    let top = leaf % TOPS;
    let unit = |id: String, name: String| id.parse().map(|id| OrganizationalUnit { id, name });
    let tags = [
        ("Environment", ENVIRONMENTS.get(number % 3).copied().unwrap_or_default().to_owned()),
        ("Team", format!("team-{:03}", number % TEAMS)),
        ("CostCentre", format!("cc-{:02}", number % CENTRES)),
        ("Owner", format!("owner-{number}")),
    ];
    Ok(Account {
        id: format!("{:012}", 100_000_000_000 + number).parse()?,
        name: name(number),
        state: AccountState::Active,
        path: OuPath(vec![
            unit(format!("ou-root-top{top:05}"), format!("Top{top:02}"))?,
            unit(format!("ou-root-leaf{leaf:05}"), format!("Leaf{leaf:03}"))?,
        ]),
        tags: tags.into_iter().collect(),
        is_management: false,
    })
}

/// The purpose is part of the name; names come again and again, as in no organization, so that every account has its rules.
fn name(number: usize) -> String {
    format!("purpose-{:02}-app-{:03}", number % NAMED % PURPOSES, number % NAMED)
}

/// The catalogue: 170 permission sets with nothing to be selected by, and 30 with the tags that the joins compare.
fn catalogue() -> Result<Vec<PermissionSet>, InvalidId> {
    let plain = (0..170).map(|number| (format!("Set{number:03}"), Vec::new()));
    let joined = (0..30).map(|number| {
        let environment = ENVIRONMENTS.get(number % 3).copied().unwrap_or_default();
        // Five of each environment fit; the others are of another level.
        let level = if number < 15 { "Joined" } else { "Other" };
        (format!("Fit{number:02}"), vec![("Environment", environment), ("Level", level)])
    });
    plain
        .chain(joined)
        .enumerate()
        .map(|(number, (name, tags))| {
            let arn = format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{number:016}");
            Ok(PermissionSet { arn: arn.parse()?, name, tags: tags.into_iter().collect() })
        })
        .collect()
}

fn facts(names: &BTreeSet<String>) -> Result<Facts, InvalidId> {
    let id = |number: usize| format!("9067642ac1-00000000-0000-4000-8000-{number:012}");
    let mut groups = BTreeMap::new();
    let mut members = BTreeMap::new();
    for (number, name) in names.iter().enumerate() {
        let group: GroupId = id(number).parse()?;
        if name.starts_with("Members") {
            let users = (0..10).map(|user| id(1_000_000 + number * 10 + user).parse::<UserId>());
            members.insert(group.clone(), Lookup::Found(users.collect::<Result<BTreeSet<_>, _>>()?));
        }
        groups.insert(name.clone(), Lookup::Found(group));
    }
    let catalogue = catalogue()?;
    let confirmed: BTreeMap<String, PermissionSetArn> =
        catalogue.iter().map(|set| (set.name.clone(), set.arn.clone())).collect();
    Ok(Facts {
        member_groups: groups.clone(),
        groups,
        group_ids: BTreeMap::new(),
        users: BTreeMap::new(),
        user_ids: BTreeMap::new(),
        members,
        permission_sets: Lookup::Found(catalogue.into()),
        confirmed,
    })
}

/// Whether all of these principals still exist: everybody does.
pub(super) fn principals() -> BTreeMap<Principal, Lookup<()>> {
    BTreeMap::new()
}

/// The text of the rules, and the groups that they name.
#[derive(Default)]
struct Written {
    text: String,
    groups: BTreeSet<String>,
    count: usize,
}

impl Written {
    fn all(&mut self) {
        self.text.push_str(
            "version: 1\nsettings:\n  mode: sync\n  trusted_account_tags: [Environment, Team, CostCentre]\n  \
             trusted_permission_set_tags: [Environment, Level]\nnever:\n  \
             - permission_sets: [Set169]\n    accounts: { tagged: { Environment: Production } }\n  \
             - principals: [{ group: Contractors }]\n    permission_sets: [Set168]\n    accounts: everywhere\n\
             rules:\n",
        );
        self.groups.insert("Contractors".to_owned());
        for leaf in 0..LEAVES {
            let ou = format!("{{ in_ou: Top{:02}/Leaf{leaf:03} }}", leaf % TOPS);
            self.granting("leaf", leaf, 2, &sets(leaf, 5), &ou);
        }
        for top in 0..TOPS {
            self.granting("top", top, 2, &sets(top + 30, 5), &format!("{{ in_ou: Top{top:02} }}"));
        }
        for team in 0..TEAMS {
            self.granting(
                "team",
                team,
                2,
                &sets(team, 5),
                &format!("{{ tagged: {{ Team: team-{team:03} }} }}"),
            );
        }
        for (number, environment) in ENVIRONMENTS.iter().cycle().take(30).enumerate() {
            let accounts = format!("{{ tagged: {{ Environment: {environment} }} }}");
            self.granting("environment", number, 1, &sets(number * 2, 2), &accounts);
        }
        for purpose in 0..PURPOSES {
            let accounts = format!("{{ named: {{ like: \"purpose-{purpose:02}-*\" }} }}");
            self.granting("purpose", purpose, 1, &sets(purpose, 5), &accounts);
        }
        for centre in 0..CENTRES {
            self.granting(
                "join",
                centre,
                1,
                "{ tagged: { Environment: { present: true }, Level: Joined } }",
                &format!("{{ tagged: {{ CostCentre: cc-{centre:02} }} }}"),
            );
            self.text
                .push_str("    match: [{ permission_set_tag: Environment, account_tag: Environment }]\n");
        }
        // Ten pairs; of each pair the one holds where the other does not.
        for number in 0..20 {
            let (pair, half) = (number / 2, number % 2 * 10);
            let ous: Vec<_> = (half..half + 10).map(|top| format!("Top{top:02}")).collect();
            let accounts = format!("{{ all_of: [everywhere], except: [{{ in_ou: [{}] }}] }}", ous.join(", "));
            self.granting("except", number, 1, &sets(pair, 1), &accounts);
        }
        for top in 0..TOPS {
            let set = sets(top + 60, 1);
            self.rule("members", top, &["members_of: Members"], &set, &format!("{{ in_ou: Top{top:02} }}"));
        }
        for number in 0..10 {
            for team in 0..TEAMS {
                self.groups.insert(format!("team-{team:03}-role-{number}"));
            }
            let id = format!("template-{number}");
            let accounts = "{ tagged: { Team: { present: true } } }";
            let principals = format!("{{ group: \"{{account_tag.Team}}-role-{number}\" }}");
            self.write(&id, &principals, &sets(number + 80, 1), accounts);
        }
        for number in 0..10 {
            let names: Vec<_> = (0..NAMED).filter(|name| name % 10 == number).map(name).collect();
            let accounts = format!("{{ named: [{}] }}", names.join(", "));
            self.granting("named", number, 1, &sets(number + 100, 5), &accounts);
        }
        self.granting("everybody", 0, 1, &sets(120, 5), "everywhere");
    }

    /// A rule that gives to groups of its own.
    fn granting(&mut self, kind: &str, number: usize, groups: usize, sets: &str, accounts: &str) {
        let names: Vec<_> = (0..groups).map(|group| format!("group: {kind}-{number}-{group}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        self.rule(kind, number, &names, sets, accounts);
    }

    fn rule(&mut self, kind: &str, number: usize, principals: &[&str], sets: &str, accounts: &str) {
        let mut written = Vec::new();
        for principal in principals {
            let mut principal = (*principal).to_owned();
            if kind == "members" {
                let _ = write!(principal, "-{number}");
            }
            if let Some((_, name)) = principal.split_once(": ") {
                self.groups.insert(name.to_owned());
            }
            written.push(format!("{{ {principal} }}"));
        }
        self.write(&format!("{kind}-{number}"), &written.join(", "), sets, accounts);
    }

    fn write(&mut self, id: &str, principals: &str, sets: &str, accounts: &str) {
        self.count += 1;
        let _ = write!(
            self.text,
            "  - id: {id}\n    principals: [{principals}]\n    permission_sets: {sets}\n    accounts: {accounts}\n"
        );
    }
}

/// Names of plain permission sets, as a list.
fn sets(first: usize, count: usize) -> String {
    let names: Vec<_> = (first..first + count).map(|number| format!("Set{:03}", number % 168)).collect();
    format!("[{}]", names.join(", "))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::resolve;

    use super::*;

    #[test]
    fn five_hundred_rules_give_every_account_a_hundred_assignments() {
        let estate = estate(600).unwrap();
        let index = estate.index().unwrap();
        assert_eq!(index.rules().len(), RULES);
        for account in &estate.accounts {
            let desired = resolve::desired(&index, account, &estate.facts, Timestamp::UNIX_EPOCH);
            assert_eq!(desired.wanted.len(), PER_ACCOUNT, "{account:?}");
            assert!(desired.frozen.is_empty() && desired.waiting.is_empty(), "{:?}", desired.waiting);
        }
    }
}
