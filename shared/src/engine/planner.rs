//! Deciding about one account. It holds readers only, so it is the dry run too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    BeyondHere, EngineSettings, ReadError, Reader, RulesOnHand,
    reading::{CONTRADICTION, Reading},
    signed,
};
use crate::{
    domain::{
        Account, AccountId, AssignmentKey, GroupId, Mode, PermissionSetArn, Principal, RuleId, RulesVersion,
    },
    ledger::{Cause, Orders, Row},
    outcome::{self, Response},
    plan::{self, Actual, Plan, Situation},
    ports::{Seen, SeenKind},
    resolve::{self, Desired, Facts, Lookup, Missing, NamedBy},
    rules::{Guardrails, Index},
};

/// What was decided about an account.
#[derive(Debug)]
#[must_use = "a decision does nothing until it is approved and written"]
pub struct Decided {
    pub plan: Plan,
    /// The account; `None` when the organization does not know it.
    pub account: Option<Account>,
    /// Rules with a name that nothing bears (yet).
    pub waiting: BTreeSet<(NamedBy, Missing)>,
    /// What rules want beyond the scope of their team.
    pub beyond: BeyondHere,
    /// What can't be told of what the rules want here.
    pub untold: Untold,
    /// Whether the ledger holds work for this account already.
    pub has_work: bool,
    /// What was ours and is gone by another's hand, and what the plan does about it.
    pub drift: BTreeMap<AssignmentKey, Response>,
    /// The principals that it was decided about, where not about all.
    pub only: Option<BTreeSet<Principal>>,
}

/// What can't be told of what the rules want in an account, for look-ups that have failed. Nothing is given or taken by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untold {
    /// Why it can't be told what these rules want.
    pub rules: BTreeMap<RuleId, String>,
    /// Why it can't be told what is forbidden, if it can't.
    pub never: Option<String>,
}

impl Untold {
    pub(super) fn of(desired: &Desired) -> Self {
        Self { rules: desired.frozen.clone(), never: desired.grants_frozen.clone() }
    }
}

/// The same of many accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UntoldOfAll {
    /// Of these rules, in how many accounts, and the first of the reasons.
    pub rules: BTreeMap<RuleId, (usize, String)>,
    /// Why it can't be told what is forbidden, by account.
    pub never: BTreeMap<AccountId, String>,
}

impl UntoldOfAll {
    pub fn of<'a>(all: impl IntoIterator<Item = (&'a AccountId, &'a Untold)>) -> Self {
        let mut sum = Self::default();
        for (account, Untold { rules, never }) in all {
            for (rule, why) in rules {
                sum.rules.entry(rule.clone()).or_insert_with(|| (0, why.clone())).0 += 1;
            }
            sum.never.extend(never.iter().map(|why| (account.clone(), why.clone())));
        }
        sum
    }
}

/// What decisions rest on, besides the accounts themselves.
#[derive(Debug)]
pub struct Basis {
    pub rules: RulesOnHand,
    /// How many assignments were ours when that was last counted.
    pub owned: u32,
    /// What was learned on the way, worth remembering.
    pub learned: BTreeMap<SeenKind, Vec<Seen>>,
    /// The names of permission sets, as far as they were read or remembered.
    pub set_names: BTreeMap<PermissionSetArn, String>,
    /// The names of the groups that rules name by them.
    pub group_names: BTreeMap<GroupId, String>,
}

impl Basis {
    pub(super) fn of(rules: RulesOnHand, reading: &Reading<'_>) -> Self {
        Self {
            rules,
            owned: reading.owned(),
            learned: reading.learned(),
            set_names: reading.set_names(),
            group_names: reading.group_names(),
        }
    }

    /// The guardrails of the rules.
    pub fn guardrails(&self) -> Guardrails {
        self.rules.index.settings().guardrails
    }
}

/// Decides. See [`crate::plan`] for what is decided when.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    pub reader: Reader<'a>,
    pub settings: EngineSettings,
}

