//! The signature header: who says that it calls, and for which service and Region.
//!
//! The signature's value is not verified, since no secret key is known here, and neither is its age. Everything else about the header
//! and the date is refused as AWS refuses it; codes and texts are those that AWS's clients report, the order of the checks is undocumented.

use axum::http::{
    HeaderMap,
    header::{AUTHORIZATION, DATE},
};
use jiff::{civil::DateTime, fmt::rfc2822, tz::TimeZone};

use crate::{ApiError, Service};

/// What a good header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed<'h> {
    pub(super) access_key: &'h str,
    pub(super) region: &'h str,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

fn incomplete(message: impl Into<String>) -> ApiError {
    ApiError::new("IncompleteSignatureException", message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidSignatureException", message)
}

/// The name that requests to a service are signed with.
fn signing_name(service: Service) -> &'static str {
    match service {
        Service::Organizations => "organizations",
        Service::IdentityStore => "identitystore",
        Service::SsoAdmin => "sso",
        Service::Tagging => "tagging",
    }
}

/// `20261121T120000Z`, the basic format of ISO 8601 with seconds and in UTC.
fn basic(text: &str) -> Option<DateTime> {
    let digits = |from: usize, to: usize| {
        text.get(from..to).is_some_and(|part| part.bytes().all(|letter| letter.is_ascii_digit()))
    };
    let shaped = text.len() == 16 && digits(0, 8) && digits(9, 15);
    shaped.then(|| DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()).flatten()
}

/// A date as HTTP has it: `Sat, 21 Nov 2026 12:00:00 GMT`.
fn of_http(text: &str) -> Option<DateTime> {
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(at.to_zoned(TimeZone::UTC).datetime())
}

/// The day of the request, as the scope of its credential has to name it. A `Date` may be written in either way.
fn day(headers: &HeaderMap) -> Result<String, ApiError> {
    let (header, other): (_, fn(&str) -> Option<DateTime>) = match headers.get("x-amz-date") {
        Some(header) => (Some(header), |_| None),
        None => (headers.get(DATE), of_http),
    };
    let text = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    match basic(text).or_else(|| other(text)) {
        Some(date) => Ok(date.strftime("%Y%m%d").to_string()),
        None => Err(incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{text}'."))),
    }
}

/// Reads the header of a request for a service that is at home in `home`.
pub(super) fn read<'h>(headers: &'h HeaderMap, service: Service, home: &str) -> Result<Signed<'h>, ApiError> {
    // Clients sign for their own Region where they are given an endpoint, so the global services can't insist on theirs.
    let home = match service {
        Service::Organizations | Service::Tagging => None,
        Service::IdentityStore | Service::SsoAdmin => Some(home),
    };
    read_for(headers, signing_name(service), home)
}

