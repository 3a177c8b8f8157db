//! What the rules want in one account: rules and looked-up names become assignment keys.
//!
//! Missing is not empty. A look-up that failed freezes what rests on it; only a name that is proved absent wants nothing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use jiff::Timestamp;

use crate::{
    domain::{
        Account, AccountId, AssignmentKey, GroupId, Mode, PermissionSet, PermissionSetArn, Principal, RuleId,
        UserId,
    },
    rules::{
        AccountData, Index, NameTemplate, Never, PermissionSetSelector, PrincipalSelector, Repair, Rule,
    },
};

/// How a look-up ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    Found(T),
    /// AWS said that there is no such thing.
    Absent,
    /// Nothing is known: throttled, denied, in part, or not looked up. With the reason, without names of people.
    Failed(String),
}

/// What must be looked up to decide an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Groups, by display name.
    pub groups: BTreeSet<String>,
    pub group_ids: BTreeSet<GroupId>,
    /// Users, by user name.
    pub users: BTreeSet<String>,
    pub user_ids: BTreeSet<UserId>,
    /// Groups whose members are asked for, by display name; each is in `groups` too.
    pub members_of: BTreeSet<String>,
    pub members_of_ids: BTreeSet<GroupId>,
    /// The catalogue of all permission sets with their tags.
    pub permission_sets: bool,
}

impl Needs {
    /// What has to be looked up for a principal in an account: nothing for a name that can't be made for it.
    fn add(&mut self, principal: &PrincipalSelector, account: &Account) {
        let name_for = |name: &NameTemplate| name.name_for(account).ok().map(Cow::into_owned);
        match principal {
            PrincipalSelector::Group(name) => self.groups.extend(name_for(name)),
            PrincipalSelector::User(name) => self.users.extend(name_for(name)),
            PrincipalSelector::MembersOf(name) => {
                self.groups.extend(name_for(name));
                self.members_of.extend(name_for(name));
            }
            PrincipalSelector::GroupId(id) => _ = self.group_ids.insert(id.clone()),
            PrincipalSelector::UserId(id) => _ = self.user_ids.insert(id.clone()),
            PrincipalSelector::MembersOfId(id) => _ = self.members_of_ids.insert(id.clone()),
        }
    }
}

/// What was looked up. A name or id that is not in its map counts as failed, never as absent.
#[derive(Debug, Clone)]
pub struct Facts {
    pub groups: BTreeMap<String, Lookup<GroupId>>,
    /// Whether a pinned group exists.
    pub group_ids: BTreeMap<GroupId, Lookup<()>>,
    pub users: BTreeMap<String, Lookup<UserId>>,
    /// Whether a pinned user exists.
    pub user_ids: BTreeMap<UserId, Lookup<()>>,
    /// The users who are members of a group.
    pub members: BTreeMap<GroupId, Lookup<BTreeSet<UserId>>>,
    /// The whole catalogue of the instance; [`Lookup::Absent`] is the same as an empty one.
    pub permission_sets: Lookup<Vec<PermissionSet>>,
}

/// Something that a rule names and that is proved not to exist (yet).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    Group(String),
    GroupId(GroupId),
    /// A user's name: not for logs.
    User(String),
    UserId(UserId),
    PermissionSet(String),
    PermissionSetArn(PermissionSetArn),
    /// What the account has not got, and a name would be made from.
    AccountData(AccountData),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group `{name}`"),
            Self::GroupId(id) => write!(f, "group {id}"),
            Self::User(name) => write!(f, "user `{name}`"),
            Self::UserId(id) => write!(f, "user {id}"),
            Self::PermissionSet(name) => write!(f, "permission set `{name}`"),
            Self::PermissionSetArn(arn) => write!(f, "permission set {arn}"),
            Self::AccountData(data) => write!(f, "a name made from `{data}`, which the account has not got"),
        }
    }
}

