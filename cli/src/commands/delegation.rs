//! `usher delegation`: what teams may give, as an IAM policy, and in an account. It holds no writer.

use std::fmt::Write as _;

use serde::Serialize;
use shared::{
    delegation::{self, Delegated, Ground},
    domain::{Account, AccountId, PermissionSet, SessionDuration, TeamId},
    engine::Inventory,
    resolve::Lookup,
    rules::{Index, Scope, ScopedSet, Team, TeamScope, Wanted},
};

use crate::{
    Ending, Failure, Machine, Paint, Screen, Style,
    args::{ConnectionArgs, DelegationPolicyArgs, DelegationWhoArgs},
    connect,
    desk::Desk,
    failure::Undelegated,
    ledger, look_up, render, report,
    screen::{count, line},
    suggestions,
};

/// The most characters of a permission set's name.
const LONGEST_NAME: usize = 32;

/// Writes the policy of a team.
pub(crate) async fn policy(
    arguments: &DelegationPolicyArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let DelegationPolicyArgs { team, scope, as_permission_set, name, session_duration, rules, ledger } =
        arguments;
    let desk = desk(rules, ledger, connection, machine).await?;
    let inventory = desk.planner().inventory().await.map_err(Failure::Read)?;
    let index = &inventory.rules.index;
    let team = named(team, index)?;
    let scopes = chosen(team, *scope)?;
    let sets = known(&inventory)?;
    let instance = desk.aws.access.instance().await.map_err(Failure::Instance)?;
    let ground = Ground {
        instance: &instance.arn,
        accounts: &inventory.accounts,
        unread: inventory.unread.len(),
        permission_sets: &sets,
        protected: &index.settings().protected_permission_sets,
    };
    let delegated = delegation::delegated(&scopes, &ground).map_err(|source| {
        let scopes = team.limits().map_or(0, <[_]>::len);
        Undelegated::NoPolicy { team: team.id.clone(), scopes, source }
    })?;
    let over = delegated.over();
    if *as_permission_set {
        if let Some(over) = over {
            return Err(Undelegated::TooLong { team: team.id.clone(), over }.into());
        }
        let region = connect::connection(connection, machine).await.region().map(str::to_owned);
        let relay_state = region.as_deref().and_then(|region| delegation::relay_state(&instance.arn, region));
        let name = name.clone().unwrap_or_else(|| format!("{}-delegated-admin", team.id));
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if name.is_empty() || name.chars().count() > LONGEST_NAME || !name.chars().all(is_name) {
            return Err(Undelegated::NotASetName { name }.into());
        }
        let duration: SessionDuration = session_duration.parse().map_err(Undelegated::NotADuration)?;
        let written = Written { team, name: &name, duration: &duration, relay_state, delegated: &delegated };
        let text = written.declared(&inventory);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    } else {
        render::json(&delegated.policy, screen)?;
    }
    let told = told(&delegated, team, &scopes, &inventory, screen.err_style);
    screen.err.write_all(told.as_bytes()).map_err(Failure::Output)?;
    Ok(if over.is_some() { Ending::Bad } else { Ending::Good })
}

async fn desk(
    rules: &[std::path::PathBuf],
    at: &crate::args::LedgerArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Desk, Failure> {
    let ledger = if rules.is_empty() {
        ledger::to_use(&at.at, connection, machine).await?
    } else {
        ledger::to_read(&at.at, connection, machine).await?
    };
    Desk::of(rules, ledger, &at.at, connection, machine).await
}

fn named<'i>(text: &str, index: &'i Index) -> Result<&'i Team, Undelegated> {
    let teams = index.teams();
    teams.iter().find(|team| team.id.as_str() == text).ok_or_else(|| {
        let all = || teams.iter().map(|team| team.id.as_str());
        Undelegated::Team {
            name: line(text),
            nearest: suggestions::nearest(text, all()).into_iter().map(line).collect(),
            all: all().map(line).collect(),
        }
    })
}

/// The scopes that are asked for.
fn chosen(team: &Team, number: Option<u32>) -> Result<Vec<&Scope>, Undelegated> {
    let Some(scopes) = team.limits() else {
        return Err(Undelegated::NoScope { team: team.id.clone() });
    };
    let Some(number) = number else { return Ok(scopes.iter().collect()) };
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    let scope = at.checked_sub(1).and_then(|at| scopes.get(at));
    let none = || Undelegated::NoSuchScope { team: team.id.clone(), number, scopes: scopes.len() };
    Ok(vec![scope.ok_or_else(none)?])
}

fn known(inventory: &Inventory) -> Result<Vec<PermissionSet>, Undelegated> {
    match &inventory.permission_sets {
        Lookup::Found(sets) => Ok(sets.clone()),
        Lookup::Absent => Ok(Vec::new()),
        Lookup::Failed(why) => Err(Undelegated::SetsUnread { why: why.clone() }),
    }
}

