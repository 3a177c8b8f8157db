//! Events of AWS Organizations: accounts created, moved, tagged and closed.
//!
//! Layouts: the Organizations user guide's CloudTrail page, and samples published by others. Names and addresses are
//! redacted there (`****`), and nothing here reads them.

use serde_json::Value;

use super::{EventError, Hint, Ignored, short, tagged};

/// Reads the `detail` of an event of Organizations.
pub(super) fn read(detail: &Value) -> Result<Result<Hint, Ignored>, EventError> {
    let name = detail.get("eventName").and_then(Value::as_str).unwrap_or_default();
    match name {
        "CreateAccountResult" => result(name, detail, "/serviceEventDetails/createAccountStatus"),
        "CloseAccountResult" => result(name, detail, "/serviceEventDetails/closeAccountStatus"),
        "MoveAccount" | "CloseAccount" => account(name, detail, "/requestParameters/accountId").map(Ok),
        "TagResource" | "UntagResource" => {
            tagged(name, text(name, detail, "/requestParameters/resourceId", "requestParameters.resourceId")?)
        }
        _ => Ok(Err(Ignored::Unconcerned { source_name: "organizations".into(), name: short(name) })),
    }
}

/// A service event: it tells how something asynchronous ended.
fn result(name: &str, detail: &Value, status: &'static str) -> Result<Result<Hint, Ignored>, EventError> {
    let status = detail
        .pointer(status)
        .ok_or_else(|| EventError::Missing { name: short(name), member: "serviceEventDetails" })?;
    let state = text(name, status, "/state", "state")?;
    if !state.eq_ignore_ascii_case("SUCCEEDED") {
        return Ok(Err(Ignored::NotSucceeded { name: short(name), state: short(state) }));
    }
    account(name, status, "/accountId").map(Ok)
}

fn account(name: &str, value: &Value, pointer: &str) -> Result<Hint, EventError> {
    let id = text(name, value, pointer, "accountId")?;
    id.parse().map(Hint::Account).map_err(|source| EventError::Invalid { name: short(name), source })
}

fn text<'a>(
    name: &str,
    value: &'a Value,
    pointer: &str,
    member: &'static str,
) -> Result<&'a str, EventError> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| EventError::Missing { name: short(name), member })
}
