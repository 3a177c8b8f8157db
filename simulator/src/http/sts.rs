//! STS, as far as somebody asks who he is: `GetCallerIdentity`, in AWS's query protocol. It needs no permission and leaves no trace.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::{Face, protocol, signature};
use crate::{ApiError, Caller, in_process::lock};

/// The name that requests to it are signed with.
const NAME: &str = "sts";
const OPERATION: &str = "GetCallerIdentity";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Whether a request is in the query protocol, which no other service here speaks.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = content_type.split(';').next().map(str::trim) == Some("application/x-www-form-urlencoded");
    form && !headers.contains_key("x-amz-target")
}

/// One call.
pub(super) fn answer(face: &Face, headers: &HeaderMap, body: Result<Bytes, ApiError>) -> Response {
    let mut world = lock(&face.world);
    let request_id = world.answer_id().to_string();
    let partition = world.partition().to_owned();
    let called = body.and_then(|body| {
        let signed = signature::read_for(headers, NAME, None)?;
        let operation = body.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"Action="));
        if operation != Some(OPERATION.as_bytes()) {
            return Err(ApiError::new(
                "InvalidAction",
                format!("STS has {OPERATION} here, and nothing else"),
            ));
        }
        Ok((protocol::caller(face, &world, signed.access_key)?, signed.access_key))
    });
    drop(world);
    let (status, xml) = match called {
        Ok((who, access_key)) => (StatusCode::OK, identity(&partition, &who, access_key, &request_id)),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, refusal(&error, &request_id))
        }
    };
    let mut response = (status, xml).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// A role's session is called as the role is; the id of the role is made from the access key.
fn identity(partition: &str, caller: &Caller, access_key: &str, request_id: &str) -> String {
    let Caller { name, account, kind: _ } = caller;
    let arn = escaped(&format!("arn:{partition}:sts::{account}:assumed-role/{name}/{name}"));
    let user = escaped(&format!("AROA{}:{name}", access_key.trim_start_matches("AKIA")));
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user}</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    )
}

fn refusal(error: &ApiError, request_id: &str) -> String {
    // The query protocol has names of its own for what is wrong with credentials.
    let code = match error.code {
        "UnrecognizedClientException" => "InvalidClientTokenId",
        code => code.strip_suffix("Exception").unwrap_or(code),
    };
    let message = escaped(&error.message);
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallerKind;

    #[test]
    fn an_identity_is_the_callers_role_in_its_account() {
        let caller = Caller::new("shop<access", "222233334444".parse().unwrap(), CallerKind::Member);
        let xml = identity("aws-us-gov", &caller, "AKIAEXAMPLESHOP", "id-1");
        assert!(
            xml.contains(
                "<Arn>arn:aws-us-gov:sts::222233334444:assumed-role/shop&lt;access/shop&lt;access</Arn>"
            ),
            "{xml}"
        );
        assert!(xml.contains("<Account>222233334444</Account>"), "{xml}");
    }

    #[test]
    fn a_refusal_is_named_as_the_query_protocol_does() {
        let error = ApiError::new("UnrecognizedClientException", "The security token is invalid.");
        assert!(refusal(&error, "id-1").contains("<Code>InvalidClientTokenId</Code>"));
        let error = ApiError::new("IncompleteSignatureException", "no key");
        assert!(refusal(&error, "id-1").contains("<Code>IncompleteSignature</Code>"));
    }
}
