//! Commands that are suggested: as a shell takes them, with what was said of where rules, ledger and AWS are.

use std::path::PathBuf;

use crate::args::{ConnectionArgs, LedgerAt};

/// What a command was told of where everything is. What it suggests is about the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// ` --rules rules/`, or nothing where they are those in force.
    rules: String,
    /// ` --ledger … --region …`
    place: String,
    /// The ledger is that of deployed functions.
    is_deployed: bool,
}

impl Given {
    pub(crate) fn of(rules: &[PathBuf], ledger: &LedgerAt, connection: &ConnectionArgs) -> Self {
        let paths: Vec<String> = rules.iter().map(|path| quoted(&path.display().to_string())).collect();
        let ConnectionArgs { endpoint_url, region, profile, instance_arn } = connection;
        let instance = instance_arn.as_ref().map(ToString::to_string);
        let options = [
            ("ledger", (!ledger.is_default()).then(|| ledger.to_string())),
            ("profile", profile.clone()),
            ("region", region.clone()),
            ("instance-arn", instance),
            ("endpoint-url", endpoint_url.clone()),
        ];
        let place = options.into_iter().filter_map(|(option, value)| Some((option, value?)));
        let place: Vec<String> =
            place.map(|(option, value)| format!(" --{option} {}", quoted(&value))).collect();
        Self {
            rules: if paths.is_empty() { String::new() } else { format!(" --rules {}", paths.join(" ")) },
            place: place.concat(),
            is_deployed: matches!(ledger, LedgerAt::Table(_)),
        }
    }

    /// Whether the ledger is that of deployed functions.
    pub(crate) fn is_deployed(&self) -> bool {
        self.is_deployed
    }

    /// A command about the same ledger in the same organization.
    pub(crate) fn command(&self, words: &str) -> String {
        format!("usher {words}{}", self.place)
    }

    /// The same, planned by the same rules.
    pub(crate) fn command_by_rules(&self, words: &str) -> String {
        self.command(&format!("{words}{}", self.rules))
    }
}

/// A word of a command line as a shell takes it: a name may hold blanks and worse.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '-' | '_' | '.' | '@' | '+' | '=' | ',')
    };
    let is_one_word = !word.is_empty() && word.chars().all(is_plain);
    if is_one_word { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_quoted_where_a_name_needs_it() {
        assert_eq!(quoted("1/A/group:a@b"), "1/A/group:a@b");
        assert_eq!(quoted("1/A/group:it's $(x)"), r"'1/A/group:it'\''s $(x)'");
    }

    #[test]
    fn a_suggested_command_says_where_as_the_one_that_suggests_it_did() {
        let connection = ConnectionArgs {
            region: Some("eu-central-1".to_owned()),
            profile: Some("identity admin".to_owned()),
            ..ConnectionArgs::default()
        };
        let given = Given::of(
            &["rules/".into(), "more.yaml".into()],
            &LedgerAt::Table("usher".to_owned()),
            &connection,
        );
        let place = "--ledger dynamodb:usher --profile 'identity admin' --region eu-central-1";
        assert_eq!(given.command("resume"), format!("usher resume {place}"));
        assert_eq!(
            given.command_by_rules("approve"),
            format!("usher approve --rules rules/ more.yaml {place}")
        );
        assert!(given.is_deployed());
        let usual = Given::of(&[], &LedgerAt::File(".usher/ledger.db".into()), &ConnectionArgs::default());
        assert_eq!(usual.command_by_rules("approve"), "usher approve");
        assert_eq!(usual, Given::default());
    }
}
