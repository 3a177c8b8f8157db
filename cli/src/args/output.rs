//! How a result is written.

use clap::{Args, ValueEnum};

/// How a result is written.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// How to write the result; Markdown is fit for a comment on a pull request
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
}

impl OutputArgs {
    /// What was asked for, in either way.
    pub fn form(self) -> Output {
        if self.json { Output::Json } else { self.output }
    }
}

/// A form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a terminal.
    Text,
    /// One JSON document.
    Json,
    /// For a comment on a pull request.
    Markdown,
}
