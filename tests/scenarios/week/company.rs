//! The company: its accounts, teams and permission sets, what people gave by hand before Usher came, and the rules.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use shared::domain::GroupId;

use crate::scenarios::chance::Chance;
use crate::scenarios::model::{Joined, Reach, Rule, Rules, Where, Who, group, in_ou, rule, rules, tagged};

/// How large the company is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// All but the management account.
    pub(super) accounts: usize,
    pub(super) teams: usize,
    pub(super) people: usize,
    /// Teams whose groups are kept by an identity provider that makes them all again.
    pub(super) provided: usize,
}

/// How many requests AWS takes at a time: its newest pages say 15, of which people need some.
pub(super) const OUTSTANDING: usize = 15;

/// The stages of which a team has accounts, and the OU of each.
pub(super) const STAGES: [(&str, &str); 3] =
    [("Development", "dev"), ("Test", "test"), ("Production", "prod")];

/// The OUs below each stage's; a team's accounts are in the one of its division.
pub(super) const DIVISIONS: [&str; 4] = ["Shop", "Payments", "Data", "Platform"];

/// Permission sets with their tags: the environment and the OU that they are for, and whether the support desk has them.
const SETS: [(&str, &[(&str, &str)]); 25] = [
    ("AdministratorAccess", &[("Level", "High")]),
    ("PowerUserAccess", &[("Level", "High"), ("Environment", "Development")]),
    ("ReadOnlyAccess", &[("Environment", "All")]),
    ("DeployAccess", &[("Environment", "Production"), ("Level", "High")]),
    ("TestOperator", &[("Environment", "Test")]),
    ("SecurityAudit", &[]),
    ("Billing", &[]),
    ("CostViewer", &[]),
    ("NetworkAdmin", &[("Level", "High")]),
    ("IncidentResponse", &[("Level", "High")]),
    ("LogReader", &[("Desk", "Yes"), ("Environment", "All"), ("OU", "Payments")]),
    ("ShopDesk", &[("Desk", "Yes"), ("Environment", "Production"), ("OU", "Shop")]),
    ("DataDesk", &[("Desk", "Yes"), ("Environment", "Production"), ("OU", "Data")]),
    ("PlatformDesk", &[("Desk", "Yes"), ("Environment", "Test"), ("OU", "Platform")]),
    ("AnyDesk", &[("Desk", "Yes"), ("Environment", "Production"), ("OU", "All")]),
    ("OldDesk", &[("Environment", "Test"), ("OU", "All")]),
    ("DatabaseReader", &[("Kind", "Data")]),
    ("DatabaseWriter", &[("Kind", "Data"), ("Level", "High")]),
    ("QueueReader", &[("Kind", "Data")]),
    ("Sandbox", &[("Environment", "Sandbox")]),
    ("Migration", &[]),
    ("Contractor", &[]),
    ("Forensics", &[("Level", "High")]),
    ("BackupOperator", &[]),
    ("SupportCase", &[]),
];

/// Groups of the whole company, and how many people are in each.
const GROUPS: [(&str, usize); 10] = [
    ("Auditors", 8),
    ("Support", 40),
    ("OnCall", 6),
    ("FinOps", 5),
    ("Network", 6),
    ("Wizards", 3),
    ("Contractors", 20),
    ("Movers", 10),
    ("DataScientists", 25),
    ("Everybody", 0),
];

pub(super) fn team(n: usize) -> String {
    format!("team-{n:02}")
}

pub(super) fn person(n: usize) -> String {
    format!("person-{n:04}@example.com")
}

fn division(team: usize) -> &'static str {
    DIVISIONS[team % DIVISIONS.len()]
}

/// The path of the OU for a team's accounts of a stage.
pub(super) fn home(team: usize, stage: usize) -> String {
    format!("Workloads/{}/{}", STAGES[stage].0, division(team))
}

