//! The report as tables, for spreadsheets and for programs that read no JSON.
//!
//! Names come from outside, and a spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula: such a cell is preceded by an
//! apostrophe, as OWASP's page on CSV injection advises.

use std::borrow::Cow;

use super::{Access, Assignment, Audit, AuditedGroup, AuditedSet, Change, Person, Register};
use crate::domain::{ManagedPolicyArn, Principal, RuleId};

/// All assignments, one a line.
pub fn assignments<'a>(
    audit: &Audit,
    told: impl IntoIterator<Item = &'a Assignment>,
) -> Result<String, csv::Error> {
    let register = Register::of(audit);
    let mut table = Table::headed(&[
        "account_id",
        "account",
        "ou",
        "permission_set",
        "principal_type",
        "principal",
        "principal_id",
        "people",
        "in_aws",
        "standing",
        "ours",
        "wanted",
        "rules",
        "since",
        "cause",
        "until",
        "note",
    ])?;
    for one in told {
        let account = register.account(&one.key.account);
        let (kind, people) = match &one.key.principal {
            Principal::User(id) => {
                let is_gone = register.person(id).is_some_and(|person| person.gone);
                ("user", if is_gone { "0" } else { "1" }.to_owned())
            }
            Principal::Group(id) => {
                let group = register.group(id).filter(|group| !group.members_unread);
                ("group", group.map(|group| group.members.len().to_string()).unwrap_or_default())
            }
        };
        table.line(&[
            one.key.account.as_str(),
            account.map_or("", |account| account.name.as_str()),
            account.map_or("", |account| account.ou.as_str()),
            register.set_name(&one.key.permission_set),
            kind,
            register.principal_name(&one.key.principal),
            one.key.principal.id(),
            &people,
            yes(one.present),
            one.standing.as_str(),
            yes(one.ours),
            yes(one.wanted),
            &joined(one.rules.iter().map(RuleId::as_str)),
            &one.since.map(|at| at.to_string()).unwrap_or_default(),
            one.cause.as_deref().unwrap_or_default(),
            &one.until.map(|at| at.to_string()).unwrap_or_default(),
            one.note.as_deref().unwrap_or_default(),
        ])?;
    }
    table.ended()
}

/// Who has access, one person and way a line.
pub fn accesses(audit: &Audit, told: &[Access<'_>]) -> Result<String, csv::Error> {
    let register = Register::of(audit);
    let mut table = Table::headed(&[
        "account_id",
        "account",
        "ou",
        "permission_set",
        "user_name",
        "display_name",
        "user_id",
        "through_group",
        "standing",
        "rules",
        "until",
    ])?;
    for Access { assignment, person, through } in told {
        let account = register.account(&assignment.key.account);
        let of_person = |of: fn(&Person) -> &str| person.map_or("", of);
        let none = through.map_or("", |group| nobody(group));
        table.line(&[
            assignment.key.account.as_str(),
            account.map_or("", |account| account.name.as_str()),
            account.map_or("", |account| account.ou.as_str()),
            register.set_name(&assignment.key.permission_set),
            person.map_or(none, |person| person.user_name.as_str()),
            of_person(|person| person.display_name.as_deref().unwrap_or_default()),
            of_person(|person| person.id.as_str()),
            through.map_or("", |group| group.name.as_str()),
            assignment.standing.as_str(),
            &joined(assignment.rules.iter().map(RuleId::as_str)),
            &assignment.until.map(|at| at.to_string()).unwrap_or_default(),
        ])?;
    }
    table.ended()
}

/// Permission sets, one a line.
pub fn permission_sets<'a>(told: impl IntoIterator<Item = &'a AuditedSet>) -> Result<String, csv::Error> {
    let mut table = Table::headed(&[
        "permission_set",
        "arn",
        "description",
        "session_duration",
        "managed_policies",
        "customer_managed_policies",
        "inline_policy",
        "permissions_boundary",
        "tags",
        "declared",
        "differs",
        "provisioned",
        "outdated",
        "unread",
    ])?;
    for set in told {
        let customer: Vec<String> = set.customer_managed_policies.iter().map(ToString::to_string).collect();
        let tags: Vec<String> = set.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.line(&[
            &set.name,
            set.arn.as_str(),
            set.description.as_deref().unwrap_or_default(),
            &set.session_duration.map(|duration| duration.to_string()).unwrap_or_default(),
            &joined(set.managed_policies.iter().map(ManagedPolicyArn::as_str)),
            &joined(customer.iter().map(String::as_str)),
            &set.inline_policy.as_ref().map(ToString::to_string).unwrap_or_default(),
            &set.permissions_boundary.as_ref().map(ToString::to_string).unwrap_or_default(),
            &joined(tags.iter().map(String::as_str)),
            yes(set.declared),
            yes(set.differs),
            &set.provisioned.len().to_string(),
            &set.outdated.len().to_string(),
            yes(set.unread),
        ])?;
    }
    table.ended()
}

/// What has changed, one change a line.
pub fn changes(audit: &Audit, told: &[Change]) -> Result<String, csv::Error> {
    let register = Register::of(audit);
    let mut table = Table::headed(&[
        "at",
        "change",
        "account_id",
        "account",
        "permission_set",
        "principal",
        "principal_id",
        "person",
        "cause",
        "rules",
        "note",
    ])?;
    for change in told {
        let principal = change.principal.as_ref();
        let person = change.person.as_ref();
        table.line(&[
            &change.at.map(|at| at.to_string()).unwrap_or_default(),
            change.change.as_str(),
            change.account.as_ref().map_or("", |id| id.as_str()),
            change.account.as_ref().map_or("", |id| register.account_name(id)),
            change.permission_set.as_ref().map_or("", |arn| register.set_name(arn)),
            principal.map_or("", |principal| register.principal_name(principal)),
            principal.map_or("", Principal::id),
            person
                .map_or("", |id| register.person(id).map_or(id.as_str(), |person| person.user_name.as_str())),
            change.cause.as_deref().unwrap_or_default(),
            &joined(change.rules.iter().map(RuleId::as_str)),
            change.note.as_deref().unwrap_or_default(),
        ])?;
    }
    table.ended()
}

/// Why nobody is told of a group.
pub fn nobody(group: &AuditedGroup) -> &'static str {
    if group.members_unread { "(its members could not be read)" } else { "(nobody is in it)" }
}

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn headed(columns: &[&str]) -> Result<Self, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns)?;
        Ok(Self(writer))
    }

    fn line(&mut self, cells: &[&str]) -> Result<(), csv::Error> {
        self.0.write_record(cells.iter().map(|cell| harmless(cell).into_owned().into_bytes()))
    }

    fn ended(self) -> Result<String, csv::Error> {
        let bytes = self.0.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> Cow<'_, str> {
    let first = cell.trim_start_matches([' ', '\u{a0}', '\u{3000}']);
    let runs = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if first.starts_with(runs) { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_made_text() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "＠SUM(A1)"] {
            assert_eq!(harmless(evil), format!("'{evil}"));
        }
        for good in ["", "a=b", "111122223333", "'quoted"] {
            assert_eq!(harmless(good), good);
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut table = Table::headed(&["name", "note"]).unwrap();
        table.line(&["a,b", "say \"hi\"\nthere"]).unwrap();
        assert_eq!(table.ended().unwrap(), "name,note\n\"a,b\",\"say \"\"hi\"\"\nthere\"\n");
    }
}
