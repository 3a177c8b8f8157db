//! Planning for a command: the engine's own decision, approved by the ledger's budgets, with the names behind its ids.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{Account, AccountId, AssignmentKey, Operation, RuleId},
    engine::{
        self, Basis, BeyondHere, Decided, Planner, PublishError, ReadError, StandIns, Survey, Surveyed,
        UntoldOfAll, all_rows, consent::Proposal,
    },
    guardrail::{self, ApprovedPlan, Budgets},
    ledger::{Beyond, BudgetKey, Cause, Row},
    ports::{RulesInForce, RulesStore},
    resolve::{Missing, NamedBy},
    rules::Index,
};

use crate::{
    Failure,
    foresight::Foresight,
    names::{self, Names},
    report::{
        self, AccountPlan, Budget, Change, Period, PlanReport, PlanSummary, RulesUsed, UnderWay, Unread,
        UntoldRule, Waiting, Withheld,
    },
    scope_names::ScopeNames,
};

/// What was planned.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) report: PlanReport,
    /// Accounts where anything is to be written, the ledger's own notes included.
    pub(crate) differing: Vec<AccountId>,
    /// Keys that change, or that an earlier run left, with what is done to them.
    pub(crate) changing: BTreeMap<AssignmentKey, Operation>,
    pub(crate) names: Names,
    /// What was read and is worth remembering.
    pub(crate) basis: Basis,
    /// The plan as it can be approved.
    pub(crate) proposal: Proposal,
    /// Rules that give something beyond the scope of their team.
    pub(crate) beyond: Vec<Beyond>,
}

