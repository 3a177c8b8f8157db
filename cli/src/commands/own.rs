//! `usher adopt`, `usher disown` and `usher confirm`: what others made becomes Usher's, what is Usher's becomes others', and a
//! name stands for another permission set than before. Nothing changes in AWS by it.

use crate::{
    Ending, Failure, Machine, Screen,
    args::{AdoptArgs, ConfirmArgs, ConnectionArgs, DisownArgs},
    connect,
    desk::Desk,
    keys::KeyText,
    ledger,
    screen::line,
};
use shared::{
    domain::{AssignmentKey, RuleId},
    engine::consent::{ConsentError, Unwanted},
};

use super::orders::{consent, say};

/// Takes assignments over. Each stands for itself; the first that can't be is told, and ends it.
pub(crate) async fn adopt(
    arguments: &AdoptArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let AdoptArgs { keys, even_unwanted, ledger: at, by } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let desk = Desk::of(&[], ledger, &at.at, connection, machine).await?;
    let consent = consent(desk.ledger.as_ref(), machine, by);
    let unwanted = if *even_unwanted { Unwanted::Adopt } else { Unwanted::Refuse };
    for text in keys {
        let key = text.look_up(&desk.aws, desk.ledger.as_ref()).await?;
        let adopted = consent.adopt(&desk.planner(), &key, unwanted).await;
        let row = adopted.map_err(|error| refused(error, &key, text))?;
        let told = if row.wanted_by.is_empty() {
            "no rule wants it, so it is revoked next".to_owned()
        } else {
            let rules: Vec<&str> = row.wanted_by.keys().map(RuleId::as_str).collect();
            format!("wanted by {}", rules.join(", "))
        };
        say(screen, &format!("Usher's own from now on: {}; {told}.", told_key(text)))?;
    }
    Ok(Ending::Good)
}

/// Gives assignments up.
pub(crate) async fn disown(
    arguments: &DisownArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let DisownArgs { keys, ledger: at, by } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let aws = connect::connect(connection, machine).await?;
    let consent = consent(ledger.as_ref(), machine, by);
    for text in keys {
        let key = text.look_up(&aws, ledger.as_ref()).await?;
        consent.disown(&key).await.map_err(|error| refused(error, &key, text))?;
        say(screen, &format!("Given up: {}. It stays in AWS, and is not Usher's any more.", told_key(text)))?;
    }
    Ok(Ending::Good)
}

/// Lets a name stand for the permission set that bears it now.
pub(crate) async fn confirm(
    arguments: &ConfirmArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ConfirmArgs { name, permission_set, ledger: at, by } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let aws = connect::connect(connection, machine).await?;
    let consent = consent(ledger.as_ref(), machine, by);
    let (now, before) =
        consent.confirm_permission_set(aws.access.as_ref(), name, permission_set.as_ref()).await?;
    let before = match before {
        Some(before) if before == now => "as before".to_owned(),
        Some(before) => format!("it was {before} before"),
        None => "no rule has found it yet".to_owned(),
    };
    say(screen, &format!("`{}` stands for {now} from now on; {before}.", line(name)))?;
    Ok(Ending::Good)
}

/// A refusal names what it is about as it was typed.
fn refused(error: ConsentError, key: &AssignmentKey, text: &KeyText) -> Failure {
    Failure::consent_to(error, &[(key.to_string(), text.to_string())])
}

fn told_key(text: &KeyText) -> String {
    line(&text.to_string())
}
