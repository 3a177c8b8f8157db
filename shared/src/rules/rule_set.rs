//! What a bundle says, once it has been read.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{
        CustomerManagedPolicy, ManagedPolicyArn, Mode, PermissionsBoundary, RuleId, SessionDuration, Tags,
        TeamId,
    },
    policy::Policy,
};

use super::{
    calendar::Calendar,
    name_template::NameTemplate,
    scope::TeamScope,
    selector::{AccountSelector, Join, PermissionSetSelector, PrincipalSelector},
};

/// The rules that come into force together, file by file and in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    pub settings: Settings,
    pub teams: Vec<Team>,
    pub never: Vec<Never>,
    pub reprovision: Reprovision,
    pub permission_sets: Vec<DeclaredSet>,
    pub rules: Vec<Rule>,
}

/// A permission set that the document declares: others are never touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredSet {
    pub name: String,
    pub wanted: Wanted,
    /// One that is there and that Usher didn't make is taken over.
    pub adopt: bool,
    pub written_at: WrittenAt,
}

/// What is wanted of a permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// It is there, and is this.
    There(Box<SetContent>),
    /// It is deleted, once nothing holds it.
    Gone,
}

/// What a permission set is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetContent {
    /// `None` leaves the one that is there: AWS has no call that takes one away.
    pub description: Option<String>,
    pub session_duration: SessionDuration,
    /// `None` leaves the one that is there, too.
    pub relay_state: Option<String>,
    pub aws_managed: BTreeSet<ManagedPolicyArn>,
    pub customer_managed: BTreeSet<CustomerManagedPolicy>,
    pub inline: Option<Policy>,
    pub boundary: Option<PermissionsBoundary>,
    pub tags: Tags,
}

/// What holds for the whole rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub mode: Mode,
    pub guardrails: Guardrails,
    /// The keys of accounts' tags that selectors, joins and names may use: whoever can set these tags can give access.
    pub trusted_account_tags: BTreeSet<String>,
    /// The same of permission sets' tags.
    pub trusted_permission_set_tags: BTreeSet<String>,
    /// Names of permission sets that are given only by name or ARN, and only in accounts that are listed by id.
    pub protected_permission_sets: BTreeSet<String>,
}

/// A team, and the files that are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    /// Patterns of file names, as in `like`.
    pub files: Vec<super::Glob>,
    /// How far its rules may go.
    pub scope: TeamScope,
    pub written_at: WrittenAt,
}

/// What is done when a person deletes by hand what the rules want and Usher made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// It is left so, and held until a person releases it.
    #[default]
    Hold,
    /// It is made again.
    Always,
}

/// How much may change for one cause before a person must approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guardrails {
    /// Assignments deleted. The larger of this and `max_delete_percent` holds.
    pub max_deletes: u32,
    /// Assignments deleted, in per cent of those that are ours.
    pub max_delete_percent: u32,
    /// Assignments created.
    pub max_creates: u32,
    /// Orphans deleted on one day: assignments whose principal no longer exists. They don't count as deletes.
    pub max_orphan_deletes: u32,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self { max_deletes: 25, max_delete_percent: 5, max_creates: 500, max_orphan_deletes: 25 }
    }
}

/// How edited permission sets reach the accounts that have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reprovision {
    /// How long no further edit must have come.
    pub quiet: SignedDuration,
    /// In this order; what none of them selects comes last.
    pub waves: Vec<Wave>,
    pub calendar: Calendar,
}

impl Default for Reprovision {
    fn default() -> Self {
        Self { quiet: SignedDuration::from_mins(5), waves: Vec::new(), calendar: Calendar::default() }
    }
}

impl Reprovision {
    /// Whether the wave of an account depends on its tags.
    pub fn goes_by_tags(&self) -> bool {
        self.waves.iter().any(|wave| wave.accounts.looks_at_tags())
    }
}

/// Accounts that are reprovisioned together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    pub accounts: AccountSelector,
    /// The pause between the end of the wave before and this one.
    pub after: SignedDuration,
    pub written_at: WrittenAt,
}

/// Which principals get which permission sets in which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: RuleId,
    /// The stricter of the document's mode and the rule's own.
    pub mode: Mode,
    pub principals: Vec<PrincipalSelector>,
    pub permission_sets: Vec<PermissionSetSelector>,
    pub accounts: AccountSelector,
    /// All of these must hold between an account and a permission set.
    pub joins: Vec<Join>,
    /// The rule wants nothing before this time.
    pub from: Option<Timestamp>,
    /// The rule wants nothing from this time on.
    pub until: Option<Timestamp>,
    pub repair: Repair,
    /// The team whose file it is written in.
    pub team: Option<TeamId>,
    pub written_at: WrittenAt,
}

impl Rule {
    /// Whether it is in its time.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Whether it depends on the names of OUs.
    pub(super) fn looks_at_ou_names(&self) -> bool {
        self.accounts.looks_at_ou_names()
            || self.joins.iter().any(|join| join.with.looks_at_ou_names())
            || made_of_ou_names(&self.permission_sets, &self.principals)
    }

    /// Whether it selects accounts by nothing but their ids: only such a rule may give a protected permission set.
    pub fn lists_accounts(&self) -> bool {
        self.accounts.lists_ids()
    }
}

/// What no rule may give, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    /// To whom; `None` is everybody.
    pub principals: Option<Vec<PrincipalSelector>>,
    pub permission_sets: Vec<PermissionSetSelector>,
    pub accounts: AccountSelector,
    pub written_at: WrittenAt,
}

impl Never {
    /// Whether it depends on the names of OUs.
    pub(super) fn looks_at_ou_names(&self) -> bool {
        self.accounts.looks_at_ou_names()
            || made_of_ou_names(&self.permission_sets, self.principals.as_deref().unwrap_or_default())
    }
}

/// Whether some name is made from that of an OU.
fn made_of_ou_names(permission_sets: &[PermissionSetSelector], principals: &[PrincipalSelector]) -> bool {
    let of_sets = permission_sets.iter().filter_map(PermissionSetSelector::name);
    let mut names = of_sets.chain(principals.iter().filter_map(PrincipalSelector::name));
    names.any(NameTemplate::looks_at_ou_names)
}

/// Where in the bundle something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenAt {
    /// The file's name in its bundle.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: usize,
}

/// `rules.yaml:12`
impl fmt::Display for WrittenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
