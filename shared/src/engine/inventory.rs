//! The accounts and the permission sets that there are, with all that scopes look at: for people who hand parts of it to others.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Planner, ReadError, RulesOnHand, look::Look};
use crate::{
    domain::{Account, AccountId, PermissionSet},
    resolve::{Lookup, Needs},
};

/// What there is.
#[derive(Debug)]
pub struct Inventory {
    pub rules: RulesOnHand,
    /// Ordered by id.
    pub accounts: Vec<Account>,
    /// Accounts that could not be read, with the reason.
    pub unread: BTreeMap<AccountId, ReadError>,
    /// With their tags.
    pub permission_sets: Lookup<Vec<PermissionSet>>,
    /// When the reading began.
    pub read_at: Timestamp,
}

impl Planner<'_> {
    /// Reads every account of the organization with its OUs and tags, and every permission set with its tags.
    pub async fn inventory(&self) -> Result<Inventory, ReadError> {
        let mut look = Look::begin(self, None).await?;
        let all = look.accounts();
        let (mut accounts, _) = look.read(&all).await;
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        let needs = Needs { permission_sets: true, permission_set_tags: true, ..Needs::default() };
        let permission_sets = match look.reading.facts(&needs).await.permission_sets {
            Lookup::Found(catalogue) => Lookup::Found(catalogue.sets().to_vec()),
            Lookup::Absent => Lookup::Absent,
            Lookup::Failed(why) => Lookup::Failed(why),
        };
        let read_at = look.reading.started();
        let Look { rules, unread, .. } = look;
        Ok(Inventory { rules, accounts, unread, permission_sets, read_at })
    }
}
