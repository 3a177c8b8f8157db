//! Reading what a decision rests on. Nothing is read twice in one reading, and nothing that failed counts as absent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{EngineSettings, Reader, consent::ConfirmedName, signed};
use crate::{
    domain::{
        Account, AccountId, AssignmentKey, GroupId, InstanceArn, OrganizationalUnit, OuId, OuPath,
        PermissionSet, PermissionSetArn, Principal, RulesVersion, Tags, UserId,
    },
    plan::Actual,
    ports::{AccountRecord, LedgerError, OrganizationFacts, PortError, Seen, SeenKind},
    resolve::{Catalogue, Facts, Lookup, Needs},
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

/// One reading of the world, for one decision or for one survey.
pub(super) struct Reading<'a> {
    reader: Reader<'a>,
    facts_age: SignedDuration,
    started: Timestamp,
    /// Names of OUs that were read before this are not believed: one of them has changed.
    ou_names_since: Option<Timestamp>,
    /// Nothing that was read before this reading began is believed.
    afresh: bool,
    /// Held while something is asked of the organization that several accounts need: it is asked once.
    asking: futures::lock::Mutex<()>,
    /// What the ledger remembered, and what was read since.
    known: Mutex<BTreeMap<(SeenKind, String), Seen>>,
    /// What was read and is worth remembering.
    learned: Mutex<BTreeSet<(SeenKind, String)>>,
}

