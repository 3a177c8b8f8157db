//! What is told before anything happens: what is simulated, and how it is reached.

use std::{fmt::Write as _, num::NonZeroU32, path::Path};

use crate::{
    Failure, Paint, Screen,
    args::SimulateArgs,
    rule_files,
    screen::{count, line},
    stage::Stage,
};

/// The functions' side, where there is one.
pub(super) struct Functions<'a> {
    /// The files of the rules; none for those of the example.
    pub(super) files: &'a [String],
    pub(super) rules: usize,
    pub(super) ledger: &'a Path,
    pub(super) kept: bool,
}

/// Tells it.
pub(super) fn tell(
    arguments: &SimulateArgs,
    stage: &Stage,
    functions: Option<&Functions<'_>>,
    screen: &mut Screen<'_>,
) -> Result<(), Failure> {
    let style = screen.out_style;
    let Stage { endpoint, region, .. } = stage;
    let title = if functions.is_some() {
        "with Usher's functions behind it"
    } else {
        "and nothing that reacts to it"
    };
    let title = format!("A simulated AWS listens at {endpoint}, {title}. Ctrl-C ends it.");
    let organization = arguments.organization.as_ref();
    let organization =
        organization.map_or_else(|| "the example".to_owned(), |path| path.display().to_string());
    let mut text = format!(
        "{}\n\n  organization  {}: {}\n",
        style.paint(Paint::Heading, title),
        line(&organization),
        contents(stage),
    );
    if let Some(Functions { files, rules, ledger, kept }) = functions {
        let files =
            if files.is_empty() { "cli/examples/rules.yaml".to_owned() } else { rule_files::told(files) };
        let end = if *kept { "" } else { ", which goes at the end; --ledger PATH keeps one" };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "  rules         {files}: {}\n  ledger        {}{end}\n",
            count(*rules, "rule", "rules"),
            quoted(ledger),
        );
    }
    let access_key = if stage.world().refuses_unknown_keys() { "ONE_OF_THE_FILE" } else { "test" };
    let _ = write!(
        text,
        "  time          {}\n\nFor another terminal, where the AWS CLI and `usher` then go to it:\n\n{}\n",
        time(arguments.speed),
        style.paint(
            Paint::Accent,
            format!(
                "  export AWS_ENDPOINT_URL={endpoint}\n  \
                   export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n  \
                   export AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY=test"
            )
        ),
    );
    let mut examples = vec!["aws organizations list-accounts".to_owned()];
    if let Some(Functions { ledger, .. }) = functions {
        examples.push(format!("usher status --ledger {}", quoted(ledger)));
    }
    examples.push(format!("curl {endpoint}/_usher/counters"));
    text.push_str("\nfor instance:\n\n");
    for example in examples {
        let _ = writeln!(text, "  {example}");
    }
    writeln!(screen.out, "{text}").and_then(|()| screen.out.flush()).map_err(Failure::Output)
}

fn contents(stage: &Stage) -> String {
    let world = stage.world();
    let parts = [
        count(world.accounts_now().len(), "account", "accounts"),
        count(world.permission_sets_now().len(), "permission set", "permission sets"),
        count(world.groups_now().len(), "group", "groups"),
        count(world.users_now().len(), "user", "users"),
        count(world.assignments().len(), "assignment", "assignments"),
    ];
    parts.join(", ")
}

fn time(speed: NonZeroU32) -> String {
    match speed.get() {
        1 => "as it passes; told in UTC".to_owned(),
        speed => format!("{speed} seconds in each real one, from now on; told in UTC"),
    }
}

/// A path as a shell takes it, in whatever folder it is used.
pub(super) fn quoted(path: &Path) -> String {
    let text = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':');
    if text.chars().all(is_plain) { text } else { format!("'{}'", line(&text).replace('\'', r"'\''")) }
}