/// Plans one account, or all. Assignments are planned with the permission sets as the planner reads them: as they are, or as they will be
/// by this foresight.
pub(crate) async fn plan(
    planner: &Planner<'_>,
    foresight: &Foresight,
    account: Option<&AccountId>,
    files: Vec<String>,
    cause: &Cause,
) -> Result<Planned, Failure> {
    let survey = match account {
        None => planner.everything(cause).await.map_err(Failure::Read)?,
        Some(id) => one(planner, id, cause).await?,
    };
    let (ledger, now) = (planner.reader.ledger, planner.reader.clock.now());
    let proposal = Proposal::of(&survey, account, ledger, cause, now).await?;
    // Permission sets are nobody's account's. But what could not be read is missing in every plan.
    let is_told = |surveyed: &&Surveyed| account.is_none() || surveyed.plan.is_unread();
    let fingerprint = if account.is_none() { foresight.fingerprint.as_str() } else { "" };
    let stand_ins = foresight.stand_ins();
    let proposal = proposal.with(fingerprint, &stand_ins);
    let Survey { basis, decided, unread, rows } = survey;
    let (mut beyond, mut budgets) =
        (engine::beyond(&decided, &basis), Spending::begin(&basis, cause, planner).await?);
    names::name_principals(&mut beyond, planner.reader.into()).await;

    let in_scope = |row: &&Row| account.is_none_or(|account| row.key.account == *account);
    let mut work: BTreeMap<AccountId, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(in_scope).filter(|row| row.work().is_some()) {
        work.entry(row.key.account.clone()).or_default().push(row);
    }

    let mut drafts = Vec::with_capacity(decided.len());
    let mut keys = BTreeSet::new();
    let mut changing = BTreeMap::new();
    let mut differing = Vec::new();
    let mut summary = PlanSummary { accounts: decided.len(), unread: unread.len(), ..PlanSummary::default() };
    // An account that can't be read may be the one that a rule selects.
    let can_tell = account.is_none() && unread.is_empty();
    let mut idle = if can_tell { Idle::of(&basis.rules.index) } else { Idle::default() };
    let mut in_scopes = if can_tell { ScopeNames::of(&basis.rules.index) } else { ScopeNames::default() };
    let untold = untold(&decided);
    summary.untold = untold.len();
    for Decided { plan, account, waiting, beyond: out_of_scope, .. } in decided {
        idle.look(&basis.rules.index, account.as_ref());
        in_scopes.look(account.as_ref());
        let notes: BTreeSet<AssignmentKey> = plan.records.iter().map(|row| row.key.clone()).collect();
        let is_stopped = |row: &Row| {
            plan.records.iter().any(|note| note.key == row.key && note.work().is_none())
                || plan.actions.iter().any(|action| action.key == row.key)
        };
        let under_way: Vec<Row> = work
            .remove(&plan.account)
            .unwrap_or_default()
            .into_iter()
            .filter(|row| !is_stopped(row))
            .cloned()
            .collect();
        let approved = guardrail::approve(plan, &budgets.now);
        budgets.spend(&approved);
        if !approved.actions().is_empty() || !approved.records().is_empty() {
            differing.push(approved.account().clone());
        }
        summary.notes += notes.len();
        for action in approved.actions() {
            keys.insert(action.key.clone());
            changing.insert(action.key.clone(), action.operation);
        }
        keys.extend(approved.withheld().iter().map(|withheld| withheld.key.clone()));
        for row in &under_way {
            keys.insert(row.key.clone());
            changing.extend(row.work().map(|(operation, _)| (row.key.clone(), operation)));
        }
        drafts.push((approved, account, waiting, under_way, out_of_scope));
    }

    let names = Names::of(keys.iter(), &basis.learned, planner.reader.into()).await;
    let accounts = accounts(drafts, &mut summary, &names, &stand_ins);
    let sets = foresight.sets.iter().filter(is_told);
    let permission_sets: Vec<_> = sets.filter_map(report::permission_set).collect();
    summary.permission_sets = report::SetsSummary::of(&permission_sets);
    let index = &basis.rules.index;
    let report = PlanReport {
        format: report::FORMAT,
        rules: RulesUsed {
            version: basis.rules.version.clone(),
            files,
            mode: index.settings().mode,
            count: index.rules().len(),
        },
        hash: proposal.hash().clone(),
        shrinks: proposal.shrinks(),
        account: account.cloned(),
        scopes_untold: account.is_some() && index.has_scopes() && !proposal.is_in_force(),
        awaits_permission_sets: account.is_some() && foresight.has_work(),
        summary,
        budgets: budgets.told(),
        permission_sets,
        accounts,
        idle_rules: idle.rules.into_iter().collect(),
        idle_never: idle.never.into_iter().collect(),
        idle_scopes: in_scopes.idle(planner.reader.access).await,
        refused: None,
        untold,
        unread: unread.into_iter().map(why_unread).collect(),
        given: report::Given::default(),
    };
    Ok(Planned { report, differing, changing, names, basis, proposal, beyond })
}

impl Planned {
    /// Tells what these rules newly give beyond scopes from what has drifted under those in force, and whether they are refused for it.
    pub(crate) async fn weigh(
        &mut self,
        in_force: Option<&RulesInForce>,
        store: &dyn RulesStore,
    ) -> Result<Option<PublishError>, Failure> {
        let rules = &self.basis.rules;
        let found = std::mem::take(&mut self.beyond);
        self.beyond = engine::weigh(found, &rules.index, in_force, store).await.map_err(Failure::Publish)?;
        let refused = engine::stay_in_scope(&rules.version, &self.beyond, in_force).err();
        self.report.refused = refused.as_ref().map(ToString::to_string);
        Ok(refused)
    }
}

/// What was decided about an account: the plan, the account, names that nothing bears, what is under way, and what is beyond scopes.
type Draft = (ApprovedPlan, Option<Account>, BTreeSet<(NamedBy, Missing)>, Vec<Row>, BeyondHere);

