//! Permission sets as they will be once the declared ones are kept: what a plan shows of the assignments that wait for them.
//!
//! A set that is yet to be made stands under an ARN made from its name. INVARIANT: only a plan that is shown is made with it: nothing that was
//! read through it is remembered, and no assignment is written by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::SetSurvey;
use crate::{
    domain::{
        AccountId, AssignmentKey, Instance, InstanceArn, Operation, PermissionSetArn, Principal, RequestId,
        Tags, hex,
    },
    guardrail::Scope,
    permission_sets::{Change, Withheld},
    ports::{
        AccessReader, Foretold, OfVersion, Page, PortError, Provisioning, Request, RequestListing,
        RequestSummary,
    },
    rules::Wanted,
};

/// Reads what there is, and what will be.
pub struct Foreseen {
    access: Arc<dyn AccessReader>,
    /// Sets that are yet to be made, by the ARNs that they stand under.
    made: BTreeMap<PermissionSetArn, (String, Tags)>,
    /// The tags that others will have.
    tags: BTreeMap<PermissionSetArn, Tags>,
    /// Declared sets that could not be read.
    unread: BTreeSet<String>,
    /// Those that will be as they are declared.
    kept: BTreeSet<String>,
}

impl std::fmt::Debug for Foreseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Foreseen")
            .field("made", &self.made)
            .field("tags", &self.tags)
            .field("unread", &self.unread)
            .finish_non_exhaustive()
    }
}

impl Foreseen {
    /// What will be once the sets of a survey are kept, in this instance.
    pub fn of(access: Arc<dyn AccessReader>, instance: &InstanceArn, survey: &SetSurvey) -> Self {
        let (mut made, mut tags) = (BTreeMap::new(), BTreeMap::new());
        for surveyed in survey.sets.iter().filter(|surveyed| surveyed.plan.has_work()) {
            let Wanted::There(content) = &surveyed.declared.wanted else { continue };
            if let Some(actual) = &surveyed.actual {
                tags.insert(actual.arn.clone(), content.tags.clone());
                continue;
            }
            let name = surveyed.declared.name.clone();
            made.extend(stand_in(instance, &name).map(|arn| (arn, (name, content.tags.clone()))));
        }
        let unread = survey.sets.iter().filter(|surveyed| surveyed.plan.is_unread());
        let unread = unread.map(|surveyed| surveyed.declared.name.clone()).collect();
        let kept = survey.sets.iter().filter(|surveyed| surveyed.plan.withheld.is_none());
        let kept = kept.map(|surveyed| surveyed.declared.name.clone()).collect();
        Self { access, made, tags, unread, kept }
    }

    /// Whether nothing will be otherwise than it is.
    pub fn is_as_it_is(&self) -> bool {
        self.made.is_empty() && self.tags.is_empty() && self.unread.is_empty()
    }

    /// The ARNs that stand for sets which are yet to be made.
    pub fn stand_ins(&self) -> StandIns {
        StandIns(self.made.iter().map(|(arn, (name, _))| (arn.clone(), name.clone())).collect())
    }
}

/// ARNs that stand for permission sets which are yet to be made, with their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandIns(BTreeMap<PermissionSetArn, String>);

impl StandIns {
    /// Whether this ARN is no set's yet.
    pub fn has(&self, arn: &PermissionSetArn) -> bool {
        self.0.contains_key(arn)
    }

    /// A scope that was planned so, with the sets that have been made since, by their names.
    pub fn real(&self, scope: Scope, made: &BTreeMap<String, PermissionSetArn>) -> Scope {
        let Scope(keys) = scope;
        let real = |(key, operation): (AssignmentKey, Operation)| {
            let arn = self.0.get(&key.permission_set).and_then(|name| made.get(name));
            let permission_set = arn.cloned().unwrap_or_else(|| key.permission_set.clone());
            (AssignmentKey { permission_set, ..key }, operation)
        };
        Scope(keys.into_iter().map(real).collect::<BTreeSet<_>>())
    }
}

/// The ARN under which a set stands that is yet to be made.
fn stand_in(instance: &InstanceArn, name: &str) -> Option<PermissionSetArn> {
    let (partition, instance) = instance.as_str().split_once(":sso:::instance/")?;
    let digest: [u8; 32] = Sha256::digest(format!("yet to be made: {name}").as_bytes()).into();
    let own = hex(&digest);
    let own = own.get(..12)?;
    format!("{partition}:sso:::permissionSet/{instance}/ps-new.{own}").parse().ok()
}

