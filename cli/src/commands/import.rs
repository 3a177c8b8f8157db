//! `usher import`: what there is becomes a rule document that wants exactly that; with `--adopt` it becomes Usher's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use shared::{
    domain::Tags,
    engine::{self, ReadExisting, consent::Adoption},
    import::{self, Choices, Declaration, Document, Existing, Heading, Induced},
    ledger::Cause,
    ports::PermissionSetReader,
};

use crate::{
    Ending, Failure, ImportFailure, Machine, Paint, Screen,
    args::{ConnectionArgs, ImportArgs, RulesPublishArgs},
    commands::{import_template, rules_publish},
    desk::Desk,
    failure::Unknown,
    ledger,
    out_file::Out,
    screen::{count, line},
};

use super::orders::{consent, say};

/// So many keys of tags are tried, to tell which would make the rules simpler.
const TRIED_TAGS: usize = 32;

/// Imports, and adopts where that is said.
pub(crate) async fn run(
    arguments: &ImportArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    if !arguments.templates.is_empty() {
        return import_template::run(arguments, connection, machine, screen).await;
    }
    let ImportArgs { out, adopt, rules, .. } = arguments;
    if !adopt || out.is_some() {
        let out = Out::of_rules(out.as_deref())?;
        let read = ledger::to_read(&arguments.ledger.at, connection, machine).await?;
        let desk = Desk::of(&[], read, &arguments.ledger.at, connection, machine).await?;
        let document = document(arguments, &desk, screen).await?;
        out.write(&document.bundle, screen)?;
    }
    if *adopt {
        let files = out.as_ref().map_or_else(|| rules.clone(), |out| vec![out.clone()]);
        return adopt_all(arguments, files, connection, machine, screen).await;
    }
    Ok(Ending::Good)
}

/// Reads what there is, and finds the rules.
async fn document(arguments: &ImportArgs, desk: &Desk, screen: &mut Screen<'_>) -> Result<Document, Failure> {
    let ReadExisting { existing, may_have_changed } = desk.existing(screen).await?;
    let choices = choices(arguments, &existing)?;
    let induced = import::induce(&existing, &choices);
    if induced.rules.is_empty() {
        let assignments = existing.assignments.len();
        return Err(match assignments {
            0 => ImportFailure::NoAssignments.into(),
            _ => ImportFailure::NothingToImport { assignments }.into(),
        });
    }
    let (mut declarations, mut undeclared) = (Vec::new(), Vec::new());
    if arguments.permission_sets {
        (declarations, undeclared) = declared(&existing, &choices, desk.aws.sets.as_ref()).await?;
    }
    let mut about = about(&existing, &induced);
    if may_have_changed {
        about.push(
            "Whether assignments changed while they were read could not be told: look at `usher plan`."
                .to_owned(),
        );
    }
    about.extend(undeclared);
    let proposals = proposals(&existing, &choices, &induced);
    about.extend(proposals.iter().cloned());
    let heading = Heading { mode: arguments.mode.into(), about, declarations: &declarations };
    let document = import::document(&existing, &induced, &choices, &heading).map_err(ImportFailure::from)?;
    // INVARIANT: what does not want exactly what there is is never written.
    import::is_exact(&document, &existing, &induced).map_err(ImportFailure::from)?;
    told(&induced, &proposals, screen)?;
    Ok(document)
}

