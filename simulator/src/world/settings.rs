//! What can be set: sizes, times and rates, and what is assumed where AWS is undocumented.

use std::time::Duration;

use super::{
    delivery::Delivery, ids::Ids, rates::OrganizationsLimits, regions::is_region, snapshot::Mistake,
};
use crate::iam::Step;

/// All that can be set about a world. The defaults are AWS's, with a round provisioning time and no lag.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Everything that looks random comes from it: ids, latencies, the order of unordered lists.
    pub seed: u64,
    /// The Region of Identity Center and its events; Organizations' events are always those of us-east-1.
    pub region: String,
    /// How long an assignment request takes from accepted to its end.
    pub assignment_latency: Latency,
    /// How long it takes to bring one account's role to a permission set's newest version.
    pub provisioning_latency: Latency,
    /// How long it takes to make or delete an instance, to change its key, and to add or remove a Region.
    pub instance_latency: Latency,
    /// How long the making of an account takes.
    pub create_account_latency: Latency,
    /// How long an account stays `PENDING_CLOSURE`.
    pub close_account_latency: Latency,
    /// Entries a page when the caller doesn't say, and at most; tests make it tiny. Never more than AWS's own maximum
    /// (20 in Organizations, 100 elsewhere).
    pub page_size: usize,
    /// How probable it is that a page is empty and still has a successor, from 0 to below 1. Organizations and
    /// `ListAccountAssignmentsForPrincipal` document such pages; they are made for every list.
    pub empty_pages: f64,
    /// How probable it is that a page is shorter than it could be, from 0 to 1.
    pub short_pages: f64,
    /// The limits on requests and resources.
    pub quotas: Quotas,
    /// How old the answers of lists are: assignments, what is provisioned, and accounts (`ListAccounts`, `ListAccountsForParent`,
    /// `ListChildren`). What describes one thing is never old, and neither are the lists of OUs, groups, users, memberships and permission
    /// sets; requests and tags have lags of their own among the assumptions.
    #[serde(with = "crate::duration")]
    pub list_lag: Duration,
    /// How events reach whoever takes them.
    pub delivery: Delivery,
    /// What is undocumented.
    pub assumptions: Assumptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            region: "us-east-1".to_owned(),
            assignment_latency: Latency::Constant(Duration::from_secs(2)),
            provisioning_latency: Latency::Constant(Duration::from_secs(2)),
            instance_latency: Latency::Constant(Duration::from_secs(10)),
            create_account_latency: Latency::Constant(Duration::from_secs(10)),
            close_account_latency: Latency::Constant(Duration::from_mins(1)),
            page_size: 100,
            empty_pages: 0.0,
            short_pages: 0.0,
            quotas: Quotas::default(),
            list_lag: Duration::ZERO,
            delivery: Delivery::default(),
            assumptions: Assumptions::default(),
        }
    }
}

impl Settings {
    /// The first setting that can't be, by its way from the top, and why.
    pub(crate) fn mistake(&self) -> Option<Mistake> {
        let Self { region, page_size, empty_pages, short_pages, quotas, .. } = self;
        let at = |way: &[&str], message: &str| {
            let way = way.iter().map(|member| Step::Member((*member).to_owned())).collect();
            Some(Mistake { way, message: message.to_owned() })
        };
        if !is_region(region) {
            return at(&["region"], "the name of a Region, such as eu-west-1");
        }
        let latencies = [
            ("assignment_latency", self.assignment_latency),
            ("provisioning_latency", self.provisioning_latency),
            ("instance_latency", self.instance_latency),
            ("create_account_latency", self.create_account_latency),
            ("close_account_latency", self.close_account_latency),
        ];
        for (setting, latency) in latencies {
            if let Some(message) = latency.mistake() {
                return at(&[setting], message);
            }
        }
        if *page_size == 0 {
            return at(&["page_size"], "a page has one entry at least");
        }
        if !(0.0..1.0).contains(empty_pages) {
            return at(&["empty_pages"], "a probability from 0 to below 1: with 1 no list would ever end");
        }
        if !(0.0..=1.0).contains(short_pages) {
            return at(&["short_pages"], "a probability from 0 to 1");
        }
        if let Some((setting, message)) = self.delivery.mistake() {
            return at(&["delivery", setting], message);
        }
        if quotas.outstanding == 0 {
            let message = "nothing could ever be assigned: 10 or 15, as AWS's pages say";
            return at(&["quotas", "outstanding"], message);
        }
        if quotas.outstanding_provisionings == 0 {
            let message = "nothing could ever be provisioned: 3, as AWS's page says";
            return at(&["quotas", "outstanding_provisionings"], message);
        }
        let operation = quotas.organizations.as_ref().and_then(OrganizationsLimits::unknown)?;
        let message = "Organizations has no operation of this name that is simulated";
        at(&["quotas", "organizations", "operations", operation], message)
    }
}

