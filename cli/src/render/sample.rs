//! Reports to try the renderings on.

use shared::{
    domain::{AccountState, Mode, Operation},
    plan::WithheldReason,
};

use crate::args::{ConnectionArgs, LedgerAt};
use crate::report::{
    AccountPlan, Budget, Change, FORMAT, Given, Period, PermissionSetName, PlanReport, PlanSummary,
    PrincipalName, RuleName, RulesUsed, SetsSummary, UnderWay, Unread, Waiting, Withheld,
};

pub(crate) fn set(name: Option<&str>) -> PermissionSetName {
    PermissionSetName {
        name: name.map(str::to_owned),
        arn: "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef".parse().unwrap(),
    }
}

pub(crate) fn group(name: Option<&str>) -> PrincipalName {
    PrincipalName {
        kind: "group",
        name: name.map(str::to_owned),
        id: "9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab".to_owned(),
    }
}

pub(crate) fn rule(id: &str) -> Vec<RuleName> {
    vec![RuleName { id: id.parse().unwrap(), mode: Mode::Sync }]
}

pub(crate) fn change(set_name: &str, group_name: &str, rule_id: &str) -> Change {
    Change {
        permission_set: set(Some(set_name)),
        principal: group(Some(group_name)),
        rules: rule(rule_id),
        awaits_permission_set: false,
        out_of_scope: false,
    }
}

pub(crate) fn quiet_plan() -> PlanReport {
    PlanReport {
        format: FORMAT,
        rules: RulesUsed {
            version: "ab".repeat(32).parse().unwrap(),
            files: vec!["rules.yaml".to_owned()],
            mode: Mode::Sync,
            count: 3,
        },
        hash: "cd".repeat(32).parse().unwrap(),
        shrinks: false,
        account: None,
        scopes_untold: false,
        awaits_permission_sets: false,
        summary: PlanSummary { accounts: 41, ..PlanSummary::default() },
        budgets: Vec::new(),
        permission_sets: Vec::new(),
        accounts: Vec::new(),
        idle_rules: Vec::new(),
        idle_never: Vec::new(),
        idle_scopes: Vec::new(),
        refused: None,
        untold: Vec::new(),
        unread: Vec::new(),
        given: Given::of(
            &["rules.yaml".into()],
            &LedgerAt::File("state/ledger.db".into()),
            &ConnectionArgs::default(),
        ),
    }
}

pub(crate) fn plan() -> PlanReport {
    let shop = AccountPlan {
        id: "111122223333".parse().unwrap(),
        name: Some("shop-dev\nelopment".to_owned()),
        ou: Some("Workloads/Development".to_owned()),
        state: Some(AccountState::Active),
        grants: vec![change("EC2-S3-FullAccess", "Developers", "developers-in-development")],
        revokes: vec![change("PowerUserAccess", "Contractors", "contractors")],
        withheld: vec![Withheld {
            operation: Operation::Grant,
            permission_set: set(None),
            principal: group(None),
            rules: rule("support"),
            reason: WithheldReason::Foreign,
            why: WithheldReason::Foreign.to_string(),
            awaits_permission_set: false,
        }],
        under_way: vec![UnderWay {
            operation: Operation::Grant,
            permission_set: set(Some("ReadOnlyAccess")),
            principal: group(Some("Support")),
            rules: rule("support"),
            sent: true,
            trouble: Some("Rate exceeded".to_owned()),
        }],
        waiting: vec![Waiting {
            rule: "quants".parse().ok(),
            never: None,
            name: "group `Quants`".to_owned(),
        }],
    };
    PlanReport {
        idle_rules: vec!["forgotten".parse().unwrap()],
        idle_never: vec!["rules.yaml:7".to_owned()],
        summary: PlanSummary {
            permission_sets: SetsSummary::default(),
            accounts: 41,
            differing: 1,
            grants: 1,
            revokes: 1,
            withheld: 1,
            under_way: 1,
            waiting: 1,
            unread: 1,
            untold: 0,
            notes: 0,
        },
        budgets: vec![
            Budget { operation: Operation::Grant, per: Period::Run, limit: 500, spent: 0, planned: 1 },
            Budget { operation: Operation::Revoke, per: Period::Day, limit: 25, spent: 3, planned: 1 },
        ],
        accounts: vec![shop],
        unread: vec![Unread {
            id: "444455556666".parse().unwrap(),
            why: "throttled: Rate exceeded".to_owned(),
        }],
        ..quiet_plan()
    }
}
