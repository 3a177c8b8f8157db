//! Why there are no figures.

use std::path::{Path, PathBuf};

/// Why a benchmark gave no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: std::io::Error },
    /// Something that a benchmark is built on refused.
    #[error("cannot measure: {doing}")]
    Broken { doing: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot measure: there is not {0}")]
    Nothing(&'static str),
    #[error("cannot measure planning")]
    Planning(#[from] crate::planning::Trouble),
    #[error("the benchmark's organization can't be made")]
    Id(#[from] shared::domain::InvalidId),
    #[error("cannot import: {0}")]
    Import(String),
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    /// The page has no place for what was measured.
    #[error(
        "`{path}` has no lines `<!-- bench: {benchmark} -->` and `<!-- /bench -->` after it: put them where its table belongs"
    )]
    NoPlace { path: PathBuf, benchmark: &'static str },
}

impl Trouble {
    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// For `map_err`: what was being done, such as `opening the ledger`.
    pub(crate) fn while_doing<E: std::error::Error + Send + Sync + 'static>(
        doing: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Broken { doing, source: Box::new(source) }
    }
}
