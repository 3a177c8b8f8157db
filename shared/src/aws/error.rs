//! SDK errors become [`PortError`] here, and nowhere else.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};

use super::management::NotAssumed;
use crate::ports::PortError;

/// The longest message that is passed on, in characters.
const LONGEST: usize = 400;

const NO_CREDENTIALS: &str = "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
                              AWS_SECRET_ACCESS_KEY, or check the profile that is named, or run where a role is \
                              attached";
const NO_REGION: &str = "no AWS Region was found: set AWS_REGION, or the region of the profile";

/// For `map_err`: what went wrong in a call of this operation.
pub(super) fn calling<E>(operation: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    move |error| port_error(operation, &error, Words::Given)
}

/// Like [`calling`], where AWS's message may quote the name of a person: its code is passed on, its message is not.
pub(super) fn calling_in_private<E>(
    operation: &'static str,
) -> impl Fn(SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    move |error| port_error(operation, &error, Words::Hidden)
}

/// A request that could not even be built from what we were given.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn unbuildable(error: BuildError) -> PortError {
    PortError::Refused(chain(&error))
}

/// An answer without something that AWS always sends, or with something that is not what it should be.
pub(super) fn unreadable(operation: &str, what: impl std::fmt::Display) -> PortError {
    PortError::Failed(format!("{operation}: the answer can't be read: {what}"))
}

/// An error that AWS reports inside a good answer, entry by entry.
pub(super) fn entry_error(operation: &str, code: &str, message: Option<&str>, ours: bool) -> PortError {
    let status = if ours { 400 } else { 500 };
    classify(operation, &Answer { code: Some(code), message, status, kms: false }, Words::Given)
}

/// `Ok(None)` for what AWS says does not exist.
pub(super) fn absent<T>(error: PortError) -> Result<Option<T>, PortError> {
    match error {
        PortError::NotFound(_) => Ok(None),
        PortError::Throttled(_)
        | PortError::WindowFull(_)
        | PortError::Conflict(_)
        | PortError::Denied(_)
        | PortError::Unassumed(_)
        | PortError::Barred(_)
        | PortError::Refused(_)
        | PortError::Failed(_) => Err(error),
    }
}

/// Whether AWS's message may be passed on.
#[derive(Clone, Copy)]
enum Words {
    Given,
    Hidden,
}

/// What an error answer says.
struct Answer<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
    status: u16,
    /// The service could not use the key that encrypts its data, whatever the code says.
    kms: bool,
}

fn port_error<E>(operation: &str, error: &SdkError<E, HttpResponse>, words: Words) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let SdkError::ServiceError(answer) = error else {
        return unanswered(operation, error);
    };
    let service = answer.err();
    let answer = Answer {
        code: service.code(),
        message: service.message(),
        status: answer.raw().status().as_u16(),
        kms: is_about_kms(answer.raw()),
    };
    classify(operation, &answer, words)
}

