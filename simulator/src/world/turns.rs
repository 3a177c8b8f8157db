//! Whose turn it is in an account: AWS updates one IAM role, which is one permission set, per account at a time.
//!
//! The quota is documented (Identity Center user guide, "quotas": "IAM roles in an account that can be updated at a time", one); what
//! becomes of a second request is not, see [`SecondRoleUpdate`](super::SecondRoleUpdate).

use std::collections::{BTreeMap, VecDeque};

use shared::domain::{AccountId, RequestId};

/// The accounts in which a role is being updated.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turns {
    accounts: BTreeMap<AccountId, Turn>,
}

/// One account: an entry exists as long as some request has the turn.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    holder: RequestId,
    /// In the order in which they came.
    waiting: VecDeque<RequestId>,
}

impl Turns {
    /// The accounts in which somebody has the turn, with who it is and who waits.
    pub(super) fn all(&self) -> impl Iterator<Item = (&AccountId, &RequestId, &VecDeque<RequestId>)> {
        self.accounts.iter().map(|(account, turn)| (account, &turn.holder, &turn.waiting))
    }

    /// Whether a role of this account is being updated.
    pub(super) fn is_taken(&self, account: &AccountId) -> bool {
        self.accounts.contains_key(account)
    }

    /// Takes the turn, or waits for it; whether the turn is this request's now.
    pub(super) fn enter(&mut self, account: &AccountId, request: &RequestId) -> bool {
        match self.accounts.get_mut(account) {
            None => {
                let turn = Turn { holder: request.clone(), waiting: VecDeque::new() };
                self.accounts.insert(account.clone(), turn);
                true
            }
            Some(turn) => {
                turn.waiting.push_back(request.clone());
                false
            }
        }
    }

    /// Gives the turn back, if this request has it: those that waited come out, and each has to enter again or to go without.
    pub(super) fn leave(&mut self, account: &AccountId, request: &RequestId) -> VecDeque<RequestId> {
        if self.accounts.get(account).is_some_and(|turn| turn.holder == *request) {
            return self.accounts.remove(account).map(|turn| turn.waiting).unwrap_or_default();
        }
        VecDeque::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_has_the_turn_and_the_others_come_out_in_order_when_it_leaves() {
        let account: AccountId = "111122223333".parse().unwrap();
        let id = |n: u32| -> RequestId { format!("00000000-0000-4000-8000-{n:012}").parse().unwrap() };
        let mut turns = Turns::default();
        assert!(turns.enter(&account, &id(1)));
        assert!(!turns.enter(&account, &id(2)));
        assert!(!turns.enter(&account, &id(3)));

        assert!(turns.leave(&account, &id(2)).is_empty());
        assert!(turns.is_taken(&account));
        assert_eq!(turns.leave(&account, &id(1)), [id(2), id(3)]);
        assert!(!turns.is_taken(&account));
    }
}
