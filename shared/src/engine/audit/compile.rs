//! What is read at once, at the end, and the report that comes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{AuditError, Auditor, collect};
use crate::{
    audit::{
        Audit, AuditedAccount, Draft, Findings, Next, Only, Person, Planned, Remembered, Scope, Taken, Unit,
        Unread, Way,
    },
    causes,
    domain::{Account, AssignmentKey, GroupId, Mode, OuPath, PermissionSetArn, Principal, UserId},
    engine::{
        Decided, Planner, ReadError, Reader, Rulebook, RulesOnHand, consent,
        look::{Draft as Drafted, Drafts, Look},
        planner::{Untold, UntoldOfAll, concerned},
        signed,
    },
    ledger::{Campaign, CampaignRecord, Cause, ConsentRecord, Consented, Edit, Row, State},
    plan::Actual,
    ports::{LastName, Seen, SeenKind, UserNames},
    rules::{Bundle, Guardrails, Index, Reprovision, RuleSet, Settings},
};

impl Auditor<'_> {
    /// The report that comes of a draft.
    pub(super) async fn compile(
        &self,
        mut draft: Draft,
        before: Option<&Audit>,
    ) -> Result<Audit, AuditError> {
        let nothing;
        let in_force = self.reader.rulebook.if_any(self.reader.ledger).await?;
        let reader = if in_force.is_some() {
            self.reader
        } else {
            nothing = no_rules();
            Reader { rulebook: &nothing, ..self.reader }
        };
        let planner = Planner { reader, settings: self.settings };
        let mut look = Look::begin(&planner, None).await?;
        let read_before = draft.tags.iter().filter_map(|(id, tags)| Some((id.clone(), tags.clone()?)));
        look.know_tags(read_before);
        // One that is gone meanwhile is in no list, and one that could not be read is told by the draft.
        let unreadable = |id: &&crate::domain::AccountId| matches!(draft.tags.get(*id), Some(None));
        let everybody = look.accounts();
        let in_scope: Vec<_> = everybody
            .iter()
            .filter(|id| match &self.auditing.only {
                Only::Account(only) => *id == only,
                Only::Everything | Only::PermissionSet(_) | Only::Person(_) => true,
            })
            .filter(|id| !unreadable(id))
            .cloned()
            .collect();
        let (accounts, needs) = look.read(&in_scope).await;
        let drafts = look.draft(accounts, &needs).await;
        let mut present: BTreeMap<_, BTreeSet<AssignmentKey>> = BTreeMap::new();
        for key in draft.present() {
            present.entry(key.account.clone()).or_default().insert(key);
        }
        let mut wants = BTreeMap::new();
        for drafted in &drafts.each {
            let there = present.get(&drafted.account.id);
            wants.insert(drafted.account.id.clone(), plan(&look, &drafts, drafted, there, &draft));
        }
        draft.unread.extend(untold(&drafts.each));
        let (units, accounts) = accounts_of(&look, &drafts, &mut draft).await?;

        let mut rows: BTreeMap<AssignmentKey, Row> =
            look.rows.values().flatten().map(|row| (row.key.clone(), row.clone())).collect();
        let scope = self.scope(&draft);
        rows.retain(|key, _| scope.has(key));
        for planned in wants.values_mut() {
            planned.wanted.retain(|key, _| scope.has(key));
        }
        let keys = present.values().flatten();
        let wanted = wants.values().flat_map(|planned| planned.wanted.keys());
        let recorded = rows.values().filter(|row| row.state != State::Closed).map(|row| &row.key);
        let principals: BTreeSet<Principal> =
            keys.chain(wanted).chain(recorded).map(|key| key.principal.clone()).collect();
        let who = self.who(&mut draft, &principals).await?;
        self.what_is_new(&mut draft).await?;

        let instance = self.reader.access.instance().await.map_err(ReadError::Instance)?;
        let trusted = |tags: fn(&Settings) -> &BTreeSet<String>| {
            in_force.as_ref().map(|rules| tags(rules.index.settings()).clone()).unwrap_or_default()
        };
        let taken = Taken {
            began: draft.began,
            ended: self.reader.clock.now(),
            instance: instance.arn,
            identity_store: instance.identity_store,
            region: self.auditing.region.clone(),
            management_account: look.reading.organization().await?.management_account,
            rules: in_force.as_ref().map(|rules| rules.version.clone()),
            mode: in_force.as_ref().map(|rules| rules.index.settings().mode),
            trusted_account_tags: trusted(|settings| &settings.trusted_account_tags),
            trusted_permission_set_tags: trusted(|settings| &settings.trusted_permission_set_tags),
            since: None,
            way: draft.way.unwrap_or(Way::ByAccount),
            only: self.auditing.only.clone(),
        };
        let asked = draft.holdings.iter().map(|holding| holding.principal.clone()).collect();
        let declared = look.rules.index.declared().to_vec();
        let Who { groups, people, gone, last_names } = who;
        let findings = Findings {
            draft,
            taken,
            organizational_units: units,
            accounts,
            planned: wants,
            declared,
            groups,
            people,
            gone,
            last_names,
            rows: rows.clone(),
            lag: signed(self.settings.lag),
        };
        let audit = findings.compile();
        Ok(match before {
            Some(before) => audit.since(before, &self.remembered(&rows, asked).await?),
            None => audit,
        })
    }

    fn scope(&self, draft: &Draft) -> InScope {
        match &self.auditing.only {
            Only::Everything => InScope::Everything,
            Only::Account(account) => InScope::Account(account.clone()),
            Only::PermissionSet(set) => InScope::PermissionSet(set.clone()),
            Only::Person(_) => {
                let theirs = draft.holdings.iter().map(|holding| holding.principal.clone());
                InScope::Principals(theirs.collect())
            }
        }
    }

    /// What groups and people are called, who of them is gone, and who is in groups that have nothing yet.
    async fn who(&self, draft: &mut Draft, principals: &BTreeSet<Principal>) -> Result<Who, AuditError> {
        let directory = self.reader.directory;
        let groups = match directory.all_groups().await {
            Ok(groups) => Some(groups),
            Err(error) => {
                collect::unread(draft, "what groups are called".to_owned(), error, Scope::Groups)?;
                None
            }
        };
        let people = match directory.people().await {
            Ok(people) => Some(people),
            Err(error) => {
                collect::unread(draft, "what people are called".to_owned(), error, Scope::People)?;
                None
            }
        };
        let mut who = Who { last_names: self.last_names().await?, ..Who::default() };
        let members = draft.members.values().flatten().flatten().cloned().map(Principal::User);
        let all: BTreeSet<Principal> = principals.iter().cloned().chain(members).collect();
        for principal in &all {
            let (is_listed, name) = match principal {
                Principal::Group(id) if groups.as_ref().is_none_or(|groups| groups.contains_key(id)) => {
                    (true, Ok(None))
                }
                Principal::User(id) if people.as_ref().is_none_or(|people| people.contains_key(id)) => {
                    (true, Ok(None))
                }
                // A list may be stale: only an answer about this one proves that it is gone.
                Principal::Group(id) => (false, directory.group_name(id).await),
                Principal::User(id) => (false, directory.user_name(id).await),
            };
            match name {
                _ if is_listed => {}
                Ok(Some(name)) => _ = who.last_names.insert(principal.clone(), name),
                Ok(None) => _ = who.gone.insert(principal.clone()),
                Err(error) => {
                    let scope = Scope::Principal { principal: principal.clone() };
                    collect::unread(draft, format!("whether {principal} is still there"), error, scope)?;
                }
            }
        }
        let collector = collect::Collector { auditor: self, until: None };
        for principal in principals {
            if let Principal::Group(group) = principal
                && !who.gone.contains(principal)
                && !draft.members.contains_key(group)
                && !draft.unread.iter().any(|one| one.scope == Scope::Members { group: group.clone() })
            {
                collector.members_of(group, draft).await?;
            }
        }
        let person = |(id, names): (_, UserNames)| Person {
            user_name: names.user_name.unwrap_or_else(|| crate::domain::UserId::to_string(&id)),
            display_name: names.display_name,
            gone: false,
            id,
        };
        who.people = people.unwrap_or_default().into_iter().map(person).collect();
        who.groups = groups.unwrap_or_default();
        Ok(who)
    }

    async fn last_names(&self) -> Result<BTreeMap<Principal, String>, AuditError> {
        let mut names = BTreeMap::new();
        for kind in [SeenKind::GroupName, SeenKind::UserName] {
            for seen in self.reader.ledger.recall(kind).await? {
                let principal = if kind == SeenKind::GroupName {
                    seen.id.parse().ok().map(Principal::Group)
                } else {
                    seen.id.parse().ok().map(Principal::User)
                };
                let last = serde_json::from_value::<LastName>(seen.value).ok();
                names.extend(principal.zip(last.map(|last| last.name)));
            }
        }
        Ok(names)
    }

    /// Permission sets that were made while it was read.
    async fn what_is_new(&self, draft: &mut Draft) -> Result<(), AuditError> {
        if self.auditing.only != Only::Everything {
            return Ok(());
        }
        let Some(listed) = &draft.listed else { return Ok(()) };
        let now = self.reader.access.permission_sets().await.map_err(AuditError::PermissionSets)?;
        let now: BTreeSet<PermissionSetArn> = now.into_iter().collect();
        let made = now.difference(listed).map(|arn| (arn, "made"));
        for (arn, what) in made.chain(listed.difference(&now).map(|arn| (arn, "deleted"))) {
            let read = draft.sets.get(arn).and_then(Option::as_ref).map(|set| set.name.clone());
            let name = match read {
                Some(name) => name,
                None => self.set_name(arn).await.unwrap_or_else(|| arn.to_string()),
            };
            draft.changed_meanwhile.insert(format!("permission set {name} was {what}"));
        }
        Ok(())
    }

    /// What the ledger knows of the time since the earlier report.
    async fn remembered<'b>(
        &self,
        rows: &'b BTreeMap<AssignmentKey, Row>,
        asked: BTreeSet<Principal>,
    ) -> Result<Remembered<'b>, AuditError> {
        let (edits, joined, disowned) = (self.edits().await?, self.joined().await?, self.disowned().await?);
        Ok(Remembered { was_asked: true, rows: rows.iter().collect(), edits, disowned, joined, asked })
    }

    /// Who gave up what was Usher's, by the journal.
    async fn disowned(&self) -> Result<BTreeMap<AssignmentKey, ConsentRecord>, AuditError> {
        let journal = consent::journal(self.reader.ledger).await?;
        let mut disowned = BTreeMap::new();
        // The oldest come first, and later ones take their place.
        for record in journal {
            if let Consented::Disowned { key } = &record.what {
                disowned.insert(key.clone(), record);
            }
        }
        Ok(disowned)
    }

    /// When those were first seen who are in groups that matter.
    async fn joined(&self) -> Result<BTreeMap<(GroupId, UserId), Timestamp>, AuditError> {
        let seen = self.reader.ledger.recall(SeenKind::Member).await?.into_iter();
        let member = |seen: Seen| {
            let (group, user) = seen.id.split_once('/')?;
            Some(((group.parse().ok()?, user.parse().ok()?), seen.at))
        };
        Ok(seen.filter_map(member).collect())
    }

    /// Edits of permission sets, as far as the ledger remembers.
    async fn edits(&self) -> Result<BTreeMap<PermissionSetArn, BTreeSet<Edit>>, AuditError> {
        let mut edits: BTreeMap<PermissionSetArn, BTreeSet<Edit>> = BTreeMap::new();
        for Campaign { permission_set, edits: of_it, .. } in self.reader.ledger.campaigns().await? {
            edits.entry(permission_set).or_default().extend(of_it);
        }
        for seen in self.reader.ledger.recall(SeenKind::Reprovisioned).await? {
            if let Ok(record) = serde_json::from_value::<CampaignRecord>(seen.value) {
                edits.entry(record.permission_set).or_default().extend(record.edits);
            }
        }
        Ok(edits)
    }
}