/// What has to be known of the policy.
fn told(
    delegated: &Delegated,
    team: &Team,
    scopes: &[&Scope],
    inventory: &Inventory,
    style: Style,
) -> String {
    let mut text = String::new();
    let scopes: Vec<String> = scopes.iter().map(|scope| format!("{scope} ({})", scope.written_at)).collect();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{} of team {}, as of {}: {}",
        style.paint(Paint::Heading, "Delegated administration"),
        team.id,
        render::minute(inventory.read_at),
        line(&scopes.join("; "))
    );
    let length = format!("{} characters of {}", delegated.characters, shared::policy::MOST_CHARACTERS);
    match delegated.over() {
        None => _ = writeln!(text, "  {length} that a permission set's inline policy may have."),
        Some(over) => {
            let told = format!(
                "{length}: {over} too many for a permission set's inline policy. Way out: delegate the scopes one by one (--scope), select fewer accounts, or attach it as customer managed policies of 6144 characters each."
            );
            let _ = writeln!(text, "  {}", style.paint(Paint::Bad, told));
        }
    }
    for note in &delegated.notes {
        let _ = writeln!(text, "  - {}", line(&note.to_string()));
    }
    let _ = writeln!(
        text,
        "  - It edits no permission set, no tag and no group. Whoever may do so can widen it: keep that to those who may give everything.\n  \
         - Keep the accounts from which Identity Center or Usher is administered out of every scope: who gives access there can take all the rest."
    );
    text
}

/// The declaration of a delegated administrator's permission set.
struct Written<'a> {
    team: &'a Team,
    name: &'a str,
    duration: &'a SessionDuration,
    relay_state: Option<String>,
    delegated: &'a Delegated,
}

impl Written<'_> {
    /// As it is written in a root file. JSON is YAML.
    fn declared(&self, inventory: &Inventory) -> String {
        let Self { team, name, duration, relay_state, delegated } = self;
        let mut text = format!(
            "# Delegated administration of team {}, as of {}. For the root file: where it has `permission_sets` already, leave out the next line, and put the rest into that list.\npermission_sets:\n  - name: \"{name}\"\n    description: \"Delegated administration of team {}\"\n    session_duration: {duration}\n",
            team.id,
            render::minute(inventory.read_at),
            team.id
        );
        text.extend(relay_state.iter().map(|page| format!("    relay_state: \"{page}\"\n")));
        // A policy can always be written.
        let policy = serde_json::to_string_pretty(&delegated.policy).unwrap_or_default();
        let _ = writeln!(text, "    inline_policy:\n      {}", policy.replace('\n', "\n      "));
        text
    }
}

/// What `who` tells.
#[derive(Debug, Serialize)]
struct WhoReport {
    /// See [`report::FORMAT`].
    format: u32,
    account: AccountId,
    account_name: String,
    /// The names from the outermost OU down.
    ou: String,
    permission_set: Option<String>,
    /// In the order of the root file.
    teams: Vec<TeamTold>,
}

#[derive(Debug, Serialize)]
struct TeamTold {
    team: TeamId,
    /// `unsaid` and `unlimited` may give anything.
    scope: &'static str,
    /// Whether it may give anything here, or what is asked about.
    may_give: bool,
    scopes: Vec<ScopeTold>,
}

#[derive(Debug, Serialize)]
struct ScopeTold {
    written_at: String,
    /// In words.
    scope: String,
    /// The permission sets that there are now, by name.
    permission_sets: Vec<String>,
    /// Those that the rules declare, and that are yet to be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_come: Vec<String>,
}

/// The permission sets that are asked about.
struct AskedSets<'a> {
    there: Vec<&'a PermissionSet>,
    /// Declared, and yet to be made: they have no ARN.
    to_come: Vec<ScopedSet<'a>>,
    /// Whether one is asked about.
    is_one: bool,
}

impl AskedSets<'_> {
    /// The name of the one that is asked about.
    fn name(&self) -> Option<String> {
        let there = self.there.iter().map(|set| set.name.as_str());
        let mut names = there.chain(self.to_come.iter().map(|set| set.name));
        self.is_one.then(|| names.next().map(str::to_owned)).flatten()
    }
}

/// The declared permission sets that are yet to be made.
fn to_come<'a>(index: &'a Index, there: &[PermissionSet]) -> Vec<ScopedSet<'a>> {
    let declared = index.declared().iter().filter_map(|set| match &set.wanted {
        Wanted::There(content) => Some(ScopedSet { name: &set.name, arn: None, tags: &content.tags }),
        Wanted::Gone => None,
    });
    declared.filter(|set| !there.iter().any(|it| it.name == set.name)).collect()
}

