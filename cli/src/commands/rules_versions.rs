//! `usher rules versions` and `show`: what came into force, when and how, and what came from it.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    domain::RulesVersion,
    engine,
    ledger::{Forecast, Provenance, Publication, PublishedBy, Said, State},
};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ConnectionArgs, RulesShowArgs, RulesVersionsArgs},
    desk, ledger, render, report,
    screen::{count, line},
};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct History {
    format: u32,
    /// Null where none were ever brought into force.
    in_force: Option<RulesVersion>,
    /// The oldest first; a version that came into force twice is there twice.
    versions: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    version: RulesVersion,
    since: Timestamp,
    rules: usize,
    provenance: Option<Provenance>,
    forecast: Option<Forecast>,
    /// Assignments in the ledger that were last decided by this version.
    assignments: usize,
}

/// Reads the history and tells it, the newest last.
pub(crate) async fn versions(
    arguments: &RulesVersionsArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ledger = ledger::to_use(&arguments.ledger.at, connection, machine).await?;
    let in_force = ledger.rules_in_force().await?.map(|rules| rules.version);
    let mut assignments: BTreeMap<RulesVersion, usize> = BTreeMap::new();
    for row in engine::all_rows(ledger.as_ref()).await? {
        if let (Some(version), false) = (row.rules, row.state == State::Closed) {
            *assignments.entry(version).or_default() += 1;
        }
    }
    let of = |publication: Publication| {
        let Publication { version, since, rules, provenance, forecast } = publication;
        let assignments = assignments.get(&version).copied().unwrap_or_default();
        Entry { version, since, rules, provenance, forecast, assignments }
    };
    let versions = engine::publications(ledger.as_ref()).await?.into_iter().map(of).collect();
    let versions = History { format: report::FORMAT, in_force, versions };
    if arguments.json {
        render::json(&versions, screen)?;
    } else {
        let text = told(&versions, screen);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(Ending::Good)
}

fn told(History { format: _, in_force, versions }: &History, screen: &Screen<'_>) -> String {
    let (style, mut text) = (screen.out_style, String::new());
    for (number, version) in versions.iter().enumerate() {
        let Entry { version, since, rules, provenance, forecast: _, assignments } = version;
        let is_in_force = number + 1 == versions.len() && in_force.as_ref() == Some(version);
        let mark = if is_in_force { style.paint(Paint::Good, "  in force") } else { String::new() };
        let _ = writeln!(
            text,
            "{}  {}  {}, {}{}{mark}",
            render::minute(*since),
            version.short(),
            count(*rules, "rule", "rules"),
            count(*assignments, "assignment", "assignments"),
            style.paint(Paint::Faint, provenance.as_ref().map_or_else(String::new, by)),
        );
    }
    let all = count(versions.len(), "version", "versions");
    let _ = writeln!(text, "{}", style.paint(Paint::Heading, format!("{all} on record.")));
    text
}

fn by(Provenance { by, as_of: _, said }: &Provenance) -> String {
    let how = match by {
        PublishedBy::Upload { key } => format!("  uploaded as {}", line(key)),
        PublishedBy::Command => "  by a command".to_owned(),
        PublishedBy::Rollback => "  by a rollback".to_owned(),
    };
    let Some(Said { by, reason }) = said else { return how };
    let by = if by.is_empty() { String::new() } else { format!(" of {}", line(by)) };
    let reason = if reason.is_empty() { String::new() } else { format!(": {}", line(reason)) };
    format!("{how}{by}{reason}")
}

/// Prints the files of a version.
pub(crate) async fn show(
    arguments: &RulesShowArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let RulesShowArgs { version, ledger: at, json } = arguments;
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let version = find(&engine::publications(ledger.as_ref()).await?, version)?;
    let store = desk::store(&at.at, connection, machine).await?;
    let bundle = store.bundle(&version).await.map_err(|source| Failure::FetchBundle { version, source })?;
    if *json {
        render::json(&bundle, screen)?;
        return Ok(Ending::Good);
    }
    let mut text = String::new();
    for (name, content) in &bundle.files {
        let end = if content.ends_with('\n') { "" } else { "\n" };
        let _ = write!(text, "# {}\n{content}{end}", line(name));
    }
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    Ok(Ending::Good)
}

/// The version that begins so, of those that were in force.
pub(super) fn find(publications: &[Publication], asked: &str) -> Result<RulesVersion, Failure> {
    let mut found: Vec<&RulesVersion> = publications
        .iter()
        .map(|publication| &publication.version)
        .filter(|version| !asked.is_empty() && version.as_str().starts_with(asked))
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => Err(Failure::UnknownVersion(line(asked))),
        [one] => Ok((*one).clone()),
        [_, ..] => Err(Failure::ManyVersions(line(asked))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_by_its_first_digits() {
        let of = |digits: &str| Publication {
            version: format!("{digits:0<64}").parse().unwrap(),
            since: Timestamp::UNIX_EPOCH,
            rules: 1,
            provenance: None,
            forecast: None,
        };
        let all = [of("ab1"), of("ab2"), of("cd"), of("cd")];
        assert_eq!(find(&all, "cd").unwrap(), all[2].version, "in force twice, it is one");
        assert_eq!(find(&all, "ab2").unwrap(), all[1].version);
        assert!(matches!(find(&all, "ab"), Err(Failure::ManyVersions(_))));
        for unknown in ["", "ef", "ab3", "nonsense\u{1b}"] {
            assert!(matches!(find(&all, unknown), Err(Failure::UnknownVersion(_))), "{unknown}");
        }
    }
}
