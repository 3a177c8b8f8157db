//! Reading what a decision rests on. Nothing is read twice in one reading, and nothing that failed counts as absent.

mod bulk;
mod catalogue;
mod directory;
mod inventory;
mod unkept;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::{catalogue::ListedSets, directory::Answers};
use super::{EngineSettings, Reader, signed};
use crate::{
    domain::{
        Account, AccountId, AssignmentKey, InstanceArn, OrganizationalUnit, OuId, OuPath, PermissionSet,
        PermissionSetArn, RulesVersion, Tags,
    },
    plan::Actual,
    ports::{
        AccessReader, AccountRecord, LedgerError, LedgerReader, OrganizationFacts, PortError, Seen, SeenKind,
    },
    rules,
};

/// Why nothing could be decided. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("no rules are in force: publish a rule document first")]
    NoRules,
    #[error("cannot fetch the rules `{version}` that are in force")]
    FetchRules { version: RulesVersion, source: PortError },
    #[error("the rules `{version}` that are in force cannot be read")]
    Rules { version: RulesVersion, source: Box<rules::Diagnostics> },
    #[error("cannot read the ledger")]
    Ledger(#[from] LedgerError),
    #[error("cannot read the organization")]
    Organization(#[source] PortError),
    #[error("cannot read account `{account}`")]
    Account { account: AccountId, source: PortError },
    #[error("cannot read the assignments of account `{account}`")]
    Assignments { account: AccountId, source: PortError },
    #[error("cannot use the Identity Center instance")]
    Instance(#[source] PortError),
    #[error(
        "the ledger belongs to the instance `{ledger}`, and this is `{here}`: use the ledger of this instance"
    )]
    OtherInstance { ledger: InstanceArn, here: InstanceArn },
}

/// The fact that says which instance a ledger belongs to, from the first decision on and for good: by a ledger of another
/// instance, everything that is ours would seem to be gone.
const INSTANCE: &str = "instance";

/// Why a name counts neither as borne nor as nobody's.
pub(super) const CONTRADICTION: &str =
    "the directory says that nobody bears a name, and that its bearer is there";

/// The instance that a ledger belongs to, by the facts that it remembers.
pub(super) fn owner<'a>(facts: impl IntoIterator<Item = &'a Seen>) -> Option<InstanceArn> {
    let fact = facts.into_iter().find(|seen| seen.id == INSTANCE)?;
    serde_json::from_value(fact.value.clone()).ok()
}

/// The instance that a ledger belongs to; `None` as long as nothing was decided by it.
pub async fn instance_of(ledger: &dyn LedgerReader) -> Result<Option<InstanceArn>, LedgerError> {
    Ok(owner(&ledger.recall(SeenKind::Fact).await?))
}

/// Refuses a ledger of another instance; one that belongs to none yet is anybody's.
pub async fn of_this_instance(ledger: &dyn LedgerReader, access: &dyn AccessReader) -> Result<(), ReadError> {
    let here = access.instance().await.map_err(ReadError::Instance)?.arn;
    match instance_of(ledger).await? {
        Some(ledger) if ledger != here => Err(ReadError::OtherInstance { ledger, here }),
        Some(_) | None => Ok(()),
    }
}

/// One reading of the world, for one decision or for one survey.
pub(super) struct Reading<'a> {
    reader: Reader<'a>,
    facts_age: SignedDuration,
    started: Timestamp,
    /// Names of OUs that were read before this are not believed: one of them has changed.
    ou_names_since: Option<Timestamp>,
    /// Nothing that was read before this is believed.
    afresh_since: Option<Timestamp>,
    /// Whether names of OUs are believed however long ago they were read: nothing depends on them.
    any_ou_names: bool,
    /// Held while something is asked of the organization that several accounts need: it is asked once.
    asking: futures::lock::Mutex<()>,
    /// What the ledger remembered, and what was read since.
    known: Mutex<BTreeMap<(SeenKind, String), Seen>>,
    /// What was read and is worth remembering.
    learned: Mutex<BTreeSet<(SeenKind, String)>>,
    answers: Answers,
    catalogue: ListedSets,
}

