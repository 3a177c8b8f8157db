//! What changes in Identity Center, as looks at the accounts that it may touch: those where somebody has something by it, and those
//! where a rule may give something by it.
//!
//! Too many accounts rather than too few: a look at an account costs little, and what is decided there is read from AWS.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Arrival, Inbox, InboxError, Members, Occasion, Rulebook, RulesOnHand, members::Why, outline::outlines,
    reprovision::mark, signed,
};
use crate::{
    domain::{
        AccountId, AssignmentKey, GroupId, Operation, PermissionSet, PermissionSetArn, Principal, RequestId,
        UserId,
    },
    events::{DirectoryHint, Hint, PermissionSetHint, Told},
    ledger::{Edit, Row, State},
    metrics::Metric,
    outcome::{Drift, Happened, Outcome, Response},
    ports::{AccessReader, Directory, LastName, LedgerError, Request, RequestStatus, Seen, SeenKind},
    rules::{About, Reach},
};

/// Where hints about groups, users and permission sets go in.
#[derive(Clone, Copy)]
pub struct CenterInbox<'a> {
    pub inbox: Inbox<'a>,
    pub directory: &'a dyn Directory,
    pub access: &'a dyn AccessReader,
    pub rulebook: &'a Rulebook,
    /// The ARNs of the roles that Usher's own requests to assign are made with.
    pub own_roles: &'a [String],
    /// [`super::EngineSettings::facts_age`]
    pub facts_age: Duration,
}

impl std::fmt::Debug for CenterInbox<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CenterInbox").field("facts_age", &self.facts_age).finish_non_exhaustive()
    }
}

/// Who hears of somebody else's assignments.
const FUNCTION: &str = "on-permission-set-event";

/// How often, and after how long each time, another's request is asked about that is under way.
const ASKED: u32 = 6;
const ASKED_AGAIN: Duration = Duration::from_secs(5);

/// Up to so many accounts are looked at rather than all accounts asked for their tags, which comes late for those that have just changed.
const ONE_BY_ONE: usize = 20;

/// What is to be looked at for a change.
#[derive(Default)]
struct Touched<'r> {
    /// Where rules may be about it.
    given: Vec<Reach<'r>>,
    /// Accounts with rows of these.
    principals: BTreeSet<Principal>,
    permission_sets: BTreeSet<PermissionSetArn>,
    /// Groups whose members may be others now, and whether rules name them.
    changed: BTreeMap<GroupId, bool>,
    /// Those of them that have just appeared.
    appeared: BTreeSet<GroupId>,
    /// Whom an event says to have joined the one that it names.
    joined: Option<UserId>,
    /// To be remembered once the looks are in the inbox.
    learned: Vec<(SeenKind, Seen)>,
}

impl Touched<'_> {
    fn has(&self, row: &Row) -> bool {
        row.state != State::Closed
            && (self.principals.contains(&row.key.principal)
                || self.permission_sets.contains(&row.key.permission_set))
    }
}