/// Documented quotas (Identity Center user guide, "quotas", 2026, unless said otherwise). `None` switches a limit off.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Assignment requests under way at a time. Today's page says 15, older ones 10; the smaller is the default.
    pub outstanding: usize,
    /// Requests a second over all of SSO Admin: 20. The burst is undocumented; it is taken to be one second's worth.
    pub sso_admin: Option<Rate>,
    /// Requests a second for each operation of the identity store: 20. The burst as above.
    pub identity_store: Option<Rate>,
    /// Requests for each operation of Organizations, by its documented table.
    pub organizations: Option<OrganizationsLimits>,
    /// Requests a second for each operation of the Resource Groups Tagging API. No figure was found for resources of Organizations; 5 is low.
    pub tagging: Option<Rate>,
    /// `ProvisionPermissionSet` requests under way at a time: 3.
    pub outstanding_provisionings: usize,
    /// Accounts that `ALL_PROVISIONED_ACCOUNTS` may reach: 3,500.
    pub accounts_per_provisioning: usize,
    /// Permission sets of an instance: 3,500.
    pub permission_sets: usize,
    /// Permission sets that may be provisioned in one account: 500.
    pub permission_sets_per_account: usize,
    /// Groups that may have one permission set in one account: 100.
    pub groups_per_permission_set: usize,
    /// Policies that a permission set may have, AWS's and the customer's together: 25.
    pub policies_per_permission_set: usize,
    /// Bytes of an inline policy: 32,768.
    pub inline_policy_bytes: usize,
    /// Characters of an inline policy that are no white space: 10,240.
    pub inline_policy_characters: usize,
    /// Regions of an instance: 6. Whether the primary one counts is not said; it does here.
    pub regions_per_instance: usize,
    /// Users of the identity store: 200,000.
    pub users: usize,
    /// Groups of the identity store: 100,000.
    pub groups: usize,
    /// Tags that a resource may have: 50.
    pub tags_per_resource: usize,
    /// Levels of OUs below the root: 5 (Organizations user guide, "quotas").
    pub ou_depth: usize,
    /// OUs in an organization: 2,000 (the same page).
    pub organizational_units: usize,
    /// Accounts in an organization, invited ones included. AWS's default is 10, and support raises it up to 50,000 (the same page), which is
    /// the default here.
    pub accounts: usize,
    /// Accounts that can be made at a time: 5 (the same page).
    pub account_creations_at_a_time: usize,
    /// Accounts that can be closed at a time: 3 (the same page).
    pub account_closures_at_a_time: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            outstanding: 10,
            sso_admin: Some(Rate { per_second: 20, burst: 20 }),
            identity_store: Some(Rate { per_second: 20, burst: 20 }),
            organizations: Some(OrganizationsLimits::default()),
            tagging: Some(Rate { per_second: 5, burst: 5 }),
            outstanding_provisionings: 3,
            accounts_per_provisioning: 3500,
            permission_sets: 3500,
            permission_sets_per_account: 500,
            groups_per_permission_set: 100,
            policies_per_permission_set: 25,
            inline_policy_bytes: 32_768,
            inline_policy_characters: 10_240,
            regions_per_instance: 6,
            users: 200_000,
            groups: 100_000,
            tags_per_resource: 50,
            ou_depth: 5,
            organizational_units: 2_000,
            accounts: 50_000,
            account_creations_at_a_time: 5,
            account_closures_at_a_time: 3,
        }
    }
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Tokens that come back in a second.
    pub per_second: u32,
    /// Tokens that a full bucket holds.
    pub burst: u32,
}

