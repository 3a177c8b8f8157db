//! What rules mean, a second time: evaluated naively over the world's truth, with nothing of the product's own reading of rules.
//!
//! One value renders the YAML that the product reads and answers what is wanted. The two ways meet only in `docs/rules.md`.

mod places;
mod scopes;
mod tests;
mod truth;

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::{
    domain::{Account, AssignmentKey, GroupId, PermissionSet, PermissionSetArn, Principal, UserId},
    rules::Bundle,
};

pub(super) use places::{Where, in_ou, tagged};
pub(super) use scopes::{Scope, scope};
pub(super) use truth::Truth;

/// How far a rule, or a whole document, may go. Stricter is smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Observe,
    CreateOnly,
    Sync,
}

impl Reach {
    fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::CreateOnly => "create-only",
            Self::Sync => "sync",
        }
    }
}

/// Who a rule is about.
#[derive(Debug, Clone)]
pub(super) enum Who {
    Group(String),
    GroupId(GroupId),
    User(String),
    UserId(UserId),
    /// Each member of the group with this name.
    MembersOf(String),
    /// The group whose name is the value of this tag of the account, and then this text.
    GroupOfTag(String, String),
}

/// What a rule gives.
#[derive(Debug, Clone)]
pub(super) enum What {
    Named(String),
    Arn(PermissionSetArn),
    Tagged(String, Vec<String>),
}

/// What a permission set's tag must equal.
#[derive(Debug, Clone)]
pub(super) enum Joined {
    AccountTag(String),
    NearestOu,
    AnyOu,
}

/// One rule, or one entry of `never`.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    id: String,
    reach: Reach,
    who: Vec<Who>,
    what: Vec<What>,
    accounts: Where,
    joins: Vec<(String, Joined, Option<String>)>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// The team whose file it is in.
    team: Option<String>,
}

/// A rule: `group("developers", "Developers").gets("ReadOnlyAccess").in_accounts(Where::Everywhere)`.
pub(super) fn group(id: &str, name: &str) -> Rule {
    rule(id, Who::Group(name.to_owned()))
}

/// A rule about anybody.
pub(super) fn rule(id: &str, who: Who) -> Rule {
    Rule {
        id: id.to_owned(),
        reach: Reach::Sync,
        who: vec![who],
        what: Vec::new(),
        accounts: Where::Everywhere,
        joins: Vec::new(),
        from: None,
        until: None,
        team: None,
    }
}

impl Rule {
    pub(super) fn and(mut self, who: Who) -> Self {
        self.who.push(who);
        self
    }

    pub(super) fn gets(mut self, set: &str) -> Self {
        self.what.push(What::Named(set.to_owned()));
        self
    }

    pub(super) fn gets_tagged(mut self, key: &str, value: &str) -> Self {
        self.what.push(What::Tagged(key.to_owned(), vec![value.to_owned()]));
        self
    }

    pub(super) fn gets_arn(mut self, set: &PermissionSetArn) -> Self {
        self.what.push(What::Arn(set.clone()));
        self
    }

    /// Where this tag of the permission set equals what of the account, or the wildcard.
    pub(super) fn where_tag(mut self, key: &str, equals: Joined, wildcard: Option<&str>) -> Self {
        self.joins.push((key.to_owned(), equals, wildcard.map(str::to_owned)));
        self
    }

    pub(super) fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    pub(super) fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    pub(super) fn in_accounts(mut self, accounts: Where) -> Self {
        self.accounts = accounts;
        self
    }

    pub(super) fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub(super) fn of_team(mut self, team: &str) -> Self {
        self.team = Some(team.to_owned());
        self
    }

    fn names(&self, truth: &Truth, key: &AssignmentKey) -> bool {
        let who = self.who.iter().any(|who| match (who, &key.principal) {
            (Who::Group(name), Principal::Group(id)) => truth.groups.get(name) == Some(id),
            (Who::User(name), Principal::User(id)) => truth.users.get(name) == Some(id),
            (Who::GroupId(named), Principal::Group(id)) => {
                named == id && truth.groups.values().any(|g| g == id)
            }
            (Who::UserId(named), Principal::User(id)) => named == id && truth.users.values().any(|u| u == id),
            (Who::MembersOf(group), Principal::User(id)) => truth
                .groups
                .get(group)
                .and_then(|group| truth.members.get(group))
                .is_some_and(|members| members.contains(id)),
            (Who::GroupOfTag(tag, rest), Principal::Group(id)) => {
                let value = truth.account(&key.account).and_then(|account| account.tags.get(tag));
                value.is_some_and(|value| truth.groups.get(&format!("{value}{rest}")) == Some(id))
            }
            (Who::Group(_) | Who::GroupId(_) | Who::GroupOfTag(..), Principal::User(_))
            | (Who::User(_) | Who::UserId(_) | Who::MembersOf(_), Principal::Group(_)) => false,
        });
        let set = truth.sets.iter().find(|set| set.arn == key.permission_set);
        who && set.is_some_and(|set| self.gives(set))
    }