impl CenterInbox<'_> {
    /// Submits what a change of groups or users may touch; tells how many accounts that is.
    pub async fn directory<'o>(
        &self,
        hint: &DirectoryHint,
        occasion: impl Into<Occasion<'o>>,
    ) -> Result<usize, InboxError> {
        let occasion = occasion.into();
        let Some(rules) = self.rulebook.if_any(self.inbox.ledger).await.map_err(InboxError::Rules)? else {
            return Ok(0);
        };
        let mut touched = Touched::default();
        match hint {
            DirectoryHint::NewGroup(id) => {
                touched.appeared.insert(id.clone());
                self.group(&rules, id, &mut touched).await?;
            }
            DirectoryHint::Group(id) => self.group(&rules, id, &mut touched).await?,
            DirectoryHint::Groups(ids) => {
                for id in ids {
                    self.group(&rules, id, &mut touched).await?;
                }
            }
            DirectoryHint::GroupMember { group, user, joined } => {
                touched.joined = user.clone().filter(|_| *joined);
                self.members(&rules, group, &mut touched).await?;
            }
            // Whose it was can't be asked any more.
            DirectoryHint::Membership(id) => match self.all_members().group_of(id).await? {
                Some(group) => self.members(&rules, &group, &mut touched).await?,
                None => touched.given.extend(rules.index.accounts_about(About::Members)),
            },
            DirectoryHint::User(id) => self.user(&rules, id, &mut touched).await?,
            DirectoryHint::Users(ids) => {
                for id in ids {
                    self.user(&rules, id, &mut touched).await?;
                }
            }
            DirectoryHint::Directory => return self.inbox.submit(&Hint::Everything, occasion).await,
        }
        self.send(touched, occasion).await
    }

    fn all_members(&self) -> Members<'_> {
        let Inbox { ledger, clock, .. } = self.inbox;
        Members { ledger, directory: self.directory, clock }
    }

    /// The same of permission sets, and of assignments that somebody has asked for.
    ///
    /// An edit makes the permission set due to be reprovisioned.
    pub async fn permission_set(
        &self,
        hint: &PermissionSetHint,
        arrival: &Arrival,
    ) -> Result<usize, InboxError> {
        let (event, occasion) = (&arrival.event, Occasion::from(arrival));
        match hint {
            PermissionSetHint::Changed(arn) | PermissionSetHint::Named(arn) => {
                let Some(rules) = self.rulebook.if_any(self.inbox.ledger).await.map_err(InboxError::Rules)?
                else {
                    return Ok(0);
                };
                let mut touched = Touched::default();
                self.set(&rules, arn, &mut touched).await?;
                self.send(touched, occasion).await
            }
            PermissionSetHint::Assignment { key, request } => {
                // What was uncertain may be one too many, now that it can be taken away.
                let is_settled = self.confirm(key, request.as_ref(), arrival).await?;
                if !is_settled && self.is_ours(key, request.as_ref(), arrival).await? {
                    return Ok(0);
                }
                if let (Some(request), false) = (request, is_settled || self.is_of_our_role(arrival)) {
                    self.tell_if_foreign(key, request, occasion).await?;
                }
                self.inbox.send([key.account.clone()], occasion, None).await
            }
            // Nobody has another permission set by it, so no account is looked at.
            PermissionSetHint::Edited(arn) => {
                let now = self.inbox.clock.now();
                let Told { name, by, role, at } = arrival.told.clone();
                let edit = Edit { event: event.clone(), name, by, role, at: at.unwrap_or(now) };
                mark(self.inbox.ledger, self.inbox.clock, arn, &edit).await?;
                Ok(0)
            }
            // Our own calls come back so. Whoever else made one, a campaign asks who has an old version at its own time.
            PermissionSetHint::Provisioned(_) => Ok(0),
            PermissionSetHint::PermissionSets => {
                let ledger = self.inbox.ledger;
                let known = ledger.recall(SeenKind::PermissionSetTags).await?;
                let unknown: Vec<Seen> = known.into_iter().map(|seen| self.unknown_tags(seen.id)).collect();
                ledger.remember(SeenKind::PermissionSetTags, &unknown).await?;
                self.inbox.submit(&Hint::Everything, occasion).await
            }
        }
    }

    /// A group that still bears the name that an event has told last has at most other members.
    async fn group<'r>(
        &self,
        rules: &'r RulesOnHand,
        id: &GroupId,
        touched: &mut Touched<'r>,
    ) -> Result<(), InboxError> {
        let now = self.directory.group_name(id).await.map_err(InboxError::Directory)?;
        let before = self.last_name(SeenKind::GroupName, id.as_str()).await?;
        let mut names = self.remembered_names(id).await?;
        names.extend(now.clone());
        let is_no_news =
            |before: &LastName| before.hinted && !before.gone && Some(&before.name) == now.as_ref();
        if before.as_ref().is_some_and(is_no_news) {
            let is_named = !rules.index.rules_about(About::Group { id, names: &names }).is_empty();
            touched.changed.insert(id.clone(), is_named);
            touched.given.extend(rules.index.accounts_about(About::MembersOf { id, names: &names }));
            return Ok(());
        }
        names.extend(before.clone().map(|before| before.name));
        let about = About::Group { id, names: &names };
        touched.given.extend(rules.index.accounts_about(about));
        touched.principals.insert(Principal::Group(id.clone()));
        let is_named = now.is_some() && !rules.index.rules_about(about).is_empty();
        touched.changed.insert(id.clone(), is_named);
        self.learn_name(SeenKind::GroupName, id.as_str(), now, before, touched);
        Ok(())
    }

    async fn members<'r>(
        &self,
        rules: &'r RulesOnHand,
        id: &GroupId,
        touched: &mut Touched<'r>,
    ) -> Result<(), InboxError> {
        let are_kept = self.all_members().are_kept(id).await?;
        if are_kept && rules.index.rules_about(About::Members).is_empty() {
            touched.changed.insert(id.clone(), false);
            return Ok(());
        }
        let mut names = self.remembered_names(id).await?;
        names.extend(self.directory.group_name(id).await.map_err(InboxError::Directory)?);
        // No sweep may have been by since the group was given something.
        let is_named = !rules.index.rules_about(About::Group { id, names: &names }).is_empty();
        touched.changed.insert(id.clone(), is_named);
        touched.given.extend(rules.index.accounts_about(About::MembersOf { id, names: &names }));
        Ok(())
    }

    async fn user<'r>(
        &self,
        rules: &'r RulesOnHand,
        id: &UserId,
        touched: &mut Touched<'r>,
    ) -> Result<(), InboxError> {
        let now = self.directory.user_name(id).await.map_err(InboxError::Directory)?;
        if now.is_none() {
            // It has left every group without an event of its own.
            touched
                .changed
                .extend(self.all_members().groups_with(id).await?.into_iter().map(|it| (it, false)));
        }
        let before = self.last_name(SeenKind::UserName, id.as_str()).await?;
        let mut names: BTreeSet<String> = now.iter().cloned().collect();
        names.extend(before.iter().map(|before| before.name.clone()));
        self.learn_name(SeenKind::UserName, id.as_str(), now, before, touched);
        touched.given.extend(rules.index.accounts_about(About::User { id, names: &names }));
        touched.principals.insert(Principal::User(id.clone()));
        Ok(())
    }

    /// Whoever began to read a permission set's tags before this can't put them back.
    fn unknown_tags(&self, id: String) -> Seen {
        Seen { id, value: serde_json::Value::Null, at: self.inbox.clock.now() }
    }

    async fn set<'r>(
        &self,
        rules: &'r RulesOnHand,
        arn: &PermissionSetArn,
        touched: &mut Touched<'r>,
    ) -> Result<(), InboxError> {
        let unknown = self.unknown_tags(arn.to_string());
        self.inbox.ledger.remember(SeenKind::PermissionSetTags, &[unknown]).await?;
        let remembered = self.inbox.ledger.recall_one(SeenKind::PermissionSet, arn.as_str()).await?;
        let name = match remembered.and_then(|seen| serde_json::from_value::<PermissionSet>(seen.value).ok())
        {
            // It never has another one.
            Some(set) => Some(set.name),
            None => self.access.permission_set_name(arn).await.map_err(InboxError::PermissionSet)?,
        };
        let about = About::PermissionSet { arn, name: name.as_deref() };
        touched.given.extend(rules.index.accounts_about(about));
        touched.permission_sets.insert(arn.clone());
        Ok(())
    }

    /// The name with which a group or a user was last seen.
    async fn last_name(&self, kind: SeenKind, id: &str) -> Result<Option<LastName>, LedgerError> {
        let seen = self.inbox.ledger.recall_one(kind, id).await?;
        Ok(seen.and_then(|seen| serde_json::from_value(seen.value).ok()))
    }

    /// What is gone keeps its name.
    fn learn_name(
        &self,
        kind: SeenKind,
        id: &str,
        now: Option<String>,
        before: Option<LastName>,
        touched: &mut Touched<'_>,
    ) {
        let gone = now.is_none();
        if let Some(name) = now.or(before.map(|before| before.name)) {
            let value = serde_json::to_value(LastName { name, gone, hinted: true }).unwrap_or_default();
            touched.learned.push((kind, Seen { id: id.to_owned(), value, at: self.inbox.clock.now() }));
        }
    }

    /// The names by which rules have found the group.
    async fn remembered_names(&self, id: &GroupId) -> Result<BTreeSet<String>, LedgerError> {
        let is_it =
            |seen: &Seen| serde_json::from_value::<GroupId>(seen.value.clone()).is_ok_and(|of| of == *id);
        let found = self.inbox.ledger.recall(SeenKind::Group).await?;
        Ok(found.into_iter().filter(is_it).map(|seen| seen.id).collect())
    }

    /// Whether a request to assign is one that the ledger knows. Its event may come before AWS's answer is written down: then the engine finds
    /// out whose it is, unless the event says that it is another's. That leads to a look as soon as ours has ended.
    async fn is_ours(
        &self,
        key: &AssignmentKey,
        request: Option<&RequestId>,
        arrival: &Arrival,
    ) -> Result<bool, LedgerError> {
        let Some(row) = self.inbox.ledger.row(key).await? else { return Ok(false) };
        let present = row.claim().map(|claim| claim.request.as_ref());
        let is_known =
            request.is_some() && (present == Some(request) || row.last_request.as_ref() == request);
        let is_by_another =
            !self.own_roles.is_empty() && arrival.caller_role.is_some() && !self.is_of_our_role(arrival);
        Ok(is_known || (present == Some(None) && !is_by_another))
    }

    /// Tells of an assignment that somebody else has made, once AWS shows it. What becomes of one that a rule wants, or that was ours, is told by who
    /// looks at the account.
    async fn tell_if_foreign(
        &self,
        key: &AssignmentKey,
        request: &RequestId,
        occasion: Occasion<'_>,
    ) -> Result<(), InboxError> {
        let ledger = self.inbox.ledger;
        let row = ledger.row(key).await?;
        if row.as_ref().is_some_and(|row| row.state != State::Closed) {
            return Ok(());
        }
        // What a delete of ours has ended since is not there any more.
        let ended = row.and_then(|row| row.closed_at);
        if self.has_made(key, request, ended).await? {
            let happened = Happened::DriftFound {
                assignment: key.clone(),
                drift: Drift::Foreign,
                response: Response::Left,
            };
            let (cause, now) = (self.inbox.cause(occasion), self.inbox.clock.now());
            let outcome = Outcome::new(happened, occasion.event, now, cause);
            ledger.tell(&[outcome]).await?;
            Metric::Drift.tell(FUNCTION, now, 1);
        }
        Ok(())
    }

    /// Whether this request has made the assignment, after whatever has ended one before: one that is under way is asked about for a while. A request to delete is none that AWS
    /// knows among those to create.
    async fn has_made(
        &self,
        key: &AssignmentKey,
        request: &RequestId,
        ended: Option<Timestamp>,
    ) -> Result<bool, InboxError> {
        for _ in 0..ASKED {
            let described = self.access.request(Operation::Grant, request).await;
            match described.map_err(InboxError::Request)? {
                Some(Request { status: RequestStatus::InProgress, .. }) => {
                    self.inbox.clock.sleep(ASKED_AGAIN).await;
                }
                Some(Request { status: RequestStatus::Succeeded, key: of, created_at, .. }) => {
                    let is_over = ended.zip(created_at).is_some_and(|(ended, made)| made < ended);
                    return Ok(of.as_ref() == Some(key) && !is_over);
                }
                Some(Request { status: RequestStatus::Failed(_), .. }) | None => return Ok(false),
            }
        }
        tracing::info!(account.id = %key.account, %key, "{key}: somebody else's request takes long, and is not told of");
        Ok(false)
    }

    /// Whether the call was made with one of Usher's own roles, as far as the event says.
    pub(super) fn is_of_our_role(&self, arrival: &Arrival) -> bool {
        arrival.caller_role.as_ref().is_some_and(|role| self.own_roles.contains(role))
    }

    /// The accounts where rules may be about what has changed.
    async fn reached(&self, given: &[Reach<'_>]) -> Result<BTreeSet<AccountId>, InboxError> {
        if given.is_empty() {
            return Ok(BTreeSet::new());
        }
        let Inbox { organization, ledger, clock, .. } = self.inbox;
        let fresh = clock.now() - signed(self.facts_age);
        let mut reached = outlines(organization, ledger, fresh).await?;
        reached.retain(|account| given.iter().any(|reach| reach.may_touch(account, None)));
        if reached.len() > ONE_BY_ONE && given.iter().any(Reach::depends_on_tags) {
            match organization.tags_in_bulk().await {
                Ok(tags) => reached.retain(|account| {
                    let tags = tags.get(&account.id);
                    given.iter().any(|reach| reach.may_touch(account, tags))
                }),
                // Whatever the reason: each account that is looked at can be asked for its own.
                Err(error) => tracing::info!(%error, "no tags in bulk; looking at more accounts"),
            }
        }
        Ok(reached.into_iter().map(|account| account.id).collect())
    }

    async fn send(&self, touched: Touched<'_>, occasion: Occasion<'_>) -> Result<usize, InboxError> {
        let ledger = self.inbox.ledger;
        let mut accounts = self.reached(&touched.given).await?;
        if !(touched.principals.is_empty() && touched.permission_sets.is_empty()) {
            let mut after = None;
            loop {
                let page = ledger.rows(after.as_deref()).await?;
                let rows = page.items.iter().filter(|row| touched.has(row));
                accounts.extend(rows.map(|row| row.key.account.clone()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        let sent = self.inbox.send(accounts, occasion, None).await?;
        for (group, is_named) in &touched.changed {
            if *is_named || self.all_members().are_kept(group).await? {
                let cause = self.inbox.cause(occasion);
                let is_new = touched.appeared.contains(group);
                let why = Why::of(&cause).naming(touched.joined.as_ref()).appearing(is_new);
                self.all_members().compare(group, why).await?;
            }
        }
        // INVARIANT: only once all looks are in the inbox. Else a crash would leave a change that nobody sees any more.
        for (kind, seen) in touched.learned {
            ledger.remember(kind, &[seen]).await?;
        }
        Ok(sent)
    }
}
