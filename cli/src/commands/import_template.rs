//! `usher import --cloudformation`: templates become a rule document. It needs no AWS, but to write names instead of ids.

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use shared::{
    cloudformation::{self, Given, Problems, Template},
    domain::Principal,
    import::{self, Choices, Existing, Heading},
};

use crate::{
    Ending, Failure, ImportFailure, Machine, Screen,
    args::{ConnectionArgs, ImportArgs},
    connect::{self, Aws},
    out_file::Out,
    render,
    screen::{count, line},
};

/// What to do with permission sets that no rule gives.
const WITHOUT_RULES: &str =
    "Put this file beside the root file of a folder of rules, which has at least one rule.";

/// Reads templates, and writes what they say. What can't be followed is told with its place, and the rest is written all the same.
pub(crate) async fn run(
    arguments: &ImportArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let out = Out::of_rules(arguments.out.as_deref())?;
    let mut parameters = BTreeMap::new();
    for (key, value) in &arguments.parameters {
        if parameters.insert(key.clone(), value.clone()).is_some() {
            return Err(ImportFailure::ParameterTwice { key: line(key) }.into());
        }
    }
    let given =
        Given { parameters, account_id: arguments.account_id.clone(), region: connection.region.clone() };
    let (mut templates, mut problems) = (Vec::new(), Vec::new());
    for path in &arguments.templates {
        let template = read(path, &given)?;
        problems.extend(template.problems.iter().cloned());
        templates.push(template);
    }
    let (mut existing, declarations) = cloudformation::imported(&templates);
    if arguments.names {
        let aws = connect::connect(connection, machine).await?;
        look_up(&mut existing, &aws).await?;
    }
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for declaration in &declarations {
        *names.entry(&declaration.name).or_default() += 1;
    }
    if let Some((name, _)) = names.into_iter().find(|(_, number)| *number > 1) {
        return Err(ImportFailure::SetInTwoTemplates { name: line(name) }.into());
    }
    let left = problems.len();
    if left > 0 {
        render::problems(&ImportFailure::Template(Box::new(Problems(problems))).into(), screen)
            .map_err(Failure::Output)?;
    }
    let choices = Choices { at_least: usize::MAX, control_tower: true, ..Choices::default() };
    let induced = import::induce(&existing, &choices);
    let gives_nothing = induced.rules.is_empty();
    if gives_nothing && declarations.is_empty() {
        return Err(ImportFailure::NothingInTemplates.into());
    }
    let mut about = about(&templates, left);
    if gives_nothing {
        about.push(format!("NO RULE GIVES THEM. {WITHOUT_RULES}"));
    }
    let document = if gives_nothing {
        import::declared_alone(&about, &declarations)
    } else {
        let heading = Heading { mode: arguments.mode.into(), about, declarations: &declarations };
        let document =
            import::document(&existing, &induced, &choices, &heading).map_err(ImportFailure::from)?;
        // INVARIANT: what does not want exactly what the templates say is never written.
        import::is_exact(&document, &existing, &induced).map_err(ImportFailure::from)?;
        document
    };
    out.write(&document.bundle, screen)?;
    let told = format!(
        "{} and {} in {}.{}{}\n",
        count(declarations.len(), "permission set", "permission sets"),
        count(induced.wanted.len(), "assignment", "assignments"),
        count(induced.rules.len(), "rule", "rules"),
        if gives_nothing { format!(" No rule gives them. {WITHOUT_RULES}") } else { String::new() },
        if left > 0 { format!(" {left} could not be followed, and are told above.") } else { String::new() },
    );
    screen.err.write_all(told.as_bytes()).map_err(Failure::Output)?;
    Ok(if left > 0 { Ending::Bad } else { Ending::Good })
}

fn read(path: &Path, given: &Given) -> Result<Template, Failure> {
    let name = path.display().to_string();
    let failed = |source| ImportFailure::TemplateFile { path: name.clone(), source };
    let mut content = Vec::new();
    let most = u64::try_from(cloudformation::MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path).map_err(failed)?.take(most).read_to_end(&mut content).map_err(failed)?;
    if content.len() > cloudformation::MOST_BYTES {
        // Cut in the middle of a letter it would be told as no text.
        content.fill(b' ');
    }
    let text = String::from_utf8(content).map_err(|error| ImportFailure::TemplateNotText {
        path: name.clone(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(cloudformation::read(&name, &text, given)
        .map_err(|problems| ImportFailure::Template(Box::new(problems)))?)
}

/// Names for the ids of a template: where the directory gives one, and gives the same id for it.
async fn look_up(existing: &mut Existing, aws: &Aws) -> Result<(), Failure> {
    let all: Vec<Principal> = existing.principals.keys().cloned().collect();
    for principal in all {
        let name = match &principal {
            Principal::Group(id) => aws.directory.group_name(id).await,
            Principal::User(id) => aws.directory.user_name(id).await,
        };
        let Some(name) = name.map_err(Failure::LookUp)? else { continue };
        let bearer = match &principal {
            Principal::Group(_) => aws.directory.group_id(&name).await.map(|id| id.map(Principal::Group)),
            Principal::User(_) => aws.directory.user_id(&name).await.map(|id| id.map(Principal::User)),
        };
        if bearer.map_err(Failure::LookUp)?.as_ref() == Some(&principal) {
            existing.pinned.remove(&principal);
        }
        existing.principals.insert(principal, name);
    }
    Ok(())
}

fn about(templates: &[Template], left: usize) -> Vec<String> {
    let mut about = vec![
        "Written by `usher import --cloudformation`.".to_owned(),
        "Permission sets that a stack has made are its own until their declarations say `adopt: true`: take them out of the stack first, with".to_owned(),
        "`DeletionPolicy: Retain`, or both work on them.".to_owned(),
    ];
    if left > 0 {
        about.push(format!(
            "NOT ALL OF IT: {left} could not be followed. `usher import` tells each with its place."
        ));
    }
    let switched_off: usize = templates.iter().map(|template| template.switched_off).sum();
    if switched_off > 0 {
        about.push(format!(
            "{} left out, whose conditions don't hold.",
            count(switched_off, "resource is", "resources are")
        ));
    }
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, number) in templates.iter().flat_map(|template| &template.others) {
        *others.entry(kind).or_default() += number;
    }
    if !others.is_empty() {
        let kinds = others.iter().map(|(kind, number)| format!("{number} {kind}"));
        about.push(format!(
            "Not looked into, being neither a permission set nor an assignment: {}.",
            kinds.collect::<Vec<_>>().join(", ")
        ));
    }
    about
}
