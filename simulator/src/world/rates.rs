//! Token buckets, counted in whole nanoseconds so that nothing depends on rounding; and Organizations' table of them.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use shared::domain::AccountId;

use super::{
    Service,
    settings::{Quotas, Rate},
    table,
};

/// How fast one bucket fills up, and how much it holds. Unlike [`Rate`] it can be slower than one a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The time in which one token comes back.
    #[serde(with = "crate::duration")]
    pub interval: Duration,
    /// Tokens that a full bucket holds.
    pub burst: u32,
}

impl Limit {
    /// So many tokens in a thousand seconds.
    const fn per_thousand_seconds(tokens: u64, burst: u32) -> Self {
        Self { interval: Duration::from_nanos(1_000_000_000_000 / tokens), burst }
    }
}

impl From<Rate> for Limit {
    fn from(Rate { per_second, burst }: Rate) -> Self {
        match per_second {
            0 => Self { interval: Duration::MAX, burst: 0 },
            _ => Self { interval: Duration::from_nanos(1_000_000_000 / u64::from(per_second)), burst },
        }
    }
}

/// The limits of one operation of Organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationLimits {
    /// For each account that calls.
    pub account: Limit,
    /// For all accounts together, where there is a limit of that kind.
    pub organization: Option<Limit>,
}

/// Organizations' limits by operation. The default is the table of its user guide's page on quotas ("throttling limits", 2026). Where
/// that names several operations in one line, each has a bucket of its own here; the page doesn't say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganizationsLimits {
    /// By the operation's name.
    pub operations: BTreeMap<String, OperationLimits>,
    /// For operations that the table doesn't name: one a second with a burst of two, as the slower half of those that it names.
    pub otherwise: OperationLimits,
}

/// Tokens in a thousand seconds and the burst, for each account and for the organization.
type Line = (&'static [&'static str], (u64, u32), Option<(u64, u32)>);

const TABLE: &[Line] = &[
    (&["CloseAccount"], (50, 1), None),
    (&["CreateAccount", "CreateGovCloudAccount"], (100, 3), None),
    (&["DescribeAccount"], (20_000, 30), Some((24_000, 36))),
    (&["DescribeCreateAccountStatus", "DescribeOrganizationalUnit"], (2_000, 2), Some((2_000, 3))),
    (&["LeaveOrganization"], (1_000, 1), None),
    (
        &[
            "ListCreateAccountStatus",
            "ListHandshakesForAccount",
            "ListHandshakesForOrganization",
            "ListParents",
            "ListAccountsForParent",
            "ListOrganizationalUnitsForParent",
            "ListDelegatedAdministrators",
        ],
        (5_000, 8),
        Some((6_000, 10)),
    ),
    (&["AcceptHandshake"], (1_000, 2), Some((5_000, 5))),
    (&["DescribeHandshake"], (1_000, 2), Some((6_000, 10))),
    (&["CancelHandshake"], (2_000, 3), None),
    (&["DeclineHandshake"], (1_000, 1), Some((5_000, 5))),
    (&["InviteAccountToOrganization"], (3_000, 5), None),
    (&["CreateOrganizationalUnit", "DescribeOrganization"], (1_000, 2), None),
    (&["MoveAccount", "UpdateOrganizationalUnit", "DeleteOrganizationalUnit"], (2_000, 3), None),
    (&["ListAccounts"], (8_000, 12), Some((9_000, 15))),
    (&["ListChildren"], (6_000, 10), Some((7_000, 12))),
    (&["ListRoots"], (1_000, 2), Some((1_000, 3))),
    (&["ListTagsForResource"], (10_000, 15), Some((12_000, 18))),
    (&["RemoveAccountFromOrganization"], (2_000, 2), None),
    (&["TagResource", "UntagResource"], (4_000, 6), None),
    (&["EnableAWSServiceAccess", "DisableAWSServiceAccess"], (1_000, 2), None),
    (
        &["ListAWSServiceAccessForOrganization", "ListDelegatedServicesForAccount"],
        (1_000, 3),
        Some((1_000, 4)),
    ),
    (&["RegisterDelegatedAdministrator", "DeregisterDelegatedAdministrator"], (1_000, 2), None),
];

impl Default for OrganizationsLimits {
    fn default() -> Self {
        let limit = |(tokens, burst)| Limit::per_thousand_seconds(tokens, burst);
        let lines = TABLE.iter().flat_map(|(names, account, organization)| {
            let limits = OperationLimits { account: limit(*account), organization: organization.map(limit) };
            names.iter().map(move |name| ((*name).to_owned(), limits))
        });
        let otherwise = OperationLimits { account: limit((1_000, 2)), organization: None };
        Self { operations: lines.collect(), otherwise }
    }
}

