//! Events of AWS Control Tower: accounts made by its account factory, enrolled and updated.
//!
//! Layouts: the lifecycle events of the Control Tower user guide. They come in Control Tower's home Region. A making that is tried
//! again, and an enrolment, report an update. What Control Tower did before it failed is told by Organizations' own events, so a
//! failure leads to nothing.

use super::{Service, layout::Layout};

pub(super) const SERVICE: Service<Layout> =
    Service { source: "aws.controltower", event_source: Some("controltower.amazonaws.com"), names: NAMES };

const NAMES: &[(&str, Layout)] = &[
    // The call of the same name, made through Service Catalog, only begins it.
    (
        "CreateManagedAccount",
        Layout::Ended {
            status: "/serviceEventDetails/createManagedAccountStatus",
            account: "/account/accountId",
        },
    ),
    (
        "UpdateManagedAccount",
        Layout::Ended {
            status: "/serviceEventDetails/updateManagedAccountStatus",
            account: "/account/accountId",
        },
    ),
    ("SetupLandingZone", Layout::EndedForSeveral { status: "/serviceEventDetails/setupLandingZoneStatus" }),
    ("UpdateLandingZone", Layout::EndedForSeveral { status: "/serviceEventDetails/updateLandingZoneStatus" }),
    // Accounts keep their OU and their tags.
    ("RegisterOrganizationalUnit", Layout::Unconcerned),
    ("DeregisterOrganizationalUnit", Layout::Unconcerned),
    ("PrecheckOrganizationalUnit", Layout::Unconcerned),
    ("EnableGuardrail", Layout::Unconcerned),
    ("DisableGuardrail", Layout::Unconcerned),
    ("EnableControl", Layout::Unconcerned),
    ("DisableControl", Layout::Unconcerned),
    ("EnableBaseline", Layout::Unconcerned),
    ("DisableBaseline", Layout::Unconcerned),
];