impl<'a> Reading<'a> {
    /// Begins a reading with what the ledger remembers.
    pub(super) async fn begin(reader: Reader<'a>, settings: &EngineSettings) -> Result<Self, ReadError> {
        let mut known = BTreeMap::new();
        for kind in [
            SeenKind::Fact,
            SeenKind::Group,
            SeenKind::User,
            SeenKind::OrganizationalUnit,
            SeenKind::PermissionSet,
            SeenKind::PermissionSetTags,
            SeenKind::PermissionSetName,
        ] {
            for seen in reader.ledger.recall(kind).await? {
                known.insert((kind, seen.id.clone()), seen);
            }
        }
        let here = reader.access.instance().await.map_err(ReadError::Instance)?.arn;
        let owner = owner(known.values());
        let reading = Self {
            reader,
            facts_age: signed(settings.facts_age),
            started: reader.clock.now(),
            ou_names_since: None,
            afresh_since: settings.facts_since,
            any_ou_names: false,
            asking: futures::lock::Mutex::new(()),
            known: Mutex::new(known),
            learned: Mutex::new(BTreeSet::new()),
            answers: Answers::default(),
            catalogue: ListedSets::default(),
        };
        match owner {
            Some(ledger) if ledger != here => return Err(ReadError::OtherInstance { ledger, here }),
            Some(_) => {}
            None => reading.learn(SeenKind::Fact, INSTANCE, &here),
        }
        Ok(reading)
    }

    /// The same reading, believing no name of an OU that was read before this.
    pub(super) fn with_ou_names_since(self, since: Option<Timestamp>) -> Self {
        Self { ou_names_since: since, ..self }
    }

    /// The same reading, believing no name of an OU, no tag and no fact of the organization that was read before `since`, or before it
    /// began itself. What a lost event should have told is then seen.
    pub(super) fn afresh_since(self, since: Option<Timestamp>) -> Self {
        Self { afresh_since: Some(since.unwrap_or(self.started)), ..self }
    }

    /// The same reading, believing names of OUs whenever they were read, where nothing is decided by them.
    pub(super) fn with_any_ou_names(self, any: bool) -> Self {
        Self { any_ou_names: any, ..self }
    }

    /// When the reading began.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// What was learned since the last time this was asked, by kind, to be remembered.
    pub(super) fn learned(&self) -> BTreeMap<SeenKind, Vec<Seen>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let learned = std::mem::take(&mut *self.learned.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_kind: BTreeMap<SeenKind, Vec<Seen>> = BTreeMap::new();
        for entry in learned {
            if let Some(seen) = known.get(&entry) {
                by_kind.entry(entry.0).or_default().push(seen.clone());
            }
        }
        by_kind
    }

