//! The field's words, parsed once: an id that exists has the format AWS gives it.

mod account;
mod assignment;
mod consent;
mod id;
mod permission_set;
mod principal;
mod role;
mod rule;
mod self_test;
mod tag;

pub use account::{Account, AccountId, AccountState, OrganizationalUnit, OuId, OuPath, ParentId, RootId};
pub use assignment::{AssignmentKey, Operation, RequestId};
pub(crate) use consent::hex;
pub use consent::{ConsentId, PlanHash};
pub use id::InvalidId;
pub use permission_set::{
    CustomerManagedPolicy, IdentityStoreId, Instance, InstanceArn, ManagedPolicyArn, PermissionSet,
    PermissionSetArn, PermissionsBoundary, ProvisioningTarget, SessionDuration,
};
pub use principal::{GroupId, MembershipId, Principal, UserId};
pub use role::RoleArn;
pub use rule::{Mode, RuleId, RulesVersion, TeamId};
pub use self_test::{Route, SelfTest, SelfTestId, SelfTestRecord};
pub use tag::Tags;