/// What the rules want in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "what is wanted has no effect until it is planned"]
pub struct Desired {
    pub account: AccountId,
    /// The union of all rules, less `never`, and which rules want each key.
    pub wanted: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    /// Of what is wanted, the keys that some rule wants made again when somebody deletes them by hand.
    pub repair: BTreeSet<AssignmentKey>,
    /// Of what is wanted, when the last of the rules that want it ends, where all of them do.
    pub until: BTreeMap<AssignmentKey, Timestamp>,
    /// What rules want and `never` takes out.
    pub forbidden: BTreeMap<AssignmentKey, BTreeMap<RuleId, Mode>>,
    /// Rules with a look-up that failed, and why. What such a rule last wanted must not be taken away.
    pub frozen: BTreeMap<RuleId, String>,
    /// Why nothing may be granted here: a `never` that concerns this account could not be resolved.
    pub grants_frozen: Option<String>,
    /// Names that are proved absent: their rules wait for them.
    pub waiting: BTreeSet<(RuleId, Missing)>,
}

/// What must be looked up to decide this account.
pub fn needs(index: &Index, account: &Account) -> Needs {
    let mut needs = Needs::default();
    let rules = index.rules_for(account);
    if rules.is_empty() {
        // With nothing to give, there is nothing for `never` to take out.
        return needs;
    }
    needs.permission_sets = true;
    for principal in rules.iter().flat_map(|rule| &rule.principals) {
        needs.add(principal, account);
    }
    for principal in index.never_for(account).into_iter().flat_map(|never| never.principals.iter().flatten())
    {
        match principal {
            // A pinned id is barred whether it exists or not.
            PrincipalSelector::GroupId(_) | PrincipalSelector::UserId(_) => {}
            PrincipalSelector::Group(_)
            | PrincipalSelector::User(_)
            | PrincipalSelector::MembersOf(_)
            | PrincipalSelector::MembersOfId(_) => needs.add(principal, account),
        }
    }
    needs
}

/// What the rules want in this account, on these facts.
pub fn desired(index: &Index, account: &Account, facts: &Facts) -> Desired {
    let mut desired = Desired {
        account: account.id.clone(),
        wanted: BTreeMap::new(),
        repair: BTreeSet::new(),
        until: BTreeMap::new(),
        forbidden: BTreeMap::new(),
        frozen: BTreeMap::new(),
        grants_frozen: None,
        waiting: BTreeSet::new(),
    };
    let rules = index.rules_for(account);
    if rules.is_empty() {
        return desired;
    }
    for rule in rules {
        desired.add(rule, index, account, facts);
    }
    for never in index.never_for(account) {
        desired.take_out(never, account, facts);
    }
    desired
}

impl Desired {
    /// Adds what one rule wants, as far as it can be proved.
    fn add(&mut self, rule: &Rule, index: &Index, account: &Account, facts: &Facts) {
        let mut failures = Vec::new();
        let mut sets = BTreeSet::new();
        let settings = index.settings();
        for (at, selector) in rule.permission_sets.iter().enumerate() {
            match sets_of(selector, account, facts) {
                Lookup::Found(found) => {
                    let joined = found
                        .into_iter()
                        .filter(|set| rule.joins.iter().all(|join| join.holds(set, account)))
                        // A protected set that tags select, or a name made from data, is not given by accident.
                        .filter(|set| {
                            !settings.protected_permission_sets.contains(&set.name)
                                || (rule.lists_accounts() && names_it(selector))
                        });
                    sets.extend(joined.map(|set| set.arn));
                }
                Lookup::Absent => {
                    self.waiting.extend(missing_set(selector, account).map(|it| (rule.id.clone(), it)));
                }
                Lookup::Failed(why) => failures.push(format!("permission set {}: {why}", at + 1)),
            }
        }
        for (at, selector) in rule.principals.iter().enumerate() {
            let principals = match principals_of(selector, account, facts) {
                Lookup::Found(principals) => principals,
                Lookup::Absent => {
                    self.waiting.insert((rule.id.clone(), missing_principal(selector, account)));
                    continue;
                }
                Lookup::Failed(why) => {
                    failures.push(format!("principal {}: {why}", at + 1));
                    continue;
                }
            };
            for (permission_set, principal) in
                sets.iter().flat_map(|set| principals.iter().map(move |principal| (set, principal)))
            {
                let key = AssignmentKey {
                    account: self.account.clone(),
                    permission_set: permission_set.clone(),
                    principal: principal.clone(),
                };
                if rule.repair == Repair::Always {
                    self.repair.insert(key.clone());
                }
                self.wanted.entry(key).or_default().insert(rule.id.clone(), rule.mode);
            }
        }
        if let Some(why) = joined(&failures) {
            self.frozen.insert(rule.id.clone(), why);
        }
    }

