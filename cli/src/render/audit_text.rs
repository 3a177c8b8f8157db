//! Who has access to what, as text for a terminal.

use std::{collections::BTreeMap, fmt::Write as _};

use shared::{
    audit::{
        Access, Assignment, Audit, AuditedSet, Change, Counts, Register, Scope, Standing, Way, csv::nobody,
    },
    domain::{AccountId, PermissionSetArn, Principal, RuleId, UserId},
};

use super::minute;
use crate::{
    Paint, Style,
    args::What,
    asked::{self, Question},
    screen::{count, line},
};

/// So many lines of a list are written; CSV and JSON have them all.
const LISTED: usize = 20;

/// So many changes.
const CHANGES: usize = 60;

/// Writes the answer.
pub(crate) fn audit(audit: &Audit, question: &Question, style: Style) -> String {
    let register = Register::of(audit);
    let page = Page { audit, register: &register, style };
    let mut text = String::new();
    page.head(&mut text);
    match question {
        Question::Everything => page.everything(&mut text),
        Question::Only(what) => page.only(&mut text, what),
        Question::Changes => page.changes(&mut text, CHANGES),
        Question::Account(account) => page.account(&mut text, account),
        Question::Person(person) => page.person(&mut text, person),
        Question::PermissionSet(set) => page.set(&mut text, set),
    }
    page.foot(&mut text);
    text
}

struct Page<'a> {
    audit: &'a Audit,
    register: &'a Register<'a>,
    style: Style,
}

