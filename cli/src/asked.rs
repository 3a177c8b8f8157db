//! What `usher audit` is asked, looked up in a report.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::{
    audit::{
        Access, Assignment, Audit, AuditedSet, Register, Scope, Standing, Taken, Unread, csv,
        page::{self, Start},
    },
    domain::{AccountId, PermissionSetArn, RuleId, UserId},
};

use crate::{
    Failure, args::What, failure::Unknown, look_up::account_among, render, screen::line, suggestions::nearest,
};

/// What is to be told.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Everything,
    /// Assignments that are one of these.
    Only(Vec<What>),
    /// What has changed.
    Changes,
    Account(AccountId),
    Person(UserId),
    PermissionSet(PermissionSetArn),
}

impl Question {
    /// The same about assignments that are one of these, if any are named.
    pub(crate) fn of(self, only: &[What]) -> Self {
        if matches!(self, Self::Everything) && !only.is_empty() { Self::Only(only.to_vec()) } else { self }
    }
}

/// The assignments that are one of these.
pub(crate) fn only<'a>(audit: &'a Audit, what: &[What]) -> Vec<&'a Assignment> {
    let is = |one: &Assignment, what: &What| match what {
        What::Ours => one.standing == Standing::Ours,
        What::Foreign => one.standing == Standing::Foreign,
        What::Uncertain => one.standing == Standing::Uncertain,
        What::Pending => one.standing == Standing::Pending,
        What::Drifted => one.standing == Standing::Drifted,
        What::Orphaned => one.standing == Standing::Orphaned,
        What::Expiring => one.present && one.until.is_some(),
    };
    audit.assignments.iter().filter(|one| what.iter().any(|what| is(one, what))).collect()
}

/// The report as a page that opens at what is asked. The whole of it is in the page, and a click away.
pub(crate) fn html(audit: &Audit, question: &Question) -> String {
    let standing = |what: &What| match what {
        What::Ours => Some(Standing::Ours),
        What::Foreign => Some(Standing::Foreign),
        What::Uncertain => Some(Standing::Uncertain),
        What::Pending => Some(Standing::Pending),
        What::Drifted => Some(Standing::Drifted),
        What::Orphaned => Some(Standing::Orphaned),
        // No standing, and any of them: the matrix has to begin with all.
        What::Expiring => None,
    };
    let chosen: Vec<Standing>;
    let start = match question {
        Question::Everything => Start::Overview,
        Question::Only(what) => {
            let all: Option<Vec<Standing>> = what.iter().map(standing).collect();
            chosen = all.unwrap_or_default();
            Start::Matrix(&chosen)
        }
        Question::Changes => Start::Changes,
        Question::Account(id) => Start::Account(id),
        Question::Person(id) => Start::Person(id),
        Question::PermissionSet(arn) => Start::PermissionSet(arn),
    };
    page::html_at(audit, &start)
}

/// The account that is called so, or has this id.
pub(crate) fn account(text: &str, audit: &Audit) -> Result<AccountId, Unknown> {
    account_among(text, &audit.accounts).map(|account| account.id.clone())
}

/// The person with this user name or id.
pub(crate) fn person(text: &str, audit: &Audit) -> Result<UserId, Unknown> {
    let name = text.strip_prefix("user:").unwrap_or(text);
    let called: Vec<_> =
        audit.people.iter().filter(|one| one.id.as_str() == name || one.user_name == name).collect();
    match called.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            // INVARIANT: what was not read is not said to be missing.
            if let Some(unread) = audit.unread.iter().find(|unread| unread.scope == Scope::People) {
                let (what, why) = (line(&unread.what), line(&unread.why));
                return Err(Unknown::Untold { name: line(text), what, why });
            }
            let near = nearest(name, audit.people.iter().map(|one| one.user_name.as_str()));
            Err(Unknown::Nobody {
                name: text.to_owned(),
                nearest: near.into_iter().map(|near| format!("user:{}", line(near))).collect(),
            })
        }
        several => {
            let found = several.iter().map(|one| one.id.to_string()).collect();
            Err(Unknown::Ambiguous { what: "several people are", name: text.to_owned(), found })
        }
    }
}

