//! Events by what they are about: each family has a function of its own.

use super::{Envelope, Layout, Service, directory, is_of_self_test, layout, permission_set};

/// What events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Accounts and OUs.
    Accounts,
    /// Groups, their members, and users.
    Directory,
    /// Permission sets, and assignments that somebody makes or removes.
    PermissionSets,
}

impl Family {
    pub const ALL: [Self; 3] = [Self::Accounts, Self::Directory, Self::PermissionSets];

    /// The family of an event, by what CloudTrail writes as its source, else by what EventBridge does; `None` if it is of no concern. A
    /// self-test is of none, whatever it says.
    pub fn of(envelope: &Envelope) -> Option<Self> {
        if is_of_self_test(envelope) {
            return None;
        }
        // CloudTrail's word first: how EventBridge calls SCIM is not documented.
        let by_cloudtrail = Self::ALL.into_iter().find(|family| family.has(envelope, Named::ByCloudTrail));
        by_cloudtrail
            .or_else(|| Self::ALL.into_iter().find(|family| family.has(envelope, Named::ByEventBridge)))
    }

    /// The function that reads its events.
    pub fn function(self) -> &'static str {
        match self {
            Self::Accounts => "on-account-event",
            Self::Directory => "on-group-event",
            Self::PermissionSets => "on-permission-set-event",
        }
    }

    /// Every event that is known by its name, with EventBridge's name for its source. Of others, those that name exactly one thing
    /// lead to it.
    pub fn names(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Accounts => names(layout::Layout::SERVICES),
            Self::Directory => names(directory::Layout::SERVICES),
            Self::PermissionSets => names(permission_set::Layout::SERVICES),
        }
    }

    fn has(self, envelope: &Envelope, named: Named) -> bool {
        match self {
            Self::Accounts => has(layout::Layout::SERVICES, envelope, named),
            Self::Directory => has(directory::Layout::SERVICES, envelope, named),
            Self::PermissionSets => has(permission_set::Layout::SERVICES, envelope, named),
        }
    }
}

/// By whose word an event is of a service.
#[derive(Debug, Clone, Copy)]
enum Named {
    ByCloudTrail,
    ByEventBridge,
}

fn names<L>(services: &[Service<L>]) -> Vec<(&'static str, &'static str)> {
    services.iter().flat_map(|of| of.names.iter().map(|(name, _)| (of.source, *name))).collect()
}

fn has<L>(services: &[Service<L>], envelope: &Envelope, named: Named) -> bool {
    services.iter().any(|service| match named {
        Named::ByCloudTrail => service.is_named_by_cloudtrail(envelope),
        Named::ByEventBridge => service.source == envelope.source,
    })
}

impl<L> Service<L> {
    fn is_named_by_cloudtrail(&self, envelope: &Envelope) -> bool {
        let told = envelope.detail.get("eventSource").and_then(serde_json::Value::as_str);
        self.event_source.is_some() && self.event_source == told
    }
}

/// The service that an event comes from: the one that CloudTrail names, else the one that EventBridge does.
pub(super) fn service<L>(
    services: &'static [Service<L>],
    envelope: &Envelope,
) -> Option<&'static Service<L>> {
    let by_cloudtrail = services.iter().find(|service| service.is_named_by_cloudtrail(envelope));
    by_cloudtrail.or_else(|| services.iter().find(|service| service.source == envelope.source))
}
