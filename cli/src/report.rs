//! What commands tell, as data: the text and the JSON document are two writings of it. docs/cli.md describes it.

mod deploy;
mod doctor;
mod event;
mod explain;
mod given;
mod outcome;
mod permission_sets;
mod plan;
mod probe;
mod reprovision;
mod status;
mod what_if;
mod withheld;

pub use deploy::{DeployReport, Hop, HopName, SelfTestTold, Stage};
pub use doctor::{CallOutcome, CallTried, DoctorReport, Finding, Verdict};
pub use event::{EventOutcome, EventReport, EventSummary, EventTold};
pub use explain::{AccountTold, AssignmentExplained, ExplainReport, HoldTold, SetExplained, WithheldTold};
pub use given::Given;
pub(crate) use given::quoted;
pub use outcome::{ApplyReport, ApplySummary, KeyOutcome, Outcome};
pub(crate) use permission_sets::permission_set;
pub use permission_sets::{SetAction, SetEnd, SetOutcome, SetReport, SetsSummary};
pub use plan::{
    AccountPlan, Budget, Change, IdleScope, Period, PermissionSetName, PlanReport, PlanSummary,
    PrincipalName, RuleName, RulesUsed, UnderWay, Unread, UntoldRule, Waiting, Withheld,
};
pub(crate) use plan::{named, principal, rules};
pub use probe::{
    Burst, CleanUpReport, Found, Lags, Left, Lifetime, ListLag, ListOrder, Measured, ProbeReport,
    ProvisioningTime, Seconds, SettingFound, StatusLifetime, StatusLists, Times, Volley, Window,
};
pub use reprovision::{CampaignStatus, OutlookReport, RecordStatus, ReprovisionReport};
pub use status::{
    BlockedStatus, FrozenStatus, HoldStatus, OrderStatus, RowStatus, RulesStatus, SetStatus, SpentToday,
    StatusReport, WorkStatus,
};
pub use what_if::{AccountWhatIf, WhatIfReport, WhatIfSummary};
pub(crate) use withheld::way_out;
pub use withheld::{WithheldGroup, WithheldKey, WithheldReport, WithheldSet};

/// The version of the documents' shape. It changes when something is taken away or changes its meaning, not when something is added.
pub const FORMAT: u32 = 1;