/// The permission set with this name, own id or ARN.
pub(crate) fn permission_set(text: &str, audit: &Audit) -> Result<PermissionSetArn, Unknown> {
    let own = |arn: &PermissionSetArn| arn.as_str().rsplit('/').next() == Some(text);
    let called: Vec<_> = audit
        .permission_sets
        .iter()
        .filter(|one| one.arn.as_str() == text || one.name == text || own(&one.arn))
        .collect();
    match called.as_slice() {
        [only] => Ok(only.arn.clone()),
        [] => {
            let near = nearest(text, audit.permission_sets.iter().map(|one| one.name.as_str()));
            let nearest = near.into_iter().map(line).collect();
            Err(Unknown::PermissionSet { name: text.to_owned(), nearest })
        }
        several => {
            let found = several.iter().map(|one| one.arn.to_string()).collect();
            Err(Unknown::Ambiguous { what: "permission sets are", name: text.to_owned(), found })
        }
    }
}

/// The assignments of a permission set.
pub(crate) fn of_set<'a>(audit: &'a Audit, set: &PermissionSetArn) -> Vec<&'a Assignment> {
    audit.assignments.iter().filter(|one| one.key.permission_set == *set).collect()
}

/// The answer as a table.
pub(crate) fn csv(audit: &Audit, question: &Question) -> Result<String, Failure> {
    match question {
        Question::Everything => csv::assignments(audit, &audit.assignments),
        Question::Only(what) => csv::assignments(audit, only(audit, what)),
        Question::Changes => csv::changes(audit, &audit.changes),
        Question::Account(account) => csv::accesses(audit, &audit.who_reaches(account)),
        Question::Person(person) => csv::accesses(audit, &audit.reached_by(person)),
        Question::PermissionSet(set) => {
            csv::permission_sets(audit.permission_sets.iter().filter(|one| one.arn == *set))
        }
    }
    .map_err(|error| Failure::Output(std::io::Error::other(error)))
}

/// An answer in JSON. The whole report is a document of its own.
#[derive(Serialize)]
struct Answer<'a> {
    taken: &'a Taken,
    unread: &'a [Unread],
    #[serde(flatten)]
    told: Told<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Told<'a> {
    /// Assignments with the names that belong to them.
    Assignments(Vec<Named<'a>>),
    Accesses(Vec<Reached<'a>>),
    PermissionSet {
        set: &'a AuditedSet,
        assignments: Vec<Named<'a>>,
    },
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(flatten)]
    assignment: &'a Assignment,
    names: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct Reached<'a> {
    account: &'a AccountId,
    account_name: &'a str,
    permission_set: &'a str,
    user_name: Option<&'a str>,
    display_name: Option<&'a str>,
    user: Option<&'a UserId>,
    through_group: Option<&'a str>,
    standing: Standing,
    rules: BTreeSet<&'a str>,
    until: Option<jiff::Timestamp>,
}

fn named<'a>(register: &Register<'a>, assignment: &'a Assignment) -> Named<'a> {
    let key = &assignment.key;
    let names = [
        ("account", register.account_name(&key.account)),
        ("permission_set", register.set_name(&key.permission_set)),
        ("principal", register.principal_name(&key.principal)),
    ];
    Named { assignment, names: names.into() }
}

fn reached<'a>(register: &Register<'a>, access: &Access<'a>) -> Reached<'a> {
    let Access { assignment, person, through } = access;
    let key = &assignment.key;
    Reached {
        account: &key.account,
        account_name: register.account_name(&key.account),
        permission_set: register.set_name(&key.permission_set),
        user_name: person.map(|person| person.user_name.as_str()),
        display_name: person.and_then(|person| person.display_name.as_deref()),
        user: person.map(|person| &person.id),
        through_group: through.map(|group| group.name.as_str()),
        standing: assignment.standing,
        rules: assignment.rules.iter().map(RuleId::as_str).collect(),
        until: assignment.until,
    }
}

/// The answer in JSON.
pub(crate) fn json(audit: &Audit, question: &Question) -> Result<String, Failure> {
    let register = Register::of(audit);
    let told = match question {
        Question::Everything | Question::Changes => return render::as_json(audit),
        Question::Only(what) => {
            Told::Assignments(only(audit, what).into_iter().map(|one| named(&register, one)).collect())
        }
        Question::Account(account) => Told::Accesses(
            audit.who_reaches(account).iter().map(|access| reached(&register, access)).collect(),
        ),
        Question::Person(person) => {
            Told::Accesses(audit.reached_by(person).iter().map(|access| reached(&register, access)).collect())
        }
        Question::PermissionSet(arn) => {
            let assignments = of_set(audit, arn).into_iter().map(|one| named(&register, one)).collect();
            let missing = || Unknown::PermissionSet { name: arn.to_string(), nearest: Vec::new() };
            Told::PermissionSet { set: register.set(arn).ok_or_else(missing)?, assignments }
        }
    };
    render::as_json(&Answer { taken: &audit.taken, unread: &audit.unread, told })
}