impl<'a> Reading<'a> {
    /// Begins a reading with what the ledger remembers.
    pub(super) async fn begin(reader: Reader<'a>, settings: &EngineSettings) -> Result<Self, ReadError> {
        let mut known = BTreeMap::new();
        for kind in [
            SeenKind::Fact,
            SeenKind::Group,
            SeenKind::OrganizationalUnit,
            SeenKind::PermissionSet,
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
            afresh: false,
            asking: futures::lock::Mutex::new(()),
            known: Mutex::new(known),
            learned: Mutex::new(BTreeSet::new()),
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

    /// The same reading, believing no name of an OU, permission set or fact of the organization that was read before it began.
    /// What a lost event should have told is then seen.
    pub(super) fn afresh(self) -> Self {
        Self { afresh: true, ..self }
    }

    /// When the reading began.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    /// What was learned, by kind, to be remembered.
    pub(super) fn learned(&self) -> BTreeMap<SeenKind, Vec<Seen>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_kind: BTreeMap<SeenKind, Vec<Seen>> = BTreeMap::new();
        for entry in learned.iter() {
            if let Some(seen) = known.get(entry) {
                by_kind.entry(entry.0).or_default().push(seen.clone());
            }
        }
        by_kind
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
            .filter(|seen| {
                seen.at >= self.started || (!self.afresh && seen.at + self.facts_age > self.started)
            })
            .filter(|seen| since.is_none_or(|since| seen.at >= since))?;
        serde_json::from_value(seen.value.clone()).ok()
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

    /// All accounts as they are listed.
    pub(super) async fn records(&self) -> Result<Vec<AccountRecord>, ReadError> {
        self.reader.organization.accounts().await.map_err(ReadError::Organization)
    }

    /// A listed account with its tags and the names of its OUs.
    pub(super) async fn listed(&self, record: AccountRecord) -> Result<Account, ReadError> {
        let id = record.id.clone();
        let failed = |source| ReadError::Account { account: id.clone(), source };
        let tags = self.reader.organization.account_tags(&id).await.map_err(failed)?;
        let gone = || failed(PortError::NotFound("it was listed, and its tags are gone".into()));
        self.assemble(record, tags.ok_or_else(gone)?).await
    }

    async fn assemble(&self, record: AccountRecord, tags: Tags) -> Result<Account, ReadError> {
        let AccountRecord { id, name, state, parents } = record;
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

    async fn organization(&self) -> Result<OrganizationFacts, ReadError> {
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

    /// Looks up what rules name. Never fails as a whole: each look-up that failed says so in its place.
    pub(super) async fn facts(&self, needs: &Needs) -> Facts {
        let directory = self.reader.directory;
        let group = async |name: &String| lookup(directory.group_id(name).await);
        let user = async |name: &String| lookup(directory.user_id(name).await);
        let group_id = async |id: &GroupId| exists(directory.group_name(id).await);
        let user_id = async |id: &UserId| exists(directory.user_name(id).await);
        let members = async |id: &GroupId| match lookup(directory.members(id).await) {
            // Its members would lose access by it, and they are still there: it must really be gone.
            Lookup::Absent => match directory.group_name(id).await {
                Ok(None) => Lookup::Absent,
                Ok(Some(_)) => Lookup::Failed(CONTRADICTION.to_owned()),
                Err(error) => Lookup::Failed(error.to_string()),
            },
            found @ (Lookup::Found(_) | Lookup::Failed(_)) => found,
        };

        let groups = each(&needs.groups, group).await;
        // Apart from the others: a doubt that one account has must not be another's.
        let mut member_groups = BTreeMap::new();
        for name in &needs.members_of {
            if let Some(mut found) = groups.get(name).cloned() {
                self.doubt(name, &mut found).await;
                member_groups.insert(name.clone(), found);
            }
        }
        let named = member_groups.values().filter_map(|found| match found {
            Lookup::Found(id) => Some(id.clone()),
            Lookup::Absent | Lookup::Failed(_) => None,
        });
        let of: BTreeSet<GroupId> = needs.members_of_ids.iter().cloned().chain(named).collect();
        let (permission_sets, confirmed) = if needs.permission_sets {
            match self.confirmed_names() {
                Ok(confirmed) => (self.catalogue().await, confirmed),
                // Any set might be another than the one that was confirmed.
                Err(why) => (Lookup::Failed(why), BTreeMap::new()),
            }
        } else {
            (Lookup::Found(Catalogue::default()), BTreeMap::new())
        };
        Facts {
            users: each(&needs.users, user).await,
            group_ids: each(&needs.group_ids, group_id).await,
            user_ids: each(&needs.user_ids, user_id).await,
            members: each(&of, members).await,
            groups,
            member_groups,
            permission_sets,
            confirmed,
        }
    }

    /// Who loses access when a group's name is gone are its members, and they are still there: the group that bore the name
    /// last must be gone too, or bear another one. Otherwise one of the two answers is stale.
    async fn doubt(&self, name: &str, found: &mut Lookup<GroupId>) {
        let before = self.remembered(SeenKind::Group, name);
        let before: Option<GroupId> = before.and_then(|value| serde_json::from_value(value).ok());
        match found {
            Lookup::Found(id) if before.as_ref() != Some(id) => self.learn(SeenKind::Group, name, id),
            Lookup::Found(_) | Lookup::Failed(_) => {}
            Lookup::Absent => {
                let Some(before) = before else { return };
                match self.reader.directory.group_name(&before).await {
                    Ok(Some(now)) if now == name => *found = Lookup::Failed(CONTRADICTION.to_owned()),
                    Ok(Some(_) | None) => {}
                    Err(error) => *found = Lookup::Failed(error.to_string()),
                }
            }
        }
    }

    /// Which permission set each name stands for, as far as it was seen or confirmed before.
    fn confirmed_names(&self) -> Result<BTreeMap<String, PermissionSetArn>, String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let names =
            known.values().zip(known.keys()).filter(|(_, (kind, _))| *kind == SeenKind::PermissionSetName);
        let read = names.map(|(seen, _)| match serde_json::from_value(seen.value.clone()) {
            Ok(ConfirmedName { permission_set, consent: _ }) => Ok((seen.id.clone(), permission_set)),
            Err(_) => {
                Err(format!("what the ledger remembers of the permission set `{}` can't be read", seen.id))
            }
        });
        read.collect()
    }

    /// Learns which permission sets bear the names that rules have found. A name that is known already keeps the set that it
    /// stands for: only a person gives it another.
    pub(super) fn learn_names(&self, named: &BTreeMap<String, PermissionSetArn>) {
        for (name, permission_set) in named {
            if self.remembered(SeenKind::PermissionSetName, name).is_none() {
                let seen = ConfirmedName { permission_set: permission_set.clone(), consent: None };
                self.learn(SeenKind::PermissionSetName, name, &seen);
            }
        }
    }

    async fn catalogue(&self) -> Lookup<Catalogue> {
        match self.permission_sets().await {
            Ok(sets) => Lookup::Found(sets.into()),
            Err(error) => Lookup::Failed(format!("permission sets: {error}")),
        }
    }

    /// The whole catalogue: listed afresh, since a set may be new or gone; names and tags as old as the settings allow.
    async fn permission_sets(&self) -> Result<Vec<PermissionSet>, PortError> {
        let access = self.reader.access;
        let mut sets = Vec::new();
        for arn in access.permission_sets().await? {
            if let Some(set) = self.known::<PermissionSet>(SeenKind::PermissionSet, arn.as_str()) {
                sets.push(set);
            } else if let Some(set) = access.permission_set(&arn).await? {
                self.learn(SeenKind::PermissionSet, arn.as_str(), &set);
                sets.push(set);
            }
        }
        Ok(sets)
    }

    /// The names that principals bear now, if they still exist.
    pub(super) async fn standing(
        &self,
        principals: &BTreeSet<Principal>,
    ) -> BTreeMap<Principal, Lookup<String>> {
        let directory = self.reader.directory;
        each(principals, async |principal: &Principal| match principal {
            Principal::Group(id) => lookup(directory.group_name(id).await),
            Principal::User(id) => lookup(directory.user_name(id).await),
        })
        .await
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

/// Asks about each, a few at a time: the directory takes 20 calls a second.
async fn each<K: Ord + Clone, V>(keys: &BTreeSet<K>, ask: impl AsyncFn(&K) -> V) -> BTreeMap<K, V> {
    let ask = &ask;
    stream::iter(keys).map(async |key| (key.clone(), ask(key).await)).buffered(4).collect().await
}

fn lookup<T>(found: Result<Option<T>, PortError>) -> Lookup<T> {
    match found {
        Ok(Some(found)) => Lookup::Found(found),
        Ok(None) => Lookup::Absent,
        Err(error) => Lookup::Failed(error.to_string()),
    }
}

fn exists<T>(found: Result<Option<T>, PortError>) -> Lookup<()> {
    lookup(found.map(|found| found.map(|_| ())))
}
