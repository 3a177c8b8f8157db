//! Judges the templates in `infra/`.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, program},
    failure::Failure,
    report::Report,
    tools::{CFN_LINT, CHECKOV, SAM},
};

/// All that judges templates: what every change must pass, and `sam validate`, which runs by night.
pub(crate) fn command(root: &Path) -> Result<(), Failure> {
    let mut report = Report::default();
    for (name, check) in [CLOUDFORMATION, SECURITY, AS_SAM] {
        report.check(name, || check(root));
    }
    report.finish()
}

type Check = (&'static str, fn(&Path) -> Result<(), Failure>);

const CLOUDFORMATION: Check = ("templates: cfn-lint", check);
const SECURITY: Check = ("templates: checkov", security);
/// Its installation takes longer than a minute.
pub(crate) const AS_SAM: Check = ("templates: sam validate", as_sam);

/// By CloudFormation's own schemas. `infra/.cfnlintrc.yaml` holds what is asked for beyond the defaults; an exception stands in the template.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    let configuration = root.join("infra/.cfnlintrc.yaml");
    command::run(
        program(CFN_LINT.ready(root)?, root)
            .arg("--config-file")
            .arg(configuration)
            .args(["--"])
            .args(templates(root)?),
    )
}

/// By checkov's rules for CloudFormation. An exception stands in `infra/.checkov.yaml`, or in the template beside what it is about, with its reason.
pub(crate) fn security(root: &Path) -> Result<(), Failure> {
    command::run(
        program(CHECKOV.ready(root)?, root)
            .args(["--config-file", "infra/.checkov.yaml", "--directory", "infra"])
            .env("LOG_LEVEL", "ERROR"),
    )
}

/// As SAM reads them, which people may deploy them with.
fn as_sam(root: &Path) -> Result<(), Failure> {
    let sam = SAM.ready(root)?;
    for template in templates(root)? {
        command::run(
            program(&sam, root)
                .args(["validate", "--lint", "--template-file"])
                .arg(template)
                // It asks nobody, and tells nobody.
                .envs([("SAM_CLI_TELEMETRY", "0"), ("AWS_DEFAULT_REGION", "us-east-1")]),
        )?;
    }
    Ok(())
}

/// The templates, in their order.
fn templates(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = root.join("infra");
    let failed = |reason| Failure::File { path: folder.clone(), reason };
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with('.'));
        if !hidden && path.extension() == Some(OsStr::new("yaml")) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::Broken(vec!["there is no template in infra/".to_owned()]));
    }
    Ok(found)
}