/// The call ended without an answer: it was not sent, not answered in time, or answered with something else.
pub(super) fn unanswered(operation: &str, error: &(dyn std::error::Error + 'static)) -> PortError {
    let text = format!("{operation}: {}", chain(error));
    let causes = || std::iter::successors(Some(error), |cause| cause.source());
    if let Some(cause) = causes().find(|cause| cause.is::<NotAssumed>()) {
        return PortError::Unassumed(format!("{operation}: {}", chain(cause)));
    }
    let mut next = Some(error);
    while let Some(cause) = next {
        match cause.downcast_ref::<CredentialsError>() {
            // The machine's own service is the last that is asked: there were none anywhere else.
            Some(CredentialsError::CredentialsNotLoaded(_)) => {
                return PortError::Barred(format!("{operation}: {NO_CREDENTIALS}"));
            }
            Some(_) if text.contains("IMDS") => {
                return PortError::Barred(format!("{operation}: {NO_CREDENTIALS}"));
            }
            Some(CredentialsError::InvalidConfiguration(_)) => return PortError::Barred(text),
            // Asking for credentials failed or took too long: perhaps not the next time.
            Some(_) => return PortError::Failed(text),
            None => next = cause.source(),
        }
    }
    if text.contains("Missing Region") || text.contains("missing signing region") {
        return PortError::Refused(format!("{operation}: {NO_REGION}"));
    }
    PortError::Failed(text)
}

fn classify(operation: &str, answer: &Answer<'_>, words: Words) -> PortError {
    // `com.amazonaws.sso#ConflictException` and `AWS.SimpleQueueService.NonExistentQueue` are prefixed.
    let code = answer.code.map(|code| code.rsplit(['#', '.']).next().unwrap_or(code));
    let message = answer.message.unwrap_or_default();
    let text = match (code, words) {
        (Some(code), Words::Given) if !message.is_empty() => {
            format!("{operation}: {} ({code})", redact(message))
        }
        (Some(code), Words::Given | Words::Hidden) => format!("{operation}: {code}"),
        (None, Words::Given | Words::Hidden) => format!("{operation}: HTTP status {}", answer.status),
    };
    let Some(code) = code else {
        // Perhaps not AWS's answer at all, but a proxy's.
        return if answer.status == 429 { PortError::Throttled(text) } else { PortError::Failed(text) };
    };
    match code {
        "ThrottlingException" | "TooManyRequestsException"
            if message.to_ascii_lowercase().contains("too many requests processing") =>
        {
            PortError::WindowFull(text)
        }
        "ThrottlingException"
        | "ThrottledException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "ThrottlingError"
        | "ProvisionedThroughputExceeded"
        | "KmsThrottled"
        | "OverLimit"
        | "SlowDown" => PortError::Throttled(text),

        "ConflictException"
        | "ConcurrentModificationException"
        | "TransactionConflictException"
        | "TransactionConflict"
        | "ConditionalRequestConflict"
        | "OperationAborted" => PortError::Conflict(text),

        "ResourceNotFoundException" | "ValidationException" if answer.kms => PortError::Barred(text),
        "ResourceNotFoundException"
        | "AccountNotFoundException"
        | "ChildNotFoundException"
        | "ParentNotFoundException"
        | "OrganizationalUnitNotFoundException"
        | "TargetNotFoundException"
        | "NoSuchKey"
        | "QueueDoesNotExist"
        | "NonExistentQueue"
        | "MessageNotInflight"
        | "ReceiptHandleIsInvalid" => PortError::NotFound(text),

        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidSignature"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "NotAuthorized"
        | "NotAuthorizedException"
        | "OptInRequired" => PortError::Barred(text),
        _ if answer.kms || code.starts_with("Kms") => PortError::Barred(text),
        _ if code.starts_with("AccessDenied") => PortError::Denied(text),

        // The first attempt of the same write is still running, so something may well have been done.
        "TransactionInProgressException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceException" => PortError::Failed(text),
        _ if answer.status >= 500
            || code.starts_with("Internal")
            || code.starts_with("ServiceUnavailable") =>
        {
            PortError::Failed(text)
        }
        _ => PortError::Refused(text),
    }
}

/// Services that encrypt with a customer's key say in `Reason` when it is the key that they can't find or use:
/// `KMS_NotFoundException` and the like (the API models of sso-admin and identitystore).
fn is_about_kms(raw: &HttpResponse) -> bool {
    raw.body()
        .bytes()
        .and_then(|body| serde_json::from_slice::<serde_json::Value>(body).ok())
        .and_then(|body| body.get("Reason")?.as_str().map(|reason| reason.starts_with("KMS_")))
        .unwrap_or(false)
}

/// AWS's words without names of people: e-mail addresses, and the session and user names inside ARNs.
pub(super) fn redact(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let between = |c: char| c.is_whitespace() || "'\"`()[]{}<>,;=".contains(c);
    for piece in message.split_inclusive(between) {
        let word = piece.trim_end_matches(between);
        let end = piece.get(word.len()..).unwrap_or_default();
        let kept = if word.contains('@') { Some("") } else { before_person(word) };
        match kept {
            Some(kept) => text.extend([kept, "[hidden]"]),
            None => text.push_str(word),
        }
        text.push_str(end);
    }
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST).chain(['…']).collect();
    }
    text
}

/// The part of an ARN before the name of a person, if it has one: `…:assumed-role/<role>/`, `…:user/`.
fn before_person(word: &str) -> Option<&str> {
    if !word.starts_with("arn:") {
        return None;
    }
    if let Some((head, role_and_session)) = word.split_once(":assumed-role/") {
        let (role, _) = role_and_session.split_once('/')?;
        return word.get(..head.len() + ":assumed-role/".len() + role.len() + 1);
    }
    [":user/", ":federated-user/"]
        .iter()
        .find_map(|kind| word.find(kind).and_then(|at| word.get(..at + kind.len())))
}

