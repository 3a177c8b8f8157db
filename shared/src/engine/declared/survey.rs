//! What is to be done to declared permission sets, read from AWS. It holds readers only: it is the dry run.

use std::collections::BTreeMap;

use super::{DeclaredSetsError, claims::Claims};
use crate::{
    domain::{Mode, PermissionSetArn, Tags},
    engine::{EngineSettings, Reader, RulesOnHand, reading::Reading},
    permission_sets::{self, Claim, Details, Difference, Facts, Held, SetPlan, differences},
    plan::ManagementWrites,
    ports::{OfVersion, PermissionSetReader, PortError, Seen, SeenKind},
    resolve::Lookup,
    rules::{DeclaredSet, Index, PermissionSetSelector, Wanted},
};

/// Plans what the rules declare.
#[derive(Clone, Copy)]
pub struct DeclaredSets<'a> {
    pub reader: Reader<'a>,
    pub sets: &'a dyn PermissionSetReader,
    pub settings: EngineSettings,
}

impl std::fmt::Debug for DeclaredSets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeclaredSets").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What is to be done to every declared set, ordered by name.
#[derive(Debug, Clone)]
pub struct SetSurvey {
    pub rules: RulesOnHand,
    pub sets: Vec<Surveyed>,
}

/// One declared set, what there is of it, and what is to be done.
#[derive(Debug, Clone)]
pub struct Surveyed {
    pub declared: DeclaredSet,
    pub actual: Option<Details>,
    pub plan: SetPlan,
}

impl Surveyed {
    /// How it differs from what is declared, as people read it; of one that is deleted, nothing.
    pub fn differences(&self) -> Vec<Difference> {
        match &self.declared.wanted {
            Wanted::There(content) => differences(self.actual.as_ref(), content),
            Wanted::Gone => Vec::new(),
        }
    }
}

/// What is known of all of them before any is looked at.
pub(super) struct Ground {
    pub(super) rules: RulesOnHand,
    claims: Claims,
    arns: BTreeMap<String, PermissionSetArn>,
    /// Those that the management account has, where Usher may not write there.
    in_management: Vec<PermissionSetArn>,
    /// What was read and is worth remembering.
    pub(super) learned: BTreeMap<SeenKind, Vec<Seen>>,
}

