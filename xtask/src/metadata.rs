//! What cargo knows about the workspace's packages.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{command, failure::Failure};

/// One of our packages.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A package that another asks for.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Where it lies, when it is not taken from a registry.
    pub(crate) path: Option<PathBuf>,
}

/// A library, a program or a test of a package.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The packages of this workspace.
pub(crate) fn ours(root: &Path) -> Result<Vec<Package>, Failure> {
    let said = command::capture(&mut command::cargo(root, ["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Metadata = serde_json::from_str(&said)
        .map_err(|reason| Failure::Unreadable { command: "cargo metadata".to_owned(), reason })?;
    Ok(metadata.packages)
}

impl Package {
    /// The package's folder as seen from the top, with `/`: `functions/sweep`.
    pub(crate) fn folder(&self, root: &Path) -> String {
        let folder = self.manifest_path.parent().unwrap_or(&self.manifest_path);
        folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().replace('\\', "/")
    }

    /// The programs it builds.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
            .map(|target| target.name.as_str())
    }
}