/// The organization as the simulator reads it. The same size and seed give the same company.
pub(super) fn description(size: Size, chance: &mut Chance) -> String {
    let mut text = String::from(
        "organization: o-exampleorg1\nroot: r-ab12\n\
         management_account: { name: management, id: \"111122223333\" }\n",
    );
    let mut ids = 200_000_000_000_u64;
    let mut account = |name: &str, tags: &str| {
        ids += 7;
        format!("{{ name: {name}, id: \"{ids}\", tags: {{ {tags} }} }}")
    };
    let apart = [("Sandbox", size.accounts / 10), ("Infrastructure", 12), ("Security", 6)];
    let of_teams = size.accounts - apart.iter().map(|(_, count)| count).sum::<usize>();
    text.push_str("organizational_units:\n");
    for (name, count) in apart {
        writeln!(text, "  - name: {name}\n    accounts:").unwrap();
        for n in 0..count {
            let name = format!("{}-{n:02}", name.to_lowercase());
            let entry = account(&name, &format!("CostCenter: cc-9{}", n % 3));
            writeln!(text, "      - {entry}").unwrap();
        }
    }
    text.push_str("  - name: Suspended\n  - name: Workloads\n    organizational_units:\n");
    for (stage, (ou, short)) in STAGES.iter().enumerate() {
        writeln!(text, "      - name: {ou}\n        organizational_units:").unwrap();
        for name in DIVISIONS {
            writeln!(text, "          - name: {name}\n            accounts:").unwrap();
            let place = (0..of_teams).filter(|n| n % STAGES.len() == stage);
            for n in place.filter(|n| division(n / STAGES.len() % size.teams) == name) {
                let (team_no, product) = (n / STAGES.len() % size.teams, n / STAGES.len() / size.teams);
                let tier = if chance.percent(30) { ", Tier: \"1\"" } else { "" };
                let tags = format!(
                    "Team: {}, Environment: {ou}, CostCenter: cc-{}{tier}",
                    team(team_no),
                    team_no % 9
                );
                let entry = account(&format!("{}-{product}-{short}", team(team_no)), &tags);
                writeln!(text, "              - {entry}").unwrap();
            }
        }
    }
    text.push_str(
        "instance: { arn: \"arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6\", identity_store: d-9067642ac1 }\n\
         permission_sets:\n",
    );
    for (name, tags) in SETS {
        let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}: \"{value}\"")).collect();
        writeln!(text, "  - {{ name: {name}, tags: {{ {} }} }}", tags.join(", ")).unwrap();
    }
    text.push_str("groups:\n");
    for name in GROUPS.iter().map(|(name, _)| (*name).to_owned()).chain(groups_of_teams(size)) {
        writeln!(text, "  - {{ name: {name} }}").unwrap();
    }
    text.push_str("users:\n");
    for n in 0..size.people {
        let team = team(n % size.teams);
        let mut groups = vec![format!("{team}-developers")];
        if n / size.teams < 2 {
            groups.push(format!("{team}-leads"));
        }
        // Everybody's turn comes for some group.
        let others =
            GROUPS.iter().filter(|(_, most)| n % (size.people / (most + 1)).max(1) == 1 && *most > 0);
        groups.extend(others.map(|(name, _)| (*name).to_owned()));
        let (name, groups) = (person(n), groups.join(", "));
        writeln!(text, "  - {{ user_name: {name}, display_name: Person {n}, groups: [{groups}] }}").unwrap();
    }
    text.push_str("assignments:\n");
    for n in 0..12 {
        writeln!(
            text,
            "  - {{ account: infrastructure-{n:02}, permission_set: BackupOperator, group: Network }}"
        )
        .unwrap();
    }
    // What a rule wants too stays theirs.
    for n in 0..6 {
        writeln!(text, "  - {{ account: security-{n:02}, permission_set: SecurityAudit, group: Auditors }}")
            .unwrap();
        writeln!(
            text,
            "  - {{ account: sandbox-{n:02}, permission_set: AdministratorAccess, group: Wizards }}"
        )
        .unwrap();
    }
    text
}

/// The groups of all teams.
pub(super) fn groups_of_teams(size: Size) -> impl Iterator<Item = String> {
    groups_of(size.teams)
}

/// The groups of the first teams.
pub(super) fn groups_of(teams: usize) -> impl Iterator<Item = String> {
    (0..teams).flat_map(|n| ["developers", "leads"].map(|kind| format!("{}-{kind}", team(n))))
}