    /// Takes out what one `never` forbids, or freezes all grants if that can't be told.
    fn take_out(&mut self, never: &Never, account: &Account, facts: &Facts) {
        let mut failures = Vec::new();
        let mut sets = BTreeSet::new();
        for selector in &never.permission_sets {
            match barred_sets(selector, account, facts) {
                Lookup::Found(found) => sets.extend(found),
                Lookup::Absent => {}
                Lookup::Failed(why) => failures.push(why),
            }
        }
        if sets.is_empty() && failures.is_empty() {
            return;
        }
        let mut principals = BTreeSet::new();
        for selector in never.principals.iter().flatten() {
            match barred_principals(selector, account, facts) {
                Lookup::Found(found) => principals.extend(found),
                Lookup::Absent => {}
                Lookup::Failed(why) => failures.push(why),
            }
        }
        if let Some(why) = joined(&failures) {
            let at = &never.written_at;
            self.grants_frozen.get_or_insert_with(|| format!("the `never` at {at} can't be decided: {why}"));
        }
        let is_barred = |key: &AssignmentKey| {
            sets.contains(&key.permission_set)
                && (never.principals.is_none() || principals.contains(&key.principal))
        };
        for (key, rules) in self.wanted.extract_if(.., |key, _| is_barred(key)) {
            match self.forbidden.entry(key) {
                Entry::Vacant(entry) => _ = entry.insert(rules),
                Entry::Occupied(mut entry) => entry.get_mut().extend(rules),
            }
        }
    }
}

/// Whether a selector names one permission set in so many words.
fn names_it(selector: &PermissionSetSelector) -> bool {
    match selector {
        PermissionSetSelector::Name(name) => name.as_plain().is_some(),
        PermissionSetSelector::Arn(_) => true,
        PermissionSetSelector::Tagged(_) => false,
    }
}

/// The first reason, and how many more there are.
fn joined(failures: &[String]) -> Option<String> {
    match failures {
        [] => None,
        [only] => Some(only.clone()),
        [first, more @ ..] => Some(format!("{first} (and {} more)", more.len())),
    }
}

