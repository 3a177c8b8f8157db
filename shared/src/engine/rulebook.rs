//! The rules in force, compiled once for each version.

use std::sync::{Arc, Mutex, PoisonError};

use super::ReadError;
use crate::{
    domain::RulesVersion,
    ports::{LedgerReader, PortError, RulesStore},
    rules::{self, Bundle, Index},
};

/// Rules that have been read and compiled.
#[derive(Debug, Clone)]
pub struct RulesOnHand {
    pub version: RulesVersion,
    pub index: Arc<Index>,
}

impl RulesOnHand {
    /// Reads and compiles a bundle.
    pub fn of(bundle: &Bundle) -> Result<Self, rules::Diagnostics> {
        Ok(Self { version: bundle.version(), index: Arc::new(Index::compile(rules::read(bundle)?)) })
    }
}

/// Gives out the rules in force. The ledger is asked each time which version that is; a version is fetched and compiled once.
pub struct Rulebook {
    source: Source,
    on_hand: Mutex<Option<RulesOnHand>>,
}

enum Source {
    Store(Arc<dyn RulesStore>),
    /// Rules that are not in force, for a plan of what they would do.
    Fixed,
}

impl std::fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rulebook").field("on_hand", &self.on_hand).finish_non_exhaustive()
    }
}

impl Rulebook {
    /// The rules that the ledger says are in force, fetched from a store.
    pub fn of_store(store: Arc<dyn RulesStore>) -> Self {
        Self { source: Source::Store(store), on_hand: Mutex::new(None) }
    }

    /// These rules, whatever is in force: for planning only, since no intent can be written under them.
    pub fn fixed(rules: RulesOnHand) -> Self {
        Self { source: Source::Fixed, on_hand: Mutex::new(Some(rules)) }
    }

    /// The rules in force; `None` where none were ever published.
    pub(super) async fn if_any(&self, ledger: &dyn LedgerReader) -> Result<Option<RulesOnHand>, ReadError> {
        match self.rules(ledger).await {
            Err(ReadError::NoRules) => Ok(None),
            rules => rules.map(Some),
        }
    }

    /// The rules in force.
    pub async fn in_force(&self, ledger: &dyn LedgerReader) -> Result<RulesOnHand, ReadError> {
        self.rules(ledger).await
    }

    pub(super) async fn rules(&self, ledger: &dyn LedgerReader) -> Result<RulesOnHand, ReadError> {
        let on_hand = || self.on_hand.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let store = match &self.source {
            Source::Fixed => return on_hand().ok_or(ReadError::NoRules),
            Source::Store(store) => store,
        };
        let in_force = ledger.rules_in_force().await?.ok_or(ReadError::NoRules)?;
        if let Some(rules) = on_hand().filter(|rules| rules.version == in_force.version) {
            return Ok(rules);
        }
        let version = in_force.version;
        let bundle = store
            .bundle(&version)
            .await
            .map_err(|source| ReadError::FetchRules { version: version.clone(), source })?;
        // A version is the content's own name: a store that gives something else has been tampered with, or is not what it was.
        if bundle.version() != version {
            let source = PortError::Refused("what is kept under that name is something else".to_owned());
            return Err(ReadError::FetchRules { version, source });
        }
        let rules = RulesOnHand::of(&bundle)
            .map_err(|source| ReadError::Rules { version, source: Box::new(source) })?;
        *self.on_hand.lock().unwrap_or_else(PoisonError::into_inner) = Some(rules.clone());
        Ok(rules)
    }
}
