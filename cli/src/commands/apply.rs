//! `usher apply`: brings the rules into force in the local ledger and carries the plan out, with the engine that Lambda runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use shared::{
    domain::{AccountId, AssignmentKey, Operation},
    engine::{
        self, AccountHint, Announcer, EngineSettings, Epochs, Planner, Reader, Reconciler, Rulebook,
        consent::ConsentError,
    },
    guardrail::Scope,
    ledger::{Cause, Row, State},
    local::{FileWitness, FolderRules, LocalQueue},
    permission_sets::Withheld,
    ports::{Clock, Ledger, LedgerReader, RulesStore, Seen, SeenKind},
};

use super::{apply_sets::Sets, plan::Rules};
use crate::{
    Ending, Failure, Machine, Screen,
    args::{ApplyArgs, ConnectionArgs, LedgerAt, WhatArgs},
    connect::{self, Aws},
    engine_run::EngineRun,
    foresight::{Foreseeing, Foresight},
    ledger,
    names::Names,
    once,
    planning::{self, Planned},
    progress::{self, ASSIGNMENTS, Progress},
    render,
    report::{
        self, ApplyReport, ApplySummary, Given, KeyOutcome, Outcome, PlanReport, PlanSummary, SetAction,
        SetOutcome, SetReport, SetsSummary, Unread,
    },
};