impl OrganizationsLimits {
    /// The first operation here that there is none of.
    pub(super) fn unknown(&self) -> Option<&str> {
        let known = |name: &String| {
            table::named(name)
                .any(|operation| operation.service == Service::Organizations && operation.name == name)
        };
        self.operations.keys().find(|name| !known(name)).map(String::as_str)
    }
}

/// Whose bucket it is: a service's, an operation's, an account's for an operation.
type Bucket = (Service, &'static str, Option<AccountId>);

/// When each bucket would be full again.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    full_at: BTreeMap<Bucket, i128>,
}

impl Rates {
    /// Takes one token for this call out of every bucket that it counts to, if each has one.
    pub(crate) fn take(
        &mut self,
        quotas: &Quotas,
        service: Service,
        operation: &'static str,
        account: &AccountId,
        now: Timestamp,
    ) -> bool {
        let one =
            |rate: Option<Rate>, name| Vec::from_iter(rate.map(|rate| ((service, name, None), rate.into())));
        let buckets: Vec<(Bucket, Limit)> = match service {
            // One bucket for all operations: "collective".
            Service::SsoAdmin => one(quotas.sso_admin, ""),
            Service::IdentityStore => one(quotas.identity_store, operation),
            Service::Tagging => one(quotas.tagging, operation),
            Service::Organizations => quotas
                .organizations
                .as_ref()
                .map(|limits| limits.operations.get(operation).unwrap_or(&limits.otherwise))
                .map(|limits| {
                    let all = limits.organization.map(|limit| ((service, operation, None), limit));
                    let own = ((service, operation, Some(account.clone())), limits.account);
                    std::iter::once(own).chain(all).collect()
                })
                .unwrap_or_default(),
        };
        let now = now.as_nanosecond();
        let mut after = Vec::new();
        for (bucket, Limit { interval, burst }) in buckets {
            let token = i128::try_from(interval.as_nanos()).unwrap_or(i128::MAX);
            let full_at = self.full_at.get(&bucket).copied().unwrap_or(now).max(now);
            let then = full_at.saturating_add(token);
            if then - now > token.saturating_mul(i128::from(burst)) {
                return false;
            }
            after.push((bucket, then));
        }
        self.full_at.extend(after);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000 + ms).unwrap()
    }

    fn account(digit: u64) -> AccountId {
        (111_122_223_330 + digit).to_string().parse().unwrap()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let quotas = Quotas { sso_admin: Some(Rate { per_second: 20, burst: 3 }), ..Quotas::default() };
        let mut rates = Rates::default();
        let mut take = |ms| rates.take(&quotas, Service::SsoAdmin, "ListInstances", &account(1), at(ms));

        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert!(!take(49));
        assert!(take(50));
        assert!(!take(50));
        assert_eq!([take(10_000), take(10_000), take(10_000), take(10_000)], [true, true, true, false]);
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_through() {
        let quotas = Quotas { sso_admin: Some(Rate { per_second: 0, burst: 3 }), ..Quotas::default() };
        assert!(!Rates::default().take(&quotas, Service::SsoAdmin, "ListInstances", &account(1), at(0)));
    }

    /// How many calls of an operation are let through at once, and how many more within the given seconds, one try a millisecond.
    fn let_through(operation: &'static str, accounts: u64, seconds: i64) -> (usize, usize) {
        let quotas = Quotas::default();
        let mut rates = Rates::default();
        let mut take =
            |digit, ms| rates.take(&quotas, Service::Organizations, operation, &account(digit), at(ms));
        let at_once = (0..100).filter(|n| take(n % accounts, 0)).count();
        let later = (1..=seconds * 1000)
            .flat_map(|ms| (0..accounts).map(move |digit| (digit, ms)))
            .filter(|(digit, ms)| take(*digit, *ms))
            .count();
        (at_once, later)
    }

    #[test]
    fn organizations_operations_have_their_documented_rates_and_bursts() {
        for (operation, seconds, expected) in [
            ("DescribeAccount", 10, (30, 200)),
            ("ListAccounts", 10, (12, 80)),
            ("ListTagsForResource", 10, (15, 100)),
            ("DescribeOrganizationalUnit", 10, (2, 20)),
            ("MoveAccount", 10, (3, 20)),
            ("CreateAccount", 60, (3, 6)),
            ("CloseAccount", 60, (1, 3)),
            ("OfNoTable", 10, (2, 10)),
        ] {
            assert_eq!(let_through(operation, 1, seconds), expected, "{operation}");
        }
    }

    #[test]
    fn each_account_has_its_own_bucket_beside_the_organizations() {
        // Two accounts together get 9 a second and 15 at once, though each alone may have 8 and 12.
        assert_eq!(let_through("ListAccounts", 2, 10), (15, 90));
        // No limit for the organization: twice one account's.
        assert_eq!(let_through("MoveAccount", 2, 10), (6, 40));
    }
}