/// An error with its causes, each once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.extend([": ", &words]);
        }
        next = cause.source();
    }
    redact(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, message: &str, status: u16) -> PortError {
        let answer = Answer { code: Some(code), message: Some(message), status, kms: false };
        classify("CreateAccountAssignment", &answer, Words::Given)
    }

    #[test]
    fn the_two_throttles_are_told_apart() {
        assert_eq!(
            said("ThrottlingException", "Rate exceeded", 400),
            PortError::Throttled("CreateAccountAssignment: Rate exceeded (ThrottlingException)".into())
        );
        assert!(matches!(
            said("ThrottlingException", "Too many requests processing at the moment", 400),
            PortError::WindowFull(_)
        ));
        assert!(matches!(said("TooManyRequestsException", "slow down", 429), PortError::Throttled(_)));
    }

    #[test]
    fn every_family_of_codes_has_its_meaning() {
        for code in ["ConflictException", "ConcurrentModificationException"] {
            assert!(matches!(said(code, "", 400), PortError::Conflict(_)), "{code}");
        }
        for code in ["AccessDenied", "AccessDeniedException", "AccessDeniedForDependencyException"] {
            assert!(matches!(said(code, "", 400), PortError::Denied(_)), "{code}");
        }
        for code in ["UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"] {
            assert!(matches!(said(code, "", 400), PortError::Barred(_)), "{code}");
        }
        for code in ["AccountNotFoundException", "com.amazonaws.organizations#TargetNotFoundException"] {
            assert!(matches!(said(code, "", 400), PortError::NotFound(_)), "{code}");
        }
        for code in
            ["ValidationException", "ServiceQuotaExceededException", "AWSOrganizationsNotInUseException"]
        {
            assert!(matches!(said(code, "", 400), PortError::Refused(_)), "{code}");
        }
        for code in ["InternalServerException", "ServiceException", "TransactionInProgressException"] {
            assert!(matches!(said(code, "", 400), PortError::Failed(_)), "{code}");
        }
        assert!(matches!(said("SomethingNew", "", 500), PortError::Failed(_)));
        assert!(matches!(said("SomethingNew", "", 400), PortError::Refused(_)));
    }

    #[test]
    fn an_answer_without_a_code_is_no_answer_of_aws() {
        let answer = Answer { code: None, message: None, status: 403, kms: false };
        assert!(matches!(classify("ListAccounts", &answer, Words::Given), PortError::Failed(_)));
        let answer = Answer { code: None, message: None, status: 429, kms: false };
        assert!(matches!(classify("ListAccounts", &answer, Words::Given), PortError::Throttled(_)));
    }

    #[test]
    fn a_missing_key_of_the_service_is_not_a_missing_permission_set() {
        let answer = Answer {
            code: Some("ResourceNotFoundException"),
            message: Some("key not found"),
            status: 400,
            kms: true,
        };
        assert!(matches!(classify("DescribePermissionSet", &answer, Words::Given), PortError::Barred(_)));
    }

    #[test]
    fn names_of_people_are_taken_out_of_messages() {
        let text = redact(
            "User: arn:aws:sts::111122223333:assumed-role/Admin/alice.b is not authorized to perform: sso:ListInstances on \
             resource: arn:aws:sso:::instance/ssoins-1234567890abcdef (user 'bob@example.com')",
        );
        assert_eq!(
            text,
            "User: arn:aws:sts::111122223333:assumed-role/Admin/[hidden] is not authorized to perform: sso:ListInstances \
             on resource: arn:aws:sso:::instance/ssoins-1234567890abcdef (user '[hidden]')"
        );
        assert_eq!(
            redact("arn:aws:iam::111122223333:user/alice, denied"),
            "arn:aws:iam::111122223333:user/[hidden], denied"
        );
        assert_eq!(redact("arn:aws:sts::1:federated-user/alice"), "arn:aws:sts::1:federated-user/[hidden]");
        let hidden = classify(
            "GetUserId",
            &Answer {
                code: Some("ValidationException"),
                message: Some("bad name alice"),
                status: 400,
                kms: false,
            },
            Words::Hidden,
        );
        assert_eq!(hidden, PortError::Refused("GetUserId: ValidationException".into()));
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(redact(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }
}