/// The accounts with anything to tell, counted.
fn accounts(
    drafts: Vec<Draft>,
    summary: &mut PlanSummary,
    names: &Names,
    stand_ins: &StandIns,
) -> Vec<AccountPlan> {
    let mut accounts = Vec::new();
    for (approved, account, waiting, under_way, beyond) in drafts {
        let waiting = waiting.into_iter().map(|(by, name)| told(by, &name));
        let plan = AccountPlan {
            under_way: under_way.iter().filter_map(|row| still_under_way(row, names)).collect(),
            waiting: waiting.collect(),
            ..account_plan(&approved, account.as_ref(), &beyond, names, stand_ins)
        };
        summary.grants += plan.grants.len();
        summary.revokes += plan.revokes.len();
        summary.withheld += plan.withheld.len();
        summary.under_way += plan.under_way.len();
        summary.waiting += plan.waiting.len();
        summary.differing += usize::from(!plan.grants.is_empty() || !plan.revokes.is_empty());
        if !plan.is_quiet() {
            accounts.push(plan);
        }
    }

    accounts
}

/// What can't be told of rules, each once.
fn untold(decided: &[Decided]) -> Vec<UntoldRule> {
    let UntoldOfAll { rules, never } =
        UntoldOfAll::of(decided.iter().map(|Decided { plan, untold, .. }| (&plan.account, untold)));
    let of_never = never.values().next().cloned().map(|why| (None, (never.len(), why)));
    let of_rules = rules.into_iter().map(|(rule, of_rule)| (Some(rule), of_rule));
    let all = of_never.into_iter().chain(of_rules);
    all.map(|(rule, (accounts, why))| UntoldRule { rule, accounts, why }).collect()
}

fn why_unread((id, error): (AccountId, ReadError)) -> Unread {
    Unread { id, why: shared::causes::joined(&error) }
}

/// Rules and entries of `never` that no account looked at so far is selected by.
#[derive(Default)]
struct Idle {
    rules: BTreeSet<RuleId>,
    /// By where they are written.
    never: BTreeSet<String>,
}

impl Idle {
    fn of(index: &Index) -> Self {
        Self {
            rules: index.rules().iter().map(|rule| rule.id.clone()).collect(),
            never: index.never().iter().map(|never| never.written_at.to_string()).collect(),
        }
    }

    fn look(&mut self, index: &Index, account: Option<&Account>) {
        let Some(account) = account else { return };
        for rule in index.rules_for(account) {
            self.rules.remove(&rule.id);
        }
        for never in index.never_for(account) {
            self.never.remove(&never.written_at.to_string());
        }
    }
}

fn told(by: NamedBy, name: &Missing) -> Waiting {
    let (rule, never) = match by {
        NamedBy::Rule(rule) => (Some(rule), None),
        NamedBy::Never(at) => (None, Some(at)),
    };
    Waiting { rule, never, name: name.to_string() }
}

/// One account in the shape of a survey.
async fn one(planner: &Planner<'_>, id: &AccountId, cause: &Cause) -> Result<Survey, Failure> {
    let rows = all_rows(planner.reader.ledger).await?;
    let (decided, basis) = planner.account(id, cause).await.map_err(Failure::Read)?;
    if decided.account.is_none() && !rows.iter().any(|row| row.key.account == *id) {
        return Err(Failure::UnknownAccount(id.clone()));
    }
    Ok(Survey { basis, decided: vec![decided], unread: BTreeMap::new(), rows })
}

/// What is decided about an account.
fn account_plan(
    approved: &ApprovedPlan,
    account: Option<&Account>,
    beyond: &BeyondHere,
    names: &Names,
    stand_ins: &StandIns,
) -> AccountPlan {
    AccountPlan {
        id: approved.account().clone(),
        name: account.map(|account| account.name.clone()),
        ou: account.map(|account| account.path.to_string()),
        state: account.map(|account| account.state),
        grants: changes(approved, Operation::Grant, beyond, names, stand_ins),
        revokes: changes(approved, Operation::Revoke, beyond, names, stand_ins),
        withheld: withheld(approved, names, stand_ins),
        under_way: Vec::new(),
        waiting: Vec::new(),
    }
}