    /// Whether it is about this permission set.
    fn gives(&self, set: &PermissionSet) -> bool {
        self.what.iter().any(|what| match what {
            What::Named(name) => set.name == *name,
            What::Arn(arn) => set.arn == *arn,
            What::Tagged(tag, values) => {
                set.tags.get(tag).is_some_and(|value| values.iter().any(|one| one == value))
            }
        })
    }

    /// Everybody whom it is about in this account.
    fn principals(&self, truth: &Truth, account: &Account) -> BTreeSet<Principal> {
        let mut principals = BTreeSet::new();
        for who in &self.who {
            let group = |name: &str| truth.groups.get(name).cloned().map(Principal::Group);
            match who {
                Who::Group(name) => principals.extend(group(name)),
                Who::GroupId(id) => {
                    let there = truth.groups.values().any(|group| group == id);
                    principals.extend(there.then(|| Principal::Group(id.clone())));
                }
                Who::User(name) => principals.extend(truth.users.get(name).cloned().map(Principal::User)),
                Who::UserId(id) => {
                    let there = truth.users.values().any(|user| user == id);
                    principals.extend(there.then(|| Principal::User(id.clone())));
                }
                Who::MembersOf(name) => {
                    let members = truth.groups.get(name).and_then(|group| truth.members.get(group));
                    principals.extend(members.into_iter().flatten().cloned().map(Principal::User));
                }
                Who::GroupOfTag(tag, rest) => {
                    let value = account.tags.get(tag);
                    principals.extend(value.and_then(|value| group(&format!("{value}{rest}"))));
                }
            }
        }
        principals
    }

    fn is_in_time(&self, truth: &Truth) -> bool {
        self.from.is_none_or(|from| truth.minute >= from)
            && self.until.is_none_or(|until| truth.minute < until)
    }

    fn holds_in(&self, truth: &Truth, key: &AssignmentKey, gives: bool) -> bool {
        let set = truth.sets.iter().find(|set| set.arn == key.permission_set);
        self.is_in_time(truth)
            && truth.account(&key.account).is_some_and(|account| {
                self.accounts.selects(account, gives)
                    && self.joins.iter().all(|join| set.is_some_and(|set| joined(join, set, account)))
            })
    }

    fn yaml(&self, never: bool) -> String {
        let who = self.who.iter().map(|who| match who {
            Who::Group(name) => format!("{{ group: {} }}", quoted(name)),
            Who::GroupId(id) => format!("{{ group_id: {id} }}"),
            Who::User(name) => format!("{{ user_name: {} }}", quoted(name)),
            Who::UserId(id) => format!("{{ user_id: {id} }}"),
            Who::MembersOf(name) => format!("{{ members_of: {} }}", quoted(name)),
            Who::GroupOfTag(tag, rest) => format!("{{ group: \"{{account_tag.{tag}}}{rest}\" }}"),
        });
        let what = self.what.iter().map(|what| match what {
            What::Named(name) => quoted(name),
            What::Arn(arn) => format!("{{ permission_set_arn: {arn} }}"),
            What::Tagged(key, values) => format!("{{ tagged: {} }}", tag(key, values)),
        });
        let who = who.collect::<Vec<_>>().join(", ");
        let what = what.collect::<Vec<_>>().join(", ");
        let head = if never {
            String::new()
        } else {
            format!("id: {}\n    mode: {}\n    ", self.id, self.reach.word())
        };
        let mut text = format!(
            "  - {head}principals: [{who}]\n    permission_sets: [{what}]\n    accounts: {}\n",
            self.accounts.yaml()
        );
        for (key, time) in [("from", self.from), ("until", self.until)] {
            text.extend(time.map(|time| format!("    {key}: {time}\n")));
        }
        let joins = self.joins.iter().map(|(key, equals, wildcard)| {
            let equals = match equals {
                Joined::AccountTag(key) => format!("account_tag: {}", quoted(key)),
                Joined::NearestOu => "account_ou: { name: nearest }".to_owned(),
                Joined::AnyOu => "account_ou: { name: any }".to_owned(),
            };
            let wildcard = wildcard.as_ref().map(|it| format!(", wildcard: {}", quoted(it)));
            format!("{{ permission_set_tag: {}, {equals}{} }}", quoted(key), wildcard.unwrap_or_default())
        });
        let joins = joins.collect::<Vec<_>>().join(", ");
        if !joins.is_empty() {
            text.extend(["    match: [", &joins, "]\n"]);
        }
        text
    }
}