/// Which keys a report is about.
enum InScope {
    Everything,
    Account(crate::domain::AccountId),
    PermissionSet(PermissionSetArn),
    Principals(BTreeSet<Principal>),
}

impl InScope {
    fn has(&self, key: &AssignmentKey) -> bool {
        match self {
            Self::Everything => true,
            Self::Account(account) => key.account == *account,
            Self::PermissionSet(set) => key.permission_set == *set,
            Self::Principals(principals) => principals.contains(&key.principal),
        }
    }
}

/// Whom a report is about.
#[derive(Default)]
struct Who {
    groups: BTreeMap<crate::domain::GroupId, String>,
    people: Vec<Person>,
    gone: BTreeSet<Principal>,
    last_names: BTreeMap<Principal, String>,
}

/// Rules that want nothing: by these an organization is looked at in which none are in force.
fn no_rules() -> Rulebook {
    let settings = Settings {
        mode: Mode::Observe,
        guardrails: Guardrails::default(),
        trusted_account_tags: BTreeSet::new(),
        trusted_permission_set_tags: BTreeSet::new(),
        protected_permission_sets: BTreeSet::new(),
    };
    let nothing = RuleSet {
        settings,
        teams: Vec::new(),
        never: Vec::new(),
        reprovision: Reprovision::default(),
        permission_sets: Vec::new(),
        rules: Vec::new(),
    };
    let version = Bundle { files: BTreeMap::new() }.version();
    Rulebook::fixed(RulesOnHand { version, index: Arc::new(Index::compile(nothing)) })
}