fn choices(arguments: &ImportArgs, existing: &Existing) -> Result<Choices, Failure> {
    let keys: BTreeSet<&str> =
        existing.accounts.values().flat_map(|account| account.tags.iter().map(|(key, _)| key)).collect();
    for key in &arguments.trusted_tags {
        if !keys.contains(key.as_str()) {
            let near = crate::suggestions::nearest(key, keys.iter().copied());
            return Err(ImportFailure::NoSuchTag {
                key: line(key),
                near: near.into_iter().map(str::to_owned).collect(),
            }
            .into());
        }
    }
    for name in &arguments.protected {
        if !existing.sets.values().any(|set| set.name == *name) {
            let near = crate::suggestions::nearest(name, existing.sets.values().map(|set| set.name.as_str()));
            return Err(Unknown::PermissionSet {
                name: line(name),
                nearest: near.into_iter().map(line).collect(),
            }
            .into());
        }
    }
    Ok(Choices {
        trusted_tags: arguments.trusted_tags.iter().cloned().collect(),
        protected_sets: arguments.protected.iter().cloned().collect(),
        at_least: arguments.at_least.into(),
        control_tower: arguments.control_tower,
    })
}

/// The declarations of all permission sets that can be declared, and what is to be told of the others.
async fn declared(
    existing: &Existing,
    choices: &Choices,
    reader: &dyn PermissionSetReader,
) -> Result<(Vec<Declaration>, Vec<String>), Failure> {
    let (mut declarations, mut told) = (Vec::new(), Vec::new());
    for (arn, set) in &existing.sets {
        if !choices.control_tower && import::is_control_towers(&set.name) {
            told.push(format!("Not declared: {}: Control Tower makes and keeps it.", set.name));
            continue;
        }
        let details = reader.details(arn).await.map_err(Failure::LookUp)?;
        let Some(details) = details else { continue };
        match import::declaration(&details) {
            Ok(declaration) => declarations.push(declaration),
            Err(why) => told.push(format!("Not declared: {}: {why}.", set.name)),
        }
    }
    declarations.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((declarations, told))
}

fn about(existing: &Existing, induced: &Induced) -> Vec<String> {
    let by_place = induced.rules.iter().filter(|rule| !rule.lists_accounts()).count();
    let left_out = left_out(induced);
    // Nothing is written where an account isn't active, so none of it is wanted.
    let asleep = existing.assignments.len().saturating_sub(induced.wanted.len() + left_out);
    let mut about = vec![
        "Written by `usher import` from the assignments that there are. It wants exactly these, and `usher plan` finds nothing to do.".to_owned(),
        format!(
            "{} in all: {} in {} by OU, by tag or everywhere, {} in {} that list accounts; {} left out.",
            count(existing.assignments.len(), "assignment", "assignments"),
            induced.by_place,
            count(by_place, "rule", "rules"),
            induced.wanted.len() - induced.by_place,
            count(induced.rules.len() - by_place, "rule", "rules"),
            left_out,
        ),
    ];
    if asleep > 0 {
        about.push(format!(
            "{} in accounts that aren't active, which rules for others take in once they are.",
            count(asleep, "assignment is", "assignments are")
        ));
    }
    about.push(
        "A rule by OU, by tag or everywhere holds for accounts that are yet to come, too: read each before it comes into force.".to_owned(),
    );
    about
}

/// How many assignments the document leaves out, with their reasons at its end.
fn left_out(induced: &Induced) -> usize {
    induced.left_out.0.values().map(BTreeSet::len).sum()
}

/// Which keys of tags would make the rules simpler, if they were trusted.
fn proposals(existing: &Existing, choices: &Choices, induced: &Induced) -> Vec<String> {
    let mut tagged: BTreeMap<&str, usize> = BTreeMap::new();
    let tags = existing.accounts.values().map(|account| &account.tags);
    for (key, _) in tags.flat_map(Tags::iter) {
        *tagged.entry(key).or_default() += 1;
    }
    tagged.retain(|key, number| *number > 1 && !choices.trusted_tags.contains(*key));
    let cost = induced.cost();
    let mut found: Vec<(usize, String)> = Vec::new();
    for key in tagged.into_keys().take(TRIED_TAGS) {
        let mut with = choices.clone();
        with.trusted_tags.insert(key.to_owned());
        let tried = import::induce(existing, &with);
        if tried.cost() * 10 <= cost * 9 {
            let told = format!(
                "With --trust-tag {}: {} instead of {}. Only if nobody can set that tag who may not give access.",
                line(key),
                count(tried.rules.len(), "rule", "rules"),
                induced.rules.len(),
            );
            found.push((tried.cost(), told));
        }
    }
    found.sort();
    found.into_iter().map(|(_, told)| told).take(3).collect()
}

