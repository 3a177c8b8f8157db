//! What a team's scope is in IAM: the policy of a delegated administrator who works in Identity Center itself, without rules.
//!
//! IAM asks for each resource of a call by itself: the instance, the account, the permission set. So a policy has accounts and permission
//! sets side by side, and one of several scopes whose pairs differ would allow each account with each permission set: that is refused.
//! What IAM can't ask (an account's OU and tags) is written out as the accounts that there are now.

mod accounts;
mod conditions;
mod wording;

use std::collections::{BTreeMap, BTreeSet};

pub use wording::{ACTIONS, Action, Purpose};

use accounts::Accounts;

use crate::{
    domain::{Account, AccountId, InstanceArn, PermissionSet, PermissionSetArn},
    policy::{self, Effect, Matched, Policy, Statement, Version},
    rules::{PermissionSetSelector, Scope, ScopeSets},
};

/// What a policy is written from.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    pub instance: &'a InstanceArn,
    /// The accounts of the organization that could be read.
    pub accounts: &'a [Account],
    /// How many could not.
    pub unread: usize,
    pub permission_sets: &'a [PermissionSet],
    pub protected: &'a BTreeSet<String>,
}

/// A delegated administrator's policy, and what has to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegated {
    pub policy: Policy,
    /// Characters as AWS counts them: without white space.
    pub characters: usize,
    pub notes: Vec<Note>,
}

impl Delegated {
    /// By how many characters it is too long for a permission set.
    pub fn over(&self) -> Option<usize> {
        self.characters.checked_sub(policy::MOST_CHARACTERS).filter(|over| *over > 0)
    }
}

/// What a policy can't say, or says of today alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// These accounts are those that the scope selects now, by what IAM can't ask.
    Expanded { selector: String, accounts: usize },
    /// Listed accounts that are not in the organization.
    NoAccount(Vec<AccountId>),
    /// Accounts that could not be read are left out.
    Unread(usize),
    /// Named permission sets that are not there.
    NoSet(Vec<String>),
    /// Protected permission sets are kept out by the ARNs that they have now.
    ProtectedByArn,
    /// Protected permission sets that are not there now, so that nothing keeps them out once they are.
    UnmadeProtected(Vec<String>),
    /// IAM doesn't tell the letters of tags' keys apart by their case.
    CaseOfTagKeys(Vec<String>),
    /// Whoever is signed in needs these attributes.
    Attributes(Vec<String>),
    /// The management account is in the scope, and needs rights in IAM besides.
    Management(AccountId),
}

/// Why no policy can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    #[error(
        "IAM can't keep these {0} scopes apart: it asks for the account and for the permission set one by one, so one policy would allow each account of all with each permission set of all"
    )]
    Pairs(usize),
    #[error("no account of the organization is in the scope now")]
    NoAccount,
    #[error(
        "IAM doesn't tell the keys of tags apart by case, and one selection asks for {} at once, so that it can't be said which value is meant",
        .0.join(" and ")
    )]
    KeysByCase(Vec<String>),
    #[error("no permission set of the scope is there now: {}", .0.join(", "))]
    NoSet(Vec<String>),
}

/// Writes the policy of these scopes, all of which it allows and nothing else.
pub fn delegated(scopes: &[&Scope], ground: &Ground<'_>) -> Result<Delegated, NoPolicy> {
    if !are_one_product(scopes) || mix_protected(scopes, ground.protected) {
        return Err(NoPolicy::Pairs(scopes.len()));
    }
    let mut notes = Vec::new();
    let accounts = Accounts::of(scopes, ground, &mut notes)?;
    let mut statements = vec![looking(), accounts.allowed(ground)];
    statements.extend(sets(scopes, ground, &mut notes)?);
    statements.extend(accounts.denied(ground));
    statements.extend(protected(scopes, ground, &mut notes));
    let attributes: BTreeSet<String> = scopes
        .iter()
        .flat_map(|scope| &scope.principal_matches)
        .map(|one| one.principal_tag.clone())
        .collect();
    if !attributes.is_empty() {
        notes.push(Note::Attributes(attributes.into_iter().collect()));
    }
    let policy = Policy { version: Some(Version::Of2012), id: None, statements };
    let characters = policy::counted(&policy.to_json());
    Ok(Delegated { policy, characters, notes })
}

