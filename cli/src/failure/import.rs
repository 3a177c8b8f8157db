//! Why something could not be imported or exported.

use std::io;

use shared::{
    cloudformation::{Problems, TooMuch},
    engine::ExistingError,
    import::{Inexact, TooLarge},
};

/// Why something could not be imported or exported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    #[error("cannot read the organization whole")]
    Existing(#[source] ExistingError),
    #[error("there is nothing to import: nothing is assigned to anybody yet")]
    NoAssignments,
    #[error("there is nothing to import: of {assignments} assignments none can be given by a rule")]
    NothingToImport { assignments: usize },
    #[error("no account has a tag `{key}`")]
    NoSuchTag { key: String, near: Vec<String> },
    #[error("the rules don't fit into one document")]
    TooLarge(#[from] TooLarge),
    #[error("the rules that were made are not what there is; nothing was written")]
    Inexact(#[from] Inexact),
    #[error("the parameter `{key}` is given twice")]
    ParameterTwice { key: String },
    #[error("cannot read the template `{path}`")]
    TemplateFile { path: String, source: io::Error },
    #[error("the template `{path}` is not text: byte {at} does not belong to UTF-8")]
    TemplateNotText { path: String, at: usize },
    #[error(transparent)]
    Template(Box<Problems>),
    #[error("the permission set `{name}` is in two of the templates")]
    SetInTwoTemplates { name: String },
    #[error("the templates have no permission set and no assignment that could be followed")]
    NothingInTemplates,
    #[error("it can't be said what the rules want: {why}")]
    ExportUncertain { why: String },
    #[error("there is nothing to export: the rules want nothing, and declare no permission set")]
    NothingToExport,
    #[error("a template can't hold it")]
    TooMuch(#[from] TooMuch),
    #[error("an imported document is YAML, and `{path}` says otherwise")]
    OutNotYaml { path: String },
    #[error("`{path}` is there already")]
    OutExists { path: String },
    #[error("cannot write `{path}`")]
    OutFile { path: String, source: io::Error },
    #[error("the result takes {files} files")]
    NeedsFolder { files: usize },
}

impl ImportFailure {
    /// What to do about it, where it is not AWS's matter.
    pub(super) fn way_out(&self) -> Option<String> {
        let text = match self {
            Self::Existing(
                ExistingError::Read(_)
                | ExistingError::Directory(_)
                | ExistingError::Sets(_)
                | ExistingError::Assignments(_),
            )
            | Self::Template(_)
            | Self::NothingToExport => return None,
            Self::NoAssignments => {
                "write rules instead (docs/rules.md): `usher plan --rules PATH` shows what they would give"
            }
            Self::ParameterTwice { .. } => "give each parameter once; several values are separated by commas",
            Self::NothingToImport { .. } => {
                "assignments to deleted principals, and those that Control Tower makes, are left out"
            }
            Self::NoSuchTag { near, .. } if near.is_empty() => "keys of tags are compared letter by letter",
            Self::NoSuchTag { near, .. } => return Some(format!("perhaps {} is meant", near.join(", or "))),
            Self::TooLarge(_) => "trust tags with --trust-tag, so that fewer rules stand for more",
            Self::Inexact(_) => {
                "run it again with --verbose, and tell the project what it says: this is a mistake in Usher"
            }
            Self::TemplateFile { .. } => "give the path of a template in JSON or YAML",
            Self::TemplateNotText { .. } => "save the file as UTF-8",
            Self::SetInTwoTemplates { .. } => "import them one by one, or rename one",
            Self::NothingInTemplates => "give the parameters that it needs with --parameter KEY=VALUE",
            Self::ExportUncertain { .. } => "try again when it can be looked up",
            Self::TooMuch(_) => "leave --direct out, and put the templates into S3",
            Self::OutNotYaml { .. } => "give a name that ends in .yaml, or a folder",
            Self::OutExists { .. } => "give a path that is not there yet: nothing is written over",
            Self::OutFile { .. } => "give a path in a folder that is there and that you may write to",
            Self::NeedsFolder { .. } => "give a folder that is not there yet, as --out rules",
            Self::Existing(ExistingError::Changed(_)) => {
                "nothing was written. Run it again when nobody works on the organization"
            }
        };
        Some(text.to_owned())
    }
}
