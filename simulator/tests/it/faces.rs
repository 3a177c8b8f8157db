//! The two faces behind one way to call, so that a test is written once and run on both.

use jiff::Timestamp;
use serde_json::Value;
use simulator::{ApiError, Caller, Operation, Service, Settings, World, dispatch::dispatch};

use crate::support::small;

/// The way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    /// As a value, as the ports make it.
    InProcess,
    /// As bytes, as a client on the wire sends them.
    Wire,
}

/// A world behind one of its faces.
#[derive(Debug)]
pub(crate) struct Faced {
    pub(crate) world: World,
    face: Face,
}

impl Faced {
    /// One call; its answer as JSON.
    pub(crate) fn call<O: Operation>(
        &mut self,
        now: Timestamp,
        by: &Caller,
        input: O,
    ) -> Result<Value, ApiError> {
        match self.face {
            Face::InProcess => {
                self.world.call(now, by, input).map(|output| serde_json::to_value(output).unwrap())
            }
            Face::Wire => {
                let service = match O::SERVICE {
                    Service::Organizations => "AWSOrganizationsV20161128",
                    Service::IdentityStore => "AWSIdentityStore",
                    Service::SsoAdmin => "SWBExternalService",
                    Service::Tagging => "ResourceGroupsTaggingAPI_20170126",
                };
                let body = serde_json::to_vec(&input).unwrap();
                dispatch(&mut self.world, now, by, &format!("{service}.{}", O::NAME), &body)
            }
        }
    }

    /// A call that is done.
    pub(crate) fn ok<O: Operation>(&mut self, now: Timestamp, by: &Caller, input: O) -> Value {
        let face = self.face;
        self.call(now, by, input).unwrap_or_else(|error| panic!("{} ({face:?}): {error}", O::NAME))
    }

    /// A call that is refused, and its code.
    pub(crate) fn refused<O: Operation>(&mut self, now: Timestamp, by: &Caller, input: O) -> ApiError {
        let face = self.face;
        self.call(now, by, input).expect_err(&format!("{} ({face:?}) was done", O::NAME))
    }
}

/// Runs a test on the small organization behind each face.
pub(crate) fn on_both_faces(settings: &Settings, test: impl Fn(&mut Faced)) {
    for face in [Face::InProcess, Face::Wire] {
        test(&mut Faced { world: small(settings.clone()), face });
    }
}
