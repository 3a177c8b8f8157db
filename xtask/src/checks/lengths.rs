//! A file is about one noun, so it is short.

use std::path::Path;

use crate::{
    failure::{self, Failure},
    source,
};

/// The most lines a file may have; inline tests are not counted.
const MOST: usize = 500;

pub(super) fn check(root: &Path) -> Result<(), Failure> {
    let sources = source::under(root, "")?;
    let longest = sources.iter().map(|source| source.lines).max().unwrap_or_default();
    println!("{} files; the longest has {longest} lines", sources.len());
    failure::none(
        sources
            .iter()
            .filter(|source| source.lines > MOST)
            .map(|source| format!("{}: {} lines, and {MOST} is the most", source.path, source.lines))
            .collect(),
    )
}
