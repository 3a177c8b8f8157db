//! Outcomes that nothing else tells: who has gained or lost something, drift, reprovisioned permission sets.

use shared::{
    domain::Principal,
    outcome::{Access, Drift, Happened, Membership, OfTag, Outcome, Reprovisioned, Response},
};

use super::{Cast, tell};
use crate::{
    Failure, Paint, Screen,
    screen::{count, line},
};

/// Tells an outcome, unless a row of the ledger has told it already.
pub(super) fn outcome(outcome: &Outcome, cast: &dyn Cast, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let (what, text) = match &outcome.happened {
        Happened::Granted { .. }
        | Happened::Revoked { .. }
        | Happened::Failed { .. }
        | Happened::Blocked { .. }
        | Happened::Withheld { .. }
        | Happened::Held { .. }
        // Told when it was refused.
        | Happened::RulesRefused { .. } => return Ok(()),
        Happened::Gained(membership) => (("gained", Paint::Good), member(membership, "has joined", cast)),
        Happened::Lost(membership) => (("lost", Paint::Warning), member(membership, "is no longer in", cast)),
        Happened::Reprovisioned(reprovisioned) => reached(reprovisioned, cast),
        Happened::TrustedTagChanged(OfTag { account, permission_set, key }) => {
            let account = account.as_ref().map(|account| format!("account {account}"));
            let of = account.or(permission_set.as_ref().map(|set| cast.permission_set(set)));
            (("tag changed", Paint::Warning), format!("{} of {}", line(key), of.unwrap_or_default()))
        }
        Happened::SetMade(set) => (("set made", Paint::Good), format!("permission set {}", line(&set.name))),
        Happened::SetEdited(set) => (("set edited", Paint::Good), format!("permission set {}", line(&set.name))),
        Happened::SetDeleted(set) => (("set gone", Paint::Good), format!("permission set {}", line(&set.name))),
        Happened::SetBlocked { set, reason } => {
            (("set blocked", Paint::Bad), format!("permission set {}: {}", line(&set.name), line(reason)))
        }
        Happened::SetWithheld { set, reason } => {
            (("set waits", Paint::Warning), format!("permission set {}: {}", line(&set.name), reason.replace('_', " ")))
        }
        Happened::DriftFound { assignment, drift, response } => {
            let found = match drift {
                Drift::Missing => "was deleted by another hand",
                Drift::Foreign => "was made by another hand",
            };
            let done = match response {
                Response::Reported => "its rules only observe",
                Response::Repaired => "it is made again",
                Response::Held => "it is on hold until `usher release`",
                Response::Left => "it is left so",
            };
            let what = format!("{} in {}", cast.assignment(assignment), cast.account(&assignment.account));
            (("drift", Paint::Warning), format!("{what} {found}: {done}"))
        }
    };
    tell(outcome.at, what, &text, screen)
}

fn member(membership: &Membership, does: &str, cast: &dyn Cast) -> String {
    let Membership { user, group, access, unlisted } = membership;
    let each = access.iter().map(|Access { account, permission_set, rules: _ }| {
        format!("{} in {}", cast.permission_set(permission_set), cast.account(account))
    });
    let shown: Vec<String> = each.take(3).collect();
    let more = match access.len() + unlisted - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (user, group) = (Principal::User(user.clone()), Principal::Group(group.clone()));
    format!("{} {does} {}: {}{more}", cast.principal(&user), cast.principal(&group), shown.join(", "))
}

fn reached(reprovisioned: &Reprovisioned, cast: &dyn Cast) -> ((&'static str, Paint), String) {
    let Reprovisioned { permission_set, edits: _, updated, unlisted, failed, failed_unlisted } =
        reprovisioned;
    let set = cast.permission_set(permission_set);
    let updated = count(updated.len() + unlisted, "account", "accounts");
    let Some((account, why)) = failed.iter().next() else {
        return (("updated", Paint::Good), format!("{set}: its edits have reached {updated}"));
    };
    let others = match failed.len() + failed_unlisted {
        1 => String::new(),
        many => format!(" and {}", count(many - 1, "other", "others")),
    };
    let text =
        format!("{set}: its edits have reached {updated}, and not {}{others}: {why}", cast.account(account));
    (("failed", Paint::Bad), text)
}
