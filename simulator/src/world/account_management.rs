//! The Account Management service, as far as it changes what rules select: the renaming of accounts.
//!
//! It speaks REST and not JSON 1.1, so it is no service of the wire here but something that a person does, with its event.

use jiff::Timestamp;
use serde_json::json;
use shared::domain::AccountId;

use super::{World, events};
use crate::{ApiError, Caller};

/// The service whose trusted access lets the management account rename others.
const SERVICE: &str = "account.amazonaws.com";

impl World {
    /// `PutAccountName`: a person renames an account; without an account, the one that the caller is in. The event comes either way.
    pub fn rename_account(
        &mut self,
        now: Timestamp,
        by: &Caller,
        account: Option<&AccountId>,
        name: &str,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let renamed = self.may_rename(by, account, name).map(|account| {
            self.organization.change(self.now, &account, |facts| name.clone_into(&mut facts.name));
        });
        let mut parameters = json!({ "accountName": events::HIDDEN });
        if let (Some(account), Some(members)) = (account, parameters.as_object_mut()) {
            members.insert("accountId".to_owned(), json!(account));
        }
        let event =
            events::account_management(self, by, "PutAccountName", &parameters, renamed.as_ref().err());
        self.send(&event);
        renamed
    }

    fn may_rename(
        &self,
        by: &Caller,
        account: Option<&AccountId>,
        name: &str,
    ) -> Result<AccountId, ApiError> {
        let denied = |message: &str| Err(ApiError::denied(message));
        let fine = |letter: char| (' '..='~').contains(&letter) && letter != '<' && letter != '>';
        if !(1..=50).contains(&name.chars().count()) || !name.chars().all(fine) {
            return Err(ApiError::validation(
                "The account name must have 1 to 50 printable ASCII characters other than < and >.",
            ));
        }
        let organization = &self.organization;
        let Some(account) = account else {
            // Outside of the organization nobody here would notice.
            return match organization.account(&by.account) {
                Some(_) => Ok(by.account.clone()),
                None => denied("The account is not known."),
            };
        };
        let administers = by.account == organization.management
            || organization
                .delegations
                .get(&by.account)
                .is_some_and(|services| services.contains_key(SERVICE));
        if !administers || !organization.services.contains_key(SERVICE) {
            return denied("Account Management's trusted access, or the right to administer it, is missing.");
        }
        if *account == organization.management || organization.account(account).is_none() {
            return denied("The account must be a member account of the organization.");
        }
        Ok(account.clone())
    }
}