/// Whether the scopes together are some accounts with some permission sets, each with each.
fn are_one_product(scopes: &[&Scope]) -> bool {
    let Some((first, others)) = scopes.split_first() else { return true };
    let is_same_place = others.iter().all(|scope| scope.accounts == first.accounts);
    let is_same_set = others.iter().all(|scope| {
        scope.permission_sets == first.permission_sets && scope.principal_matches == first.principal_matches
    });
    is_same_place || is_same_set
}

/// Whether one scope names a protected permission set for those with some attribute, and another one has all permission sets, or some by
/// their tags, for others: what keeps protected ones out there would keep that one out here too.
fn mix_protected(scopes: &[&Scope], protected: &BTreeSet<String>) -> bool {
    let is_wide = |scope: &Scope| match &scope.permission_sets {
        ScopeSets::Any => true,
        ScopeSets::These(all) => all.iter().any(|it| matches!(it, PermissionSetSelector::Tagged(_))),
    };
    let may_name_one = |scope: &Scope| match &scope.permission_sets {
        ScopeSets::Any => false,
        ScopeSets::These(all) => all.iter().any(|it| match it {
            PermissionSetSelector::Name(name) => name.as_plain().is_some_and(|name| protected.contains(name)),
            PermissionSetSelector::Arn(_) => !protected.is_empty(),
            PermissionSetSelector::Tagged(_) => false,
        }),
    };
    scopes.iter().filter(|scope| may_name_one(scope)).any(|one| {
        scopes.iter().any(|other| is_wide(other) && other.principal_matches != one.principal_matches)
    })
}

fn matched<T: ToString>(patterns: impl IntoIterator<Item = T>) -> Matched {
    Matched { all_but: false, patterns: patterns.into_iter().map(|it| it.to_string()).collect() }
}

fn statement(sid: &str, effect: Effect, actions: Matched, resources: Matched) -> Statement {
    Statement { sid: Some(sid.to_owned()), effect, actions, resources, conditions: BTreeMap::new() }
}

/// What the delegated work is.
fn work() -> Matched {
    matched(ACTIONS.iter().filter(|action| action.purpose == Purpose::Assign).map(|action| action.name))
}

impl Ground<'_> {
    /// Of any partition: what stands before `sso` in the instance's own ARN.
    fn partition(&self) -> &str {
        partition(self.instance)
    }

    fn account(&self, account: &str) -> String {
        format!("arn:{}:sso:::account/{account}", self.partition())
    }

    /// All permission sets of the instance.
    fn all_sets(&self) -> String {
        let own = self.instance.as_str().rsplit('/').next().unwrap_or_default();
        format!("arn:{}:sso:::permissionSet/{own}/*", self.partition())
    }

    fn named(&self, name: &str) -> Option<&PermissionSetArn> {
        self.permission_sets.iter().find(|set| set.name == name).map(|set| &set.arn)
    }
}

/// The partition of an instance's ARN: `aws`, `aws-us-gov`, `aws-cn`.
pub fn partition(instance: &InstanceArn) -> &str {
    instance.as_str().split(':').nth(1).unwrap_or_default()
}

/// The page that a delegated administrator begins with: the accounts in Identity Center. `None` for partitions whose console is not known.
pub fn relay_state(instance: &InstanceArn, region: &str) -> Option<String> {
    let console = match partition(instance) {
        "aws" => "console.aws.amazon.com",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        "aws-cn" => "console.amazonaws.cn",
        _ => return None,
    };
    Some(format!("https://{region}.{console}/singlesignon/home?region={region}#/accounts/organization"))
}

/// What the console and the CLI read: lists and descriptions, most of which know no resource.
fn looking() -> Statement {
    let actions = ACTIONS.iter().filter(|action| action.purpose != Purpose::Assign).map(|action| action.name);
    statement("Look", Effect::Allow, matched(actions), matched(["*"]))
}