impl Page<'_> {
    fn heading(&self, text: &mut String, what: &str) {
        let _ = writeln!(text, "\n{}", self.style.paint(Paint::Heading, what));
    }

    fn head(&self, text: &mut String) {
        let taken = &self.audit.taken;
        let title = self.style.paint(Paint::Heading, "Who has access to what");
        let _ = writeln!(text, "{title}, as of {}", minute(taken.ended));
        let instance = taken.instance.as_str().rsplit('/').next().unwrap_or_default();
        let region = taken.region.as_deref().map(|region| format!(" in {region}")).unwrap_or_default();
        let rules = match (&taken.rules, taken.mode) {
            (Some(rules), Some(mode)) => format!("rules {}, mode {mode}", rules.short()),
            (Some(_) | None, _) => "no rules in force".to_owned(),
        };
        let told = format!("  {instance}{region}; {rules}");
        let _ = writeln!(text, "{}", self.style.paint(Paint::Faint, told));
    }

    /// What nobody may overlook, whatever was asked.
    fn foot(&self, text: &mut String) {
        let Audit { unread, changed_meanwhile, taken, .. } = self.audit;
        if !unread.is_empty() {
            let what = format!("Not read ({}): what is told leaves it out", unread.len());
            let _ = writeln!(text, "\n{}", self.style.paint(Paint::Bad, what));
            for unread in unread.iter().take(LISTED) {
                let _ = writeln!(text, "  {}", line(&unread.in_words()));
            }
            self.more(text, unread.len(), LISTED);
        }
        if !changed_meanwhile.is_empty() {
            let what = "While it was read:";
            let _ = writeln!(text, "\n{}", self.style.paint(Paint::Warning, what));
            for changed in changed_meanwhile.iter().take(LISTED) {
                let _ = writeln!(text, "  {}", line(changed));
            }
            self.more(text, changed_meanwhile.len(), LISTED);
        }
        if taken.way == Way::ByPrincipal && taken.only == shared::audit::Only::Everything {
            let what = "It was asked by principal: assignments of others whose principal was deleted may be missing; --thorough finds all.";
            let _ = writeln!(text, "\n{}", self.style.paint(Paint::Faint, what));
        }
    }

    fn more(&self, text: &mut String, all: usize, shown: usize) {
        if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
            let told = format!("  and {more} more: --output csv or json has them all");
            let _ = writeln!(text, "{}", self.style.paint(Paint::Faint, told));
        }
    }

    fn everything(&self, text: &mut String) {
        let counts = Counts::of(self.audit);
        let _ = writeln!(
            text,
            "\n  {} in {}, {}, {} with access of {}",
            count(counts.accounts, "account", "accounts"),
            count(self.audit.organizational_units.len(), "OU", "OUs"),
            count(counts.permission_sets, "permission set", "permission sets"),
            count(counts.people_with_access, "person", "people"),
            counts.people
        );
        let total = count(counts.assignments, "assignment", "assignments");
        let _ = writeln!(text, "\n  {}", self.style.paint(Paint::Heading, total));
        for standing in Standing::ALL {
            let number = counts.standing(standing);
            if number > 0 || matches!(standing, Standing::Ours | Standing::Foreign) {
                let word = self.style.paint(paint(standing), format!("{:9}", standing.as_str()));
                let what = format!("{}{}", meaning(standing), counts.not_there(standing));
                let what = self.style.paint(Paint::Faint, what);
                let _ = writeln!(text, "  {number:>7}  {word}  {what}");
            }
        }
        self.expiring(text, counts.expiring);
        self.outdated(text);
        for standing in [Standing::Drifted, Standing::Orphaned, Standing::Uncertain] {
            let all: Vec<_> = self.audit.assignments.iter().filter(|one| one.standing == standing).collect();
            if !all.is_empty() {
                self.heading(text, &format!("{} ({})", capital(standing.as_str()), all.len()));
                self.list(text, &all, LISTED);
            }
        }
        if self.audit.taken.since.is_some() {
            self.changes(text, LISTED);
        }
        let _ = writeln!(
            text,
            "\n{}",
            self.style.paint(
                Paint::Faint,
                "Ask on: --account NAME, --person NAME, --permission-set NAME, --only foreign; --output csv, json or markdown"
            )
        );
    }

    fn expiring(&self, text: &mut String, number: usize) {
        let there = self.audit.assignments.iter().filter(|one| one.present);
        let first = there.filter_map(|one| one.until).min();
        if let Some(first) = first {
            let _ = writeln!(text, "  {number:>7}  {:9}  the first at {}", "expiring", minute(first));
        }
    }

    fn outdated(&self, text: &mut String) {
        let outdated: Vec<_> =
            self.audit.permission_sets.iter().filter(|set| !set.outdated.is_empty()).collect();
        if outdated.is_empty() {
            return;
        }
        let what = count(outdated.len(), "permission set is", "permission sets are");
        self.heading(text, &format!("{what} an older version somewhere"));
        for set in outdated.iter().take(LISTED) {
            let (old, all) = (set.outdated.len(), set.provisioned.len());
            let _ =
                writeln!(text, "  {}  in {old} of {}", line(&set.name), count(all, "account", "accounts"));
        }
        self.more(text, outdated.len(), LISTED);
    }

    fn only(&self, text: &mut String, what: &[What]) {
        let all = asked::only(self.audit, what);
        self.heading(text, &counted(&all));
        self.list(text, &all, usize::MAX);
    }

    /// Assignments, account by account.
    fn list(&self, text: &mut String, all: &[&Assignment], most: usize) {
        let mut last: Option<&AccountId> = None;
        for one in all.iter().take(most) {
            if last != Some(&one.key.account) {
                let _ = writeln!(text, "  {}", self.place(&one.key.account));
                last = Some(&one.key.account);
            }
            let note = one.note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
            let until = one.until.map(|until| format!("; ends {}", minute(until))).unwrap_or_default();
            let word = self.style.paint(paint(one.standing), one.standing.as_str());
            let _ = writeln!(
                text,
                "    {}  {}  {word}{}",
                line(self.register.set_name(&one.key.permission_set)),
                line(&self.principal(&one.key.principal)),
                self.style.paint(Paint::Faint, line(&format!("{}{until}{note}", by(&one.rules))))
            );
        }
        self.more(text, all.len(), most);
    }

    fn place(&self, id: &AccountId) -> String {
        let account = self.register.account(id);
        let name = account.map_or_else(String::new, |account| line(&account.name));
        let ou = account.map(|account| line(&account.ou)).filter(|ou| !ou.is_empty()).unwrap_or_default();
        format!("{}  {id}  {}", self.style.paint(Paint::Accent, name), self.style.paint(Paint::Faint, ou))
            .trim_end()
            .to_owned()
    }

    fn principal(&self, principal: &Principal) -> String {
        let kind = match principal {
            Principal::Group(_) => "group",
            Principal::User(_) => "user",
        };
        format!("{kind} {}", self.register.principal_name(principal))
    }

    /// What stands before a number that may be larger, for what was not read.
    fn at_least(&self, matters: impl Fn(&Scope) -> bool) -> &'static str {
        if self.audit.unread.iter().any(|unread| matters(&unread.scope)) { "at least " } else { "" }
    }

    fn account(&self, text: &mut String, id: &AccountId) {
        let accesses = self.audit.who_reaches(id);
        let _ = writeln!(text, "\n{}", self.place(id));
        if let Some(account) = self.register.account(id).filter(|account| !account.tags.is_empty()) {
            let tags: Vec<String> =
                account.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let _ = writeln!(text, "  {}", self.style.paint(Paint::Faint, line(&tags.join(", "))));
        }
        let people: std::collections::BTreeSet<&UserId> =
            accesses.iter().filter_map(|access| access.person.map(|person| &person.id)).collect();
        let told = count(people.len(), "person can reach it", "people can reach it");
        let at_least = self.at_least(|scope| {
            matches!(scope, Scope::Assignments { account, .. } if account == id) || is_of_access(scope)
        });
        let _ = writeln!(text, "  {at_least}{told}");
        let mut by_set: BTreeMap<&str, Vec<&Access<'_>>> = BTreeMap::new();
        for access in &accesses {
            let set = self.register.set_name(&access.assignment.key.permission_set);
            by_set.entry(set).or_default().push(access);
        }
        for (set, accesses) in by_set {
            self.heading(text, &line(set));
            let width = accesses.iter().map(|access| who(access).chars().count()).max().unwrap_or_default();
            for access in accesses {
                let how = through(access);
                let rest = line(&format!("{how}{}", by(&access.assignment.rules)));
                let word = self.style.paint(paint(access.assignment.standing), access.assignment.standing);
                let _ = writeln!(
                    text,
                    "  {:width$}  {word}  {}",
                    line(&who(access)),
                    self.style.paint(Paint::Faint, rest)
                );
            }
        }
        self.nobody_has(text, |one| one.key.account == *id);
    }

    /// Assignments that give nobody anything: they are told, lest it seem that there were none.
    fn nobody_has(&self, text: &mut String, is_meant: impl Fn(&Assignment) -> bool) {
        let none: Vec<_> = self
            .audit
            .assignments
            .iter()
            .filter(|one| is_meant(one) && (!one.present || one.standing == Standing::Orphaned))
            .collect();
        if !none.is_empty() {
            self.heading(text, "Gives nobody access");
            self.list(text, &none, LISTED);
        }
    }

    fn person(&self, text: &mut String, id: &UserId) {
        let accesses = self.audit.reached_by(id);
        let Some(person) = self.register.person(id) else { return };
        let display = person.display_name.as_deref().map(|name| format!("  {name}")).unwrap_or_default();
        let name = self.style.paint(Paint::Accent, line(&person.user_name));
        let gone = if person.gone { "  (deleted)" } else { "" };
        let _ = writeln!(text, "\n{name}{}{gone}", line(&display));
        let groups: Vec<&str> = self
            .audit
            .groups
            .iter()
            .filter(|group| group.members.contains(id))
            .map(|group| group.name.as_str())
            .collect();
        if !groups.is_empty() {
            let _ = writeln!(text, "  member of  {}", line(&groups.join(", ")));
        }
        let accounts: std::collections::BTreeSet<_> =
            accesses.iter().map(|access| &access.assignment.key.account).collect();
        let told = count(accounts.len(), "account can be reached", "accounts can be reached");
        let at_least =
            self.at_least(|scope| matches!(scope, Scope::Assignments { .. }) || is_of_access(scope));
        let _ = writeln!(text, "  {at_least}{told}");
        let mut last: Option<&AccountId> = None;
        for access in &accesses {
            let key = &access.assignment.key;
            if last != Some(&key.account) {
                let _ = writeln!(text, "\n{}", self.place(&key.account));
                last = Some(&key.account);
            }
            let word = self.style.paint(paint(access.assignment.standing), access.assignment.standing);
            let rest = line(&format!("{}{}", through(access), by(&access.assignment.rules)));
            let _ = writeln!(
                text,
                "  {}  {word}  {}",
                line(self.register.set_name(&key.permission_set)),
                self.style.paint(Paint::Faint, rest)
            );
        }
    }

    fn set(&self, text: &mut String, arn: &PermissionSetArn) {
        let Some(set) = self.register.set(arn) else { return };
        let _ = writeln!(text, "\n{}  {arn}", self.style.paint(Paint::Accent, line(&set.name)));
        for (what, told) in contents(set) {
            let _ =
                writeln!(text, "  {}  {}", self.style.paint(Paint::Faint, format!("{what:10}")), line(&told));
        }
        if let Some(policy) = &set.inline_policy {
            let _ = writeln!(text, "  {}", self.style.paint(Paint::Faint, "inline policy"));
            let shown = serde_json::to_string_pretty(policy).unwrap_or_default();
            for row in shown.lines() {
                let _ = writeln!(text, "    {}", line(row));
            }
        }
        let state = match (set.unread, set.declared, set.differs) {
            (true, ..) => "what it holds could not be read",
            (false, true, true) => "the rules declare it, and it is not as they say",
            (false, true, false) => "it is as the rules declare it",
            (false, false, _) => "the rules do not declare it",
        };
        let _ = writeln!(text, "  {state}");
        let (old, all) = (set.outdated.len(), set.provisioned.len());
        let told = count(all, "account", "accounts");
        let up_to_date =
            if old == 0 { "up to date in all".to_owned() } else { format!("an older version in {old}") };
        let is_unread = self.at_least(
            |scope| matches!(scope, Scope::Provisioned { permission_set } if permission_set == arn),
        );
        if is_unread.is_empty() {
            self.heading(text, &format!("Provisioned in {told}, {up_to_date}"));
        } else {
            self.heading(text, "Where it is provisioned could not be read");
        }
        for account in set.provisioned.iter().take(LISTED) {
            let mark = if set.outdated.contains(account) { "  outdated" } else { "" };
            let _ = writeln!(text, "  {}{}", self.place(account), self.style.paint(Paint::Warning, mark));
        }
        self.more(text, all, LISTED);
        let all = asked::of_set(self.audit, arn);
        let at_least = self.at_least(|scope| {
            let is_it = |set: &Option<PermissionSetArn>| set.as_ref().is_none_or(|set| set == arn);
            matches!(scope, Scope::Assignments { permission_set, .. } if is_it(permission_set))
                || matches!(scope, Scope::Provisioned { permission_set } if permission_set == arn)
                || matches!(scope, Scope::AssignmentsOf { .. })
        });
        self.heading(text, &format!("{at_least}{}", counted(&all)));
        self.list(text, &all, LISTED);
    }

    fn changes(&self, text: &mut String, most: usize) {
        let all = &self.audit.changes;
        let since = self.audit.taken.since.map(minute).unwrap_or_default();
        self.heading(text, &format!("{} since {since}", count(all.len(), "change", "changes")));
        for change in all.iter().take(most) {
            let at = change.at.map_or_else(|| "some time since".to_owned(), minute);
            let _ = writeln!(
                text,
                "  {}  {}",
                self.style.paint(Paint::Faint, format!("{at:20}")),
                line(&changed(self.register, change))
            );
        }
        self.more(text, all.len(), most);
    }
}