/// Plans, asks, applies and tells.
pub(crate) async fn run(
    arguments: &ApplyArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let path = match &arguments.what.ledger.at {
        LedgerAt::File(path) => path,
        LedgerAt::Table(table) => return Err(Failure::DeployedLedger { table: table.clone() }),
    };
    let bus = ledger::outcomes(arguments.outcomes.as_deref())?;
    let Rules { bundle, on_hand, files } = Rules::read(&arguments.what.rules)?;
    let settings = connect::engine_asked(machine)?;
    let aws = once::organization_once(connect::connect(connection, machine).await?);
    let cause = Cause::new("command", &format!("apply-{}", machine.clock.now()));

    // Looked at before anything is made on the disk: whoever says no finds everything as it was.
    let (foresight, mut planned, in_force) = {
        let ledger = ledger::to_read(&arguments.what.ledger.at, connection, machine).await?;
        let in_force = ledger.rules_in_force().await?;
        engine::may_follow(&bundle, ledger.as_ref(), machine.clock.now()).await.map_err(Failure::Publish)?;
        if let Some(account) = &arguments.what.account {
            let is_new = in_force.as_ref().is_none_or(|rules| rules.version != bundle.version());
            may_be_alone(account, ledger.as_ref(), is_new && on_hand.index.has_scopes()).await?;
        }
        let rulebook = Rulebook::fixed(on_hand);
        let (counted, counts) = aws.clone().counted();
        let reader = counted.reader(ledger.as_ref(), &rulebook, machine.clock.as_ref());
        let planner = Planner { reader, settings };
        let account = arguments.what.account.as_ref();
        let planning = Box::pin(foreseen(&counted, &planner, account, files, &cause));
        let (foresight, mut first) =
            progress::while_reading(planning, &counts, machine.clock.as_ref(), screen).await??;
        let WhatArgs { rules, account: _, ledger: at } = &arguments.what;
        first.report.given = Given::of(rules, &at.at, connection);
        (foresight, first, in_force)
    };
    let scope = scope_of(arguments, &planned)?;
    let store: Arc<dyn RulesStore> = Arc::new(FolderRules::new(&ledger::folder(path)));
    let refused = planned.weigh(in_force.as_ref(), store.as_ref()).await?;
    if !arguments.json {
        let text = render::plan_text::plan(&planned.report, screen.out_style);
        screen.out.write_all(text.as_bytes()).and_then(|()| screen.out.flush()).map_err(Failure::Output)?;
    }
    if let Some(refused) = refused {
        return Err(Failure::Publish(refused));
    }
    if planned.report.summary.has_work() && !arguments.yes {
        screen.confirm(&question(&planned.report.summary))?;
    }

    let ledger = ledger::to_write(&arguments.what.ledger.at, connection, machine).await?;
    let (keeps, record, clock) = (store.as_ref(), ledger.as_ref(), machine.clock.as_ref());
    engine::publish_planned(&bundle, &planned.beyond, keeps, record, clock)
        .await
        .map_err(Failure::Publish)?;
    let engine = connect::for_the_engine(connection, machine).await?;
    let mut work = Work {
        aws: &aws,
        engine: &engine,
        ledger: ledger.as_ref(),
        witness: ledger::witness_beside(path),
        scope,
        rulebook: Rulebook::of_store(store),
        clock: Arc::clone(&machine.clock),
        settings,
        cause,
    };
    // What assignments wait for comes before them, and what they hold goes after them.
    let until = machine.clock.now().checked_add(arguments.timeout).unwrap_or(Timestamp::MAX);
    let kept = Sets::of(&work, until);
    let mut permission_sets = match arguments.what.account {
        // They are nobody's account's: a run over one account leaves them alone.
        Some(_) => kept.leave_alone(&foresight.sets).await?,
        None => Box::pin(kept.make_and_edit(&foresight.sets, screen)).await?,
    };
    let (mut planned, mut waiting, mut undecided) = (planned, BTreeMap::new(), Vec::new());
    if !permission_sets.is_empty() || foresight.makes_a_difference() {
        let made = if permission_sets.is_empty() { BTreeMap::new() } else { kept.arns().await? };
        let again = Box::pin(work.again(planned, &foresight, &made, screen)).await?;
        work.scope = Some(again.scope);
        (planned, waiting, undecided) = (again.planned, again.waiting, again.unread);
    }
    undecided.extend(work.write_down(&planned).await?);
    // Neither planning nor the time that somebody took to answer counts as waiting for AWS.
    let until = machine.clock.now().checked_add(arguments.timeout).unwrap_or(Timestamp::MAX);
    let progress = Progress::begin(planned.changing.len(), ASSIGNMENTS, screen);
    let carried_out = work.carry_out(until, progress, screen).await;
    work.count_owned().await?;
    carried_out?;

    let goes = |set: &&SetReport| {
        set.action == SetAction::Delete && matches!(set.withheld, None | Some(Withheld::Provisioned { .. }))
    };
    let deleted = planned.report.permission_sets.iter().filter(goes).map(|set| set.name.clone());
    let deleted: Vec<String> = deleted.collect();
    permission_sets.extend(Sets::of(&work, until).delete(&deleted, screen).await?);
    let report = work.report(planned, permission_sets, undecided, waiting).await?;
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        let text = render::apply_text::outcomes(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    let announcer = Announcer { ledger: ledger.as_ref(), bus: &bus, clock: machine.clock.as_ref() };
    announcer.run(Timestamp::MAX).await.map_err(Failure::Announce)?;
    Ok(if report.is_good() { Ending::Good } else { Ending::Bad })
}

/// Plans with declared permission sets as they will be.
async fn foreseen(
    aws: &Aws,
    planner: &Planner<'_>,
    account: Option<&AccountId>,
    files: Vec<String>,
    cause: &Cause,
) -> Result<(Foresight, Planned), Failure> {
    // A run over one account leaves permission sets alone: only what assignments depend on has to be known of them.
    let which = if account.is_some() { Foreseeing::Assignments } else { Foreseeing::All };
    let foresight = Foresight::of(planner, aws, &which).await?;
    let seen = foresight.seen(aws);
    let then = Planner { reader: Reader { access: seen.access.as_ref(), ..planner.reader }, ..*planner };
    let found = Box::pin(planning::plan(&then, &foresight, account, files, cause)).await?;
    Ok((foresight, found))
}

/// A run over one account touches nothing outside it, and the engine takes up all the work that it finds. Whether new rules stay within their
/// teams' scopes is seen over all accounts only.
async fn may_be_alone(
    account: &AccountId,
    ledger: &dyn LedgerReader,
    has_new_scopes: bool,
) -> Result<(), Failure> {
    if has_new_scopes {
        return Err(Failure::ScopesOfOneAccount);
    }
    let rows = engine::all_rows(ledger).await?;
    match rows.into_iter().find(|row| row.work().is_some() && row.key.account != *account) {
        Some(row) => Err(Failure::UnfinishedElsewhere(row.key.account)),
        None => Ok(()),
    }
}

/// What something waits for in a run over one account, and in one that makes permission sets.
const AWAITS_SETS: [&str; 2] = [
    "it waits for permission sets that the rules declare: `usher apply` without --account makes and edits them first",
    "it waits for a permission set that was not made or edited",
];

/// The question before anything is done.
fn question(summary: &PlanSummary) -> String {
    let finish =
        if summary.under_way > 0 { format!(", and finish {}", summary.under_way) } else { String::new() };
    let sets =
        render::sets_text::in_short(&SetsSummary { withheld: 0, unread: 0, ..summary.permission_sets });
    let sets = if sets.is_empty() { String::new() } else { format!("{sets}; ") };
    let grants = format!("grant {} and revoke {} in AWS{finish}?", summary.grants, summary.revokes);
    let mut question = format!("{sets}{grants}");
    if let Some(first) = question.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    question
}

/// What alone may be done, where a plan was asked for by its hash: it must still be that one.
fn scope_of(arguments: &ApplyArgs, planned: &Planned) -> Result<Option<Scope>, Failure> {
    let now = planned.proposal.hash();
    match &arguments.plan {
        Some(asked) if asked != now => {
            Err(ConsentError::PlanChanged { asked: asked.clone(), now: now.clone() }.into())
        }
        Some(_) => Ok(Some(planned.proposal.scope())),
        None => Ok(None),
    }
}

/// Everything that carrying out needs.
pub(super) struct Work<'a> {
    pub(super) aws: &'a Aws,
    /// The same without a pace of its own.
    pub(super) engine: &'a Aws,
    pub(super) ledger: &'a dyn Ledger,
    pub(super) witness: FileWitness,
    pub(super) rulebook: Rulebook,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: EngineSettings,
    cause: Cause,
    /// What was seen, where nothing else may be done.
    scope: Option<Scope>,
}

