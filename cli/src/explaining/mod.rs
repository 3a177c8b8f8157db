//! Why somebody has access to an account, or why not: the engine's own decision, what the rules say of it, and the ledger's record.

mod sentences;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::{
    domain::{
        AccountId, AssignmentKey, Mode, PermissionSet, PermissionSetArn, Principal, RuleId, RulesVersion,
        Tags,
    },
    engine::{self, Dossier, Opened, all_rows},
    ledger::{Cause, HeldBy, HoldScope, Row},
    resolve::{self, Condition, Desired, Lookup, PrincipalOutcome, Question, RuleWhy, SetOutcome, Why},
};

use self::sentences::Known;
use crate::{
    Failure,
    desk::Desk,
    failure::Unknown,
    foresight::Foresight,
    keys::KeyText,
    look_up::Who,
    names::Names,
    report::{
        self, AccountTold, AssignmentExplained, ExplainReport, Given, HoldTold, PermissionSetName,
        PrincipalName, RulesUsed, SetExplained, WithheldTold,
    },
    suggestions,
};

/// Explains one permission set for somebody in an account, or all that there is to say of.
pub(crate) async fn explain(
    desk: &Desk,
    who: &Who,
    account: &AccountId,
    asked: Option<&PermissionSetArn>,
    what_if: Vec<String>,
) -> Result<ExplainReport, Failure> {
    let ledger = desk.ledger.as_ref();
    let planner = desk.planner();
    let cause = Cause::new("command", "explain");
    let mut dossier = planner.dossier(account, asked, &cause).await.map_err(Failure::Read)?;
    let Some(opened) = dossier.found.take() else { return Err(unknown(desk, account).await) };
    let mut versions: BTreeMap<RulesVersion, Timestamp> = BTreeMap::new();
    for publication in engine::publications(ledger).await? {
        versions.insert(publication.version, publication.since);
    }
    let sets = match asked {
        Some(set) => [set.clone()].into(),
        None => sets(who, &dossier, &opened),
    };
    let keys: Vec<AssignmentKey> = sets
        .iter()
        .flat_map(|set| who.all.keys().map(move |principal| (set, principal)))
        .map(|(set, principal)| AssignmentKey {
            account: account.clone(),
            permission_set: set.clone(),
            principal: principal.clone(),
        })
        .collect();
    // The names of those who are asked about are known already: one key is enough for the sets' names.
    let names = Names::of(
        keys.iter().filter(|key| key.principal == who.principal),
        &dossier.basis.learned,
        planner.reader.into(),
    )
    .await;
    let (foresight, given) = (desk.foresight(), desk.given());
    let story = Story { who, dossier: &dossier, opened: &opened, foresight, given, versions: &versions };
    let mut explained = Vec::with_capacity(sets.len());
    for arn in sets {
        let set = desk.aws.access.permission_set(&arn).await.map_err(Failure::LookUp)?;
        let set = set.unwrap_or_else(|| PermissionSet {
            name: names.permission_set(&arn).unwrap_or_default(),
            arn,
            tags: Tags::default(),
        });
        explained.push(story.of_set(&set, asked.is_some()));
    }
    explained.sort_by(|a, b| a.permission_set.cmp(&b.permission_set));

    let index = &dossier.basis.rules.index;
    let account = &opened.account;
    let principal = story.principal_name(&who.principal);
    let groups = who.all.keys().filter(|principal| **principal != who.principal);
    let mut groups: Vec<PrincipalName> = groups.map(|group| story.principal_name(group)).collect();
    groups.sort();
    Ok(ExplainReport {
        format: report::FORMAT,
        at: dossier.now,
        what_if,
        rules: RulesUsed {
            version: dossier.basis.rules.version.clone(),
            files: desk.files().to_vec(),
            mode: index.settings().mode,
            count: index.rules().len(),
        },
        principal,
        principal_is_gone: who.is_gone,
        groups,
        account: AccountTold {
            id: account.id.clone(),
            name: account.name.clone(),
            ou: account.path.to_string(),
            state: account.state,
            is_management: account.is_management,
            tags: account.tags.0.clone(),
        },
        permission_set: asked
            .map(|arn| PermissionSetName { name: names.permission_set(arn), arn: arn.clone() }),
        declared_unread: None,
        unread: match &opened.present {
            Lookup::Failed(why) => Some(why.clone()),
            Lookup::Found(_) | Lookup::Absent => None,
        },
        permission_sets: explained,
        elsewhere: if asked.is_some() { Vec::new() } else { story.elsewhere() },
    })
}

