//! Trust policies: who may assume a role. The language is that of all policies, with principals in the place of resources.

use serde_json::Value;
use shared::domain::AccountId;

use super::{Decision, Policy, PolicyError, Request, Step, decide, read::json};

/// Of all statements, the resource is the role itself.
const ROLE: &str = "*";

/// The only action that a trust policy is asked about here.
const ASSUME: &str = "sts:AssumeRole";

/// The trust policy of a role, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    /// The document as it was written.
    source: Value,
    /// Each statement by itself, with those that it speaks of.
    statements: Vec<(Vec<Trusted>, Policy)>,
}

/// One principal of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trusted {
    /// `*`
    Anybody,
    /// An account: whoever its own policies allow it.
    Account(AccountId),
    /// A role's or a session's ARN.
    Named(String),
}

/// Who wants to assume a role.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Principal<'a> {
    /// Their account.
    pub(crate) account: &'a AccountId,
    /// The ARN of their role.
    pub(crate) role: &'a str,
    /// The ARN of their session.
    pub(crate) session: &'a str,
}

fn wrong<T>(place: Vec<Step>, message: impl Into<String>) -> Result<T, PolicyError> {
    Err(PolicyError { place, message: message.into() })
}

fn member(name: &str) -> Step {
    Step::Member(name.to_owned())
}

impl TrustPolicy {
    /// Reads a trust policy from its JSON text.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::read(&json(text)?)
    }

    /// Reads a trust policy from its document.
    pub fn read(document: &Value) -> Result<Self, PolicyError> {
        let Some(root) = document.as_object() else { return wrong(Vec::new(), "a policy is an object") };
        let (list, is_list) = match root.get("Statement") {
            Some(Value::Array(items)) => (items.iter().collect(), true),
            Some(one) => (vec![one], false),
            None => return wrong(Vec::new(), "a policy has a `Statement`"),
        };
        let mut statements = Vec::new();
        let mut plain = Vec::new();
        for (index, statement) in list.into_iter().enumerate() {
            let mut place = vec![member("Statement")];
            if is_list {
                place.push(Step::Item(index));
            }
            let Some(members) = statement.as_object() else {
                return wrong(place, "a statement is an object");
            };
            for resource in ["Resource", "NotResource"] {
                if members.contains_key(resource) {
                    place.push(member(resource));
                    return wrong(place, "a trust policy has no resource: the role is it");
                }
            }
            let Some(principal) = members.get("Principal") else {
                return wrong(place, "a statement of a trust policy has a `Principal`");
            };
            place.push(member("Principal"));
            let trusted = trusted(principal, &place)?;
            let mut members = members.clone();
            members.remove("Principal");
            members.insert("Resource".to_owned(), ROLE.into());
            plain.push(Value::Object(members.clone()));
            let mut alone = root.clone();
            alone.insert("Statement".to_owned(), Value::Object(members));
            statements.push((trusted, Value::Object(alone)));
        }
        // As a whole first: places of mistakes are those of the document.
        let mut whole = root.clone();
        whole.insert(
            "Statement".to_owned(),
            if is_list { Value::Array(plain) } else { plain.pop().unwrap_or_default() },
        );
        Policy::read(&Value::Object(whole))?;
        let statements = statements.into_iter().map(|(trusted, alone)| Ok((trusted, Policy::read(&alone)?)));
        Ok(Self { source: document.clone(), statements: statements.collect::<Result<_, PolicyError>>()? })
    }

    /// The document as it was written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Whether the policy lets somebody assume the role, and whether it does so by naming them: else their own policies have to allow it as
    /// well, also within one account.
    pub(crate) fn lets(&self, who: Principal<'_>, context: &super::Context) -> Option<Named> {
        let request = Request { action: ASSUME, resource: ROLE, context };
        let mut lets = None;
        for (trusted, statement) in &self.statements {
            let Some(named) = trusted.iter().filter_map(|trusted| trusted.is(who)).max() else { continue };
            match decide([statement], &request) {
                Decision::Allowed => lets = lets.max(Some(named)),
                Decision::ExplicitlyDenied(_) => return None,
                Decision::ImplicitlyDenied => {}
            }
        }
        lets
    }
}

/// Whether a trust policy names a principal itself, or its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    ByAccount,
    Itself,
}

impl Trusted {
    fn is(&self, who: Principal<'_>) -> Option<Named> {
        match self {
            Self::Anybody => Some(Named::ByAccount),
            Self::Account(account) => (account == who.account).then_some(Named::ByAccount),
            Self::Named(arn) => (arn == who.role || arn == who.session).then_some(Named::Itself),
        }
    }
}

