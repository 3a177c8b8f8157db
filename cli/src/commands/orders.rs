//! `usher pause`, `resume`, `hold` and `release`: what people stop, and let go on. They write to the ledger alone, and need AWS only to look up names and accounts.

use shared::{
    domain::AccountId,
    engine::consent::{Consent, ConsentError},
    ledger::{HeldBy, Hold, HoldScope, Order},
    ports::Ledger,
};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ByArgs, ConnectionArgs, HoldArgs, PauseArgs},
    connect,
    keys::HoldTarget,
    ledger, render,
    screen::line,
    suggestions,
};

/// Stops everything.
pub(crate) async fn pause(
    arguments: &PauseArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger = ledger::to_use(&arguments.ledger.at, connection, machine).await?;
    let order = consent(ledger.as_ref(), machine, &arguments.by).pause().await?;
    say(
        screen,
        &format!(
            "Paused{}. Nothing more is sent; what is with AWS already comes to its end. `usher resume` lets it go on.",
            stands(&order)
        ),
    )
}

/// Lets everything go on.
pub(crate) async fn resume(
    arguments: &PauseArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger = ledger::to_use(&arguments.ledger.at, connection, machine).await?;
    let order = consent(ledger.as_ref(), machine, &arguments.by).resume().await?;
    say(screen, &format!("Goes on. It was paused{}.", stands(&order)))
}

/// What a target is after its names were looked up.
enum Held {
    Scope(HoldScope),
    Key(shared::domain::AssignmentKey),
}

impl Held {
    /// A refusal names what it is about as it was typed.
    fn refused(&self, error: ConsentError, target: &HoldTarget) -> Failure {
        let by_ids = match self {
            Self::Scope(scope) => scope.to_string(),
            Self::Key(key) => key.to_string(),
        };
        Failure::consent_to(error, &[(by_ids, target.to_string())])
    }
}

async fn held(
    target: &HoldTarget,
    ledger: &dyn Ledger,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Held, Failure> {
    let by_name = match target {
        HoldTarget::Account(id) => return Ok(Held::Scope(HoldScope::Account(id.clone()))),
        HoldTarget::Principal(principal) => Ok(principal),
        HoldTarget::Key(key) => Err(key),
    };
    if let Some(principal) = by_name.ok().and_then(|principal| principal.id()) {
        return Ok(Held::Scope(HoldScope::Principal(principal.clone())));
    }
    let aws = connect::connect(connection, machine).await?;
    Ok(match by_name {
        Ok(principal) => Held::Scope(HoldScope::Principal(principal.look_up(&aws).await?)),
        Err(key) => Held::Key(key.look_up(&aws, ledger).await?),
    })
}

/// Refuses an account that is not there, before somebody relies on its being on hold. An order is worth more than certainty: where AWS can't
/// be asked, it is given.
async fn may_be_there(
    account: &AccountId,
    ledger: &dyn Ledger,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<(), Failure> {
    if !ledger.rows_of(account).await?.is_empty() {
        return Ok(());
    }
    let Ok(aws) = connect::connect(connection, machine).await else { return Ok(()) };
    if let Ok(None) = aws.organization.account(account).await {
        let all = aws.organization.accounts().await.unwrap_or_default();
        return Err(suggestions::no_account(account.as_str(), &all).into());
    }
    Ok(())
}

/// Puts something on hold.
pub(crate) async fn hold(
    arguments: &HoldArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let HoldArgs { target, ledger: at, by } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    if let HoldTarget::Account(account) = target {
        may_be_there(account, ledger.as_ref(), connection, machine).await?;
    }
    let consent = consent(ledger.as_ref(), machine, by);
    let held = held(target, ledger.as_ref(), connection, machine).await?;
    let told = match &held {
        Held::Scope(scope) => consent.hold(scope).await.map(|order| stands(&order)),
        Held::Key(key) => consent.hold_key(key).await.map(|hold| stood(&hold)),
    };
    let told = told.map_err(|error| held.refused(error, target))?;
    let target = line(&target.to_string());
    say(
        screen,
        &format!(
            "On hold: {target}{told}. Nothing is granted or revoked there. `usher release` lets it go on."
        ),
    )
}

/// Lets it go on.
pub(crate) async fn release(
    arguments: &HoldArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let HoldArgs { target, ledger: at, by } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let consent = consent(ledger.as_ref(), machine, by);
    let held = held(target, ledger.as_ref(), connection, machine).await?;
    let told = match &held {
        Held::Scope(scope) => consent.release(scope).await.map(|order| stands(&order)),
        Held::Key(key) => consent.release_key(key).await.map(|hold| stood(&hold)),
    };
    let told = told.map_err(|error| held.refused(error, target))?;
    let target = line(&target.to_string());
    let next = "The next look at it decides anew: the next sweep at the latest, or `usher apply`.";
    say(screen, &format!("Goes on: {target}. It was on hold{told}. {next}"))
}

pub(super) fn consent<'a>(ledger: &'a dyn Ledger, machine: &'a Machine, by: &'a ByArgs) -> Consent<'a> {
    Consent { ledger, clock: machine.clock.as_ref(), by: &by.by, reason: &by.reason }
}

/// Who gave an order that stands, when and why.
fn stands(order: &Order) -> String {
    let Order { by, at, reason } = order;
    format!(" by {} since {}{}", line(by), render::minute(*at), because(reason))
}

fn stood(hold: &Hold) -> String {
    let Hold { by, at, reason } = hold;
    let by = match by {
        HeldBy::Person(name) => format!("by {}", line(name)),
        HeldBy::DeletedByHand => "as deleted by hand".to_owned(),
    };
    format!(" {by} since {}{}", render::minute(*at), because(reason))
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({})", line(reason)) }
}

pub(super) fn say(screen: &mut Screen<'_>, text: &str) -> Result<Ending, Failure> {
    let sign = screen.out_style.paint(Paint::Good, "✓");
    writeln!(screen.out, "{sign} {text}").map_err(Failure::Output)?;
    Ok(Ending::Good)
}