impl Planner<'_> {
    /// Decides about one account: the ledger's rows first, AWS second.
    pub async fn account(&self, id: &AccountId, cause: &Cause) -> Result<(Decided, Basis), ReadError> {
        self.account_with_names(id, cause, None).await
    }

    /// The same, believing no name of an OU that was read before `ou_names_since`.
    pub(super) async fn account_with_names(
        &self,
        id: &AccountId,
        cause: &Cause,
        ou_names_since: Option<Timestamp>,
    ) -> Result<(Decided, Basis), ReadError> {
        let LookedAt { rules, rows, reading, found, .. } =
            self.look_at(id, cause, ou_names_since, Besides::Nothing).await?;
        let Some(Found { account, desired, plan, .. }) = found else {
            return Ok((self.departed(id, &rows), Basis::of(rules, &reading)));
        };
        let decided = Decided {
            drift: outcome::drift(&rows, &plan),
            plan,
            account: Some(account),
            beyond: BeyondHere::of(&desired),
            untold: Untold::of(&desired),
            waiting: desired.waiting,
            has_work: has_work(&rows),
            only: None,
        };
        Ok((decided, Basis::of(rules, &reading)))
    }

    /// Reads what a decision about one account rests on, and decides.
    pub(super) async fn look_at(
        &self,
        id: &AccountId,
        cause: &Cause,
        ou_names_since: Option<Timestamp>,
        besides: Besides<'_>,
    ) -> Result<LookedAt<'_>, ReadError> {
        let rules = self.reader.rulebook.rules(self.reader.ledger).await?;
        let orders = self.reader.ledger.orders().await?;
        let rows = self.reader.ledger.rows_of(id).await?;
        let reading = Reading::begin(self.reader, &self.settings).await?.with_ou_names_since(ou_names_since);
        let Some(account) = reading.account(id).await? else {
            return Ok(LookedAt { rules, orders, rows, reading, found: None });
        };
        let now = reading.started();
        let facts = reading.facts(&resolve::needs(&rules.index, &account, now)).await;
        let unkept = reading.unkept(&rules).await;
        let awaited = resolve::awaited(&rules.index, &account, &facts, now, &unkept);
        let desired = Desired { awaited, ..resolve::desired(&rules.index, &account, &facts, now) };
        reading.learn_names(&desired.named);
        let standing = reading.standing(&leaving(&desired, &rows)).await;
        let asked = Asked { index: &rules.index, account: &account, desired: &desired, rows: &rows, now };
        let (principals, vanished) = (asked.bearers(&standing), asked.vanished(&facts));
        let concerned = concerned(&desired, &rows);
        let (present, actual) = if account.state.is_active() {
            let seen = reading.actual(id, &besides.and(&concerned, self.reader).await?).await?;
            // What is decided is the same whatever is looked at besides.
            let of_concern = |key: &&AssignmentKey| concerned.contains(&key.permission_set);
            let present = seen.present.iter().filter(of_concern).cloned().collect();
            let actual = Actual { present, read_at: seen.read_at };
            (Lookup::Found(seen.present), actual)
        } else {
            let unread = Lookup::Failed("nothing is read of an account that is not active".to_owned());
            (unread, Actual { present: BTreeSet::new(), read_at: reading.started() })
        };
        let plan = self.plan(
            &Material { account: &account, rows: &rows, rules: &rules, orders: &orders, cause },
            &desired,
            &Doubts { principals: &principals, vanished: &vanished },
            &actual,
        );
        let found = Some(Found { account, facts, desired, present, plan });
        Ok(LookedAt { rules, orders, rows, reading, found })
    }

    /// One key as the ledger, the rules and AWS have it now; `None` if the organization does not know the account.
    pub(super) async fn look(&self, key: &AssignmentKey) -> Result<Option<Look>, ReadError> {
        let rules = self.reader.rulebook.rules(self.reader.ledger).await?;
        let row = self.reader.ledger.row(key).await?;
        let reading = Reading::begin(self.reader, &self.settings).await?;
        let Some(account) = reading.account(&key.account).await? else { return Ok(None) };
        let now = reading.started();
        let facts = reading.facts(&resolve::needs(&rules.index, &account, now)).await;
        let mut desired = resolve::desired(&rules.index, &account, &facts, now);
        let actual = reading.actual(&key.account, &[key.permission_set.clone()].into()).await?;
        Ok(Some(Look {
            row,
            is_listed: actual.present.contains(key),
            wanted: desired.wanted.remove(key),
            frozen: desired.frozen.into_values().next(),
            rules: rules.version,
        }))
    }

    pub(super) fn departed(&self, id: &AccountId, rows: &[Row]) -> Decided {
        let plan = plan::departed(id, rows, signed(self.settings.lag), self.reader.clock.now());
        Decided {
            plan,
            account: None,
            waiting: BTreeSet::new(),
            beyond: BeyondHere::default(),
            untold: Untold::default(),
            has_work: has_work(rows),
            drift: BTreeMap::new(),
            only: None,
        }
    }

    /// The pure decision, the same for one account and for each of all.
    pub(super) fn plan(
        &self,
        material: &Material<'_>,
        desired: &Desired,
        doubts: &Doubts<'_>,
        actual: &Actual,
    ) -> Plan {
        let Material { account, rows, rules, orders, cause } = *material;
        plan::plan(&Situation {
            account,
            desired,
            rows,
            actual,
            principals: doubts.principals,
            vanished: doubts.vanished,
            orders,
            mode: rules.index.settings().mode,
            rules: &rules.version,
            cause,
            management: self.settings.management,
            quotas: self.settings.quotas,
            lag: signed(self.settings.lag),
            orphan_grace: signed(self.settings.orphan_grace),
            intent_age: signed(self.settings.intent_age),
            now: self.reader.clock.now(),
        })
    }
}

