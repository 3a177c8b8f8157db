//! `usher status`: what the ledger holds. It asks nothing of AWS, but for a ledger that is there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::{
    domain::{InstanceArn, Operation},
    engine::{self, SetStanding},
    ledger::{BudgetKey, HeldBy, Hold, HoldScope, Intent, Order, Row, State},
    ports::{LedgerReader, SeenKind},
};

use crate::{
    Ending, Failure, Machine, Screen,
    args::{ConnectionArgs, StatusArgs},
    connect, ledger,
    names::{Names, Source},
    render,
    report::{
        self, BlockedStatus, FrozenStatus, HoldStatus, OrderStatus, RowStatus, RulesStatus, SetStatus,
        SpentToday, StatusReport, WorkStatus,
    },
};

/// Every state that a row can be in, by its word.
const STATES: [&str; 8] =
    ["ours", "pending", "sending", "closing", "blocked", "uncertain", "dormant", "closed"];

/// Reads and tells.
pub(crate) async fn run(
    arguments: &StatusArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger = ledger::to_use(&arguments.ledger.at, connection, machine).await?;
    let rows = engine::all_rows(ledger.as_ref()).await?;
    let names = if arguments.names {
        let aws = connect::connect(connection, machine).await?;
        let source = Source {
            directory: aws.directory.as_ref(),
            access: aws.access.as_ref(),
            ledger: ledger.as_ref(),
        };
        let told = rows.iter().filter(|row| is_told(row)).map(|row| &row.key);
        Names::of(told, &BTreeMap::new(), source).await
    } else {
        Names::remembered(ledger.as_ref()).await?
    };
    let at = arguments.ledger.at.to_string();
    let report = read(ledger.as_ref(), &rows, &names, at, machine.clock.now()).await?;
    if arguments.json {
        render::json(&report, screen)?;
    } else {
        let text = render::status_text::status(&report, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(Ending::Good)
}

/// Whether a row is told of by itself, and not only counted.
fn is_told(row: &Row) -> bool {
    let speaks = row.hold.is_some() || row.approval.is_some() || row.over_budget.is_some();
    speaks || !matches!(row.state, State::Ours | State::Closed)
}

async fn read(
    ledger: &dyn LedgerReader,
    rows: &[Row],
    names: &Names,
    at: String,
    now: Timestamp,
) -> Result<StatusReport, Failure> {
    let rules = ledger.rules_in_force().await?;
    let facts = ledger.recall(SeenKind::Fact).await?;
    let instance = facts.into_iter().find(|fact| fact.id == "instance");
    let spent_today = SpentToday {
        grants: ledger.spent(&BudgetKey::of_day(Operation::Grant, now)).await?,
        revokes: ledger.spent(&BudgetKey::of_day(Operation::Revoke, now)).await?,
    };
    let orders = ledger.orders().await?;

    let mut report = StatusReport {
        format: report::FORMAT,
        ledger: at,
        at: now,
        instance: instance.and_then(|fact| serde_json::from_value::<InstanceArn>(fact.value).ok()),
        rules: rules.map(|rules| RulesStatus {
            version: rules.version,
            since: rules.since,
            count: rules.rules,
        }),
        paused: orders.pause.as_ref().map(order),
        frozen: orders.freeze.as_ref().map(|freeze| FrozenStatus {
            since: freeze.at,
            stops: freeze.stops,
            doubt: freeze.doubt,
        }),
        holds: orders.holds.iter().map(|(scope, given)| on_hold(scope, given, names)).collect(),
        held: Vec::new(),
        over_budget: Vec::new(),
        approved: Vec::new(),
        counts: STATES.into_iter().map(|state| (state, 0)).collect::<BTreeMap<_, _>>(),
        under_way: Vec::new(),
        blocked: Vec::new(),
        uncertain: Vec::new(),
        dormant: Vec::new(),
        permission_sets: sets(SetStanding::read(ledger).await?),
        spent_today,
    };
    for row in rows {
        *report.counts.entry(row.state.label()).or_default() += 1;
        sort_in(row, names, &mut report);
        consents(row, names, now, &mut report);
    }
    report.held.sort_by_key(|row| row.since);
    report.over_budget.sort_by_key(|row| row.since);
    report.approved.sort_by_key(|row| row.since);
    report.under_way.sort_by_key(|work| work.row.since);
    report.blocked.sort_by_key(|blocked| blocked.row.since);
    report.uncertain.sort_by_key(|row| row.since);
    report.dormant.sort_by_key(|row| row.since);
    Ok(report)
}

/// What is known of declared permission sets that are not as they are declared.
fn sets(standing: SetStanding) -> Vec<SetStatus> {
    let SetStanding { waits, begun } = standing;
    let mut sets: BTreeMap<String, SetStatus> = BTreeMap::new();
    for (name, since) in begun {
        let set = SetStatus { name: name.clone(), state: "begun".to_owned(), since, why: None };
        sets.insert(name, set);
    }
    for (name, wait) in waits {
        let set = SetStatus { name: name.clone(), state: wait.what, since: wait.since, why: Some(wait.why) };
        sets.insert(name, set);
    }
    sets.into_values().collect()
}

fn order(given: &Order) -> OrderStatus {
    OrderStatus { by: given.by.clone(), since: given.at, reason: given.reason.clone() }
}

fn on_hold(scope: &HoldScope, given: &Order, names: &Names) -> HoldStatus {
    let name = match scope {
        HoldScope::Account(_) => None,
        HoldScope::Principal(principal) => names.principal(principal),
    };
    HoldStatus { what: scope.to_string(), name, order: order(given) }
}

/// What every row tells, with this age and this reason.
fn told(row: &Row, names: &Names, since: Timestamp, why: Option<String>) -> RowStatus {
    let (permission_set, principal) = report::named(&row.key, names);
    RowStatus {
        account: row.key.account.clone(),
        permission_set,
        principal,
        rules: report::rules(&row.wanted_by),
        state: row.state.label(),
        since,
        cause: row.cause.as_str().to_owned(),
        why,
    }
}

/// What people, and budgets, have said about a row.
fn consents(row: &Row, names: &Names, now: Timestamp, report: &mut StatusReport) {
    if let Some(Hold { by, at, reason }) = &row.hold {
        let by = match by {
            HeldBy::Person(name) => format!("by {name}"),
            HeldBy::DeletedByHand => "deleted by hand".to_owned(),
        };
        let why = if reason.is_empty() { by } else { format!("{by}: {reason}") };
        report.held.push(told(row, names, *at, Some(why)));
    }
    if let Some(approval) = row.approval.as_ref().filter(|approval| now < approval.expires_at) {
        let ends = render::minute(approval.expires_at);
        let why = format!("{} by {}, until {ends}", approval.operation, approval.by);
        report.approved.push(told(row, names, approval.at, Some(why)));
    } else if let Some(over) = &row.over_budget {
        report.over_budget.push(told(
            row,
            names,
            over.since,
            Some(format!("over {}", over.budget.in_words())),
        ));
    }
}

/// Puts a row where its state is told, if it is.
fn sort_in(row: &Row, names: &Names, report: &mut StatusReport) {
    let told = |why: Option<&String>| told(row, names, row.changed_at, why.cloned());
    match &row.state {
        State::Granting(intent) => {
            report.under_way.push(work(Operation::Grant, intent, told(row.trouble.as_ref()), row.attempts));
        }
        State::Closing(intent) => {
            report.under_way.push(work(Operation::Revoke, intent, told(row.trouble.as_ref()), row.attempts));
        }
        State::Blocked { operation, reason, fingerprint: _, retry_at } => {
            report.blocked.push(BlockedStatus {
                row: told(Some(reason)),
                operation: *operation,
                retry_at: *retry_at,
            });
        }
        State::Uncertain { reason, .. } => report.uncertain.push(told(Some(reason))),
        State::Dormant => report.dormant.push(told(row.trouble.as_ref())),
        State::Ours | State::Closed => {}
    }
}

fn work(operation: Operation, intent: &Intent, row: RowStatus, attempts: u32) -> WorkStatus {
    let Intent { decided_at, not_before, claim, .. } = intent;
    WorkStatus {
        row,
        operation,
        decided_at: *decided_at,
        sent_at: claim.as_ref().map(|claim| claim.at),
        request: claim.as_ref().and_then(|claim| claim.request.as_ref()).map(ToString::to_string),
        not_before: *not_before,
        attempts,
    }
}
