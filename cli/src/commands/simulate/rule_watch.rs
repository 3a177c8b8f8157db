//! The rule files while the rules are in force: a change on the disk is taken once it has rested from one look to the next, and a mistake
//! is told.

use std::path::PathBuf;

use shared::{domain::RulesVersion, engine::RulesOnHand};

use crate::{
    commands::plan::Rules,
    rule_files::{self, RuleFiles},
};

/// The files, and what was last found in them.
pub(super) struct RuleWatch {
    paths: Vec<PathBuf>,
    /// What was taken last.
    taken: RulesVersion,
    /// What was found at the look before, and not taken: somebody may be in the middle of writing.
    resting: Option<RulesVersion>,
    /// The same of what is wrong with them.
    failing: Option<String>,
    told: Option<String>,
}

/// What is new about the files since the last look.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// A sentence about it.
    Told(String),
    /// Why they can't come into force.
    Refused(String),
    /// Other rules, which are to come into force.
    Changed(Rules),
}

impl RuleWatch {
    /// Watches the files that these rules were read from; nothing where they are the example's.
    pub(super) fn new(paths: &[PathBuf], taken: RulesVersion) -> Self {
        Self { paths: paths.to_vec(), taken, resting: None, failing: None, told: None }
    }

    /// What is new about the files since the last look.
    pub(super) fn look(&mut self) -> Found {
        if self.paths.is_empty() {
            return Found::Nothing;
        }
        match self.read() {
            Ok(rules) => self.take(rules),
            Err(text) if self.told.as_ref() == Some(&text) => Found::Nothing,
            // Somebody may be writing.
            Err(text) if self.failing.as_ref() != Some(&text) => {
                self.resting = None;
                self.failing = Some(text);
                Found::Nothing
            }
            Err(text) => {
                self.failing = None;
                self.told = Some(text.clone());
                Found::Refused(text)
            }
        }
    }

    fn take(&mut self, rules: Rules) -> Found {
        let version = rules.bundle.version();
        let was_wrong = self.told.take().is_some();
        if version == self.taken {
            self.resting = None;
            return if was_wrong {
                Found::Told("the files on the disk are again those that were taken last".to_owned())
            } else {
                Found::Nothing
            };
        }
        if self.resting.as_ref() != Some(&version) {
            self.resting = Some(version);
            return Found::Nothing;
        }
        self.resting = None;
        self.taken = version;
        Found::Changed(rules)
    }

    /// The rules in the files, or why they can't be taken.
    fn read(&self) -> Result<Rules, String> {
        let RuleFiles { shown: _, bundle, files } = rule_files::read(&self.paths).map_err(|failure| {
            let why = shared::causes::joined(&failure);
            format!("the files on the disk can't be read any more ({why}); what is in force stays")
        })?;
        let on_hand = RulesOnHand::of(&bundle).map_err(|problems| {
            format!(
                "the files on the disk have changed, and {problems}: `usher rules check` shows where; what is in force stays"
            )
        })?;
        Ok(Rules { bundle, on_hand, files })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What a look tells: nothing, a sentence, or the version that is to come into force.
    fn told(found: Found) -> Option<String> {
        match found {
            Found::Nothing => None,
            Found::Told(text) | Found::Refused(text) => Some(text),
            Found::Changed(rules) => Some(rules.bundle.version().to_string()),
        }
    }

    #[test]
    fn a_change_is_taken_once_it_has_rested_and_a_mistake_and_the_way_back_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        fs::write(&path, crate::stage::EXAMPLE_RULES).unwrap();
        let paths = [path.clone()];
        let version = || rule_files::read(&paths).unwrap().bundle.version();
        let mut watch = RuleWatch::new(&paths, version());
        let mut look = || told(watch.look());
        assert_eq!(look(), None);

        fs::write(&path, format!("{}\n# a", crate::stage::EXAMPLE_RULES)).unwrap();
        assert_eq!(look(), None, "somebody may be writing");
        let commented = format!("{}\n# a comment", crate::stage::EXAMPLE_RULES);
        fs::write(&path, &commented).unwrap();
        assert_eq!(look(), None, "somebody is writing");
        assert_eq!(look(), Some(version().to_string()));
        assert_eq!(look(), None);

        fs::write(&path, "version: 1\nrules: nonsense").unwrap();
        assert_eq!(look(), None, "somebody may be writing");
        assert!(look().unwrap().contains("usher rules check"));
        assert_eq!(look(), None);

        fs::remove_file(&path).unwrap();
        assert_eq!(look(), None);
        assert!(look().unwrap().contains("can't be read any more"));

        fs::write(&path, &commented).unwrap();
        assert!(look().unwrap().contains("again those"));
        assert_eq!(look(), None);
    }

    #[test]
    fn the_rules_of_the_example_are_in_no_file_to_watch() {
        let mut watch = RuleWatch::new(&[], "ab".repeat(32).parse().unwrap());
        assert_eq!(told(watch.look()), None);
    }
}