/// What can't be told of what the rules want, for look-ups that have failed: each rule once, with the first of the reasons.
fn untold(all: &[Drafted]) -> BTreeSet<Unread> {
    let each: Vec<_> = all.iter().map(|it| (&it.account.id, Untold::of(&it.desired))).collect();
    let UntoldOfAll { rules, never } =
        UntoldOfAll::of(each.iter().map(|(account, untold)| (*account, untold)));
    let of_rules = rules.into_iter().map(|(rule, (_, why))| Unread {
        what: format!("what the rule `{rule}` wants"),
        why,
        scope: Scope::Rule { rule },
    });
    let of_accounts = never.into_iter().map(|(account, why)| Unread {
        what: format!("what is forbidden in account {account}"),
        why,
        scope: Scope::Never { account },
    });
    of_rules.chain(of_accounts).collect()
}

/// What the rules want in an account, and what would be done about it.
fn plan(
    look: &Look<'_>,
    drafts: &Drafts,
    drafted: &Drafted,
    present: Option<&BTreeSet<AssignmentKey>>,
    draft: &Draft,
) -> Planned {
    let concerned = concerned(&drafted.desired, look.rows_of(&drafted.account.id));
    let of_concern = |key: &&AssignmentKey| concerned.contains(&key.permission_set);
    let present = present.into_iter().flatten().filter(of_concern).cloned().collect();
    let actual = if drafted.account.state.is_active() {
        Actual { present, read_at: draft.began }
    } else {
        look.unasked()
    };
    let Decided { plan, .. } = look.decide(drafts, drafted, None, &actual, &Cause::new("audit", "now"));
    let desired = &drafted.desired;
    let wanted = desired.wanted.iter().map(|(key, rules)| (key.clone(), rules.keys().cloned().collect()));
    let withheld = plan
        .withheld
        .into_iter()
        .map(|withheld| (withheld.key, Next::Withheld(withheld.operation, withheld.reason)));
    let mut next: BTreeMap<AssignmentKey, Next> = withheld.collect();
    for action in plan.actions {
        let what = match action.operation {
            crate::domain::Operation::Grant => Next::Grants,
            crate::domain::Operation::Revoke => Next::Revokes,
        };
        next.insert(action.key, what);
    }
    Planned { wanted: wanted.collect(), until: desired.until.clone(), next }
}