/// Tells which teams may give access to an account.
pub(crate) async fn who(
    arguments: &DelegationWhoArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let DelegationWhoArgs { account, permission_set, rules, ledger, json } = arguments;
    let desk = desk(rules, ledger, connection, machine).await?;
    let asked = look_up::account(account, &desk.aws).await?;
    let mut inventory = desk.planner().inventory().await.map_err(Failure::Read)?;
    let rules = inventory.rules.clone();
    let (index, all) = (&rules.index, known(&inventory)?);
    let mut to_come = to_come(index, &all);
    let is_to_come = |text: &String| to_come.iter().any(|set| set.name == text);
    let (mut there, is_one): (Vec<&PermissionSet>, _) = (all.iter().collect(), permission_set.is_some());
    match permission_set {
        Some(text) if is_to_come(text) => {
            there.clear();
            to_come.retain(|set| set.name == text);
        }
        Some(text) => {
            let asked = look_up::permission_set(text, &desk.aws, desk.ledger.as_ref()).await?;
            there.retain(|set| set.arn == asked);
            to_come.clear();
        }
        None => {}
    }
    let sets = AskedSets { there, to_come, is_one };
    if let Some(error) = inventory.unread.remove(&asked) {
        return Err(Failure::Read(error));
    }
    let Some(account) = inventory.accounts.iter().find(|account| account.id == asked) else {
        let all = desk.aws.organization.accounts().await.map_err(Failure::LookUp)?;
        return Err(suggestions::no_account(asked.as_str(), &all).into());
    };
    let report = WhoReport {
        format: report::FORMAT,
        account: account.id.clone(),
        account_name: account.name.clone(),
        ou: account.path.to_string(),
        permission_set: sets.name(),
        teams: index.teams().iter().map(|team| of_team(team, account, &sets, index)).collect(),
    };
    if *json {
        render::json(&report, screen)?;
    } else {
        let text = in_words(&report, account, screen.out_style);
        screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    }
    Ok(Ending::Good)
}

/// What a team may give of these permission sets in an account.
fn of_team(team: &Team, account: &Account, sets: &AskedSets<'_>, index: &Index) -> TeamTold {
    let protected = &index.settings().protected_permission_sets;
    let here = |scope: &&Scope| scope.accounts.gives(account);
    let told = |scope: &Scope| {
        let AskedSets { there, to_come, is_one: _ } = sets;
        let there = there.iter().filter(|set| scope.permission_sets.take_in((**set).into(), protected));
        let to_come = to_come.iter().filter(|set| scope.permission_sets.take_in(**set, protected));
        ScopeTold {
            written_at: scope.written_at.to_string(),
            scope: scope.to_string(),
            permission_sets: there.map(|set| set.name.clone()).collect(),
            to_come: to_come.map(|set| set.name.to_owned()).collect(),
        }
    };
    let scopes = team.limits().unwrap_or_default().iter().filter(here).map(told);
    let has_any = |scope: &ScopeTold| !scope.permission_sets.is_empty() || !scope.to_come.is_empty();
    let scopes: Vec<ScopeTold> = scopes.filter(|scope| !sets.is_one || has_any(scope)).collect();
    let (scope, may_give) = match team.scope {
        TeamScope::Unsaid => ("unsaid", true),
        TeamScope::Unlimited => ("unlimited", true),
        TeamScope::Within(_) => ("within", !scopes.is_empty()),
    };
    TeamTold { team: team.id.clone(), scope, may_give, scopes }
}

/// How many permission sets are written; JSON has all.
const LISTED: usize = 12;

fn in_words(report: &WhoReport, account: &Account, style: Style) -> String {
    let ou = if report.ou.is_empty() { "directly below the root".to_owned() } else { line(&report.ou) };
    let mut text = format!(
        "{}  {}  {}\n",
        style.paint(Paint::Heading, line(&report.account_name)),
        report.account,
        style.paint(Paint::Faint, ou)
    );
    if let Some(set) = &report.permission_set {
        let _ = writeln!(text, "  permission set {}", line(set));
    }
    if account.is_management {
        let told = "it is the management account: only scopes that list its id have it";
        let _ = writeln!(text, "  {}", style.paint(Paint::Warning, told));
    }
    let (may, may_not): (Vec<&TeamTold>, Vec<&TeamTold>) =
        report.teams.iter().partition(|team| team.may_give);
    for team in may {
        let name = style.paint(Paint::Accent, &team.team);
        match team.scope {
            "unlimited" => _ = writeln!(text, "  team {name} may give anything: its scope is unlimited"),
            "unsaid" => _ = writeln!(text, "  team {name} may give anything: it has no scope"),
            _ => _ = writeln!(text, "  team {name} may give"),
        }
        for ScopeTold { written_at, scope, permission_sets, to_come } in &team.scopes {
            let more = (permission_sets.len() + to_come.len()).saturating_sub(LISTED);
            let to_come = to_come.iter().map(|name| format!("{} (yet to be made)", line(name)));
            let names: Vec<String> =
                permission_sets.iter().map(|name| line(name)).chain(to_come).take(LISTED).collect();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let names =
                if names.is_empty() { "nothing that is there now".to_owned() } else { names.join(", ") };
            let by =
                style.paint(Paint::Faint, format!("by the scope at {}: {}", line(written_at), line(scope)));
            let _ = writeln!(text, "    {names}{more}  {by}");
        }
    }
    if !may_not.is_empty() {
        let names: Vec<&str> = may_not.iter().map(|team| team.team.as_str()).collect();
        let what = if report.permission_set.is_some() { "not give it here" } else { "give nothing here" };
        let _ = writeln!(text, "  {} may {what}: {}", count(names.len(), "team", "teams"), names.join(", "));
    }
    if report.teams.is_empty() {
        text.push_str("  The rules have no teams: only the root file and files beside it give access.\n");
    }
    text
}
