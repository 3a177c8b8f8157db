//! The rule files while the rules are in force: a change on the disk is told, and not taken.

use std::path::PathBuf;

use shared::{domain::RulesVersion, rules};

use crate::rule_files::{self, RuleFiles};

/// The files, and what was last found in them.
pub(super) struct RuleWatch {
    paths: Vec<PathBuf>,
    in_force: RulesVersion,
    told: Option<String>,
}

impl RuleWatch {
    /// Watches the files that these rules were read from; nothing where they are the example's.
    pub(super) fn new(paths: &[PathBuf], in_force: RulesVersion) -> Self {
        Self { paths: paths.to_vec(), in_force, told: None }
    }

    /// What is new about the files since the last look, as a sentence.
    pub(super) fn look(&mut self) -> Option<String> {
        if self.paths.is_empty() {
            return None;
        }
        let found = self.found();
        if found == self.told {
            return None;
        }
        let text =
            found.clone().unwrap_or_else(|| "the files on the disk are again those in force".to_owned());
        self.told = found;
        Some(text)
    }

    /// How the files differ from what is in force.
    fn found(&self) -> Option<String> {
        let RuleFiles { shown, bundle, files: _ } = match rule_files::read(&self.paths) {
            Ok(files) => files,
            Err(failure) => {
                let why = shared::causes::joined(&failure);
                return Some(format!(
                    "the files on the disk can't be read any more ({why}); those in force stay"
                ));
            }
        };
        let version = bundle.version();
        if version == self.in_force {
            return None;
        }
        Some(match rules::read(&shown) {
            Ok(_) => format!(
                "the files on the disk have changed to version {}; version {} stays in force until `usher apply`, or a new start, brings the change into force",
                version.short(),
                self.in_force.short(),
            ),
            Err(problems) => format!(
                "the files on the disk have changed, and {problems}: `usher rules check` shows where; version {} stays in force",
                self.in_force.short(),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_is_told_once_and_so_is_a_mistake_and_the_way_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        fs::write(&path, crate::stage::EXAMPLE_RULES).unwrap();
        let paths = [path.clone()];
        let version = rule_files::read(&paths).unwrap().bundle.version();
        let mut watch = RuleWatch::new(&paths, version);
        assert_eq!(watch.look(), None);

        fs::write(&path, format!("{}\n# a comment", crate::stage::EXAMPLE_RULES)).unwrap();
        let told = watch.look().unwrap();
        assert!(told.contains("have changed to version") && told.contains("stays in force"), "{told}");
        assert_eq!(watch.look(), None);

        fs::write(&path, "version: 1\nrules: nonsense").unwrap();
        assert!(watch.look().unwrap().contains("usher rules check"));

        fs::remove_file(&path).unwrap();
        assert!(watch.look().unwrap().contains("can't be read any more"));

        fs::write(&path, crate::stage::EXAMPLE_RULES).unwrap();
        assert!(watch.look().unwrap().contains("again those in force"));
        assert_eq!(watch.look(), None);
    }

    #[test]
    fn the_rules_of_the_example_are_in_no_file_to_watch() {
        let mut watch = RuleWatch::new(&[], "ab".repeat(32).parse().unwrap());
        assert_eq!(watch.look(), None);
    }
}