/// How many assignments there are, and how many of a list are not.
pub(super) fn counted(all: &[&Assignment]) -> String {
    let there = all.iter().filter(|one| one.present).count();
    let told = count(there, "assignment", "assignments");
    match all.len() - there {
        0 => told,
        absent => format!("{told}, and {absent} not there"),
    }
}

/// A change in a line.
pub(super) fn changed(register: &Register<'_>, change: &Change) -> String {
    let mut told = change.change.as_str().replace('_', " ");
    if let Some(person) = &change.person {
        let name = register.person(person).map_or(person.as_str(), |person| person.user_name.as_str());
        let _ = write!(told, "  {name}");
    }
    if let Some(set) = &change.permission_set {
        let _ = write!(told, "  {}", register.set(set).map_or("", |set| set.name.as_str()));
    }
    if let Some(account) = &change.account {
        let name = register.account(account).map_or("", |account| account.name.as_str());
        let _ = write!(told, "  {name} {account}");
    }
    if let Some(principal) = &change.principal {
        let kind = match principal {
            Principal::Group(_) => "group",
            Principal::User(_) => "user",
        };
        let _ = write!(told, "  {kind} {}", register.principal_name(principal));
    }
    for (what, more) in
        [("by", Some(by(&change.rules))), ("for", change.cause.clone()), ("", change.note.clone())]
    {
        match more.filter(|more| !more.is_empty()) {
            Some(more) if what == "for" => _ = write!(told, "; for {more}"),
            Some(more) if what.is_empty() => _ = write!(told, "; {more}"),
            Some(more) => told.push_str(&more),
            None => {}
        }
    }
    told
}

