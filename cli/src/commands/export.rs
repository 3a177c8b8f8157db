//! `usher export --cloudformation`: what the rules want becomes templates, for those who leave or want both. It holds no writer.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    cloudformation::{self, Form, Limits, Stack, ToExport},
    engine::WantedNow,
    rules::{Bundle, SetContent, Wanted},
};

use crate::{
    Ending, Failure, ImportFailure, Machine, Screen,
    args::{ConnectionArgs, ExportArgs, TemplateForm},
    desk::Desk,
    ledger,
    out_file::Out,
    screen::count,
};

/// Plans nothing: it tells what is wanted, as somebody else's document.
pub(crate) async fn run(
    arguments: &ExportArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let ExportArgs { cloudformation: _, out, form: _, direct, rules, ledger: at } = arguments;
    let out = Out::of(out.as_deref())?;
    let ledger = ledger::to_read(&at.at, connection, machine).await?;
    let desk = Desk::of(rules, ledger, &at.at, connection, machine).await?;
    let WantedNow { instance, declared, sets, assignments, ending, unconfirmed, waiting, uncertain } =
        desk.wanted_now(screen).await?;
    if let Some(why) = uncertain.into_iter().next() {
        return Err(ImportFailure::ExportUncertain { why }.into());
    }
    let mut contents: BTreeMap<String, Option<SetContent>> = BTreeMap::new();
    for set in declared {
        match set.wanted {
            Wanted::There(content) => _ = contents.insert(set.name, Some(*content)),
            Wanted::Gone => {}
        }
    }
    let there: BTreeSet<&String> = sets.values().collect();
    let unmade = contents.keys().filter(|name| !there.contains(name)).count();
    let used =
        |arn: &shared::domain::PermissionSetArn| assignments.iter().any(|key| key.permission_set == *arn);
    let sets = sets.into_iter().filter_map(|(arn, name)| {
        let content = contents.get(&name).cloned().flatten();
        (content.is_some() || used(&arn)).then_some((arn, (name, content)))
    });
    let what = ToExport { instance, sets: sets.collect(), assignments };
    let form = match arguments.form() {
        TemplateForm::Json => Form::Json,
        TemplateForm::Yaml => Form::Yaml,
    };
    let limits = if *direct { Limits::DIRECT } else { Limits::IN_S3 };
    let stacks = cloudformation::export(&what, form, limits).map_err(ImportFailure::from)?.stacks;
    let left = left_out(ending.len(), unconfirmed.len(), waiting, unmade);
    if stacks.is_empty() {
        screen.err.write_all(left.as_bytes()).map_err(Failure::Output)?;
        return Err(ImportFailure::NothingToExport.into());
    }
    out.write_templates(&files(&stacks, form), screen)?;
    let told = format!(
        "{} in {}.\n",
        count(stacks.iter().map(|stack| stack.resources).sum(), "resource", "resources"),
        count(stacks.len(), "template", "templates")
    );
    screen.err.write_all(format!("{told}{left}").as_bytes()).map_err(Failure::Output)?;
    Ok(Ending::Good)
}

/// What is not exported, and why.
fn left_out(ending: usize, unconfirmed: usize, waiting: usize, unmade: usize) -> String {
    let mut lines = Vec::new();
    if ending > 0 {
        let left = count(ending, "assignment is", "assignments are");
        lines.push(format!(
            "{left} left out, for ending by itself (`until`): a stack would keep it for ever.\n"
        ));
    }
    if unconfirmed > 0 {
        let left = count(unconfirmed, "assignment is", "assignments are");
        lines.push(format!("{left} left out: `usher confirm` comes first.\n"));
    }
    if unmade > 0 {
        let left = count(unmade, "permission set is", "permission sets are");
        lines.push(format!(
            "{left} left out with what rests on it, for being yet to be made: templates take over what is there. `usher apply` comes first.\n"
        ));
    }
    if waiting > 0 {
        let names = count(waiting, "name is", "names are");
        lines.push(format!("{names} in rules that nothing bears: nothing is exported for them.\n"));
    }
    lines.concat()
}

/// The templates, each with what CloudFormation needs to take its resources over.
fn files(stacks: &[Stack], form: Form) -> Bundle {
    let ending = match form {
        Form::Json => "json",
        Form::Yaml => "yaml",
    };
    let mut files = BTreeMap::new();
    for (number, stack) in stacks.iter().enumerate() {
        let name = format!("usher-{:03}", number + 1);
        files.insert(format!("{name}.{ending}"), stack.template.clone());
        files.insert(format!("{name}.import.json"), stack.to_import.clone());
    }
    Bundle { files }
}
