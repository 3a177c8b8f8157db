//! Rules that came into force: how, when, and what they were expected to change.

use jiff::Timestamp;

use super::{Beyond, WhyBeyond};
use crate::domain::{PlanHash, RulesVersion};

/// How rules came into force. Who has uploaded an object is not kept here: AWS's own trail says that.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PublishedBy {
    /// An object was uploaded.
    Upload { key: String },
    /// Somebody ran a command that publishes rules.
    Command,
    /// Somebody went back to an earlier version.
    Rollback,
}

/// How rules came into force, and as of when they hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    pub by: PublishedBy,
    /// What was uploaded before this never takes their place: for an upload the time at which it was made, else the command's.
    pub as_of: Timestamp,
    /// Who has given the command, and why; it is kept, and never logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

/// What a person said of themselves when they published rules.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Said {
    pub by: String,
    /// May be empty.
    pub reason: String,
}

impl Said {
    /// As it is kept; `None` if nothing was said.
    pub fn of(by: &str, reason: &str) -> Option<Self> {
        let said = Self { by: super::name(by), reason: super::reason(reason) };
        Some(said).filter(|said| !said.by.is_empty() || !said.reason.is_empty())
    }
}

impl Provenance {
    /// Whether an object that was uploaded then is older than the rules that came into force so. Times of objects are whole seconds; of
    /// two in one second the one with the later name counts as the newer, whichever is heard of first.
    pub fn is_newer_than_upload(&self, key: &str, uploaded: Timestamp) -> bool {
        let (ours, theirs) = (self.as_of.as_second(), uploaded.as_second());
        match &self.by {
            _ if ours != theirs => ours > theirs,
            PublishedBy::Upload { key: ours } => ours.as_str() > key,
            PublishedBy::Command | PublishedBy::Rollback => false,
        }
    }
}

/// What rules were expected to change when they were looked at before they came into force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forecast {
    /// Names the plan, as `usher plan` does.
    pub plan: PlanHash,
    /// Accounts that were looked at.
    pub accounts: usize,
    /// Accounts that could not be read: nothing is known of what changes there.
    pub unread: usize,
    pub grants: usize,
    pub revokes: usize,
    /// Of what the rules call for besides, what is over a budget and waits: for room, or for an approval.
    pub grants_over_budget: usize,
    pub revokes_over_budget: usize,
    /// What is withheld for other reasons.
    pub withheld: usize,
    /// Names of declared permission sets that could not be read: nothing is known of what changes by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets_unread: Vec<String>,
    /// Rules that would give something beyond the scope of their team, which keeps all from coming into force where these rules make it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<Beyond>,
}

/// As people read it: a line or two, each with a line break.
impl std::fmt::Display for Forecast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No command with its hash: once the rules are in force, the plan of what is left is another one.
        let Self {
            plan: _,
            accounts,
            unread,
            grants,
            revokes,
            grants_over_budget,
            revokes_over_budget,
            withheld,
            sets_unread,
            beyond,
        } = self;
        write!(
            f,
            "Plan: {grants} to grant, {revokes} to revoke in {accounts} accounts; {withheld} withheld"
        )?;
        if *unread > 0 {
            write!(f, "; {unread} accounts could not be read, and nothing is known of them")?;
        }
        writeln!(f, ".")?;
        if !sets_unread.is_empty() {
            let sets = sets_unread.join(", ");
            writeln!(
                f,
                "Declared permission sets that could not be read: {sets}. Nothing is known of what changes by them."
            )?;
        }
        if grants_over_budget + revokes_over_budget > 0 {
            writeln!(
                f,
                "Over the budgets: {grants_over_budget} to grant, {revokes_over_budget} to revoke. They wait: `usher withheld` lists them; `usher plan` ends with the command that lets them through."
            )?;
        }
        for beyond in beyond {
            match beyond.why {
                WhyBeyond::New => writeln!(f, "Beyond the scope of its team: {beyond}.")?,
                WhyBeyond::Forbidden => writeln!(
                    f,
                    "Beyond the scope of its team, and never given, since a `never` forbids it: {beyond}."
                )?,
                WhyBeyond::Drifted => writeln!(
                    f,
                    "Warning: beyond the scope of its team, and withheld: {beyond}. The rule and its scope are the same under the rules in force, which keep it withheld too."
                )?,
            }
        }
        Ok(())
    }
}

/// One version that came into force, at one time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Publication {
    pub version: RulesVersion,
    pub since: Timestamp,
    /// How many rules it has.
    pub rules: usize,
    /// `None` where it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// `None` where nothing was planned before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
}

impl Publication {
    /// What it is remembered by: in the order of time.
    pub fn id(version: &RulesVersion, since: Timestamp) -> String {
        format!("{since:.9}-{}", version.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-02T09:00:{text}Z").parse().unwrap()
    }

    #[test]
    fn an_upload_is_older_by_its_time_and_in_one_second_by_its_name() {
        let of = |by, as_of| Provenance { by, as_of: at(as_of), said: None };
        let upload = of(PublishedBy::Upload { key: "incoming/b.json".into() }, "05");
        assert!(upload.is_newer_than_upload("incoming/c.json", at("04")));
        assert!(upload.is_newer_than_upload("incoming/a.json", at("05")));
        assert!(!upload.is_newer_than_upload("incoming/b.json", at("05")), "the same one again");
        assert!(!upload.is_newer_than_upload("incoming/c.json", at("05")));
        assert!(!upload.is_newer_than_upload("incoming/a.json", at("06")));
        // An object's time has no parts of a second: it may have been made after the command.
        for by in [PublishedBy::Command, PublishedBy::Rollback] {
            let command = of(by, "05.7");
            assert!(command.is_newer_than_upload("incoming/z.json", at("04")));
            assert!(!command.is_newer_than_upload("incoming/a.json", at("05")));
        }
    }

    #[test]
    fn publications_are_remembered_in_the_order_of_time() {
        let (a, b) = ("a".repeat(64).parse().unwrap(), "b".repeat(64).parse().unwrap());
        let ids = [Publication::id(&b, at("05")), Publication::id(&a, at("05.5"))];
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
