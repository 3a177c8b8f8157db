//! What package may use what package, and that each takes the workspace's lints.

use std::{fs, path::Path};

use crate::{
    failure::{self, Failure},
    metadata::{self, Package},
};

/// The folders of our packages, and the folders whose packages they may use, in tests as in the product.
#[rustfmt::skip]
const FOLDERS: &[(&str, &[&str])] = &[
    ("shared",    &[]),
    ("functions", &["shared"]),                                        // never each other
    ("simulator", &["shared"]),                                        // knows nothing of the functions
    ("cli",       &["shared", "functions", "simulator"]),
    ("tests",     &["shared", "functions", "simulator", "cli", "tests"]),
    ("xtask",     &[]),
];

/// Whether our packages use only those of ours that they may.
pub(super) fn arrows(root: &Path) -> Result<(), Failure> {
    let packages = metadata::ours(root)?;
    println!("{} packages", packages.len());
    failure::none(packages.iter().flat_map(|package| wrong_arrows(root, package)).collect())
}

fn wrong_arrows(root: &Path, package: &Package) -> Vec<String> {
    let folder = package.folder(root);
    let Some((_, allowed)) = FOLDERS.iter().find(|(name, _)| *name == top(&folder)) else {
        return vec![format!("{folder} is not in the table of xtask/src/checks/packages.rs")];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| Some((dependency, dependency.path.as_ref()?.strip_prefix(root).ok()?)))
        .filter(|(_, path)| !allowed.contains(&top(&path.to_string_lossy())))
        .map(|(dependency, _)| format!("{folder} must not use `{}`", dependency.name))
        .collect()
}

/// The first folder of a path: `functions` of `functions/sweep`.
fn top(path: &str) -> &str {
    path.split(['/', '\\']).next().unwrap_or(path)
}

/// Whether every package says `[lints] workspace = true`; without it, none of the lints hold there.
pub(super) fn lints(root: &Path) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for package in metadata::ours(root)? {
        let path = package.manifest_path.clone();
        let manifest = fs::read_to_string(&path).map_err(|reason| Failure::File { path, reason })?;
        if !takes_the_lints(&manifest) {
            findings
                .push(format!("{}/Cargo.toml lacks `[lints]` with `workspace = true`", package.folder(root)));
        }
    }
    failure::none(findings)
}

fn takes_the_lints(manifest: &str) -> bool {
    let mut table = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            table = line;
        }
        table == "[lints]" && line.replace(' ', "") == "workspace=true"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str, uses: &[&str]) -> Package {
        let dependencies: Vec<_> = uses
            .iter()
            .map(|path| serde_json::json!({"name": path, "path": format!("/top/{path}")}))
            .collect();
        serde_json::from_value(serde_json::json!({
            "name": folder, "targets": [], "dependencies": dependencies,
            "manifest_path": format!("/top/{folder}/Cargo.toml"),
        }))
        .unwrap()
    }

    fn wrong(folder: &str, uses: &[&str]) -> Vec<String> {
        wrong_arrows(Path::new("/top"), &package(folder, uses))
    }

    #[test]
    fn functions_never_use_each_other() {
        assert_eq!(wrong("functions/sweep", &["shared"]), [""; 0]);
        assert_eq!(
            wrong("functions/sweep", &["shared", "functions/provision"]),
            ["functions/sweep must not use `functions/provision`"]
        );
    }

    #[test]
    fn the_simulator_knows_nothing_of_the_functions_and_the_tests_know_all() {
        assert_eq!(wrong("simulator", &["functions/sweep"]).len(), 1);
        assert_eq!(wrong("shared", &["simulator"]).len(), 1);
        assert_eq!(wrong("tests", &["functions/sweep", "simulator", "cli", "shared"]), [""; 0]);
        assert_eq!(wrong("somewhere", &[]).len(), 1);
    }

    #[test]
    fn the_lints_must_be_taken_in_their_own_table() {
        assert!(takes_the_lints("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"));
        assert!(!takes_the_lints("[package]\nworkspace = true\n\n[lints]\n"));
        assert!(!takes_the_lints("[lints.clippy]\nworkspace = true\n"));
    }
}