/// A whole document.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) reach: Reach,
    pub(super) max_deletes: u32,
    pub(super) max_delete_percent: u32,
    pub(super) max_creates: u32,
    pub(super) max_orphan_deletes: u32,
    never: Vec<Rule>,
    list: Vec<Rule>,
    /// `reprovision`, as it is written.
    reprovision: Option<String>,
    /// `permission_sets`, as it is written.
    permission_sets: Option<String>,
    /// What teams may give.
    scopes: Vec<(String, Vec<Scope>)>,
}

/// A document in `sync` mode with the guardrails that hold if nothing is said.
pub(super) fn rules(rules: impl IntoIterator<Item = Rule>) -> Rules {
    Rules {
        reach: Reach::Sync,
        max_deletes: 25,
        max_delete_percent: 5,
        max_creates: 500,
        max_orphan_deletes: 25,
        never: Vec::new(),
        list: rules.into_iter().collect(),
        reprovision: None,
        permission_sets: None,
        scopes: Vec::new(),
    }
}

impl Rules {
    /// How many rules it has.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn with(mut self, rule: Rule) -> Self {
        self.list.push(rule);
        self
    }

    pub(super) fn never(mut self, never: Rule) -> Self {
        self.never.push(never);
        self
    }

    pub(super) fn with_permission_sets(mut self, sets: &str) -> Self {
        self.permission_sets = Some(sets.to_owned());
        self
    }

    pub(super) fn with_reprovision(mut self, reprovision: &str) -> Self {
        self.reprovision = Some(reprovision.to_owned());
        self
    }

    pub(super) fn observing(self) -> Self {
        Self { reach: Reach::Observe, ..self }
    }

    fn forbids(&self, truth: &Truth, key: &AssignmentKey) -> bool {
        self.never.iter().any(|never| never.names(truth, key) && never.holds_in(truth, key, false))
    }

    /// The farthest reach of the rules that want it; `None` if none does, or a `never` forbids it.
    fn reach_for(&self, truth: &Truth, key: &AssignmentKey) -> Option<Reach> {
        let wanting =
            self.list.iter().filter(|rule| rule.names(truth, key) && rule.holds_in(truth, key, true));
        let wanting = wanting.filter(|rule| self.may_give(rule, truth, key));
        let reach = wanting.map(|rule| rule.reach.min(self.reach)).max()?;
        (!self.forbids(truth, key)).then_some(reach)
    }

    pub(super) fn wants(&self, truth: &Truth, key: &AssignmentKey) -> bool {
        self.reach_for(truth, key).is_some()
    }

    /// Whether it may be granted: wanted by a rule that does more than observe.
    pub(super) fn may_grant(&self, truth: &Truth, key: &AssignmentKey) -> bool {
        self.reach_for(truth, key).is_some_and(|reach| reach > Reach::Observe)
    }

    /// All that is wanted, of every key that there could be.
    pub(super) fn wanted(&self, truth: &Truth) -> BTreeSet<AssignmentKey> {
        let mut wanted = BTreeSet::new();
        for rule in &self.list {
            let sets: Vec<&PermissionSet> = truth.sets.iter().filter(|set| rule.gives(set)).collect();
            for account in truth.accounts.iter() {
                if sets.is_empty() || !rule.is_in_time(truth) || !rule.accounts.selects(account, true) {
                    continue;
                }
                let principals = rule.principals(truth, account);
                let sets = sets.iter().filter(|set| rule.joins.iter().all(|join| joined(join, set, account)));
                for (set, principal) in sets.flat_map(|set| principals.iter().map(move |who| (set, who))) {
                    let key = AssignmentKey {
                        account: account.id.clone(),
                        permission_set: set.arn.clone(),
                        principal: principal.clone(),
                    };
                    if !self.forbids(truth, &key) && self.may_give(rule, truth, &key) {
                        wanted.insert(key);
                    }
                }
            }
        }
        wanted
    }

    /// The settings that trust every tag that the document looks at.
    fn trust(&self) -> String {
        let all = || self.list.iter().chain(&self.never);
        let mut of_accounts: BTreeSet<&str> = all().flat_map(|rule| rule.accounts.tags()).collect();
        of_accounts.extend(self.scopes().flat_map(Scope::account_tags));
        of_accounts.extend(all().flat_map(|rule| &rule.who).filter_map(|who| match who {
            Who::GroupOfTag(key, _) => Some(key.as_str()),
            Who::Group(_) | Who::GroupId(_) | Who::User(_) | Who::UserId(_) | Who::MembersOf(_) => None,
        }));
        of_accounts.extend(all().flat_map(|rule| &rule.joins).filter_map(|(_, equals, _)| match equals {
            Joined::AccountTag(key) => Some(key.as_str()),
            Joined::NearestOu | Joined::AnyOu => None,
        }));
        let of_sets = all().flat_map(|rule| &rule.what).filter_map(|what| match what {
            What::Named(_) | What::Arn(_) => None,
            What::Tagged(key, _) => Some(key.as_str()),
        });
        let of_sets = of_sets.chain(self.scopes().flat_map(Scope::set_tags));
        let of_sets = of_sets.chain(all().flat_map(|rule| &rule.joins).map(|(key, ..)| key.as_str()));
        let setting = |name: &str, keys: BTreeSet<&str>| {
            let keys: Vec<String> = keys.into_iter().map(quoted).collect();
            if keys.is_empty() { String::new() } else { format!("  {name}: [{}]\n", keys.join(", ")) }
        };
        setting("trusted_account_tags", of_accounts)
            + &setting("trusted_permission_set_tags", of_sets.collect())
    }

    /// The document as the product reads it.
    pub(super) fn yaml(&self) -> String {
        let Self {
            reach,
            max_deletes,
            max_delete_percent,
            max_creates,
            max_orphan_deletes,
            never,
            list,
            reprovision,
            permission_sets,
            scopes: _,
        } = self;
        let mut text = format!(
            "version: 1\nsettings:\n  mode: {}\n  guardrails: {{ max_deletes: {max_deletes}, \
             max_delete_percent: {max_delete_percent}, max_creates: {max_creates}, max_orphan_deletes: {max_orphan_deletes} }}\n",
            reach.word()
        );
        text.push_str(&self.trust());
        if !never.is_empty() {
            text.push_str("never:\n");
            text.extend(never.iter().map(|never| never.yaml(true)));
        }
        if let Some(reprovision) = reprovision {
            text.extend(["reprovision: ", reprovision, "\n"]);
        }
        if let Some(sets) = permission_sets {
            text.extend(["permission_sets: ", sets, "\n"]);
        }
        text.push_str(&self.teams());
        let own: String =
            list.iter().filter(|rule| rule.team.is_none()).map(|rule| rule.yaml(false)).collect();
        if !own.is_empty() || self.scopes.is_empty() {
            text.extend(["rules:\n", &own]);
        }
        text
    }

    pub(super) fn bundle(&self) -> Bundle {
        let root = ("usher.yaml".to_owned(), self.yaml());
        Bundle { files: self.files_of_teams().into_iter().chain([root]).collect() }
    }
}

/// What is missing on either side is equal to nothing.
fn joined(join: &(String, Joined, Option<String>), set: &PermissionSet, account: &Account) -> bool {
    let (key, equals, wildcard) = join;
    let units = account.path.units();
    let values: Vec<&str> = match equals {
        Joined::AccountTag(key) => account.tags.get(key).into_iter().collect(),
        Joined::NearestOu => units.last().map(|unit| unit.name.as_str()).into_iter().collect(),
        Joined::AnyOu => units.iter().map(|unit| unit.name.as_str()).collect(),
    };
    let has = set.tags.get(key);
    has.is_some_and(|has| values.iter().any(|value| *value == has || wildcard.as_deref() == Some(has)))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn tag(key: &str, values: &[String]) -> String {
    let values = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
    format!("{{ {}: [{values}] }}", quoted(key))
}
