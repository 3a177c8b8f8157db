//! What happens in the local runtime, told as it happens.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use shared::{
    domain::AccountId,
    engine::{Heard, Reconciled, ReportSummary, SweepSummary, Taken},
    ledger::{CampaignRecord, Row},
    outcome::Outcome,
    plan::Withheld,
    ports::Clock,
};
use tokio::sync::mpsc::UnboundedSender;

/// Something that has happened.
#[derive(Debug, Clone)]
pub enum News {
    /// An event was delivered.
    Event {
        at: Timestamp,
        /// `eventName`, or the detail type where there is none.
        name: String,
        /// The id that a hint's cause carries.
        id: String,
        outcome: Heard,
    },
    /// Uploaded rules were looked at.
    Upload {
        at: Timestamp,
        /// The event's id.
        id: String,
        taken: Taken,
    },
    /// An account was looked at; whatever was to be written has been.
    Looked {
        at: Timestamp,
        account: AccountId,
        cause: String,
        /// Intents that were written.
        grants: usize,
        revokes: usize,
        withheld: Vec<Withheld>,
    },
    /// An account could not be looked at; it will be again.
    NotLooked { at: Timestamp, account: AccountId, error: String },
    /// Everything was looked at.
    Swept { at: Timestamp, found: SweepSummary },
    /// There is a new report.
    Audited { at: Timestamp, made: ReportSummary },
    /// A function failed; it runs again by itself.
    Trouble { at: Timestamp, what: &'static str, error: String },
    /// A campaign of reprovisioning is over.
    Reprovisioned { at: Timestamp, record: Box<CampaignRecord> },
    /// A row of the ledger was written.
    Written { at: Timestamp, row: Box<Row> },
    /// An outcome was told.
    Outcome(Box<Outcome>),
}

/// Tells news. Nobody needs to listen.
#[derive(Clone)]
pub(super) struct Teller {
    sender: UnboundedSender<News>,
    clock: Arc<dyn Clock>,
}

impl Teller {
    pub(super) fn new(sender: UnboundedSender<News>, clock: Arc<dyn Clock>) -> Self {
        Self { sender, clock }
    }

    pub(super) fn event(&self, event: &Value, outcome: Heard) {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let name = text("/detail/eventName").or(text("/detail-type")).unwrap_or_default().to_owned();
        let id = text("/detail/eventID").or(text("/id")).unwrap_or_default().to_owned();
        self.tell(News::Event { at: self.clock.now(), name, id, outcome });
    }

    pub(super) fn upload(&self, event: &Value, taken: Taken) {
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.tell(News::Upload { at: self.clock.now(), id, taken });
    }

    pub(super) fn looked(&self, (hint, looked): reconcile::Looked<'_>) {
        let at = self.clock.now();
        let account = hint.account.clone();
        self.tell(match looked {
            Ok(Reconciled { account: _, grants, revokes, records: _, withheld }) => News::Looked {
                at,
                account,
                cause: hint.cause.as_str().to_owned(),
                grants: *grants,
                revokes: *revokes,
                withheld: withheld.clone(),
            },
            Err(error) => News::NotLooked { at, account, error: shared::causes::joined(error) },
        });
    }

    pub(super) fn swept(&self, found: SweepSummary) {
        self.tell(News::Swept { at: self.clock.now(), found });
    }

    pub(super) fn audited(&self, made: ReportSummary) {
        self.tell(News::Audited { at: self.clock.now(), made });
    }

    pub(super) fn trouble(&self, what: &'static str, error: String) {
        self.tell(News::Trouble { at: self.clock.now(), what, error });
    }

    pub(super) fn written(&self, row: &Row) {
        self.tell(News::Written { at: self.clock.now(), row: Box::new(row.clone()) });
    }

    pub(super) fn reprovisioned(&self, record: CampaignRecord) {
        self.tell(News::Reprovisioned { at: self.clock.now(), record: Box::new(record) });
    }

    pub(super) fn outcome(&self, outcome: &Outcome) {
        self.tell(News::Outcome(Box::new(outcome.clone())));
    }

    fn tell(&self, news: News) {
        // An error means that nobody listens any more.
        let _ = self.sender.send(news);
    }
}