/// That the account is not in the organization, or not any more.
async fn unknown(desk: &Desk, account: &AccountId) -> Failure {
    let rows = all_rows(desk.ledger.as_ref()).await.unwrap_or_default();
    let rows = rows.iter().filter(|row| row.key.account == *account && row.state.label() != "closed").count();
    if rows > 0 {
        return Unknown::Departed { account: account.clone(), rows }.into();
    }
    match desk.aws.organization.accounts().await {
        Ok(all) => suggestions::no_account(account.as_str(), &all).into(),
        Err(_) => Failure::UnknownAccount(account.clone()),
    }
}

/// The permission sets that there is something to say of: what they have, what rules want for them or would if it were not forbidden,
/// and what the ledger remembers.
fn sets(who: &Who, dossier: &Dossier, opened: &Opened) -> BTreeSet<PermissionSetArn> {
    let present = match &opened.present {
        Lookup::Found(present) => Some(present),
        Lookup::Absent | Lookup::Failed(_) => None,
    };
    let desired = &opened.desired;
    let keys = present
        .into_iter()
        .flatten()
        .chain(desired.wanted.keys())
        .chain(desired.forbidden.keys())
        .chain(desired.beyond.keys())
        .chain(dossier.rows.iter().map(|row| &row.key));
    let of_them = keys.filter(|key| who.all.contains_key(&key.principal));
    of_them.map(|key| key.permission_set.clone()).collect()
}

/// What is known, to be told.
struct Story<'a> {
    who: &'a Who,
    dossier: &'a Dossier,
    opened: &'a Opened,
    foresight: &'a Foresight,
    given: &'a Given,
    /// When each version of the rules came into force last.
    versions: &'a BTreeMap<RulesVersion, Timestamp>,
}

