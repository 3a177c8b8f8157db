//! STS, as far as roles are assumed: who may, and the credentials that stand for the role then.
//!
//! Sessions are no state: a world that is written down and taken up again knows none, and their keys are refused.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use shared::domain::AccountId;

use super::{World, authorization, events, ids, later};
use crate::{
    ApiError, Caller,
    iam::{Decision, Principal, Request, decide},
};

/// How keys of sessions begin, in AWS too.
pub(crate) const TEMPORARY: &str = "ASIA";

/// How long credentials hold if nothing is said, and at most: every caller here is a role's session itself, for which an hour is the most.
const HOUR: i64 = 3600;
/// The least and the most that may be asked for at all (the API model).
const SECONDS: std::ops::RangeInclusive<i64> = 900..=43_200;

/// What STS is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssumeRole {
    pub(crate) role_arn: String,
    pub(crate) session_name: String,
    pub(crate) seconds: Option<i64>,
    pub(crate) external_id: Option<String>,
}

/// What STS answers.
#[derive(Debug, Clone)]
pub(crate) struct Assumed {
    pub(crate) caller: Caller,
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) until: Timestamp,
}

#[derive(Debug, Clone)]
struct Session {
    account: AccountId,
    role: String,
    name: String,
    token: String,
    until: Timestamp,
}

/// The sessions that are not over yet, by access key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(BTreeMap<String, Session>);

fn invalid(member: &str, value: &str, constraint: &str) -> ApiError {
    let value: String = value.chars().take(120).collect();
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    );
    ApiError::new("ValidationError", message)
}

fn check(input: &AssumeRole) -> Result<(), ApiError> {
    let AssumeRole { role_arn, session_name, seconds, external_id } = input;
    if role_arn.chars().count() < 20 {
        return Err(invalid("roleArn", role_arn, "Member must have length greater than or equal to 20"));
    }
    if role_arn.chars().count() > 2048 {
        return Err(invalid("roleArn", role_arn, "Member must have length less than or equal to 2048"));
    }
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    if session_name.chars().count() < 2 {
        return Err(invalid(
            "roleSessionName",
            session_name,
            "Member must have length greater than or equal to 2",
        ));
    }
    if session_name.chars().count() > 64 {
        return Err(invalid(
            "roleSessionName",
            session_name,
            "Member must have length less than or equal to 64",
        ));
    }
    if !session_name.chars().all(is_word) {
        let pattern = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
        return Err(invalid("roleSessionName", session_name, pattern));
    }
    if let Some(id) = external_id {
        let fits = (2..=1224).contains(&id.chars().count())
            && id.chars().all(|letter| is_word(letter) || matches!(letter, ':' | '/'));
        if !fits {
            let pattern = "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*";
            return Err(invalid("externalId", id, pattern));
        }
    }
    let seconds = seconds.unwrap_or(HOUR);
    if seconds < *SECONDS.start() {
        let least = "Member must have value greater than or equal to 900";
        return Err(invalid("durationSeconds", &seconds.to_string(), least));
    }
    if seconds > *SECONDS.end() {
        let most = "Member must have value less than or equal to 43200";
        return Err(invalid("durationSeconds", &seconds.to_string(), most));
    }
    if seconds > HOUR {
        return Err(ApiError::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    Ok(())
}

/// The account and the name in a role's ARN. Roles have no path here.
fn named(arn: &str) -> Option<(AccountId, &str)> {
    let (account, name) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    Some((account.parse().ok()?, name))
}

impl World {
    /// Gives credentials of a role to whom its trust policy and their own policies let assume it.
    pub(crate) fn assume_role(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        input: &AssumeRole,
    ) -> Result<Assumed, ApiError> {
        check(input)?;
        if !input.role_arn.starts_with("arn:") {
            return Err(ApiError::new("ValidationError", format!("{} is invalid", input.role_arn)));
        }
        // AWS doesn't tell whether the role is there.
        let refused = || {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                events::caller_arn(caller),
                input.role_arn
            );
            ApiError { status: 403, ..ApiError::denied(message) }
        };
        let (account, name) = named(&input.role_arn).ok_or_else(refused)?;
        self.may_assume(caller, &account, name, input).ok_or_else(refused)?;
        self.advance(now);
        let until =
            later(now, Duration::from_secs(u64::try_from(input.seconds.unwrap_or(HOUR)).unwrap_or(3600)));
        let mut next = |length| ids::letters(self.answer_id(), length);
        let access_key = format!("{TEMPORARY}{}", next(16).to_uppercase());
        let (secret, token) =
            (format!("{}{}", next(20), next(20)), format!("{}{}{}", next(24), next(24), next(24)));
        let session = Session {
            account: account.clone(),
            role: name.to_owned(),
            name: input.session_name.clone(),
            token: token.clone(),
            until,
        };
        self.sessions.0.insert(access_key.clone(), session);
        let caller = self.in_session(&account, name, &input.session_name);
        Ok(Assumed { caller, access_key, secret, token, until })
    }

    fn may_assume(&self, caller: &Caller, account: &AccountId, name: &str, input: &AssumeRole) -> Option<()> {
        if self.settings.assumptions.inactive_accounts_are_refused && self.is_out_of_use(caller) {
            return None;
        }
        let trust = self.roles.named(account, name)?.trust.as_ref()?;
        let own = self.roles.of(caller);
        let mut context = authorization::of_principal(self, caller, own.map(|role| &role.tags))
            .with("sts:RoleSessionName", [input.session_name.clone()]);
        if let Some(id) = &input.external_id {
            context = context.with("sts:ExternalId", [id.clone()]);
        }
        let role = format!("arn:aws:iam::{}:role/{}", caller.account, caller.name);
        let session = events::caller_arn(caller);
        let who = Principal { account: &caller.account, role: &role, session: &session };
        let is_named = trust.lets(who, &context)? == crate::iam::Named::Itself;
        // Callers without policies may do whatever their account may.
        let Some(policies) = own.and_then(|role| role.policies.as_ref()) else { return Some(()) };
        let request = Request { action: "sts:AssumeRole", resource: &input.role_arn, context: &context };
        match decide(policies, &request) {
            Decision::Allowed => Some(()),
            // Within one account it is enough to be named by the role.
            Decision::ImplicitlyDenied => (is_named && caller.account == *account).then_some(()),
            Decision::ExplicitlyDenied(_) => None,
        }
    }

    fn in_session(&self, account: &AccountId, role: &str, session: &str) -> Caller {
        let caller = Caller::new(role, account.clone(), self.standing(account));
        Caller { session: Some(session.into()), ..caller }
    }

    /// The caller that a key of a session belongs to; `None` for a key that is none of a session's.
    pub(crate) fn caller_in_session(
        &self,
        now: Timestamp,
        access_key: &str,
        token: Option<&str>,
    ) -> Option<Result<Caller, ApiError>> {
        if !access_key.starts_with(TEMPORARY) {
            return None;
        }
        let session = self.sessions.0.get(access_key).filter(|session| token == Some(session.token.as_str()));
        Some(match session {
            None => Err(ApiError::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )),
            Some(session) if session.until <= now => Err(ApiError::new(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            )),
            Some(session) => Ok(self.in_session(&session.account, &session.role, &session.name)),
        })
    }
}