/// What a look at one account has read.
pub(super) struct LookedAt<'a> {
    pub(super) rules: RulesOnHand,
    pub(super) orders: Orders,
    pub(super) rows: Vec<Row>,
    pub(super) reading: Reading<'a>,
    /// `None` when the organization does not know the account.
    pub(super) found: Option<Found>,
}

/// What it has read of an account that is there, and decided about it.
pub(super) struct Found {
    pub(super) account: Account,
    pub(super) facts: Facts,
    pub(super) desired: Desired,
    /// What is assigned there, of what was to be looked at.
    pub(super) present: Lookup<BTreeSet<AssignmentKey>>,
    pub(super) plan: Plan,
}

/// Of which permission sets the assignments are read, besides those that a decision needs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Besides<'a> {
    Nothing,
    One(&'a PermissionSetArn),
    /// Of all that are provisioned in this account.
    All(&'a AccountId),
}

impl Besides<'_> {
    async fn and(
        self,
        concerned: &BTreeSet<PermissionSetArn>,
        reader: Reader<'_>,
    ) -> Result<BTreeSet<PermissionSetArn>, ReadError> {
        let mut sets = concerned.clone();
        match self {
            Self::Nothing => {}
            Self::One(set) => _ = sets.insert(set.clone()),
            Self::All(account) => {
                let provisioned = reader.access.provisioned_in(account).await;
                sets.extend(
                    provisioned
                        .map_err(|source| ReadError::Assignments { account: account.clone(), source })?,
                );
            }
        }
        Ok(sets)
    }
}

/// One key, looked at for a person.
pub(super) struct Look {
    pub(super) row: Option<Row>,
    pub(super) is_listed: bool,
    /// The rules that want it, less `never`.
    pub(super) wanted: Option<BTreeMap<RuleId, Mode>>,
    /// Why it can't be said that no rule wants it.
    pub(super) frozen: Option<String>,
    pub(super) rules: RulesVersion,
}

/// What is known about an account before anything is looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Material<'a> {
    pub(super) account: &'a Account,
    pub(super) rows: &'a [Row],
    pub(super) rules: &'a RulesOnHand,
    pub(super) orders: &'a Orders,
    pub(super) cause: &'a Cause,
}