/// What a permission set holds, but for its inline policy.
pub(super) fn contents(set: &AuditedSet) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some(description) = &set.description {
        all.push(("", description.clone()));
    }
    if let Some(duration) = set.session_duration {
        all.push(("session", duration.to_string()));
    }
    if let Some(relay) = &set.relay_state {
        all.push(("relay", relay.clone()));
    }
    all.extend(set.managed_policies.iter().map(|policy| ("AWS policy", policy.to_string())));
    all.extend(set.customer_managed_policies.iter().map(|policy| ("own policy", policy.to_string())));
    all.extend(set.permissions_boundary.iter().map(|boundary| ("boundary", boundary.to_string())));
    all.extend(set.tags.iter().map(|(key, value)| ("tag", format!("{key}={value}"))));
    all
}

pub(super) fn who(access: &Access<'_>) -> String {
    match (access.person, access.through) {
        (Some(person), _) => match &person.display_name {
            Some(name) => format!("{}  {name}", person.user_name),
            None => person.user_name.clone(),
        },
        (None, Some(group)) => nobody(group).to_owned(),
        (None, None) => String::new(),
    }
}

pub(super) fn through(access: &Access<'_>) -> String {
    access.through.map_or_else(|| "their own".to_owned(), |group| format!("through {}", group.name))
}

/// The rules that give it.
pub(super) fn by(rules: &std::collections::BTreeSet<RuleId>) -> String {
    let ids: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
    if ids.is_empty() { String::new() } else { format!(", by {}", ids.join(", ")) }
}

pub(super) fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Ours => "Usher's",
        Standing::Foreign => "made by others",
        Standing::Uncertain => "perhaps Usher's: `usher adopt` or `usher disown` settles it",
        Standing::Pending => "on its way, or wanted and withheld",
        Standing::Drifted => "Usher's and gone, or there and wanted by no rule",
        Standing::Orphaned => "of principals that were deleted",
    }
}

fn paint(standing: Standing) -> Paint {
    match standing {
        Standing::Ours => Paint::Good,
        Standing::Foreign | Standing::Pending => Paint::Accent,
        Standing::Uncertain | Standing::Orphaned => Paint::Warning,
        Standing::Drifted => Paint::Bad,
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
/// Whether somebody may have access that is not told, wherever, for this was not read.
fn is_of_access(scope: &Scope) -> bool {
    matches!(scope, Scope::AssignmentsOf { .. } | Scope::Provisioned { .. } | Scope::Members { .. })
}
