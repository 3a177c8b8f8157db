//! The events of self-tests: nothing is taken of one but an id of a fixed form and a time.
//!
//! Its source is anybody's who may put events on the bus. So it names no account, group or permission set, no reader of other events reads
//! it, and what it leads to is one record that the next one is written over (`docs/adr/0034`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Envelope, EventError, event};
use crate::domain::{InvalidId, Route, SelfTest};

/// What EventBridge has as their source.
pub const SELF_TEST: &str = "usher.self-test";

/// How errors call them: what an event calls itself may be anything.
const NAME: &str = "self-test";

/// The `detail-type` of those that go this way. The forwarder and each of the service's rules let one kind through, so that none comes twice.
pub fn self_test_type(route: Route) -> &'static str {
    match route {
        Route::Direct => "Usher Self-Test",
        Route::Forwarded => "Usher Forwarded Self-Test",
    }
}

/// The `detail` of one.
pub fn self_test_detail(test: &SelfTest) -> Value {
    let SelfTest { id, route: _, sent } = test;
    json!({ "id": id, "sent": sent })
}

/// Whether an event is one, good or bad.
pub fn is_of_self_test(envelope: &Envelope) -> bool {
    envelope.source == SELF_TEST
}

/// Which way it says that it goes; `None` for every other event.
pub fn self_test_route(envelope: &Envelope) -> Option<Route> {
    let routes = Route::ALL.into_iter();
    routes.filter(|_| is_of_self_test(envelope)).find(|route| self_test_type(*route) == envelope.detail_type)
}

/// Reads one.
pub fn read_self_test(envelope: &Envelope) -> Result<SelfTest, EventError> {
    let name = || NAME.to_owned();
    let member = |member: &'static str, place| {
        let missing = move || EventError::Missing { name: name(), member };
        event::text(&envelope.detail, place).ok_or_else(missing)
    };
    let route = self_test_route(envelope)
        .ok_or_else(|| EventError::Invalid { name: name(), expected: "a detail-type of a self-test" })?;
    let id = member("id", "/id")?
        .parse()
        .map_err(|InvalidId { expected, .. }| EventError::Invalid { name: name(), expected })?;
    let sent: Timestamp = member("sent", "/sent")?
        .parse()
        .map_err(|_| EventError::Invalid { name: name(), expected: "the time when it was sent" })?;
    Ok(SelfTest { id, route, sent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Family, Ignored, Reading, read, read_any};

    fn envelope(detail_type: &str, detail: Value) -> Envelope {
        Envelope {
            id: Some("1".to_owned()),
            time: None,
            source: SELF_TEST.to_owned(),
            detail_type: detail_type.to_owned(),
            resources: Vec::new(),
            detail,
        }
    }

    fn test(route: Route) -> SelfTest {
        let sent = Timestamp::from_second(1_800_000_000).unwrap();
        SelfTest { id: crate::domain::SelfTestId::of(7), route, sent }
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        for route in Route::ALL {
            let sent = test(route);
            let event = envelope(self_test_type(route), self_test_detail(&sent));
            assert_eq!(read_self_test(&event), Ok(sent));
            assert_eq!(self_test_route(&event), Some(route));
        }
        let other = Envelope {
            source: "usher".to_owned(),
            ..envelope("Usher Self-Test", self_test_detail(&test(Route::Direct)))
        };
        assert!(!is_of_self_test(&other));
        assert_eq!(self_test_route(&other), None);
    }

    #[test]
    fn whatever_else_is_in_one_is_not_looked_at_and_leads_to_no_account() {
        let mut detail = self_test_detail(&test(Route::Direct));
        detail["requestParameters"] = json!({ "accountId": "111122223333" });
        detail["eventSource"] = json!("organizations.amazonaws.com");
        detail["eventName"] = json!("CloseAccount");
        let event = envelope("Usher Self-Test", detail);
        assert_eq!(read_self_test(&event), Ok(test(Route::Direct)));
        assert_eq!(read(&event), Ok(Reading::Ignored(Ignored::SelfTest)));
        assert_eq!(read_any(&event), Ok(Reading::Ignored(Ignored::SelfTest)));
        assert_eq!(Family::of(&event), None);
    }

    #[test]
    fn one_that_is_not_as_it_should_be_is_refused_and_not_quoted() {
        let good = self_test_detail(&test(Route::Direct));
        let with = |member: &str, value: Value| {
            let mut detail = good.clone();
            detail[member] = value;
            detail
        };
        for (detail_type, detail) in [
            ("Usher Self-Test", Value::Null),
            ("Usher Self-Test", json!([1, 2])),
            ("Usher Self-Test", json!({})),
            ("Usher Self-Test", with("id", json!(7))),
            ("Usher Self-Test", with("id", json!("alice@example.com"))),
            ("Usher Self-Test", with("id", json!("0".repeat(200_000)))),
            ("Usher Self-Test", with("id", json!("seen#organizational-unit"))),
            ("Usher Self-Test", with("sent", json!("yesterday"))),
            ("Usher Self-Test", with("sent", json!(1_800_000_000))),
            ("alice@example.com", good.clone()),
        ] {
            let error = read_self_test(&envelope(detail_type, detail)).unwrap_err().to_string();
            assert!(!error.contains("alice") && error.len() < 200, "{error}");
        }
    }
}
