//! What the threat model names is there: files, templates, tests.

use std::{collections::BTreeSet, ffi::OsStr, fs, path::Path};

const PAGE: &str = include_str!("../../../docs/threat-model.md");

/// What stands in backticks.
fn named() -> impl Iterator<Item = &'static str> {
    PAGE.split('`').skip(1).step_by(2)
}

/// The names of all functions of the workspace's sources: tests among them.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            functions(&path, found);
        } else if path.extension() == Some(OsStr::new("rs")) {
            for line in fs::read_to_string(&path).unwrap().lines() {
                let named = line.split_once("fn ").and_then(|(_, rest)| rest.split('(').next());
                found.extend(named.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_test_and_file_that_the_threat_model_names_exists() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut known = BTreeSet::new();
    functions(root, &mut known);
    let is_test = |name: &&str| {
        name.matches('_').count() > 3 && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    let tests: Vec<&str> = named().filter(is_test).collect();
    assert!(tests.len() > 20, "{tests:?}");
    for test in tests {
        assert!(known.contains(test), "{test}");
    }
    let is_path =
        |name: &&str| ["shared/", "infra/", "functions/", "cli/"].iter().any(|top| name.starts_with(top));
    let files: Vec<&str> = named().filter(is_path).collect();
    assert!(files.len() > 6, "{files:?}");
    for file in files {
        assert!(root.join(file).exists(), "{file}");
    }
}