/// When the first of the two rules for a time begins, when it ends, and when the other ends.
pub(super) fn turns(monday: Timestamp, days: i64) -> [Timestamp; 3] {
    [11, 24 * (days - 1) + 19, 24 * (days - 1) + 13].map(|hours| monday + SignedDuration::from_hours(hours))
}

/// The rules: everything that the language has, at least once. `network` is the group that one of them pins.
pub(super) fn document(network: &GroupId, monday: Timestamp, days: i64) -> Rules {
    let of_team = |id: &str, kind: &str| rule(id, Who::GroupOfTag("Team".into(), format!("-{kind}")));
    let workloads = |stage: &str| in_ou(&format!("Workloads/{stage}"));
    let teams_in = |stage: &str| Where::All(vec![workloads(stage), Where::Has("Team".into(), true)]);
    let [movers, moved, contracted] = turns(monday, days);
    let all: Vec<Rule> = vec![
        of_team("developers", "developers").gets("PowerUserAccess").in_accounts(teams_in("Development")),
        of_team("testers", "developers").gets("TestOperator").in_accounts(teams_in("Test")),
        of_team("readers", "developers").gets("ReadOnlyAccess").in_accounts(teams_in("Production")),
        of_team("leads", "leads").gets("DeployAccess").in_accounts(Where::All(vec![
            teams_in("Production"),
            Where::TagBegins("CostCenter".into(), "cc-".into()),
            Where::Has("Frozen".into(), false),
        ])),
        // What they gave stays.
        group("auditors", "Auditors").gets("SecurityAudit").reaching(Reach::CreateOnly).in_accounts(
            Where::Any(vec![
                in_ou("Workloads"),
                in_ou("Security"),
                Where::DirectlyInOu("Infrastructure".into()),
            ]),
        ),
        group("support", "Support")
            .gets_tagged("Desk", "Yes")
            .where_tag("Environment", Joined::AccountTag("Environment".into()), Some("All"))
            .where_tag("OU", Joined::AnyOu, Some("All")),
        // Each by name.
        rule("on-call", Who::MembersOf("OnCall".into()))
            .gets("IncidentResponse")
            .in_accounts(Where::All(vec![workloads("Production/Payments"), tagged("Tier", "1")])),
        rule("first-person", Who::User(person(0)))
            .and(Who::User(person(7)))
            .gets("Billing")
            .in_accounts(in_ou("Security")),
        rule("network", Who::GroupId(network.clone()))
            .gets("NetworkAdmin")
            .in_accounts(in_ou("Infrastructure").except([Where::Named("infrastructure-03".into())])),
        // What nobody may have, and what only shows.
        group("wizards", "Wizards")
            .gets("PowerUserAccess")
            .gets("Sandbox")
            .in_accounts(Where::Any(vec![in_ou("Sandbox"), tagged("Tier", "1")])),
        group("costs", "FinOps")
            .gets("CostViewer")
            .reaching(Reach::Observe)
            .in_accounts(Where::Everywhere.except([in_ou("Sandbox"), in_ou("Workloads/Test")])),
        group("sandboxes", "DataScientists")
            .gets("Sandbox")
            .gets_tagged("Kind", "Data")
            .in_accounts(in_ou("Sandbox")),
        // For a time.
        group("movers", "Movers")
            .gets("Migration")
            .in_accounts(workloads("Test/Shop"))
            .from(movers)
            .until(moved),
        group("contractors", "Contractors")
            .gets("Contractor")
            .in_accounts(workloads("Development/Data"))
            .until(contracted),
        // A group that is not there yet.
        group("analysts", "Analysts").gets("ReadOnlyAccess").in_accounts(workloads("Production/Data")),
    ];
    let mut document = rules(all)
        .never(group("", "Wizards").gets("PowerUserAccess").in_accounts(in_ou("Workloads/Production")));
    // The first day gives everything, which nobody should have to approve.
    document.max_creates = 2_500;
    document
}

/// The rules that come in the end: one more.
pub(super) fn extended(rules: Rules) -> Rules {
    rules.with(group("everybody", "Everybody").gets("SupportCase").in_accounts(in_ou("Security")))
}
