//! Calls of services that are asked a question or two by whoever looks at a deployment: signed and sent by the SDK's own parts. A crate of
//! the SDK for each would cost every build a minute.

use std::{convert::Infallible, time::SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        identity::Identity,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    },
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::{
    connect::Connection,
    error::{entry_error, unanswered, unreadable},
};
use crate::{
    clock::SystemClock,
    ports::{Clock as _, PortError},
};

/// A call.
pub(super) struct Question<'a> {
    /// What the service's host begins with, which is also what requests are signed for.
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) form: Form<'a>,
}

/// How a service is asked.
pub(super) enum Form<'a> {
    /// JSON 1.1, by a target.
    Json { target: &'static str, input: &'a Value },
    /// What has an address of its own.
    Get { path: &'static str },
    /// The query protocol, which is answered in XML.
    Query { parameters: &'a [(&'a str, &'a str)] },
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// The code of an error, where it stands in a header.
    code: Option<String>,
    body: Vec<u8>,
}

impl Connection {
    /// Asks, and gives the body of a good answer.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Vec<u8>, PortError> {
        let Question { service, operation, form: _ } = question;
        let config = self.sdk_config();
        let region =
            self.region().ok_or_else(|| PortError::Refused(format!("{operation}: no Region is set")))?;
        let endpoint = match self.endpoint() {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{service}.{region}.{}", suffix(region)),
        };
        let provider = config.credentials_provider();
        let provider =
            provider.ok_or_else(|| PortError::Barred(format!("{operation}: there are no credentials")))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| PortError::Barred(format!("{operation}: {error}")))?;
        let client =
            config.http_client().ok_or_else(|| PortError::Refused(format!("{operation}: no HTTP client")))?;
        let now = SystemTime::from(SystemClock.now());
        let request = signed(question, &endpoint, region, &credentials.into(), now)
            .map_err(|error| PortError::Refused(format!("{operation}: it can't be signed: {error}")))?;

        // One attempt: whoever asks looks again.
        let mut sending = Operation::builder().service_name(*service).operation_name(*operation);
        if let Some(timeouts) = config.timeout_config() {
            sending = sending.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = config.sleep_impl() {
            sending = sending.sleep_impl(sleep);
        }
        let sending = sending
            .http_client(client)
            .endpoint_url(&endpoint)
            .no_auth()
            .no_retry()
            .serializer(move |()| unsent(&request))
            .deserializer(|response: &HttpResponse| {
                let code = response.headers().get("x-amzn-errortype");
                let answer = Answer {
                    status: response.status().as_u16(),
                    code: code.map(|code| code.split(':').next().unwrap_or(code).to_owned()),
                    body: response.body().bytes().unwrap_or_default().to_vec(),
                };
                Ok::<_, OrchestratorError<Infallible>>(answer)
            })
            .build();
        let answer = Box::pin(sending.invoke(())).await.map_err(|error| unanswered(operation, &error))?;
        if (200..300).contains(&answer.status) { Ok(answer.body) } else { Err(refused(operation, &answer)) }
    }

    /// Asks, and reads the answer as JSON.
    pub(super) async fn ask_for_json(&self, question: &Question<'_>) -> Result<Value, PortError> {
        let body = self.ask(question).await?;
        serde_json::from_slice(&body).map_err(|error| unreadable(question.operation, error))
    }
}

/// What the names of a Region's hosts end in.
fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// The request without its endpoint's beginning, which is put before it when it is sent.
fn unsent(request: &http::Request<Vec<u8>>) -> Result<HttpRequest, BoxError> {
    let mut copy = http::Request::builder().method(request.method()).uri(request.uri());
    if let Some(headers) = copy.headers_mut() {
        *headers = request.headers().clone();
    }
    Ok(HttpRequest::try_from(copy.body(SdkBody::from(request.body().clone()))?)?)
}