impl Work<'_> {
    fn reconciler<'b>(&'b self, wake: &'b LocalQueue) -> Reconciler<'b> {
        let reader = self.aws.reader(self.ledger, &self.rulebook, self.clock.as_ref());
        Reconciler { planner: Planner { reader, settings: self.settings }, ledger: self.ledger, wake }
    }

    /// Plans the assignments once more, with the permission sets as they are now.
    pub(super) async fn plan_again(
        &self,
        before: &PlanReport,
        screen: &mut Screen<'_>,
    ) -> Result<Planned, Failure> {
        let (counted, counts) = self.aws.clone().counted();
        let reader = counted.reader(self.ledger, &self.rulebook, self.clock.as_ref());
        let planner = Planner { reader, settings: self.settings };
        let as_they_are = Foresight::default();
        let planning = Box::pin(planning::plan(
            &planner,
            &as_they_are,
            before.account.as_ref(),
            before.rules.files.clone(),
            &self.cause,
        ));
        progress::while_reading(planning, &counts, self.clock.as_ref(), screen).await?
    }

    /// Decides each account that differs once more, and writes the intents. An account that can't be decided holds up no other.
    async fn write_down(&self, planned: &Planned) -> Result<Vec<Unread>, Failure> {
        let at = self.clock.now();
        engine::remember(self.ledger, &planned.basis.learned).await?;
        let wake = LocalQueue::standard(Arc::clone(&self.clock));
        let reconciler = self.reconciler(&wake);
        let mut undecided = Vec::new();
        for account in &planned.differing {
            let hint = AccountHint::new(account.clone(), self.cause.clone(), at);
            let looked = match &self.scope {
                Some(scope) => reconciler.account_within(&hint, scope).await,
                None => reconciler.account(&hint).await,
            };
            if let Err(error) = looked {
                undecided.push(Unread { id: account.clone(), why: shared::causes::joined(&error) });
            }
        }
        Ok(undecided)
    }

    async fn carry_out(
        &self,
        until: Timestamp,
        progress: Progress,
        screen: &mut Screen<'_>,
    ) -> Result<(), Failure> {
        let (inbox, wake) =
            (LocalQueue::fifo(Arc::clone(&self.clock)), LocalQueue::standard(Arc::clone(&self.clock)));
        Epochs { ledger: self.ledger, witness: &self.witness, clock: self.clock.as_ref() }
            .advance()
            .await
            .map_err(Failure::Epoch)?;
        let run = EngineRun {
            aws: self.engine,
            ledger: self.ledger,
            reconciler: self.reconciler(&wake),
            inbox: &inbox,
            wake: &wake,
            witness: &self.witness,
            clock: self.clock.as_ref(),
            settings: self.settings,
            scope: self.scope.as_ref(),
            until,
        };
        run.to_the_end(progress, screen).await
    }

    /// Remembers what the budgets' share is taken of, as a sweep does. Not before everything is done: what was planned and
    /// approved by one count is not to be decided by another.
    async fn count_owned(&self) -> Result<(), Failure> {
        let rows = engine::all_rows(self.ledger).await?;
        let count = rows.iter().filter(|row| row.is_ours()).count();
        let owned = Seen { id: "owned".into(), value: count.into(), at: self.clock.now() };
        Ok(self.ledger.remember(SeenKind::Fact, &[owned]).await?)
    }

    /// What has become of everything that was to be changed, as the ledger has it now.
    async fn report(
        &self,
        planned: Planned,
        permission_sets: Vec<SetOutcome>,
        undecided: Vec<Unread>,
        waiting: BTreeMap<AssignmentKey, Operation>,
    ) -> Result<ApplyReport, Failure> {
        let Planned { report: plan, changing, names, .. } = planned;
        let mut rows: BTreeMap<AssignmentKey, Row> =
            engine::all_rows(self.ledger).await?.into_iter().map(|row| (row.key.clone(), row)).collect();
        let account_names: BTreeMap<&AccountId, &str> = plan
            .accounts
            .iter()
            .filter_map(|account| Some((&account.id, account.name.as_deref()?)))
            .collect();
        let silent: BTreeSet<&AccountId> = undecided.iter().map(|account| &account.id).collect();
        let mut outcomes = Vec::new();
        for (key, operation) in &changing {
            let row = rows.remove(key);
            // Nothing was written down for it, and the account is told apart.
            if row.as_ref().is_none_or(|row| row.work().is_none()) && silent.contains(&key.account) {
                continue;
            }
            let name = account_names.get(&key.account).map(|name| (*name).to_owned());
            outcomes.push(outcome(key, *operation, row.as_ref(), name, &names));
        }
        for (key, operation) in &waiting {
            let name = account_names.get(&key.account).map(|name| (*name).to_owned());
            let [of_one_account, of_all] = AWAITS_SETS;
            let why = if plan.account.is_some() { of_one_account } else { of_all };
            let why = Some(why.to_owned());
            outcomes.push(KeyOutcome {
                outcome: Outcome::Awaiting,
                why,
                ..outcome(key, *operation, None, name, &names)
            });
        }
        let count = |what| outcomes.iter().filter(|outcome| outcome.outcome == what).count();
        let summary = ApplySummary {
            granted: count(Outcome::Granted),
            revoked: count(Outcome::Revoked),
            blocked: count(Outcome::Blocked),
            uncertain: count(Outcome::Uncertain),
            given_up: count(Outcome::GivenUp),
            left: count(Outcome::Left),
            awaiting: count(Outcome::Awaiting),
            undecided: undecided.len(),
        };
        Ok(ApplyReport { format: report::FORMAT, plan, summary, permission_sets, outcomes, undecided })
    }
}