/// The permission sets that a rule's selector gives. A selection by tags is never absent: it may be of none.
fn sets_of(selector: &PermissionSetSelector, account: &Account, facts: &Facts) -> Lookup<Vec<PermissionSet>> {
    let catalogue = match &facts.permission_sets {
        Lookup::Found(catalogue) => catalogue.as_slice(),
        Lookup::Absent => &[],
        Lookup::Failed(why) => return Lookup::Failed(why.clone()),
    };
    let found: Vec<PermissionSet> =
        catalogue.iter().filter(|set| selector.selects(set, account)).cloned().collect();
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

/// The permission sets that a `never` forbids: a pinned one without asking, all of one name.
fn barred_sets(
    selector: &PermissionSetSelector,
    account: &Account,
    facts: &Facts,
) -> Lookup<Vec<PermissionSetArn>> {
    match (selector, &facts.permission_sets) {
        (PermissionSetSelector::Arn(arn), _) => Lookup::Found(vec![arn.clone()]),
        (_, Lookup::Found(catalogue)) => Lookup::Found(
            catalogue
                .iter()
                .filter(|set| selector.selects(set, account))
                .map(|set| set.arn.clone())
                .collect(),
        ),
        (_, Lookup::Absent) => Lookup::Absent,
        (_, Lookup::Failed(why)) => Lookup::Failed(why.clone()),
    }
}

/// The principals that a rule's selector gives access to. Nobody, where the account has not got what the name is made from.
fn principals_of(
    selector: &PrincipalSelector,
    account: &Account,
    facts: &Facts,
) -> Lookup<BTreeSet<Principal>> {
    let one = |principal| BTreeSet::from([principal]);
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
            Ok(name) => match looked_up(facts.groups.get(name.as_ref()), GroupId::clone) {
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
fn barred_principals(
    selector: &PrincipalSelector,
    account: &Account,
    facts: &Facts,
) -> Lookup<BTreeSet<Principal>> {
    match selector {
        PrincipalSelector::GroupId(id) => Lookup::Found(BTreeSet::from([Principal::Group(id.clone())])),
        PrincipalSelector::UserId(id) => Lookup::Found(BTreeSet::from([Principal::User(id.clone())])),
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

fn missing_set(selector: &PermissionSetSelector, account: &Account) -> Option<Missing> {
    match selector {
        PermissionSetSelector::Name(name) => Some(match name.name_for(account) {
            Ok(name) => Missing::PermissionSet(name.into_owned()),
            Err(data) => Missing::AccountData(data),
        }),
        PermissionSetSelector::Arn(arn) => Some(Missing::PermissionSetArn(arn.clone())),
        PermissionSetSelector::Tagged(_) => None,
    }
}

fn missing_principal(selector: &PrincipalSelector, account: &Account) -> Missing {
    let named = |name: &NameTemplate, missing: fn(String) -> Missing| match name.name_for(account) {
        Ok(name) => missing(name.into_owned()),
        Err(data) => Missing::AccountData(data),
    };
    match selector {
        PrincipalSelector::Group(name) | PrincipalSelector::MembersOf(name) => named(name, Missing::Group),
        PrincipalSelector::User(name) => named(name, Missing::User),
        PrincipalSelector::GroupId(id) | PrincipalSelector::MembersOfId(id) => Missing::GroupId(id.clone()),
        PrincipalSelector::UserId(id) => Missing::UserId(id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{AccountState, OuPath, Tags},
        rules::{self, Bundle},
    };

    const DEVS: &str = "00000000-0000-0000-0000-00000000000d";
    const OPS: &str = "00000000-0000-0000-0000-00000000000e";
    const ALICE: &str = "00000000-0000-0000-0000-00000000000a";

    fn index(body: &str) -> Index {
        let text =
            format!("version: 1\nsettings: {{ mode: sync, trusted_permission_set_tags: [Level] }}\n{body}");
        let files = BTreeMap::from([("rules.yaml".to_owned(), text)]);
        Index::compile(rules::read(&Bundle { files }).unwrap())
    }

    fn account() -> Account {
        Account {
            id: "111122223333".parse().unwrap(),
            name: "web".to_owned(),
            state: AccountState::Active,
            path: OuPath::default(),
            tags: Tags::default(),
            is_management: false,
        }
    }

    fn arn(own: &str) -> PermissionSetArn {
        format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{own:0>16}").parse().unwrap()
    }

    fn set(name: &str, own: &str, tags: &[(&str, &str)]) -> PermissionSet {
        PermissionSet { arn: arn(own), name: name.to_owned(), tags: tags.iter().copied().collect() }
    }

    /// Developers, Operators and alice exist, both groups and the user also by their ids; Reader and Writer are tagged.
    fn facts() -> Facts {
        let (devs, ops): (GroupId, GroupId) = (DEVS.parse().unwrap(), OPS.parse().unwrap());
        let alice: UserId = ALICE.parse().unwrap();
        Facts {
            groups: BTreeMap::from([
                ("Developers".to_owned(), Lookup::Found(devs.clone())),
                ("Operators".to_owned(), Lookup::Found(ops.clone())),
                ("Gone".to_owned(), Lookup::Absent),
                ("Broken".to_owned(), Lookup::Failed("throttled".to_owned())),
            ]),
            group_ids: BTreeMap::from([(devs, Lookup::Found(())), (ops, Lookup::Absent)]),
            users: BTreeMap::from([
                ("alice".to_owned(), Lookup::Found(alice.clone())),
                ("nobody".to_owned(), Lookup::Absent),
                ("broken".to_owned(), Lookup::Failed("denied".to_owned())),
            ]),
            user_ids: BTreeMap::from([(alice, Lookup::Found(()))]),
            members: BTreeMap::new(),
            permission_sets: Lookup::Found(vec![
                set("Reader", "1", &[("Level", "low")]),
                set("Writer", "2", &[("Level", "high")]),
            ]),
        }
    }

    /// Everything about it, a line each.
    fn shown(desired: &Desired) -> String {
        let Desired { account: _, wanted, repair: _, until: _, forbidden, frozen, grants_frozen, waiting } =
            desired;
        let mut lines = Vec::new();
        for (what, keys) in [("wanted", wanted), ("forbidden", forbidden)] {
            for (key, by) in keys {
                let set = key.permission_set.as_str().chars().last().unwrap();
                let who = key.principal.to_string();
                let by: Vec<_> = by.iter().map(|(rule, mode)| format!("{rule} {mode}")).collect();
                lines.push(format!(
                    "{what} {set} {}..{} by {}",
                    &who[..5],
                    &who[who.len() - 1..],
                    by.join(", ")
                ));
            }
        }
        lines.extend(frozen.iter().map(|(rule, why)| format!("frozen {rule}: {why}")));
        lines.extend(grants_frozen.iter().map(|why| format!("no grants: {why}")));
        lines.extend(waiting.iter().map(|(rule, missing)| format!("{rule} waits for {missing}")));
        lines.join("\n")
    }

    fn decide(body: &str, facts: &Facts) -> String {
        shown(&desired(&index(body), &account(), facts))
    }

    fn one_rule(principals: &str, sets: &str) -> String {
        format!(
            "rules:\n- {{ id: r, principals: {principals}, permission_sets: {sets}, accounts: everywhere }}\n"
        )
    }

    #[test]
    fn every_principal_gets_every_permission_set() {
        let body = one_rule(
            "[{ group: Developers }, { user_name: alice }]",
            "[Reader, { tagged: { Level: high } }]",
        );
        insta::assert_snapshot!(decide(&body, &facts()), @"
        wanted 1 group..d by r sync
        wanted 1 user:..a by r sync
        wanted 2 group..d by r sync
        wanted 2 user:..a by r sync
        ");
    }

    #[test]
    fn pinned_ids_are_taken_if_they_exist() {
        let body = one_rule(
            &format!("[{{ group_id: {DEVS} }}, {{ group_id: {OPS} }}, {{ user_id: {ALICE} }}]"),
            &format!("[{{ permission_set_arn: {} }}, {{ permission_set_arn: {} }}]", arn("1"), arn("9")),
        );
        insta::assert_snapshot!(decide(&body, &facts()), @"
        wanted 1 group..d by r sync
        wanted 1 user:..a by r sync
        r waits for group 00000000-0000-0000-0000-00000000000e
        r waits for permission set arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000009
        ");
    }

    #[test]
    fn a_key_remembers_every_rule_that_wants_it_and_its_mode() {
        let body = format!(
            "rules:\n\
             - {{ id: a, principals: [{{ group: Developers }}], permission_sets: [Reader], accounts: everywhere }}\n\
             - {{ id: b, mode: observe, principals: [{{ group_id: {DEVS} }}], permission_sets: [Reader], accounts: {{ named: web }} }}\n\
             - {{ id: c, principals: [{{ group: Developers }}], permission_sets: [Reader], accounts: {{ named: other }} }}\n"
        );
        insta::assert_snapshot!(decide(&body, &facts()), @"wanted 1 group..d by a sync, b observe");
    }

    #[test]
    fn names_proved_absent_are_waited_for_and_nothing_is_frozen() {
        let body =
            one_rule("[{ group: Gone }, { user_name: nobody }, { group: Developers }]", "[Reader, Unmade]");
        insta::assert_snapshot!(decide(&body, &facts()), @"
        wanted 1 group..d by r sync
        r waits for group `Gone`
        r waits for user `nobody`
        r waits for permission set `Unmade`
        ");
    }

    #[test]
    fn a_failed_look_up_freezes_its_rule_which_still_gives_what_it_can_prove() {
        let body = one_rule("[{ group: Broken }, { group: Developers }, { user_name: broken }]", "[Reader]");
        insta::assert_snapshot!(decide(&body, &facts()), @"
        wanted 1 group..d by r sync
        frozen r: principal 1: throttled (and 1 more)
        ");
    }

    #[test]
    fn what_was_not_looked_up_counts_as_failed_and_not_as_absent() {
        let body = one_rule(
            "[{ group: Unheard }, { user_name: unheard }, { user_id: 00000000-0000-0000-0000-00000000000f }]",
            "[Reader]",
        );
        let desired = desired(&index(&body), &account(), &facts());
        assert!(desired.waiting.is_empty());
        assert_eq!(desired.frozen.len(), 1);
        assert!(desired.frozen.values().all(|why| why.contains("not looked up") && !why.contains("unheard")));
    }

    #[test]
    fn without_the_catalogue_every_rule_is_frozen_and_nothing_is_absent() {
        let facts = Facts { permission_sets: Lookup::Failed("throttled".to_owned()), ..facts() };
        let body =
            one_rule("[{ group: Developers }]", &format!("[Reader, {{ permission_set_arn: {} }}]", arn("1")));
        insta::assert_snapshot!(decide(&body, &facts), @"frozen r: permission set 1: throttled (and 1 more)");
        let tagged = one_rule("[{ group: Developers }]", "{ tagged: { Level: low } }");
        insta::assert_snapshot!(decide(&tagged, &facts), @"frozen r: permission set 1: throttled");
    }

    #[test]
    fn tags_that_no_permission_set_has_want_nothing_and_wait_for_nothing() {
        let body = one_rule("[{ group: Developers }]", "{ tagged: { Level: none } }");
        assert_eq!(decide(&body, &facts()), "");
    }

    #[test]
    fn a_name_that_the_catalogue_has_twice_is_not_guessed_at() {
        let sets = vec![set("Reader", "1", &[]), set("Reader", "2", &[])];
        let facts = Facts { permission_sets: Lookup::Found(sets), ..facts() };
        insta::assert_snapshot!(decide(&one_rule("[{ group: Developers }]", "[Reader]"), &facts), @"frozen r: permission set 1: the list of permission sets has its name more than once");
        let body = format!(
            "never: [{{ permission_sets: [Reader], accounts: everywhere }}]\n{}",
            one_rule("[{ group: Developers }]", &format!("[{{ permission_set_arn: {} }}]", arn("2")))
        );
        insta::assert_snapshot!(decide(&body, &facts), @"forbidden 2 group..d by r sync");
    }

    #[test]
    fn never_wins_over_every_rule() {
        let rule = one_rule("[{ group: Developers }, { user_name: alice }]", "[Reader, Writer]");
        let cases = [
            "[{ permission_sets: [Writer], accounts: everywhere }]".to_owned(),
            "[{ permission_sets: { tagged: { Level: [low, high] } }, accounts: { named: web } }]".to_owned(),
            "[{ permission_sets: [Writer], principals: [{ user_name: alice }], accounts: everywhere }]".to_owned(),
            format!("[{{ permission_sets: [{{ permission_set_arn: {} }}], principals: [{{ group_id: {DEVS} }}], accounts: everywhere }}]", arn("1")),
            "[{ permission_sets: [Writer], accounts: { named: other } }]".to_owned(),
            "[{ permission_sets: [Unmade], accounts: everywhere }, { permission_sets: [Reader], principals: [{ group: Gone }], accounts: everywhere }]".to_owned(),
        ];
        let all: Vec<_> = cases
            .iter()
            .map(|case| format!("{case}\n{}", decide(&format!("never: {case}\n{rule}"), &facts())))
            .collect();
        insta::assert_snapshot!(all.join("\n\n"), @"
        [{ permission_sets: [Writer], accounts: everywhere }]
        wanted 1 group..d by r sync
        wanted 1 user:..a by r sync
        forbidden 2 group..d by r sync
        forbidden 2 user:..a by r sync

        [{ permission_sets: { tagged: { Level: [low, high] } }, accounts: { named: web } }]
        forbidden 1 group..d by r sync
        forbidden 1 user:..a by r sync
        forbidden 2 group..d by r sync
        forbidden 2 user:..a by r sync

        [{ permission_sets: [Writer], principals: [{ user_name: alice }], accounts: everywhere }]
        wanted 1 group..d by r sync
        wanted 1 user:..a by r sync
        wanted 2 group..d by r sync
        forbidden 2 user:..a by r sync

        [{ permission_sets: [{ permission_set_arn: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000001 }], principals: [{ group_id: 00000000-0000-0000-0000-00000000000d }], accounts: everywhere }]
        wanted 1 user:..a by r sync
        wanted 2 group..d by r sync
        wanted 2 user:..a by r sync
        forbidden 1 group..d by r sync

        [{ permission_sets: [Writer], accounts: { named: other } }]
        wanted 1 group..d by r sync
        wanted 1 user:..a by r sync
        wanted 2 group..d by r sync
        wanted 2 user:..a by r sync

        [{ permission_sets: [Unmade], accounts: everywhere }, { permission_sets: [Reader], principals: [{ group: Gone }], accounts: everywhere }]
        wanted 1 group..d by r sync
        wanted 1 user:..a by r sync
        wanted 2 group..d by r sync
        wanted 2 user:..a by r sync
        ");
    }

    #[test]
    fn a_never_that_cannot_be_told_freezes_all_grants_where_it_applies() {
        let rule = one_rule("[{ group: Developers }]", "[Reader, Writer]");
        let cases = [
            "[{ permission_sets: [Reader], principals: [{ group: Broken }, { group: Developers }], accounts: everywhere }]",
            "[{ permission_sets: [Reader], principals: [{ user_name: unheard }], accounts: everywhere }]",
            "[{ permission_sets: [Reader], principals: [{ group: Broken }], accounts: { named: other } }]",
            "[{ permission_sets: [Unmade], principals: [{ group: Broken }], accounts: everywhere }]",
        ];
        let all: Vec<_> = cases
            .iter()
            .map(|case| format!("{case}\n{}", decide(&format!("never: {case}\n{rule}"), &facts())))
            .collect();
        insta::assert_snapshot!(all.join("\n\n"), @"
        [{ permission_sets: [Reader], principals: [{ group: Broken }, { group: Developers }], accounts: everywhere }]
        wanted 2 group..d by r sync
        forbidden 1 group..d by r sync
        no grants: the `never` at rules.yaml:3 can't be decided: throttled

        [{ permission_sets: [Reader], principals: [{ user_name: unheard }], accounts: everywhere }]
        wanted 1 group..d by r sync
        wanted 2 group..d by r sync
        no grants: the `never` at rules.yaml:3 can't be decided: not looked up

        [{ permission_sets: [Reader], principals: [{ group: Broken }], accounts: { named: other } }]
        wanted 1 group..d by r sync
        wanted 2 group..d by r sync

        [{ permission_sets: [Unmade], principals: [{ group: Broken }], accounts: everywhere }]
        wanted 1 group..d by r sync
        wanted 2 group..d by r sync
        ");
    }

    #[test]
    fn a_never_by_ids_needs_no_look_up() {
        let body = format!(
            "never: [{{ permission_sets: [{{ permission_set_arn: {} }}], principals: [{{ group_id: {OPS} }}], accounts: everywhere }}]\n{}",
            arn("1"),
            one_rule("[{ group: Operators }]", "[Reader]")
        );
        let (index, account) = (index(&body), account());
        assert!(needs(&index, &account).group_ids.is_empty());
        // The facts call the pinned group absent, and it is barred all the same.
        assert_eq!(shown(&desired(&index, &account, &facts())), "forbidden 1 group..e by r sync");
    }

    #[test]
    fn needs_are_those_of_the_rules_and_nevers_that_concern_the_account() {
        let body = format!(
            "never:\n\
             - {{ permission_sets: [P], principals: [{{ group: Barred }}, {{ user_name: bob }}, {{ user_id: {OPS} }}], accounts: everywhere }}\n\
             - {{ permission_sets: [P], principals: [{{ group: Elsewhere }}], accounts: {{ named: other }} }}\n\
             rules:\n\
             - {{ id: a, principals: [{{ group: A }}, {{ group_id: {DEVS} }}, {{ user_name: alice }}, {{ user_id: {ALICE} }}], permission_sets: [P], accounts: everywhere }}\n\
             - {{ id: b, principals: [{{ group: B }}], permission_sets: [P], accounts: {{ named: other }} }}\n"
        );
        let expected = Needs {
            groups: ["A", "Barred"].map(str::to_owned).into(),
            group_ids: [DEVS.parse().unwrap()].into(),
            users: ["alice", "bob"].map(str::to_owned).into(),
            user_ids: [ALICE.parse().unwrap()].into(),
            permission_sets: true,
            ..Needs::default()
        };
        assert_eq!(needs(&index(&body), &account()), expected);
    }

    #[test]
    fn an_account_without_rules_needs_nothing_and_wants_nothing() {
        let body = "never: [{ permission_sets: [P], principals: [{ group: Broken }], accounts: everywhere }]\n\
             rules: [{ id: a, principals: [{ group: Broken }], permission_sets: [P], accounts: { named: other } }]\n";
        let (index, account) = (index(body), account());
        assert_eq!(needs(&index, &account), Needs::default());
        assert_eq!(shown(&desired(&index, &account, &facts())), "");
    }

    #[test]
    fn what_is_needed_is_enough_for_nothing_to_count_as_not_looked_up() {
        let body =
            "never: [{ permission_sets: [Reader], principals: [{ group: Gone }], accounts: everywhere }]\n"
                .to_owned()
                + &one_rule("[{ group: Developers }, { user_name: alice }]", "[Reader]");
        let (index, account) = (index(&body), account());
        let Needs { groups, group_ids, users, user_ids, permission_sets, members_of, members_of_ids } =
            needs(&index, &account);
        assert!(permission_sets && members_of.is_empty() && members_of_ids.is_empty());
        let facts = Facts {
            groups: groups.into_iter().map(|name| (name, Lookup::Absent)).collect(),
            group_ids: group_ids.into_iter().map(|id| (id, Lookup::Absent)).collect(),
            users: users.into_iter().map(|name| (name, Lookup::Absent)).collect(),
            user_ids: user_ids.into_iter().map(|id| (id, Lookup::Absent)).collect(),
            members: BTreeMap::new(),
            permission_sets: facts().permission_sets,
        };
        let desired = desired(&index, &account, &facts);
        assert!(desired.frozen.is_empty() && desired.grants_frozen.is_none());
        assert_eq!(desired.waiting.len(), 2);
    }
}
