//! What can be exported on the command line.

use std::path::PathBuf;

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
    /// How templates are written
    #[arg(long, value_name = "FORM", value_enum, default_value_t = TemplateForm::Yaml)]
    pub form: TemplateForm,
    /// Keep each template as small as one has to be that is sent along with the call, and isn't in S3
    #[arg(long)]
    pub direct: bool,
    /// The rule files, or the folder that they are in; the rules in force if you don't say
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// How a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateForm {
    Yaml,
    Json,
}