fn outcome(
    key: &AssignmentKey,
    operation: Operation,
    row: Option<&Row>,
    account_name: Option<String>,
    names: &Names,
) -> KeyOutcome {
    let trouble = || row.and_then(|row| row.trouble.clone());
    let (outcome, why) = match (operation, row.map(|row| &row.state)) {
        (Operation::Grant, Some(State::Ours)) => (Outcome::Granted, None),
        (Operation::Revoke, Some(State::Closed)) => (Outcome::Revoked, None),
        (_, Some(State::Blocked { reason, .. })) => (Outcome::Blocked, Some(reason.clone())),
        (_, Some(State::Uncertain { reason, .. })) => (Outcome::Uncertain, Some(reason.clone())),
        (_, Some(State::Granting(_) | State::Closing(_))) => (Outcome::Left, trouble()),
        (_, Some(State::Ours | State::Closed | State::Dormant) | None) => (
            Outcome::GivenUp,
            trouble().or_else(|| Some("it was decided anew, and is not to be done".to_owned())),
        ),
    };
    let (permission_set, principal) = report::named(key, names);
    KeyOutcome {
        account: key.account.clone(),
        account_name,
        operation,
        permission_set,
        principal,
        rules: row.map(|row| report::rules(&row.wanted_by)).unwrap_or_default(),
        outcome,
        why,
    }
}