fn signed(
    question: &Question<'_>,
    endpoint: &str,
    region: &str,
    identity: &Identity,
    now: SystemTime,
) -> Result<http::Request<Vec<u8>>, BoxError> {
    let (method, path, headers, body) = match &question.form {
        Form::Json { target, input } => (
            "POST",
            "/",
            vec![("content-type", "application/x-amz-json-1.1"), ("x-amz-target", *target)],
            input.to_string(),
        ),
        Form::Get { path } => ("GET", *path, Vec::new(), String::new()),
        Form::Query { parameters } => {
            let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
            let body = pairs.collect::<Vec<_>>().join("&");
            ("POST", "/", vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8")], body)
        }
    };
    let settings = SigningSettings::default();
    let parameters = v4::SigningParams::builder()
        .identity(identity)
        .region(region)
        .name(question.service)
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let whole = format!("{endpoint}{path}");
    let signable =
        SignableRequest::new(method, whole, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(body.into_bytes())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// A value as forms write it.
fn encoded(value: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    value
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// What an answer says that is no good one: JSON or XML, as the service writes it.
fn refused(operation: &str, answer: &Answer) -> PortError {
    let Answer { status, code, body } = answer;
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let of_json = |names: &[&str]| names.iter().find_map(|name| Some(json.get(*name)?.as_str()?.to_owned()));
    let code =
        code.clone().or_else(|| of_json(&["__type", "code"])).or_else(|| between(&text, "<Code>", "</Code>"));
    let message = of_json(&["message", "Message"]).or_else(|| between(&text, "<Message>", "</Message>"));
    match code {
        Some(code) => entry_error(operation, &code, message.as_deref(), *status < 500),
        None if *status == 403 => PortError::Denied(format!("{operation}: HTTP status 403")),
        None => PortError::Failed(format!("{operation}: HTTP status {status}")),
    }
}

/// What stands between two tags of an XML text, its entities resolved.
pub(super) fn between(text: &str, from: &str, to: &str) -> Option<String> {
    let (_, rest) = text.split_once(from)?;
    let (inner, _) = rest.split_once(to)?;
    Some(plain(inner))
}

/// A text of XML without entities.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((entity, after)) = after.split_once(';') else {
            out.push('&');
            rest = after;
            continue;
        };
        let number = entity.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
        let number = number.or_else(|| entity.strip_prefix('#').map(str::parse));
        let letter = match (entity, number) {
            ("amp", _) => Some('&'),
            ("lt", _) => Some('<'),
            ("gt", _) => Some('>'),
            ("quot", _) => Some('"'),
            ("apos", _) => Some('\''),
            (_, Some(Ok(number))) => char::from_u32(number),
            (_, Some(Err(_)) | None) => None,
        };
        out.extend(letter);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_signed_for_its_service_and_says_what_is_asked() {
        let identity: Identity =
            Credentials::new("AKIAEXAMPLE", "secret", Some("token".into()), None, "test").into();
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(500_000);
        let input = json!({ "includeShadowTrails": true });
        let question = Question {
            service: "cloudtrail",
            operation: "DescribeTrails",
            form: Form::Json { target: "CloudTrail_20131101.DescribeTrails", input: &input },
        };
        let request =
            signed(&question, "https://cloudtrail.eu-west-1.amazonaws.com", "eu-west-1", &identity, at)
                .unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        let authorization = header("authorization");
        for part in [
            "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20270115/eu-west-1/cloudtrail/aws4_request",
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        ] {
            assert!(authorization.contains(part), "{part}: {authorization}");
        }
        assert_eq!(header("x-amz-target"), "CloudTrail_20131101.DescribeTrails");
        assert_eq!(request.uri().to_string(), "/");
        assert_eq!(request.body(), br#"{"includeShadowTrails":true}"#);
        assert_eq!(unsent(&request).unwrap().headers().get("x-amz-security-token"), Some("token"));
    }

    #[test]
    fn refusals_are_told_apart_however_a_service_writes_them() {
        let refused = |status, code: Option<&str>, body: &[u8]| {
            super::refused("Ask", &Answer { status, code: code.map(str::to_owned), body: body.to_vec() })
        };
        let denied =
            br#"{"__type":"com.amazonaws#AccessDeniedException","Message":"User: x is not authorized"}"#;
        assert!(matches!(refused(400, None, denied), PortError::Denied(_)));
        let by_header = br#"{"Type":"User","Message":"User: x is not authorized"}"#;
        assert!(matches!(refused(403, Some("AccessDeniedException"), by_header), PortError::Denied(_)));
        assert!(matches!(refused(403, None, by_header), PortError::Denied(_)));
        let xml = b"<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id a&amp;b does not exist</Message></Error></ErrorResponse>";
        let PortError::Refused(text) = refused(400, None, xml) else { panic!() };
        assert!(text.contains("Stack with id a&b does not exist"), "{text}");
        assert!(matches!(refused(502, None, b"<html>"), PortError::Failed(_)));
    }

    #[test]
    fn entities_of_xml_are_letters() {
        assert_eq!(plain("a&#10;b&#xA;&lt;&gt;&quot;&apos;&amp;&unknown;&"), "a\nb\n<>\"'&&");
        assert_eq!(encoded("a b/ü"), "a%20b%2F%C3%BC");
    }
}