/// All accounts, those included that could not be read, and their OUs.
async fn accounts_of(
    look: &Look<'_>,
    drafts: &Drafts,
    draft: &mut Draft,
) -> Result<(BTreeSet<Unit>, Vec<AuditedAccount>), AuditError> {
    let (units, mut accounts) = places(drafts.each.iter().map(|drafted| &drafted.account));
    for (id, error) in &look.unread {
        draft.unread.insert(Unread {
            what: format!("account {id}"),
            why: causes::joined(error),
            scope: Scope::Account { account: id.clone() },
        });
    }
    let read: BTreeSet<_> = accounts.iter().map(|account| account.id.clone()).collect();
    for record in look.records.values().filter(|record| !read.contains(&record.id)) {
        accounts.push(AuditedAccount {
            id: record.id.clone(),
            name: record.name.clone(),
            ou: String::new(),
            state: record.state,
            management: false,
            tags: crate::domain::Tags::default(),
            unread: true,
        });
    }
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    let management = look.reading.organization().await?.management_account;
    for account in &mut accounts {
        account.management = account.id == management;
    }
    Ok((units, accounts))
}

/// Accounts, and the OUs that they are in.
fn places<'a>(accounts: impl Iterator<Item = &'a Account>) -> (BTreeSet<Unit>, Vec<AuditedAccount>) {
    let (mut units, mut audited) = (BTreeSet::new(), Vec::new());
    for account in accounts {
        let mut way = OuPath::default();
        for unit in account.path.units() {
            way.0.push(unit.clone());
            units.insert(Unit { path: way.to_string(), id: unit.id.clone() });
        }
        audited.push(AuditedAccount {
            id: account.id.clone(),
            name: account.name.clone(),
            ou: account.path.to_string(),
            state: account.state,
            management: account.is_management,
            tags: account.tags.clone(),
            unread: false,
        });
    }
    (units, audited)
}
