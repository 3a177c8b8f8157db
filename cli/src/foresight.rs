//! Declared permission sets as they will be once they are kept: assignments are planned, explained and compared with them.

use std::sync::Arc;

use shared::{
    domain::PermissionSetArn,
    engine::{DeclaredSets, Foreseen, Planner, StandIns, Surveyed},
    ports::AccessReader as _,
    rules::DeclaredSet,
};

use crate::{Failure, connect::Aws, keys::SetText};

/// Which declared permission sets are read whole. The others are only where they make a difference to assignments: six calls are needed for each.
#[derive(Debug, Clone)]
pub(crate) enum Foreseeing {
    All,
    /// For what is told of assignments alone.
    Assignments,
    /// The same, and the one that is asked about.
    Asked(SetText),
}

impl Foreseeing {
    fn asks_for(&self, set: &DeclaredSet, arn: &PermissionSetArn) -> bool {
        match self {
            Self::All => true,
            Self::Assignments => false,
            Self::Asked(SetText::Name(name)) => *name == set.name,
            Self::Asked(SetText::Id(id)) => arn.as_str().rsplit('/').next() == Some(id),
        }
    }
}

/// What is to be done to the permission sets that the rules declare, and what will be then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Foresight {
    pub(crate) sets: Vec<Surveyed>,
    /// What names all that is to be done to them.
    pub(crate) fingerprint: String,
    /// `None` where nothing will be otherwise than it is.
    foreseen: Option<Arc<Foreseen>>,
}

impl Foresight {
    /// Looks at the sets that the rules of a planner declare, and that may matter.
    pub(crate) async fn of(planner: &Planner<'_>, aws: &Aws, which: &Foreseeing) -> Result<Self, Failure> {
        let declared =
            DeclaredSets { reader: planner.reader, sets: aws.sets.as_ref(), settings: planner.settings };
        let asked = |set: &DeclaredSet, arn: &PermissionSetArn| which.asks_for(set, arn);
        let survey = Box::pin(declared.survey_of(asked)).await.map_err(Failure::DeclaredSets)?;
        if survey.sets.is_empty() {
            return Ok(Self::default());
        }
        let instance = aws.access.instance().await.map_err(Failure::Instance)?;
        let foreseen = Foreseen::of(Arc::clone(&aws.access), &instance.arn, &survey);
        let foreseen = Some(foreseen).filter(|foreseen| !foreseen.is_as_it_is()).map(Arc::new);
        Ok(Self { fingerprint: survey.fingerprint(), sets: survey.sets, foreseen })
    }

    /// Why some of the declared sets could not be read, if there are any.
    pub(crate) fn unread(&self) -> Option<String> {
        let unread = self.sets.iter().filter(|surveyed| surveyed.plan.is_unread());
        let whys: Vec<String> =
            unread.filter_map(|surveyed| Some(surveyed.plan.withheld.as_ref()?.to_string())).collect();
        Some(whys.join("; ")).filter(|told| !told.is_empty())
    }

    /// The names of the declared sets that could not be read.
    pub(crate) fn unread_names(&self) -> Vec<String> {
        let unread = self.sets.iter().filter(|surveyed| surveyed.plan.is_unread());
        unread.map(|surveyed| surveyed.plan.name.clone()).collect()
    }

    /// The same services, which answer as they will then. Nothing is written by what they tell.
    pub(crate) fn seen(&self, aws: &Aws) -> Aws {
        match &self.foreseen {
            Some(foreseen) => Aws { access: Arc::clone(foreseen) as _, ..aws.clone() },
            None => aws.clone(),
        }
    }

    /// What stands for sets that are yet to be made.
    pub(crate) fn stand_ins(&self) -> StandIns {
        self.foreseen.as_deref().map(Foreseen::stand_ins).unwrap_or_default()
    }

    /// Whether this permission set will be another then: made, or with other tags.
    pub(crate) fn touches(&self, arn: &PermissionSetArn) -> bool {
        self.foreseen.as_ref().is_some_and(|foreseen| foreseen.foretold(arn).is_some())
    }

    /// Whether any of them is to be made or edited.
    pub(crate) fn has_work(&self) -> bool {
        self.sets.iter().any(|surveyed| surveyed.plan.has_work() && !surveyed.plan.deletes())
    }

    /// Whether assignments may be decided otherwise then than now.
    pub(crate) fn makes_a_difference(&self) -> bool {
        self.foreseen.is_some()
    }
}
