//! STS, in AWS's query protocol: `GetCallerIdentity`, which needs no permission, and `AssumeRole`. Neither leaves a trace.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::{Face, protocol, signature};
use crate::{
    ApiError, Caller, World,
    in_process::lock,
    world::sessions::{AssumeRole, Assumed},
};

/// The name that requests to it are signed with.
const NAME: &str = "sts";
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
    let called = body.and_then(|body| answered(face, &mut world, headers, &body));
    drop(world);
    let (status, xml) = match called {
        Ok(result) => (StatusCode::OK, result.document(&partition, &request_id)),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, refusal(&error, &request_id))
        }
    };
    let mut response = (status, xml).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// What was asked, and what the answer is.
enum Answered {
    Identity { caller: Caller, access_key: String },
    Assumed(Box<Assumed>),
}

fn answered(face: &Face, world: &mut World, headers: &HeaderMap, body: &[u8]) -> Result<Answered, ApiError> {
    let signed = signature::read_for(headers, NAME, None)?;
    let parameters = parameters(body)?;
    let caller = protocol::caller(face, world, signed.access_key, protocol::token(headers))?;
    match parameters.get("Action").map(String::as_str) {
        Some("GetCallerIdentity") => {
            Ok(Answered::Identity { caller, access_key: signed.access_key.to_owned() })
        }
        Some("AssumeRole") => {
            let input = assume_role(&parameters)?;
            world
                .assume_role(face.clock.now(), &caller, &input)
                .map(|assumed| Answered::Assumed(Box::new(assumed)))
        }
        Some(_) | None => Err(ApiError::new(
            "InvalidAction",
            "STS has GetCallerIdentity and AssumeRole here, and nothing else",
        )),
    }
}

fn assume_role(parameters: &BTreeMap<String, String>) -> Result<AssumeRole, ApiError> {
    let known = ["Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"];
    if let Some(name) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "{name} is not evaluated here, and so it is refused: session policies, tags, MFA and source identities are unknown"
            ),
        ));
    }
    let required = |name: &str, member: &str| {
        parameters.get(name).cloned().ok_or_else(|| {
            let message = format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            );
            ApiError::new("ValidationError", message)
        })
    };
    let seconds = parameters.get("DurationSeconds").map(|text| {
        text.parse().map_err(|_| ApiError::new("MalformedInput", "DurationSeconds is no number"))
    });
    Ok(AssumeRole {
        role_arn: required("RoleArn", "roleArn")?,
        session_name: required("RoleSessionName", "roleSessionName")?,
        seconds: seconds.transpose()?,
        external_id: parameters.get("ExternalId").cloned(),
    })
}

/// The parameters of a form.
fn parameters(body: &[u8]) -> Result<BTreeMap<String, String>, ApiError> {
    let malformed = || ApiError::new("MalformedInput", "the body is no form");
    let mut all = BTreeMap::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut parts = pair.splitn(2, |byte| *byte == b'=').map(decoded);
        let name = parts.next().flatten().ok_or_else(malformed)?;
        let value = parts.next().unwrap_or_else(|| Some(String::new())).ok_or_else(malformed)?;
        if all.insert(name, value).is_some() {
            return Err(malformed());
        }
    }
    Ok(all)
}

/// A text as forms write it.
fn decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

impl Answered {
    fn document(&self, partition: &str, request_id: &str) -> String {
        match self {
            Self::Identity { caller, access_key } => identity(partition, caller, access_key, request_id),
            Self::Assumed(assumed) => credentials(partition, assumed, request_id),
        }
    }
}

/// A role's session is called as the role is, if it was not assumed here.
fn arn(partition: &str, caller: &Caller) -> String {
    escaped(&format!(
        "arn:{partition}:sts::{}:assumed-role/{}/{}",
        caller.account,
        caller.name,
        caller.session()
    ))
}

/// The id of the role is made from the access key.
fn user_id(caller: &Caller, access_key: &str) -> String {
    let key = access_key.trim_start_matches("AKIA").trim_start_matches("ASIA");
    escaped(&format!("AROA{key}:{}", caller.session()))
}

fn identity(partition: &str, caller: &Caller, access_key: &str, request_id: &str) -> String {
    let (arn, user, account) = (arn(partition, caller), user_id(caller, access_key), &caller.account);
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user}</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    )
}

fn credentials(partition: &str, assumed: &Assumed, request_id: &str) -> String {
    let Assumed { caller, access_key, secret, token, until } = assumed;
    let (arn, user) = (arn(partition, caller), user_id(caller, access_key));
    let until = until.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<AssumeRoleResponse xmlns=\"{NAMESPACE}\"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>{user}</AssumedRoleId>\
         <Arn>{arn}</Arn></AssumedRoleUser><Credentials><AccessKeyId>{access_key}</AccessKeyId>\
         <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{until}</Expiration></Credentials>\
         </AssumeRoleResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></AssumeRoleResponse>"
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