fn changes(
    approved: &ApprovedPlan,
    operation: Operation,
    beyond: &BeyondHere,
    names: &Names,
    stand_ins: &StandIns,
) -> Vec<Change> {
    let of_operation = approved.actions().iter().filter(|action| action.operation == operation);
    let mut changes: Vec<Change> = of_operation
        .map(|action| {
            let (permission_set, principal) = report::named(&action.key, names);
            let awaits_permission_set = stand_ins.has(&permission_set.arn);
            let out_of_scope = operation == Operation::Revoke && beyond.took(&action.key, &action.rules);
            let rules = report::rules(&action.rules);
            Change { permission_set, principal, rules, awaits_permission_set, out_of_scope }
        })
        .collect();
    changes.sort_by(|a, b| (&a.permission_set, &a.principal).cmp(&(&b.permission_set, &b.principal)));
    changes
}

fn withheld(approved: &ApprovedPlan, names: &Names, stand_ins: &StandIns) -> Vec<Withheld> {
    let mut all: Vec<Withheld> = approved
        .withheld()
        .iter()
        .map(|withheld| {
            let (permission_set, principal) = report::named(&withheld.key, names);
            Withheld {
                operation: withheld.operation,
                permission_set,
                principal,
                rules: report::rules(&withheld.rules),
                reason: withheld.reason.clone(),
                why: withheld.reason.to_string(),
                awaits_permission_set: stand_ins.has(&withheld.key.permission_set),
            }
        })
        .collect();
    all.sort_by(|a, b| (&a.permission_set, &a.principal).cmp(&(&b.permission_set, &b.principal)));
    all
}

fn still_under_way(row: &Row, names: &Names) -> Option<UnderWay> {
    let (operation, intent) = row.work()?;
    let (permission_set, principal) = report::named(&row.key, names);
    Some(UnderWay {
        operation,
        permission_set,
        principal,
        rules: report::rules(&row.wanted_by),
        sent: intent.claim.is_some(),
        trouble: row.trouble.clone(),
    })
}

/// The budgets, spent account by account as `apply` does.
struct Spending {
    now: Budgets,
    before: BTreeMap<BudgetKey, u32>,
    kinds: Vec<(BudgetKey, Operation, Period)>,
}

impl Spending {
    async fn begin(basis: &Basis, cause: &Cause, planner: &Planner<'_>) -> Result<Self, Failure> {
        let (version, time) = (&basis.rules.version, planner.reader.clock.now());
        let mut now = Budgets::new(basis.guardrails(), basis.owned, cause, version, time);
        let mut before = BTreeMap::new();
        for budget in now.iter_mut() {
            budget.spent = planner.reader.ledger.spent(&budget.key).await?;
            before.insert(budget.key.clone(), budget.spent);
        }
        let mut kinds = Vec::new();
        for operation in [Operation::Grant, Operation::Revoke] {
            kinds.push((BudgetKey::of_cause(operation, cause, version), operation, Period::Run));
            kinds.push((BudgetKey::of_day(operation, time), operation, Period::Day));
        }
        Ok(Self { now, before, kinds })
    }

    fn spend(&mut self, approved: &ApprovedPlan) {
        for budget in self.now.iter_mut() {
            let Some((_, operation, _)) = self.kinds.iter().find(|(key, ..)| *key == budget.key) else {
                continue;
            };
            let planned = approved
                .actions()
                .iter()
                .filter(|action| action.operation == *operation && action.approval.is_none())
                .count();
            budget.spent = budget.spent.saturating_add(u32::try_from(planned).unwrap_or(u32::MAX));
        }
    }

    fn told(mut self) -> Vec<Budget> {
        let after: BTreeMap<BudgetKey, (u32, u32)> =
            self.now.iter_mut().map(|budget| (budget.key.clone(), (budget.limit, budget.spent))).collect();
        let told = self.kinds.into_iter().filter_map(|(key, operation, per)| {
            let (limit, total) = after.get(&key).copied()?;
            let spent = self.before.get(&key).copied()?;
            Some(Budget { operation, per, limit, spent, planned: total.saturating_sub(spent) })
        });
        told.collect()
    }
}