/// What no page of AWS's says. Each field names where its default comes from.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own that AWS does not answer")]
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// Whether delete requests count to the window of outstanding ones. The quota names only `CreateAccountAssignment`; counting both is the stricter.
    pub deletes_share_the_window: bool,
    /// Whether an account outside the organization is refused at once with `ResourceNotFoundException`, which the API model declares for
    /// both writes without saying of what. `false` accepts the request, which then hangs and fails as one to a closed account.
    pub unknown_account_is_refused: bool,
    /// Whether a create of an assignment that exists ends `SUCCEEDED`. It is accepted (the Terraform provider and `CloudFormation`'s handlers
    /// list first for that reason); how it ends nobody says. `false` makes it end `FAILED`.
    pub duplicate_create_succeeds: bool,
    /// How long a request to a suspended or closed account hangs before it fails. Users of AWS's samples saw minutes; no figure is published.
    #[serde(with = "crate::duration")]
    pub suspended_account_hang: Duration,
    /// How the lists of requests are ordered. Undocumented; the console shows the newest first.
    pub status_order: StatusOrder,
    /// How old the answers of the lists of requests are. Undocumented.
    #[serde(with = "crate::duration")]
    pub status_lag: Duration,
    /// How long a settled request is still known. Undocumented; `None` is for ever.
    #[serde(with = "crate::duration::optional")]
    pub status_retention: Option<Duration>,
    /// Whether a further assignment brings an account's role to the permission set's newest version. The documentation speaks only of
    /// the first one ("automatically provisioned") and of later edits, which need `ProvisionPermissionSet`; `false` is the stricter.
    /// With `true` every further assignment is a role update that takes its turn in the account.
    pub assignment_updates_the_role: bool,
    /// What becomes of a request that would update a role of an account in which another one is being updated.
    pub second_role_update: SecondRoleUpdate,
    /// Whether the quota of permission sets in an account refuses `CreateAccountAssignment` at once with `ServiceQuotaExceededException`,
    /// which the operation declares without saying of what. `false` accepts the request, which then ends `FAILED`, as people saw of the
    /// account's quota of IAM roles.
    pub account_quota_is_refused_at_once: bool,
    /// Whether `ProvisionPermissionSet` can bring a permission set into an account in which nobody has it. A user of the Terraform
    /// provider described roles that came about so; no page of AWS's speaks of it. `false` refuses it with `ResourceNotFoundException`.
    /// Such a role ends with the last of the assignments that it gets later, or with its permission set, which can be deleted as long as
    /// nobody has it.
    pub provisioning_needs_no_assignment: bool,
    /// Whether a second `ProvisionPermissionSet` for accounts in which the same permission set is being provisioned is refused with
    /// `ConflictException`, which the operation declares without saying of what. `false` lets it wait for its turn in each account.
    pub second_provisioning_is_refused: bool,
    /// Whether deleting an inline policy or a permissions boundary that is not there is refused with `ResourceNotFoundException`, which the
    /// operations declare without saying of what. `false` lets it do nothing.
    pub deleting_an_absent_policy_is_refused: bool,
    /// How long an account that joined can't be reached by Identity Center: its requests stay `IN_PROGRESS` until then. Users of AWS's
    /// samples met such accounts, with the text that tells to try again later; no time is published, and zero is the default.
    #[serde(with = "crate::duration")]
    pub new_account_not_ready: Duration,
    /// Whether only the management account may call `ListAccountAssignmentsForPrincipal`. The API reference says so of the organization's
    /// instance; third-party code calls it as delegated administrator.
    pub principal_lists_need_the_management_account: bool,
    /// Whether names of groups and users differ by case. Undocumented for groups; the pattern of both admits upper and lower case. `true`
    /// accepts a second name that differs by case only, and finds nothing by a name in other letters; `false` does neither.
    pub names_are_case_sensitive: bool,
    /// Whether no two users may have the same e-mail address. `GetUserId` finds users by `emails.value`, which it calls a unique attribute;
    /// that a second user with it is refused is not said.
    pub emails_are_unique: bool,
    /// Whether `Status` is still sent beside `State` for accounts. AWS announced its end for the 9th of September 2026; that it has come is
    /// unverified.
    pub account_status_is_sent: bool,
    /// Whether an answer of `ListAccountAssignmentsForPrincipal` for a user also holds what comes through groups. Its items carry the
    /// principal's id and type, which hints at it.
    pub user_lists_hold_group_assignments: bool,
    /// Whether `GetResources` lists accounts in other Regions than us-east-1 too. Users found an empty answer there, and no error
    /// (an issue of AWS's deployment framework); undocumented.
    pub tagging_answers_in_every_region: bool,
    /// Whether `GetResources` lists accounts for the delegated administrator too, and not only for the management account. Undocumented.
    pub delegated_administrator_sees_tagged_accounts: bool,
    /// Whether a call of the identity store needs the older `sso-directory:` action too, and not only `identitystore:`. The service
    /// authorization reference lists both for every operation and does not say whether both are needed; `true` is the stricter.
    pub identity_store_needs_sso_directory: bool,
    /// Whether an assignment in the management account is accepted from a caller without rights in IAM and ends `FAILED` later, with
    /// the text that people have seen. `false` refuses the call. Which of the two AWS does when is undocumented.
    pub missing_iam_rights_fail_later: bool,
    /// Whether `ProvisionPermissionSet` for all accounts needs its action on each account that it reaches. Which resource IAM is asked for
    /// then is undocumented; `true` is the stricter, and `false` asks for `arn:aws:sso:::account/*`, which a `Deny` on one account doesn't meet.
    pub provisioning_asks_for_each_account: bool,
    /// Whether calls from a member account that is suspended, being closed or closed are refused with `AccessDeniedException`. The account
    /// management guide says that such an account can be signed in to for its bills and for support only; how API calls are refused is
    /// undocumented. `false` lets them through as a member's, never as a delegated administrator's.
    pub inactive_accounts_are_refused: bool,
    /// How old the answers of `GetResources` are. Undocumented.
    #[serde(with = "crate::duration")]
    pub tagging_lag: Duration,
    /// Whether an account that was created in the organization has what it needs to leave. The documentation says that this isn't collected
    /// by itself; `World::can_stand_alone` completes one account. Accounts of a description have it.
    pub created_accounts_can_stand_alone: bool,
    /// Whether assignments stay when their account leaves the organization. Undocumented; deleted principals are known to leave theirs behind.
    pub departed_accounts_keep_assignments: bool,
    /// How `AccountJoinedOrganization` and `AccountDepartedOrganization` are laid out. Their members are documented, their detail-type and the
    /// place of the account's id are not.
    pub membership_events: MembershipEvents,
    /// Whether the management account, too, gets the event of an invitation's answer. By the documentation an event is logged where the call
    /// is made, which is the member; a rule in AWS's own samples waits for it in the management account.
    pub handshake_answers_reach_management: bool,
    /// Whether a change of an account's tags is also a `Tag Change on Resource` event. AWS's samples wait for one; no capture was found.
    pub account_tag_changes_are_events: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            deletes_share_the_window: true,
            unknown_account_is_refused: true,
            duplicate_create_succeeds: true,
            suspended_account_hang: Duration::from_mins(10),
            status_order: StatusOrder::NewestFirst,
            status_lag: Duration::ZERO,
            status_retention: None,
            assignment_updates_the_role: false,
            second_role_update: SecondRoleUpdate::Waits,
            account_quota_is_refused_at_once: true,
            provisioning_needs_no_assignment: true,
            second_provisioning_is_refused: true,
            deleting_an_absent_policy_is_refused: true,
            new_account_not_ready: Duration::ZERO,
            principal_lists_need_the_management_account: true,
            names_are_case_sensitive: true,
            emails_are_unique: true,
            account_status_is_sent: false,
            user_lists_hold_group_assignments: true,
            tagging_answers_in_every_region: false,
            delegated_administrator_sees_tagged_accounts: false,
            identity_store_needs_sso_directory: true,
            missing_iam_rights_fail_later: true,
            provisioning_asks_for_each_account: true,
            inactive_accounts_are_refused: true,
            tagging_lag: Duration::ZERO,
            created_accounts_can_stand_alone: false,
            departed_accounts_keep_assignments: true,
            membership_events: MembershipEvents::InDetails,
            handshake_answers_reach_management: false,
            account_tag_changes_are_events: true,
        }
    }
}