impl SetSurvey {
    /// What names all that is to be done to permission sets, for the hash of a plan; empty if there is nothing.
    pub fn fingerprint(&self) -> String {
        let told = self.sets.iter().filter(|surveyed| !surveyed.plan.is_quiet());
        let lines = told.map(|surveyed| {
            let changes: Vec<String> =
                surveyed.plan.changes.iter().map(|change| format!("{change:?}")).collect();
            let withheld = match &surveyed.plan.withheld {
                None => String::new(),
                // The same failure has other words each time.
                Some(Withheld::Unread { why: _ }) => "Unread".to_owned(),
                Some(why) => format!("{why:?}"),
            };
            let adopts = surveyed.plan.adopts;
            format!("{} {adopts} {withheld} {}", surveyed.declared.name, changes.join(" "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The sets that are to be made, edited or taken over now, in this order: those that are deleted come last.
    pub fn to_keep(&self) -> impl Iterator<Item = &super::Surveyed> {
        let has_work = |surveyed: &&super::Surveyed| {
            surveyed.plan.withheld.is_none() && (surveyed.plan.has_work() || surveyed.plan.adopts)
        };
        self.sets.iter().filter(has_work).filter(|surveyed| surveyed.plan.changes != [Change::Delete])
    }
}

#[async_trait::async_trait]
impl AccessReader for Foreseen {
    async fn instance(&self) -> Result<Instance, PortError> {
        self.access.instance().await
    }

    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, PortError> {
        let mut sets = self.access.permission_sets().await?;
        sets.extend(self.made.keys().cloned());
        Ok(sets)
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, PortError> {
        match self.made.get(arn) {
            Some((name, _)) => Ok(Some(name.clone())),
            None => self.access.permission_set_name(arn).await,
        }
    }

    async fn permission_set_tags(&self, arn: &PermissionSetArn) -> Result<Option<Tags>, PortError> {
        match self.foretold(arn) {
            Some(Foretold { tags, .. }) => Ok(Some(tags)),
            None => self.access.permission_set_tags(arn).await,
        }
    }

    fn foretold(&self, arn: &PermissionSetArn) -> Option<Foretold> {
        let made = self.made.get(arn).map(|(_, tags)| Foretold { tags: tags.clone(), is_to_be_made: true });
        made.or_else(|| Some(Foretold { tags: self.tags.get(arn)?.clone(), is_to_be_made: false }))
    }

    fn untold(&self) -> BTreeSet<String> {
        self.unread.clone()
    }

    fn kept_then(&self) -> BTreeSet<String> {
        self.kept.clone()
    }

    async fn provisioned_in(&self, account: &AccountId) -> Result<Vec<PermissionSetArn>, PortError> {
        self.access.provisioned_in(account).await
    }

    async fn principals_page(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        token: Option<String>,
    ) -> Result<Page<Principal>, PortError> {
        if self.made.contains_key(permission_set) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        self.access.principals_page(account, permission_set, token).await
    }

    async fn principals(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
    ) -> Result<Vec<Principal>, PortError> {
        if self.made.contains_key(permission_set) {
            return Ok(Vec::new());
        }
        self.access.principals(account, permission_set).await
    }

    async fn assignments_of(&self, principal: &Principal) -> Result<Vec<AssignmentKey>, PortError> {
        self.access.assignments_of(principal).await
    }

    async fn requests_page(
        &self,
        operation: Operation,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.access.requests_page(operation, status, most, token).await
    }

    async fn request(&self, operation: Operation, id: &RequestId) -> Result<Option<Request>, PortError> {
        self.access.request(operation, id).await
    }

    async fn accounts_page(
        &self,
        permission_set: &PermissionSetArn,
        version: OfVersion,
        token: Option<String>,
    ) -> Result<Option<Page<AccountId>>, PortError> {
        self.access.accounts_page(permission_set, version, token).await
    }

    async fn provisionings_page(
        &self,
        status: RequestListing,
        most: usize,
        token: Option<String>,
    ) -> Result<Page<RequestSummary>, PortError> {
        self.access.provisionings_page(status, most, token).await
    }

    async fn provisioning(&self, id: &RequestId) -> Result<Option<Provisioning>, PortError> {
        self.access.provisioning(id).await
    }
}