/// The permission sets of the scopes: by their ARNs, or by their tags.
fn sets(scopes: &[&Scope], ground: &Ground<'_>, notes: &mut Vec<Note>) -> Result<Vec<Statement>, NoPolicy> {
    let mut statements: Vec<Statement> = Vec::new();
    let (mut missing, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for scope in scopes {
        let mut arns: BTreeSet<String> = BTreeSet::new();
        let mut tagged = Vec::new();
        match &scope.permission_sets {
            ScopeSets::Any => _ = arns.insert(ground.all_sets()),
            ScopeSets::These(all) => {
                for selector in all {
                    match selector {
                        PermissionSetSelector::Name(name) => {
                            let name = name.to_string();
                            match ground.named(&name) {
                                Some(arn) => _ = arns.insert(arn.to_string()),
                                None => _ = missing.insert(name),
                            }
                        }
                        PermissionSetSelector::Arn(arn) => _ = arns.insert(arn.to_string()),
                        PermissionSetSelector::Tagged(tags) => tagged.push(tags),
                    }
                }
            }
        }
        let matches = &scope.principal_matches;
        keys.extend(matches.iter().map(|one| one.permission_set_tag.clone()));
        for tags in tagged.iter().map(|tags| Some(*tags)).chain([None]) {
            if let Some(keys) = conditions::mixed_by_case(tags, matches) {
                return Err(NoPolicy::KeysByCase(keys));
            }
        }
        if !arns.is_empty() {
            let conditions = conditions::of(None, matches);
            statements.push(Statement { conditions, ..statement("", Effect::Allow, work(), matched(arns)) });
        }
        for tags in tagged {
            keys.extend(tags.0.keys().cloned());
            let conditions = conditions::of(Some(tags), matches);
            let all = matched([ground.all_sets()]);
            statements.push(Statement { conditions, ..statement("", Effect::Allow, work(), all) });
        }
    }
    statements.sort();
    statements.dedup();
    for (at, statement) in statements.iter_mut().enumerate() {
        statement.sid = Some(format!("AssignPermissionSets{}", at + 1));
    }
    let missing: Vec<String> = missing.into_iter().collect();
    if statements.is_empty() {
        return Err(NoPolicy::NoSet(missing));
    }
    if !missing.is_empty() {
        notes.push(Note::NoSet(missing));
    }
    if !keys.is_empty() {
        notes.push(Note::CaseOfTagKeys(keys.into_iter().collect()));
    }
    Ok(statements)
}

/// What keeps protected permission sets out, where not only named ones are allowed.
fn protected(scopes: &[&Scope], ground: &Ground<'_>, notes: &mut Vec<Note>) -> Option<Statement> {
    let selectors = || {
        scopes.iter().flat_map(|scope| match &scope.permission_sets {
            ScopeSets::Any => &[][..],
            ScopeSets::These(all) => all.as_slice(),
        })
    };
    let by_tags = selectors().any(|it| matches!(it, PermissionSetSelector::Tagged(_)));
    if !by_tags && !scopes.iter().any(|scope| scope.permission_sets == ScopeSets::Any) {
        return None;
    }
    let is_named = |name: &String, arn: Option<&PermissionSetArn>| {
        selectors().any(|selector| match selector {
            PermissionSetSelector::Name(it) => it.as_plain() == Some(name),
            PermissionSetSelector::Arn(it) => Some(it) == arn,
            PermissionSetSelector::Tagged(_) => false,
        })
    };
    let (mut arns, mut unmade) = (BTreeSet::new(), Vec::new());
    for name in ground.protected {
        match ground.named(name) {
            arn if is_named(name, arn) => {}
            Some(arn) => _ = arns.insert(arn.to_string()),
            None => unmade.push(name.clone()),
        }
    }
    if !arns.is_empty() {
        notes.push(Note::ProtectedByArn);
    }
    if !unmade.is_empty() {
        notes.push(Note::UnmadeProtected(unmade));
    }
    (!arns.is_empty()).then(|| statement("NothingProtected", Effect::Deny, work(), matched(arns)))
}

#[cfg(test)]
mod tests;