/// Where the events about joining and departing have the account's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipEvents {
    /// A service event, with the id in `serviceEventDetails.accountId`.
    InDetails,
    /// A service event, with the account's ARN in `resources` and no id anywhere else.
    InResources,
    /// There are no such events.
    NotSent,
}

/// What becomes of a second role update in an account. The quota is documented ("IAM roles in an account that can be updated at a
/// time": one); what it does is not. Roles are updated by the first assignment of a permission set in an account, by the end of the last
/// one, and by `ProvisionPermissionSet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondRoleUpdate {
    /// It is accepted, stays `IN_PROGRESS`, and begins when those before it have ended.
    Waits,
    /// It is refused with `ConflictException`.
    Refused,
    /// It is done beside the first: no such limit.
    GoesAlong,
}

/// The order of the lists of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusOrder {
    /// The newest request first.
    NewestFirst,
    /// No order that means anything; the same for the same seed.
    Unordered,
}

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// Always this long.
    Constant(#[serde(with = "crate::duration")] Duration),
    /// Anything between the two.
    Uniform {
        #[serde(with = "crate::duration")]
        shortest: Duration,
        #[serde(with = "crate::duration")]
        longest: Duration,
    },
    /// Log-normal by its median and its 99th percentile.
    LogNormal {
        #[serde(with = "crate::duration")]
        median: Duration,
        #[serde(with = "crate::duration")]
        p99: Duration,
    },
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874;

impl Latency {
    pub(super) fn mistake(self) -> Option<&'static str> {
        match self {
            Self::Uniform { shortest, longest } if shortest > longest => {
                Some("the shortest is longer than the longest")
            }
            Self::LogNormal { median, p99 } if median > p99 || median.is_zero() => {
                Some("the median is above zero and not above the 99th percentile")
            }
            Self::Constant(_) | Self::Uniform { .. } | Self::LogNormal { .. } => None,
        }
    }

    /// The next duration, by chance from the world's seed.
    pub(crate) fn sample(self, ids: &mut Ids) -> Duration {
        match self {
            Self::Constant(duration) => duration,
            Self::Uniform { shortest, longest } => {
                shortest.saturating_add(longest.saturating_sub(shortest).mul_f64(ids.fraction()))
            }
            Self::LogNormal { median, p99 } => {
                let spread = (p99.as_secs_f64().max(f64::MIN_POSITIVE)
                    / median.as_secs_f64().max(f64::MIN_POSITIVE))
                .ln()
                    / Z99;
                // Box and Muller's way from two uniform numbers to a normal one.
                let radius = (-2.0 * (1.0 - ids.fraction()).ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * ids.fraction()).cos();
                Duration::try_from_secs_f64(median.as_secs_f64() * (spread * normal).exp()).unwrap_or(p99)
            }
        }
    }
}