    /// The names of all permission sets that are known of.
    pub(super) fn set_names(&self) -> BTreeMap<PermissionSetArn, String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let sets = known.iter().filter(|((kind, _), _)| *kind == SeenKind::PermissionSet);
        sets.filter_map(|(_, seen)| serde_json::from_value::<PermissionSet>(seen.value.clone()).ok())
            .map(|set| (set.arn, set.name))
            .collect()
    }

    /// How many assignments were ours when that was last counted.
    pub(super) fn owned(&self) -> u32 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = known.get(&(SeenKind::Fact, "owned".into())).and_then(|seen| seen.value.as_u64());
        owned.and_then(|owned| u32::try_from(owned).ok()).unwrap_or(0)
    }

    /// What is remembered, however old.
    fn remembered(&self, kind: SeenKind, id: &str) -> Option<Value> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(kind, id.to_owned())).map(|seen| seen.value.clone())
    }

    fn known<T: serde::de::DeserializeOwned>(&self, kind: SeenKind, id: &str) -> Option<T> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let since = self.ou_names_since.filter(|_| kind == SeenKind::OrganizationalUnit);
        let seen = known
            .get(&(kind, id.to_owned()))
            .filter(|seen| match self.afresh_since {
                _ if self.any_ou_names && kind == SeenKind::OrganizationalUnit => true,
                Some(since) => seen.at >= since,
                None => seen.at >= self.started || seen.at + self.facts_age > self.started,
            })
            .filter(|seen| since.is_none_or(|since| seen.at >= since))?;
        serde_json::from_value(seen.value.clone()).ok()
    }

    /// Knows what the ledger remembered of a kind that not every reading asks for.
    fn recalled(&self, kind: SeenKind, seen: Seen) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, seen.id.clone()), seen);
    }

    fn learn(&self, kind: SeenKind, id: &str, value: &impl serde::Serialize) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        let seen = Seen { id: id.to_owned(), value, at: self.started };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, id.to_owned()), seen);
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, id.to_owned()));
    }

    /// One account with its tags and the names of its OUs; `None` only when AWS says that there is no such account.
    pub(super) async fn account(&self, id: &AccountId) -> Result<Option<Account>, ReadError> {
        let failed = |source| ReadError::Account { account: id.clone(), source };
        let Some(record) = self.reader.organization.account(id).await.map_err(failed)? else {
            return Ok(None);
        };
        let tags = self.reader.organization.account_tags(id).await.map_err(failed)?;
        // It is there, and it is not: an account that has departed says so the next time.
        let gone = || failed(PortError::NotFound("it is there, and its tags are gone".into()));
        self.assemble(record, tags.ok_or_else(gone)?).await.map(Some)
    }

    async fn assemble(&self, record: AccountRecord, tags: Tags) -> Result<Account, ReadError> {
        let AccountRecord { id, name, state, root: _, parents } = record;
        let mut path = OuPath::default();
        for ou in parents {
            let name = self.ou_name(&ou, &id).await?;
            path.0.push(OrganizationalUnit { id: ou, name });
        }
        let is_management = self.organization().await?.management_account == id;
        Ok(Account { id, name, state, path, tags, is_management })
    }

    async fn ou_name(&self, ou: &OuId, account: &AccountId) -> Result<String, ReadError> {
        let kind = SeenKind::OrganizationalUnit;
        if let Some(name) = self.known(kind, ou.as_str()) {
            return Ok(name);
        }
        let _asking = self.asking.lock().await;
        if let Some(name) = self.known(kind, ou.as_str()) {
            return Ok(name);
        }
        let failed = |source| ReadError::Account { account: account.clone(), source };
        let name = self.reader.organization.ou_name(ou).await.map_err(failed)?;
        let name = name.ok_or_else(|| failed(PortError::NotFound(format!("its OU `{ou}` is gone"))))?;
        self.learn(kind, ou.as_str(), &name);
        Ok(name)
    }

    pub(super) async fn organization(&self) -> Result<OrganizationFacts, ReadError> {
        if let Some(facts) = self.known(SeenKind::Fact, "organization") {
            return Ok(facts);
        }
        let _asking = self.asking.lock().await;
        if let Some(facts) = self.known(SeenKind::Fact, "organization") {
            return Ok(facts);
        }
        let facts = self.reader.organization.organization().await.map_err(ReadError::Organization)?;
        self.learn(SeenKind::Fact, "organization", &facts);
        Ok(facts)
    }

    /// The assignments of one account, for these permission sets. An account where none of them is provisioned takes one call.
    pub(super) async fn actual(
        &self,
        account: &AccountId,
        sets: &BTreeSet<PermissionSetArn>,
    ) -> Result<Actual, ReadError> {
        let failed = |source| ReadError::Assignments { account: account.clone(), source };
        let read_at = self.reader.clock.now();
        let mut present = BTreeSet::new();
        if !sets.is_empty() {
            let provisioned: BTreeSet<_> =
                self.reader.access.provisioned_in(account).await.map_err(failed)?.into_iter().collect();
            for set in sets.intersection(&provisioned) {
                for principal in self.reader.access.principals(account, set).await.map_err(failed)? {
                    present.insert(AssignmentKey {
                        account: account.clone(),
                        permission_set: set.clone(),
                        principal,
                    });
                }
            }
        }
        Ok(Actual { present, read_at })
    }
}