/// The permission sets whose assignments matter: those that the rules want, and those of rows that claim something.
pub(super) fn concerned(desired: &Desired, rows: &[Row]) -> BTreeSet<PermissionSetArn> {
    let of_rows = rows.iter().filter(|row| row.state != crate::ledger::State::Closed).map(|row| &row.key);
    desired.wanted.keys().chain(of_rows).map(|key: &AssignmentKey| key.permission_set.clone()).collect()
}

/// What speaks against taking something away, beside the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubts<'a> {
    /// Whether the principals of rows that would go still exist.
    pub(super) principals: &'a BTreeMap<Principal, Lookup<()>>,
    /// Permission sets of rows that the catalogue does not show.
    pub(super) vanished: &'a BTreeSet<PermissionSetArn>,
}

/// The principals of rows that would go: they may have been deleted, and then there is nothing to take away.
pub(super) fn leaving(desired: &Desired, rows: &[Row]) -> BTreeSet<Principal> {
    let goes = |row: &&Row| row.is_ours() && !desired.wanted.contains_key(&row.key);
    rows.iter().filter(goes).map(|row| row.key.principal.clone()).collect()
}

/// What a look at one account alone asks about. A survey knows more, and must not decide by it.
pub(super) struct Asked<'a> {
    pub(super) index: &'a Index,
    pub(super) account: &'a Account,
    pub(super) desired: &'a Desired,
    pub(super) rows: &'a [Row],
    /// The time of the rules.
    pub(super) now: Timestamp,
}

impl Asked<'_> {
    /// Whether the principals of rows that would go still exist. One of which the directory has just said that it is not there, or
    /// that nobody bears its name, is in doubt: one of the two answers is stale.
    pub(super) fn bearers(
        &self,
        standing: &BTreeMap<Principal, Lookup<String>>,
    ) -> BTreeMap<Principal, Lookup<()>> {
        let bears = |principal: &Principal| match standing.get(principal) {
            Some(Lookup::Found(name)) if self.is_missing(principal, name) => {
                Lookup::Failed(CONTRADICTION.to_owned())
            }
            Some(Lookup::Found(_)) => Lookup::Found(()),
            Some(Lookup::Absent) => Lookup::Absent,
            Some(Lookup::Failed(why)) => Lookup::Failed(why.clone()),
            None => Lookup::Failed("not looked up".to_owned()),
        };
        let asked = leaving(self.desired, self.rows);
        asked.into_iter().map(|principal| (principal.clone(), bears(&principal))).collect()
    }

    /// Whether the directory has said that nobody bears this name, or that this principal is not there.
    fn is_missing(&self, principal: &Principal, name: &str) -> bool {
        self.desired.waiting.iter().any(|(_, missing)| match missing {
            Missing::Group(missing) | Missing::User(missing) => missing == name,
            Missing::GroupId(missing) => *principal == Principal::Group(missing.clone()),
            Missing::UserId(missing) => *principal == Principal::User(missing.clone()),
            Missing::PermissionSet(_)
            | Missing::PermissionSetArn(_)
            | Missing::AccountData(_)
            | Missing::Protected(_) => false,
        })
    }

    /// The permission sets of rows that the catalogue does not show, if a rule of this account had it read.
    pub(super) fn vanished(&self, facts: &Facts) -> BTreeSet<PermissionSetArn> {
        match &facts.permission_sets {
            Lookup::Found(sets) if resolve::needs(self.index, self.account, self.now).permission_sets => {
                let of_rows = self.rows.iter().map(|row| &row.key.permission_set);
                of_rows.filter(|set| !sets.has(set)).cloned().collect()
            }
            Lookup::Found(_) | Lookup::Absent | Lookup::Failed(_) => BTreeSet::new(),
        }
    }
}

/// Whether there is something to do, or under way.
pub(super) fn has_work(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.work().is_some())
}
