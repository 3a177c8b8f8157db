use super::*;
use crate::{
    render::sample,
    report::{PlanSummary, Waiting},
};

#[test]
fn a_small_plan_is_told_account_by_account() {
    insta::assert_snapshot!(plan(&sample::plan()), @r"
    ### Usher: 1 to grant, 1 to revoke in 1 account; 1 under way; 1 withheld; 1 account could not be read

    Rules `rules.yaml` (3 rules, mode sync, version `abababababab`)

    Plan `cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd`

    **Incomplete:** 1 account could not be read, and nothing is decided there.

    #### `shop-dev elopment` 111122223333 `Workloads/Development`

    |   | permission set | principal |   |
    | --- | --- | --- | --- |
    | **revoke** | `PowerUserAccess` | group `Contractors` | wanted no more; was by `contractors` |
    | not granted | `ps-1234567890abcdef` | group `9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab` | exists already, made by others; it stays theirs unless `usher adopt` takes it over (rule `support`) |
    | **grant** | `EC2-S3-FullAccess` | group `Developers` | by `developers-in-development` |
    | grant under way | `ReadOnlyAccess` | group `Support` | sent to AWS, not yet ended (Rate exceeded); by `support` |

    #### Could not be read

    - 444455556666: `throttled: Rate exceeded`

    #### Named or selected by rules, and there is nothing like it

    - no account is as rule `forgotten` selects
    - no account is as the `never` at `rules.yaml:7` selects, so it forbids nothing
    - `group 'Quants'` (`rule quants`, in 1 account)

    #### Budgets

    - grants this run: 1 of 500 allowed
    - revokes today: 1 of 25 allowed, 3 spent before
    ");
}

#[test]
fn a_plan_with_nothing_in_it_is_three_lines() {
    insta::assert_snapshot!(plan(&sample::quiet_plan()), @r"
    ### Usher: nothing to do in 41 accounts

    Rules `rules.yaml` (3 rules, mode sync, version `abababababab`)

    Plan `cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd`
    ");
}

/// A plan for many accounts: so many revokes, withheld and grants in each.
fn large(accounts: usize, [revokes, withheld, grants]: [usize; 3]) -> PlanReport {
    let of_account = |number: usize| {
        let sample = sample::plan().accounts.remove(0);
        let change = |kind: &str, index: usize| {
            sample::change(
                &format!("{kind}-{number}-{index}"),
                "Developers",
                &format!("rule-{:02}", index % 7),
            )
        };
        AccountPlan {
            id: format!("{:012}", 100_000_000_000_usize + number).parse().unwrap(),
            name: Some(format!("account-{number}")),
            grants: (0..grants).map(|index| change("grant", index)).collect(),
            revokes: (0..revokes).map(|index| change("revoke", index)).collect(),
            withheld: (0..withheld)
                .map(|index| Withheld {
                    permission_set: change("withheld", index).permission_set,
                    ..sample.withheld[0].clone()
                })
                .collect(),
            under_way: Vec::new(),
            waiting: Vec::new(),
            ..sample
        }
    };
    PlanReport {
        accounts: (0..accounts).map(of_account).collect(),
        summary: PlanSummary {
            accounts,
            differing: accounts,
            grants: accounts * grants,
            revokes: accounts * revokes,
            withheld: accounts * withheld,
            ..PlanSummary::default()
        },
        ..sample::quiet_plan()
    }
}

fn lines(text: &str, with: &str) -> usize {
    text.lines().filter(|line| line.starts_with("| `account-") && line.contains(with)).count()
}

#[test]
fn a_large_plan_is_told_by_what_it_does_with_grants_folded_by_rule() {
    let text = plan(&large(60, [1, 1, 3]));
    assert!(text.len() <= ROOM, "{}", text.len());
    assert_eq!(lines(&text, "`revoke-"), 60);
    assert_eq!(lines(&text, "`withheld-"), 60);
    assert_eq!(lines(&text, "`grant-"), 180);
    assert!(text.contains("<details><summary>60 grants in 60 accounts by rule-00</summary>"), "{text}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert!(!text.contains("Left out"), "{text}");
}

#[test]
fn where_there_is_no_room_grants_go_first_and_the_numbers_of_what_is_left_out_are_said() {
    let text = plan(&large(150, [1, 1, 40]));
    assert!(text.len() <= ROOM, "{}", text.len());
    assert_eq!(lines(&text, "`revoke-"), 150);
    assert_eq!(lines(&text, "`withheld-"), 150);
    let shown = lines(&text, "`grant-");
    let left: usize = text
        .lines()
        .filter_map(|line| line.strip_prefix("*Left out here for want of room: "))
        .map(|rest| rest.split(' ').next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(shown + left, 6000, "{text}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn even_revokes_are_cut_before_the_limit_is_passed_and_what_is_withheld_is_cut_first() {
    let text = plan(&large(2000, [1, 1, 1]));
    assert!(text.len() <= ROOM, "{}", text.len());
    assert_eq!(lines(&text, "`grant-"), 0);
    let (shown, withheld) = (lines(&text, "`revoke-"), lines(&text, "`withheld-"));
    assert!(shown > 200 && withheld < 5, "{shown} {withheld}");
    assert!(text.contains(&format!("of room: {} revokes;", 2000 - shown)), "{text}");
    assert!(text.contains(&format!("of room: {} withheld assignments;", 2000 - withheld)), "{text}");
    assert!(text.contains("of room: 2000 grants by 1 rule;"), "{text}");
}

#[test]
fn no_room_at_all_is_no_panic() {
    for room in [0, 100, 1000, 3000] {
        let text = within(&large(50, [3, 3, 3]), room);
        assert!(
            text.starts_with("### Usher: 150 to grant, 150 to revoke in 50 accounts; 150 withheld"),
            "{text}"
        );
    }
}

#[test]
fn names_from_elsewhere_cannot_leave_their_cell() {
    let evil = "@org/owners `| x |` </details>\n\n# Approved <img src=x> [a](http://b)";
    let mut report = large(1, [1, 1, 1]);
    let account = &mut report.accounts[0];
    account.name = Some(evil.to_owned());
    account.ou = Some(evil.to_owned());
    for change in account.grants.iter_mut().chain(&mut account.revokes) {
        change.principal.name = Some(evil.to_owned());
        change.permission_set.name = Some(evil.to_owned());
    }
    account.withheld[0].why = evil.to_owned();
    account.waiting =
        vec![Waiting { rule: "quants".parse().ok(), never: None, name: format!("group `{evil}`") }];
    for text in [plan(&report), within(&report, 5000), sections::folded(&report, ROOM)] {
        for line in text.lines() {
            // Outside of code there are only our own words.
            let outside: String = line.split('`').step_by(2).collect();
            assert!(
                !outside.contains('@') && !outside.contains("Approved") && !outside.contains("<img"),
                "{line}"
            );
            assert_eq!(line.matches('`').count() % 2, 0, "{line}");
            if line.starts_with('|') {
                assert!(matches!(line.matches('|').count(), 4 | 5), "{line}");
            }
        }
    }
}