fn trusted(principal: &Value, place: &[Step]) -> Result<Vec<Trusted>, PolicyError> {
    let here = |steps: &[Step]| [place, steps].concat();
    if principal.as_str() == Some("*") {
        return Ok(vec![Trusted::Anybody]);
    }
    let Some(kinds) = principal.as_object() else {
        return wrong(here(&[]), "a principal is `*` or an object with `AWS`");
    };
    if let Some(kind) = kinds.keys().find(|kind| *kind != "AWS") {
        return wrong(here(&[member(kind)]), "only principals of `AWS` assume roles here");
    }
    let Some(of_aws) = kinds.get("AWS") else { return wrong(here(&[]), "a principal names somebody") };
    let list = match of_aws.as_array() {
        Some(items) => {
            items.iter().enumerate().map(|(at, item)| (vec![member("AWS"), Step::Item(at)], item)).collect()
        }
        None => vec![(vec![member("AWS")], of_aws)],
    };
    if list.is_empty() {
        return wrong(here(&[member("AWS")]), "the list is empty: it needs one entry at least");
    }
    list.into_iter()
        .map(|(steps, item)| {
            let read = item.as_str().and_then(one);
            read.map_or_else(
                || {
                    wrong(
                        here(&steps),
                        "a principal is `*`, an account's id, or the ARN of an account's root, of a role or of a role's session",
                    )
                },
                Ok,
            )
        })
        .collect()
}

fn one(text: &str) -> Option<Trusted> {
    if text == "*" {
        return Some(Trusted::Anybody);
    }
    if let Ok(account) = text.parse() {
        return Some(Trusted::Account(account));
    }
    let (service, rest) = text.strip_prefix("arn:aws:")?.split_once("::")?;
    let (account, resource) = rest.split_once(':')?;
    let account: AccountId = account.parse().ok()?;
    match (service, resource) {
        ("iam", "root") => Some(Trusted::Account(account)),
        ("iam", role) if role.starts_with("role/") => Some(Trusted::Named(text.to_owned())),
        ("sts", session) if session.starts_with("assumed-role/") => Some(Trusted::Named(text.to_owned())),
        _ => None,
    }
    // A wildcard stands for nobody in a principal.
    .filter(|_| !text.contains(['*', '?']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::iam::Context;

    fn account() -> AccountId {
        "222233334444".parse().unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "they are written where they are given")]
    fn lets(statements: Value) -> Option<Named> {
        let policy = TrustPolicy::read(&json!({ "Version": "2012-10-17", "Statement": statements })).unwrap();
        let (account, role) = (account(), "arn:aws:iam::222233334444:role/usher-sweep");
        let session = "arn:aws:sts::222233334444:assumed-role/usher-sweep/i-1";
        let context = Context::default().with("aws:PrincipalArn", [role]);
        policy.lets(Principal { account: &account, role, session }, &context)
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is given")]
    fn allow(principal: Value) -> Value {
        json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" })
    }

    #[test]
    fn a_role_is_let_in_by_its_account_or_by_its_name() {
        for (principal, expected) in [
            (json!("*"), Some(Named::ByAccount)),
            (json!({ "AWS": "222233334444" }), Some(Named::ByAccount)),
            (json!({ "AWS": "arn:aws:iam::222233334444:root" }), Some(Named::ByAccount)),
            (json!({ "AWS": ["arn:aws:iam::222233334444:role/usher-sweep"] }), Some(Named::Itself)),
            (json!({ "AWS": "arn:aws:sts::222233334444:assumed-role/usher-sweep/i-1" }), Some(Named::Itself)),
            (json!({ "AWS": "arn:aws:iam::222233334444:role/usher" }), None),
            (json!({ "AWS": "arn:aws:iam::111122223333:root" }), None),
        ] {
            assert_eq!(lets(allow(principal.clone())), expected, "{principal}");
        }
    }

    #[test]
    fn a_condition_and_a_denial_hold() {
        let arn = |name: &str| json!({ "ArnEquals": { "aws:PrincipalArn": format!("arn:aws:iam::222233334444:role/{name}") } });
        let mut statement = allow(json!({ "AWS": "222233334444" }));
        statement["Condition"] = arn("usher-sweep");
        assert_eq!(lets(statement.clone()), Some(Named::ByAccount));
        let mut deny = allow(json!("*"));
        deny["Effect"] = "Deny".into();
        assert_eq!(lets(json!([statement.clone(), deny])), None);
        statement["Condition"] = arn("somebody");
        assert_eq!(lets(statement), None);
    }

    #[test]
    fn what_is_not_evaluated_is_refused_with_its_place() {
        for (statement, expected) in [
            (
                json!({ "Effect": "Allow", "Action": "sts:AssumeRole" }),
                "Statement[0]: a statement of a trust policy has",
            ),
            (
                allow(json!({ "Service": "lambda.amazonaws.com" })),
                "Statement[0].Principal.Service: only principals",
            ),
            (
                allow(json!({ "AWS": "arn:aws:iam::222233334444:user/alice" })),
                "Statement[0].Principal.AWS: a principal is",
            ),
            (
                allow(json!({ "AWS": ["arn:aws:iam::222233334444:role/*"] })),
                "Statement[0].Principal.AWS[0]: a principal is",
            ),
            (
                json!({ "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*" }),
                "Statement[0].Resource: a trust policy has no resource",
            ),
            (
                json!({ "Effect": "Allow", "NotPrincipal": "*", "Action": "sts:AssumeRole" }),
                "Statement[0]: a statement of a trust policy has",
            ),
        ] {
            let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
            let error = TrustPolicy::read(&document).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
