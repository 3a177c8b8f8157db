//! One test for all faces of a world: HTTP on a port, with headers and status; the wire alone, with JSON bytes there and back; and calls in
//! process.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::{ApiError, Caller, Operation, Service, Settings, World, dispatch::dispatch, http};
use tokio::runtime::{Builder, Runtime};

use crate::{
    served::{Served, served_to},
    support::{INSTANCE, STORE, at, locked, person, small},
};

/// What `X-Amz-Target` names a service by.
fn target(service: Service) -> &'static str {
    match service {
        Service::Organizations => "AWSOrganizationsV20161128",
        Service::IdentityStore => "AWSIdentityStore",
        Service::SsoAdmin => "SWBExternalService",
        Service::Tagging => "ResourceGroupsTaggingAPI_20170126",
    }
}

/// A world behind one of its faces, for tests that make one call after the other.
pub(crate) struct Faced {
    pub(crate) world: World,
    /// Who calls; a person in the management account unless a test sets another.
    pub(crate) caller: Caller,
    /// The time of the last call: seconds after the beginning.
    pub(crate) second: i64,
    by: Way,
}

/// How calls are made.
enum Way {
    Http(Line),
    Wire,
    InProcess,
}

/// Servers on ports, one for each caller. They have the test's world only while a call is made, so that the test has it in between.
struct Line {
    runtime: Runtime,
    servers: BTreeMap<String, Served>,
}

/// The key that all calls are signed with.
const KEY: &str = "AKIAFACE";

impl Line {
    fn new() -> Self {
        Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            servers: BTreeMap::new(),
        }
    }

    fn call(
        &mut self,
        world: &mut World,
        now: Timestamp,
        by: &Caller,
        target: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let server = self.servers.entry(format!("{by:?}")).or_insert_with(|| {
            let callers = http::Callers::default().with(KEY, by.clone());
            self.runtime.block_on(served_to(small(Settings::default()), callers))
        });
        server.clock.set(now);
        std::mem::swap(world, &mut *locked(&server.world));
        let answer = self.runtime.block_on(server.try_call(target, KEY, body.to_string().as_bytes()));
        std::mem::swap(world, &mut *locked(&server.world));
        match answer {
            Some((200, answer)) => Ok(answer),
            Some((status, answer)) => Err(read_error(status, &answer)),
            // As the other faces tell of an answer that nobody got.
            None => Err(ApiError { status: 500, ..ApiError::new("LostAnswer", "the connection was closed") }),
        }
    }
}

/// An error as a client reads it.
fn read_error(status: u16, body: &Value) -> ApiError {
    let word = |text: &str| -> &'static str { text.to_owned().leak() };
    let members = body.as_object().unwrap();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let message = members.get("message").or_else(|| members.get("Message")).map(text).unwrap_or_default();
    let extra = members.iter().filter(|(name, _)| !["__type", "message", "Message"].contains(&name.as_str()));
    ApiError {
        code: word(members["__type"].as_str().unwrap()),
        message,
        status,
        extra: extra.map(|(name, value)| (word(name), text(value))).collect(),
    }
}

/// Runs a test behind all faces, each in a small organization of its own.
pub(crate) fn both(test: impl Fn(&mut Faced)) {
    both_with(&Settings::default(), test);
}

/// The same with settings.
pub(crate) fn both_with(settings: &Settings, test: impl Fn(&mut Faced)) {
    both_in(&|| small(settings.clone()), test);
}

/// The same in a world of the test's own.
pub(crate) fn both_in(world: &dyn Fn() -> World, test: impl Fn(&mut Faced)) {
    for by in [Way::Http(Line::new()), Way::Wire, Way::InProcess] {
        test(&mut Faced { world: world(), caller: person(), second: 0, by });
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the tests read better with plain values")]
impl Faced {
    /// One call, a second after the last one so that no rate is met. The instance, or the identity store, is filled in where the body
    /// names none.
    pub(crate) fn call<O: Operation>(&mut self, mut body: Value) -> Result<Value, ApiError> {
        let filled_in = match O::SERVICE {
            Service::Organizations | Service::Tagging => None,
            Service::IdentityStore => Some(("IdentityStoreId", STORE)),
            Service::SsoAdmin => Some(("InstanceArn", INSTANCE)),
        };
        if let (Some((member, value)), Some(members)) = (filled_in, body.as_object_mut()) {
            members.entry(member).or_insert_with(|| json!(value));
        }
        self.second += 1;
        let by = self.caller.clone();
        self.send::<O>(at(self.second), &by, body)
    }

    fn send<O: Operation>(&mut self, now: Timestamp, by: &Caller, body: Value) -> Result<Value, ApiError> {
        let target = format!("{}.{}", target(O::SERVICE), O::NAME);
        match &mut self.by {
            Way::Http(line) => line.call(&mut self.world, now, by, &target, &body),
            Way::Wire => dispatch(&mut self.world, now, by, &target, body.to_string().as_bytes()),
            Way::InProcess => {
                let input: O = serde_json::from_value(body).unwrap();
                let output = self.world.call(now, by, input)?;
                Ok(serde_json::to_value(output).unwrap())
            }
        }
    }

    /// One call at a time of the test's own choice.
    pub(crate) fn call_at<O: Operation>(
        &mut self,
        now: Timestamp,
        by: &Caller,
        input: O,
    ) -> Result<Value, ApiError> {
        self.send::<O>(now, by, serde_json::to_value(input).unwrap())
    }

    /// Such a call, which is done.
    #[track_caller]
    pub(crate) fn ok_at<O: Operation>(&mut self, now: Timestamp, by: &Caller, input: O) -> Value {
        self.call_at(now, by, input).unwrap_or_else(|error| panic!("{}: {error}", O::NAME))
    }

    /// Such a call, which is refused.
    #[track_caller]
    pub(crate) fn refused_at<O: Operation>(&mut self, now: Timestamp, by: &Caller, input: O) -> ApiError {
        self.call_at(now, by, input).expect_err(O::NAME)
    }

    /// A call that is done.
    #[track_caller]
    pub(crate) fn ok<O: Operation>(&mut self, body: Value) -> Value {
        self.call::<O>(body).unwrap_or_else(|error| panic!("{}: {error}", O::NAME))
    }

    /// A call that is refused with this code.
    #[track_caller]
    pub(crate) fn refused<O: Operation>(&mut self, body: Value, code: &str) -> ApiError {
        let error = self.call::<O>(body.clone()).expect_err(O::NAME);
        assert_eq!(error.code, code, "{} {body}: {error}", O::NAME);
        error
    }

    /// All pages of a list, whose entries are in this member.
    #[track_caller]
    pub(crate) fn all<O: Operation>(&mut self, body: Value, entries: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut body = body;
        loop {
            let page = self.ok::<O>(body.clone());
            found.extend(page[entries].as_array().unwrap().iter().cloned());
            match page.get("NextToken") {
                Some(token) => body["NextToken"] = token.clone(),
                None => return found,
            }
        }
    }
}