impl Story<'_> {
    fn why(&self, set: Option<&PermissionSet>) -> Why {
        let Opened { account, facts, .. } = self.opened;
        // The names of those who are gone are nobody's, or somebody else's by now.
        let nameless: BTreeMap<Principal, Option<String>> =
            self.who.all.keys().map(|principal| (principal.clone(), None)).collect();
        let principals = if self.who.is_gone { &nameless } else { &self.who.all };
        let question = Question { principals, set };
        resolve::why(&self.dossier.basis.rules.index, account, facts, self.dossier.now, question)
    }

    fn principal_name(&self, principal: &Principal) -> PrincipalName {
        let kind = match principal {
            Principal::Group(_) => "group",
            Principal::User(_) => "user",
        };
        let name = self.who.all.get(principal).cloned().flatten();
        PrincipalName { kind, name, id: principal.id().to_owned() }
    }

    fn of_set(&self, set: &PermissionSet, is_asked: bool) -> SetExplained {
        let why = self.why(Some(set));
        let name = Some(set.name.clone()).filter(|name| !name.is_empty());
        let permission_set = PermissionSetName { name, arn: set.arn.clone() };
        let declared = self.foresight.sets.iter().find(|surveyed| surveyed.declared.name == set.name);
        let declared = declared.and_then(report::permission_set);
        let mut assignments: Vec<AssignmentExplained> = self
            .who
            .all
            .keys()
            .filter_map(|principal| self.assignment(principal, &permission_set, &why))
            .collect();
        assignments.sort_by(|a, b| (a.by_membership, &a.principal).cmp(&(b.by_membership, &b.principal)));
        let has = match &self.opened.present {
            Lookup::Found(_) => Some(assignments.iter().any(|it| it.is_there == Some(true))),
            Lookup::Absent | Lookup::Failed(_) => None,
        };
        let Why { rules, never } = why;
        let (mut giving, others): (Vec<RuleWhy>, Vec<RuleWhy>) =
            rules.into_iter().partition(|rule| !rule.gives.is_empty());
        if is_asked {
            let mut near: Vec<RuleWhy> = others.into_iter().filter(is_near).collect();
            near.sort_by_key(|rule| rule.unmet().len());
            giving.extend(near);
        }
        let never = never.into_iter().filter(|never| !never.bars.is_empty() || never.unresolved.is_some());
        SetExplained { permission_set, declared, has, assignments, rules: giving, never: never.collect() }
    }

    /// What there is to say of an assignment; `None` if nobody knows of it.
    fn assignment(
        &self,
        principal: &Principal,
        set: &PermissionSetName,
        why: &Why,
    ) -> Option<AssignmentExplained> {
        let Opened { account, desired, present, plan, .. } = self.opened;
        let key = AssignmentKey {
            account: account.id.clone(),
            permission_set: set.arn.clone(),
            principal: principal.clone(),
        };
        let row = self.dossier.rows.iter().find(|row| row.key == key);
        let is_there = match present {
            Lookup::Found(present) => Some(present.contains(&key)),
            Lookup::Absent | Lookup::Failed(_) => None,
        };
        let wanted = why.wanted_by(principal);
        let forbidden_by: Vec<String> = if why.given_by(principal).is_empty() {
            Vec::new()
        } else {
            why.barred_by(principal).map(|never| never.written_at.clone()).collect()
        };
        let out_of_scope: Vec<String> = if wanted.is_empty() && forbidden_by.is_empty() {
            why.beyond(principal).into_keys().map(|rule| rule.to_string()).collect()
        } else {
            Vec::new()
        };
        let has_nothing = row.is_none() && is_there != Some(true);
        if has_nothing && wanted.is_empty() && forbidden_by.is_empty() && out_of_scope.is_empty() {
            return None;
        }
        let name = self.principal_name(principal);
        let typed = KeyText::of(&account.id, set, &name);
        let action = plan.actions().iter().find(|action| action.key == key);
        let withheld = plan.withheld().iter().find(|withheld| withheld.key == key);
        let withheld = withheld.map(|withheld| {
            let (way_out, command) = if self.foresight.stand_ins().has(&set.arn) {
                ("it can be let through once the permission set is made", None)
            } else {
                report::way_out(&withheld.reason, &typed, &account.id, &name, self.given)
            };
            WithheldTold {
                operation: withheld.operation,
                reason: withheld.reason.clone(),
                why: withheld.reason.to_string(),
                way_out,
                command,
            }
        });
        let hold = self.hold(&key, row);
        let until = desired.until.get(&key).copied();
        let rules_version = row.and_then(|row| row.rules.clone());
        let rules_since = rules_version.as_ref().and_then(|version| self.versions.get(version)).copied();
        let known = Known {
            is_there,
            unread: match present {
                Lookup::Failed(why) => Some(why),
                Lookup::Found(_) | Lookup::Absent => None,
            },
            row,
            rules_since,
            is_wanted: !wanted.is_empty(),
            forbidden_by: &forbidden_by,
            out_of_scope: &out_of_scope,
            until,
            outlives_its_rules: wanted.values().any(|mode| *mode < Mode::Sync),
            next: action.map(|action| action.operation),
            approved: row
                .and_then(|row| row.approval.as_ref())
                .filter(|_| action.is_some_and(|action| action.approval.is_some())),
            awaits_set: self.foresight.stand_ins().has(&set.arn),
            withheld: withheld.as_ref(),
            hold: hold.as_ref(),
        };
        let mut says = known.sentences();
        // A hold that is let go would not let it go on.
        let paused = self.dossier.orders.pause.as_ref();
        if let Some(pause) = paused.filter(|_| hold.as_ref().is_some_and(|hold| hold.what != "everything")) {
            let since = crate::render::minute(pause.at);
            says.push(format!("{} has paused Usher besides, since {since}.", crate::screen::line(&pause.by)));
        }
        Some(AssignmentExplained {
            key: typed,
            by_membership: *principal != self.who.principal,
            is_there,
            state: row.map(|row| row.state.label()),
            since: row.map(|row| row.changed_at),
            cause: row.map(|row| row.cause.as_str().to_owned()),
            rules_version,
            rules_since,
            wanted_by: report::rules(&wanted),
            forbidden_by,
            out_of_scope,
            until,
            next: action.map(|action| action.operation),
            withheld,
            hold,
            says,
            principal: name,
        })
    }

    /// Who or what holds it up: itself, its account, its principal, or everything.
    fn hold(&self, key: &AssignmentKey, row: Option<&Row>) -> Option<HoldTold> {
        if let Some(hold) = row.and_then(|row| row.hold.as_ref()) {
            let by = match &hold.by {
                HeldBy::Person(name) => Some(name.clone()),
                HeldBy::DeletedByHand => None,
            };
            return Some(HoldTold { what: "assignment", by, since: hold.at, reason: hold.reason.clone() });
        }
        let orders = &self.dossier.orders;
        let of_scope = orders.hold_on(key).map(|(scope, order)| match scope {
            HoldScope::Account(_) => ("account", order),
            HoldScope::Principal(_) => ("principal", order),
        });
        let (what, order) = of_scope.or_else(|| orders.pause.as_ref().map(|pause| ("everything", pause)))?;
        let (by, reason) = (Some(order.by.clone()), order.reason.clone());
        Some(HoldTold { what, by, since: order.at, reason })
    }

    /// Whether a rule wants anything for them here, forbidden or not.
    fn gives_something(&self, rule: &RuleId) -> bool {
        let Desired { wanted, forbidden, .. } = &self.opened.desired;
        let of_them =
            wanted.iter().chain(forbidden).filter(|(key, _)| self.who.all.contains_key(&key.principal));
        of_them.into_iter().any(|(_, rules)| rules.contains_key(rule))
    }

    /// The rules that are about them, and give nothing here or now; and those of which that can't be told.
    fn elsewhere(&self) -> Vec<RuleWhy> {
        let rules = self.why(None).rules.into_iter();
        let mut rules: Vec<RuleWhy> = rules
            .filter(|rule| {
                let unmet = rule.unmet();
                let is_here = !unmet.contains(&Condition::Accounts) && !unmet.contains(&Condition::Time);
                let gives = is_here && self.gives_something(&rule.id);
                !gives && (rule.names_somebody() || is_of_members(rule)) || (is_here && is_unknown(rule))
            })
            .collect();
        rules.sort_by_key(|rule| rule.unmet().len());
        rules
    }
}

/// Whether it gives something to each member of the group that is asked about, and nothing to the group.
fn is_of_members(rule: &RuleWhy) -> bool {
    rule.principals.iter().any(|why| why.outcome == PrincipalOutcome::EachMember)
}

/// Whether it can't be told whom it is about.
fn is_unknown(rule: &RuleWhy) -> bool {
    rule.principals.iter().any(|why| matches!(why.outcome, PrincipalOutcome::Failed(_)))
}

/// Whether a rule that doesn't give the permission set has to do with it: it is about the set, though not for them, here or now; or all but
/// the set's tags would fit.
fn is_near(rule: &RuleWhy) -> bool {
    let is_about_set = rule.permission_sets.iter().any(|why| match &why.outcome {
        SetOutcome::This | SetOutcome::Protected | SetOutcome::Failed(_) => true,
        SetOutcome::Other | SetOutcome::Missing(_) | SetOutcome::Unasked => false,
    });
    let by_tags = rule.permission_sets.iter().any(|why| why.tags.is_some());
    let unmet = rule.unmet();
    is_about_set || (by_tags && !unmet.contains(&Condition::Principals) && unmet.len() <= 2)
}