/// The same for a service by the name that it is signed with, in the Region that it insists on.
pub(super) fn read_for<'h>(
    headers: &'h HeaderMap,
    expected: &str,
    home: Option<&str>,
) -> Result<Signed<'h>, ApiError> {
    let header = headers.get(AUTHORIZATION).ok_or_else(|| {
        ApiError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
    })?;
    let header =
        header.to_str().map_err(|_| incomplete("the Authorization header holds what is no visible ASCII"))?;
    let parameters = header.strip_prefix(ALGORITHM);
    let Some(parameters) = parameters.filter(|rest| rest.is_empty() || rest.starts_with(' ')) else {
        return Err(incomplete(format!(
            "Unsupported signature algorithm: the Authorization header begins with {ALGORITHM}"
        )));
    };
    let value = |name: &str| {
        parameters.split(',').find_map(|parameter| parameter.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let date = headers.get("x-amz-date").or_else(|| headers.get(DATE));
    let mut missing: Vec<String> = ["Credential", "Signature", "SignedHeaders"]
        .into_iter()
        .filter(|name| value(name).is_none_or(str::is_empty))
        .map(|name| format!("Authorization header requires '{name}' parameter."))
        .collect();
    if date.is_none() {
        missing.push(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
        );
    }
    if !missing.is_empty() {
        return Err(incomplete(missing.join(" ")));
    }
    let of_request = day(headers)?;
    let credential = value("Credential").unwrap_or_default();
    let [access_key, day, region, name, terminator] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        )));
    };
    if access_key.is_empty() {
        return Err(incomplete("Credential has no access key id."));
    }
    if name != expected {
        return Err(invalid(format!("Credential should be scoped to correct service: '{expected}'.")));
    }
    if region.is_empty() || home.is_some_and(|home| region != home) {
        return Err(invalid(format!("Credential should be scoped to a valid Region, not '{region}'.")));
    }
    if terminator != "aws4_request" {
        return Err(invalid(format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
        )));
    }
    if day != of_request {
        return Err(invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != '{of_request}'"
        )));
    }
    if !value("SignedHeaders").unwrap_or_default().split(';').any(|header| header == "host") {
        return Err(invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    // A SHA-256 in hexadecimal digits, whichever.
    let signature = value("Signature").unwrap_or_default();
    if signature.len() != 64 || !signature.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(invalid(
            "The request signature we calculated does not match the signature you provided.",
        ));
    }
    Ok(Signed { access_key, region })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261121/eu-west-1/sso/aws4_request, SignedHeaders=host;x-amz-date, \
        Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn headers(authorization: &str, date: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        if let Some(date) = date {
            headers.insert("x-amz-date", date.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_good_header_tells_the_key_and_the_region() {
        let good = headers(GOOD, Some("20261121T120000Z"));
        let signed = read(&good, Service::SsoAdmin, "eu-west-1").unwrap();
        assert_eq!(signed, Signed { access_key: "AKIAEXAMPLE", region: "eu-west-1" });
        let closer = headers(&GOOD.replace(", ", ","), Some("20261121T120000Z"));
        assert!(read(&closer, Service::SsoAdmin, "eu-west-1").is_ok());
        // A global service is signed for in any Region.
        let organizations = headers(&GOOD.replace("/sso/", "/organizations/"), Some("20261121T120000Z"));
        assert!(read(&organizations, Service::Organizations, "us-east-1").is_ok());
    }

    #[test]
    fn every_other_header_is_refused_with_what_is_wrong_with_it() {
        let date = Some("20261121T120000Z");
        for (from, to, date, code, text) in [
            (GOOD, "Bearer x", date, "IncompleteSignatureException", "Unsupported signature algorithm"),
            (
                GOOD,
                "AWS4-HMAC-SHA256",
                date,
                "IncompleteSignatureException",
                "requires 'Credential' parameter. Auth",
            ),
            (", Signature=", ", S=", date, "IncompleteSignatureException", "requires 'Signature' parameter."),
            ("256 Cred", "256Cred", date, "IncompleteSignatureException", "Unsupported signature algorithm"),
            (
                "=host;x-amz-date",
                "=x-amz-date",
                date,
                "InvalidSignatureException",
                "must be a 'SignedHeader'",
            ),
            ("Signature=0", "Signature=", date, "InvalidSignatureException", "does not match the signature"),
            ("Signature=0", "Signature=g", date, "InvalidSignatureException", "does not match the signature"),
            (
                "=host;x-amz-date",
                "=",
                date,
                "IncompleteSignatureException",
                "requires 'SignedHeaders' parameter.",
            ),
            ("x", "x", None, "IncompleteSignatureException", "either a 'X-Amz-Date' or a 'Date' header."),
            ("/aws4_request", "", date, "IncompleteSignatureException", "exactly 5 slash-delimited elements"),
            ("AKIAEXAMPLE/", "/", date, "IncompleteSignatureException", "no access key id"),
            ("/sso/", "/s3/", date, "InvalidSignatureException", "correct service: 'sso'"),
            ("eu-west-1", "us-east-1", date, "InvalidSignatureException", "valid Region, not 'us-east-1'"),
            ("aws4_request", "aws5", date, "InvalidSignatureException", "valid terminator"),
            ("20261121", "20261122", date, "InvalidSignatureException", "Date in Credential scope"),
            ("20261121", "today", date, "InvalidSignatureException", "Date in Credential scope"),
        ] {
            let headers = headers(&GOOD.replace(from, to), date);
            let error = read(&headers, Service::SsoAdmin, "eu-west-1").unwrap_err();
            assert_eq!(error.code, code, "{error}");
            assert!(error.message.contains(text), "{error}");
        }
        let error = read(&HeaderMap::new(), Service::SsoAdmin, "eu-west-1").unwrap_err();
        assert_eq!(error.code, "MissingAuthenticationTokenException");
    }

    #[test]
    fn a_date_that_is_none_is_refused() {
        let of = |day: &str, name: &'static str, date: &str| {
            let mut headers = headers(&GOOD.replace("20261121", day), None);
            headers.insert(name, date.parse().unwrap());
            read(&headers, Service::SsoAdmin, "eu-west-1").map(|_| ()).map_err(|error| error.code)
        };
        for (day, date) in [
            ("20261121", "20261121"),
            ("20261121", "20261121garbage"),
            ("20261121", "20261121T120000"),
            ("20261121", "20261121T259999Z"),
            ("20261121", "20261121 120000Z"),
            ("20261121", "2026-11-21T12:00:00Z"),
            ("20261131", "20261131T120000Z"),
            ("99999999", "99999999T000000Z"),
            ("20261121", "Sat, 21 Nov 2026 12:00:00 GMT"),
        ] {
            assert_eq!(of(day, "x-amz-date", date), Err("IncompleteSignatureException"), "{date}");
        }
        assert_eq!(of("20261121", "date", "yesterday"), Err("IncompleteSignatureException"));
        assert_eq!(of("20261121", "date", "Sat, 21 Nov 2026 12:00:00 GMT"), Ok(()));
        assert_eq!(of("20261121", "date", "20261121T120000Z"), Ok(()));
        assert_eq!(of("20261122", "date", "Sat, 21 Nov 2026 12:00:00 GMT"), Err("InvalidSignatureException"));
    }
}