/// Tells what came of it, beside the document.
fn told(induced: &Induced, proposals: &[String], screen: &mut Screen<'_>) -> Result<(), Failure> {
    let left_out = left_out(induced);
    let mut text = format!(
        "{} in {}",
        count(induced.wanted.len(), "assignment", "assignments"),
        count(induced.rules.len(), "rule", "rules")
    );
    if left_out > 0 {
        let _ = write!(text, "; {left_out} left out, with the reasons at the end of the document");
    }
    text.push_str(".\n");
    for proposal in proposals {
        text.push_str(proposal);
        text.push('\n');
    }
    screen.err.write_all(text.as_bytes()).map_err(Failure::Output)
}

/// Brings the rules into force, and takes over what they want and others made.
async fn adopt_all(
    arguments: &ImportArgs,
    files: Vec<std::path::PathBuf>,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ImportArgs { ledger: at, yes, by, .. } = arguments;
    // Before anything is asked or brought into force: without a name nothing could be kept.
    if by.by.trim().is_empty() {
        return Err(Failure::Consent(shared::engine::consent::ConsentError::Nameless));
    }
    if !files.is_empty() {
        let publish = RulesPublishArgs { files, ledger: at.clone(), by: by.clone(), yes: *yes };
        rules_publish::publish(&publish, connection, machine, screen).await?;
    }
    let ledger = ledger::to_use(&at.at, connection, machine).await?;
    let desk = Desk::of(&[], ledger, &at.at, connection, machine).await?;
    let survey = desk.survey(&Cause::new("command", "import"), screen).await?;
    let adoption = Adoption::of(&survey);
    let unread = survey.unread.len();
    if adoption.all.is_empty() {
        say(screen, "Nothing to adopt: all that the rules in force want and that is there is Usher's own.")?;
    } else {
        let all = count(adoption.all.len(), "assignment", "assignments");
        let mut text = format!("To adopt, by version {} of the rules: {all}\n", adoption.rules.short());
        let mut by_rules: BTreeMap<String, usize> = BTreeMap::new();
        for one in &adoption.all {
            let ids: Vec<&str> = one.wanted_by.keys().map(shared::domain::RuleId::as_str).collect();
            *by_rules.entry(ids.join(", ")).or_default() += 1;
        }
        for (rules, number) in &by_rules {
            let _ = writeln!(text, "  {number:>7}  {rules}");
        }
        text.push_str(
            "Nothing changes in AWS. From then on Usher revokes one when no rule wants it any more.\n",
        );
        screen.out.write_all(text.as_bytes()).and_then(|()| screen.out.flush()).map_err(Failure::Output)?;
        if !yes {
            screen.confirm(&format!("Make {all} Usher's own?"))?;
        }
        let adopted = consent(desk.ledger.as_ref(), machine, by).adopt_all(&adoption, |_| {}).await?;
        // Who is renamed or deleted before anything else looks is found by the name that they bear now.
        engine::remember(desk.ledger.as_ref(), &survey.basis.learned).await?;
        say(screen, &format!("Usher's own from now on: {}.", count(adopted, "assignment", "assignments")))?;
    }
    if unread > 0 {
        let told = format!(
            "{} could not be read: run it again, and it goes on with the rest.\n",
            count(unread, "account", "accounts")
        );
        let told = screen.out_style.paint(Paint::Warning, told);
        screen.out.write_all(told.as_bytes()).map_err(Failure::Output)?;
        return Ok(Ending::Bad);
    }
    Ok(Ending::Good)
}
