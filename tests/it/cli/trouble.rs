//! What can be wrong around the tool: every error says what was tried, why it failed, and the way out; nothing is changed.

use std::io::{self, Write};

use cli::{Ending, Screen};
use shared::aws::Connection;

use super::{ORGANIZATION, Place, RULES};

#[tokio::test]
async fn an_endpoint_that_nobody_listens_on_is_told_with_the_options_to_look_at() {
    let mut place = Place::new(ORGANIZATION).await;
    place.machine.connection = Some(Connection::to_stand_in("http://127.0.0.1:9", "AKIAEXAMPLE"));
    let rules = place.file("rules.yaml", RULES);
    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::Bad);
    assert!(plan.err.contains("cannot use IAM Identity Center"), "{}", plan.err);
    assert!(plan.err.contains("--endpoint-url"), "{}", plan.err);
}

#[tokio::test]
async fn permission_sets_that_are_switched_off_and_an_instance_that_is_missing_are_told() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.world().set_permission_sets_enabled(false);
    let off = place.usher("plan", &rules, &[]).await;
    assert_eq!(off.ending, Ending::Bad);
    assert!(off.err.contains("switched off"), "{}", off.err);

    place.world().instances_mut().clear();
    let none = place.usher("plan", &rules, &[]).await;
    assert!(none.err.contains("no Identity Center instance"), "{}", none.err);
}

#[tokio::test]
async fn a_ledger_that_is_not_ours_is_left_as_it_is() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let notes = place.file("notes.txt", &"not a ledger ".repeat(500));
    let plan = place.usher("plan", &rules, &["--account", "200000000001"]).await;
    assert_eq!(plan.ending, Ending::ToDo);

    std::fs::create_dir_all(place.path("state")).unwrap();
    std::fs::copy(&notes, place.path("state/ledger.db")).unwrap();
    for command in ["plan", "apply"] {
        let ran = place.usher(command, &rules, &[]).await;
        assert_eq!(ran.ending, Ending::Bad);
        assert!(ran.err.contains("is not a ledger of Usher") && ran.err.contains("--ledger"), "{}", ran.err);
    }
    assert_eq!(std::fs::read(&notes).unwrap(), std::fs::read(place.path("state/ledger.db")).unwrap());
}

#[tokio::test]
async fn an_account_that_nobody_knows_is_an_error() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let plan = place.usher("plan", &rules, &["--account", "999999999999"]).await;
    assert_eq!(plan.ending, Ending::Bad);
    assert!(plan.err.contains("no account `999999999999`"), "{}", plan.err);
}

#[tokio::test]
async fn an_account_that_cannot_be_read_makes_the_plan_incomplete() {
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    place.world().fail_next("ListTagsForResource", simulator::Fault::AccessDenied, 1);
    let plan = place.usher("plan", &rules, &[]).await;
    assert_eq!(plan.ending, Ending::Bad, "{plan:?}");
    assert!(plan.out.contains("Could not be read"), "{}", plan.out);
}

/// A pipe whose reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    use clap::Parser as _;
    let place = Place::new(ORGANIZATION).await;
    let rules = place.file("rules.yaml", RULES);
    let line = ["usher", "rules", "check", rules.to_str().unwrap()];
    let (mut out, mut err) = (Closed, Vec::new());
    let arguments = cli::Cli::try_parse_from(line).unwrap();
    let ending = cli::ending(arguments, &place.machine, &mut Screen::plain(&mut out, &mut err)).await;
    assert_eq!(ending, Ending::Good);
    assert!(err.is_empty());
}