impl Ground {
    pub(super) fn arn(&self, name: &str) -> Option<&PermissionSetArn> {
        self.arns.get(name)
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl DeclaredSets<'_> {
    /// What is to be done under the rules of the rulebook. One that can't be read is told so, and holds up no other.
    pub async fn survey(&self) -> Result<SetSurvey, DeclaredSetsError> {
        self.survey_of(|_, _| true).await
    }

    /// The same, of those sets alone that may make a difference to assignments: those that are not there, those that will have other tags,
    /// and those that `asked` says yes to.
    pub async fn survey_of(
        &self,
        asked: impl Fn(&DeclaredSet, &PermissionSetArn) -> bool + Send + Sync,
    ) -> Result<SetSurvey, DeclaredSetsError> {
        let rules = self.reader.rulebook.rules(self.reader.ledger).await?;
        if rules.index.declared().is_empty() {
            return Ok(SetSurvey { rules, sets: Vec::new() });
        }
        let ground = self.ground(rules).await?;
        let mut sets = Vec::new();
        for declared in ground.rules.index.declared() {
            if let Some(arn) = ground.arn(&declared.name)
                && !asked(declared, arn)
                && self.has_these_tags(arn, declared).await
            {
                continue;
            }
            sets.push(match self.surveyed(&ground, declared, self.sets).await {
                Ok(surveyed) => surveyed,
                Err(error) if error.is_of_one() => {
                    let (arn, why) = (ground.arn(&declared.name).cloned(), crate::causes::joined(&error));
                    let plan = SetPlan::unread(&declared.name, arn, why);
                    Surveyed { declared: declared.clone(), actual: None, plan }
                }
                Err(error) => return Err(error),
            });
        }
        Ok(SetSurvey { rules: ground.rules, sets })
    }

    /// Whether a set has the tags that are declared, by one call. What can't be told is not so.
    async fn has_these_tags(&self, arn: &PermissionSetArn, declared: &DeclaredSet) -> bool {
        let Wanted::There(content) = &declared.wanted else { return true };
        let tags = self.reader.access.permission_set_tags(arn).await;
        tags.is_ok_and(|tags| tags.is_some_and(|tags| tags == content.tags))
    }

    /// Which of the declared sets are there, with nothing read of what they are.
    pub async fn arns(&self) -> Result<BTreeMap<String, PermissionSetArn>, DeclaredSetsError> {
        let rules = self.reader.rulebook.rules(self.reader.ledger).await?;
        let ground = self.ground(rules).await?;
        let declared = ground.rules.index.declared().iter();
        Ok(declared.filter_map(|set| Some((set.name.clone(), ground.arn(&set.name)?.clone()))).collect())
    }

    /// Reads what all of them need.
    pub(super) async fn ground(&self, rules: RulesOnHand) -> Result<Ground, DeclaredSetsError> {
        let reading = Reading::begin(self.reader, &self.settings).await?;
        self.ground_of(&reading, rules).await
    }

    /// The same in a reading that has learned some of it.
    pub(super) async fn ground_of(
        &self,
        reading: &Reading<'_>,
        rules: RulesOnHand,
    ) -> Result<Ground, DeclaredSetsError> {
        let arns = match reading.catalogue(false).await {
            Lookup::Found(catalogue) => {
                catalogue.sets().iter().map(|set| (set.name.clone(), set.arn.clone())).collect()
            }
            Lookup::Failed(why) => return Err(DeclaredSetsError::PermissionSets(why)),
            Lookup::Absent => BTreeMap::new(),
        };
        let in_management = match self.settings.management {
            ManagementWrites::Withheld => {
                let management = reading.organization().await?.management_account;
                match self.reader.access.provisioned_in(&management).await {
                    Ok(sets) => sets,
                    // Who may not even look there is refused by AWS where it matters.
                    Err(PortError::Denied(_)) => Vec::new(),
                    Err(error) => return Err(DeclaredSetsError::PermissionSets(error.to_string())),
                }
            }
            ManagementWrites::Direct => Vec::new(),
        };
        let claims = Claims::read(self.reader.ledger).await?;
        Ok(Ground { rules, claims, arns, in_management, learned: reading.learned() })
    }

    /// Reads one set, and plans it.
    pub(super) async fn surveyed(
        &self,
        ground: &Ground,
        declared: &DeclaredSet,
        sets: &dyn PermissionSetReader,
    ) -> Result<Surveyed, DeclaredSetsError> {
        let actual = match ground.arn(&declared.name) {
            Some(arn) => sets
                .details(arn)
                .await
                .map_err(|source| DeclaredSetsError::Set { name: declared.name.clone(), source })?,
            None => None,
        };
        let held = match &actual {
            Some(actual) => self.held(ground, declared, actual).await?,
            None => Held::default(),
        };
        let facts = Facts {
            mode: ground.rules.index.settings().mode,
            actual: actual.as_ref(),
            claim: actual.as_ref().map_or(Claim::NotOurs, |actual| ground.claims.of(actual)),
            held: &held,
        };
        let plan = permission_sets::plan(declared, facts);
        Ok(Surveyed { declared: declared.clone(), actual, plan })
    }

    async fn held(
        &self,
        ground: &Ground,
        declared: &DeclaredSet,
        actual: &Details,
    ) -> Result<Held, DeclaredSetsError> {
        let in_management = ground.in_management.contains(&actual.arn);
        if declared.wanted != Wanted::Gone {
            return Ok(Held { in_management, ..Held::default() });
        }
        let access = self.reader.access;
        let accounts = access
            .accounts_on(&actual.arn, OfVersion::Any)
            .await
            .map_err(|source| DeclaredSetsError::Accounts { permission_set: actual.arn.clone(), source })?;
        let rules = given_by(&ground.rules.index, &actual.name, &actual.arn, &actual.tags);
        Ok(Held { accounts: accounts.unwrap_or_default().len(), in_management, rules })
    }
}

/// The rules that give a permission set, or that may give it in some account.
fn given_by(index: &Index, name: &str, arn: &PermissionSetArn, tags: &Tags) -> Vec<crate::domain::RuleId> {
    let gives = |set: &PermissionSetSelector| match set {
        PermissionSetSelector::Name(template) => template.may_be(name),
        PermissionSetSelector::Arn(pinned) => pinned == arn,
        PermissionSetSelector::Tagged(selector) => selector.matches(tags),
    };
    let rules = index.rules().iter().filter(|rule| rule.mode != Mode::Observe);
    rules.filter(|rule| rule.permission_sets.iter().any(gives)).map(|rule| rule.id.clone()).collect()
}
