//! What can be exported on the command line.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::LedgerArgs;

#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// As CloudFormation templates
    #[arg(long, required = true)]
    pub cloudformation: bool,
    /// Write to this file, or to a folder of files, instead of the standard output
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// How templates are written, if the name of the file that they go to doesn't say it [default: yaml]
    #[arg(long, value_name = "FORM", value_enum)]
    pub form: Option<TemplateForm>,
    /// Keep each template as small as one has to be that is sent along with the call, and isn't in S3
    #[arg(long)]
    pub direct: bool,
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

impl ExportArgs {
    /// How templates are written: as it is said, else as the file's name has it.
    pub fn form(&self) -> TemplateForm {
        let ending = self.out.as_deref().and_then(Path::extension);
        let by_name = if ending.is_some_and(|ending| ending == "json") {
            TemplateForm::Json
        } else {
            TemplateForm::Yaml
        };
        self.form.unwrap_or(by_name)
    }
}

/// How a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateForm {
    Yaml,
    Json,
}
