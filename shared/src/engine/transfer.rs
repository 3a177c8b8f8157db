//! A whole ledger as lines of JSON, out of one and into another: for a backup, and to move from a file to a table.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    epoch::{EPOCH, EpochError, Epochs},
    look::all_rows,
    publish::publications,
    reading::owner,
};
use crate::{
    domain::{AssignmentKey, InstanceArn, RulesVersion},
    ledger::{Campaign, Doubt, Fence, Freeze, Intent, Orders, Row, State, WRITES_AT_ONCE},
    outcome::Outcome,
    ports::{
        Guard, LedgerError, LedgerReader, PortError, RowWrite, RulesInForce, RulesStore, Seen, SeenKind,
    },
    rules::Bundle,
};

/// The format that is written, and the only one that is read.
const FORMAT: u32 = 1;

/// More outcomes than wait in any ledger.
const ALL: usize = 1_000_000;

/// How many remembered things are written at once.
const AT_ONCE: usize = 500;

/// One line. The first is [`Line::Ledger`], the last [`Line::End`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "line")]
pub enum Line {
    /// What this is.
    Ledger {
        format: u32,
        exported: Timestamp,
        instance: Option<InstanceArn>,
    },
    Row {
        row: Box<Row>,
    },
    /// Something remembered; `kind` is [`SeenKind::word`].
    Seen {
        kind: String,
        id: String,
        value: serde_json::Value,
        at: Timestamp,
    },
    Campaign {
        campaign: Box<Campaign>,
    },
    /// An outcome that was not told yet.
    Outcome {
        outcome: Box<Outcome>,
    },
    Orders {
        orders: Orders,
    },
    /// Rules that came into force once: those that are in force, or that can be gone back to.
    Bundle {
        bundle: Bundle,
    },
    RulesInForce {
        rules: RulesInForce,
    },
    /// How many lines came before: a copy without it was cut off.
    End {
        lines: usize,
    },
}

/// The fact that says which copy is being put into a ledger.
const IMPORTING: &str = "importing";

/// What a copy holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// The same for the same copy.
    digest: String,
    instance: Option<InstanceArn>,
    rows: Vec<Row>,
    seen: BTreeMap<SeenKind, Vec<Seen>>,
    campaigns: Vec<Campaign>,
    outcomes: Vec<Outcome>,
    orders: Option<Orders>,
    bundles: Vec<Bundle>,
    rules: Option<RulesInForce>,
}

/// Why a ledger could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("cannot use the ledger")]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Epoch(#[from] EpochError),
    #[error("line {line} remembers something of a kind that this version of Usher doesn't know")]
    Kind { line: usize },
    #[error("line {line} can't be read: {why}")]
    Line { line: usize, why: String },
    #[error("it is no copy of a ledger: the first line says what it is, and this one doesn't")]
    NoLedger,
    #[error("it has format {0}, and this version of Usher reads format {FORMAT}")]
    Format(u32),
    #[error("it was cut off: the last line that says how many there are is missing, or says otherwise")]
    CutOff,
    #[error("there is something in this ledger already ({0}): only an empty one can take another's content")]
    NotEmpty(&'static str),
    #[error(
        "another copy was being put into this ledger when that broke off: go on with that one, or take an empty ledger"
    )]
    OtherCopy,
    #[error("an import into this ledger broke off: half a ledger is not written out as if it were whole")]
    HalfImported,
    #[error("line {line} tells of an assignment that an earlier line tells of")]
    Twice { line: usize },
    #[error("it is of the instance `{of}`, and this ledger belongs to `{here}`")]
    OtherInstance { of: InstanceArn, here: InstanceArn },
    #[error("cannot fetch the rules {}, which are in force", version.short())]
    Fetch { version: RulesVersion, source: PortError },
    #[error("cannot keep the rules {}", version.short())]
    Keep { version: RulesVersion, source: PortError },
}

/// How much was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    pub rows: usize,
    /// Requests that were under way: the next engine looks what has become of them.
    pub under_way: usize,
    pub remembered: usize,
}

/// All that the ledger holds, but for what only holds now and here: the lease, where the sweep's round is, what was charged to budgets, and its
/// epoch. With the rules that came into force by it. Whoever calls holds the engine's lease, so that nothing is sent meanwhile.
pub async fn exported(
    ledger: &dyn LedgerReader,
    store: &dyn RulesStore,
    now: Timestamp,
) -> Result<(Vec<Line>, Copied), TransferError> {
    let orders = ledger.orders().await?;
    if is_half_imported(&orders) {
        return Err(TransferError::HalfImported);
    }
    let facts = ledger.recall(SeenKind::Fact).await?;
    let mut lines = vec![Line::Ledger { format: FORMAT, exported: now, instance: owner(&facts) }];
    let mut copied = Copied::default();
    for row in all_rows(ledger).await? {
        copied.rows += 1;
        copied.under_way += usize::from(row.claim().is_some());
        lines.push(Line::Row { row: Box::new(row) });
    }
    // What came of a self-test is told of this ledger's service, and of no other.
    for kind in SeenKind::ALL.into_iter().filter(|kind| *kind != SeenKind::SelfTest) {
        for Seen { id, value, at } in ledger.recall(kind).await? {
            if kind == SeenKind::Fact && (id == EPOCH || id == IMPORTING) {
                continue;
            }
            copied.remembered += 1;
            lines.push(Line::Seen { kind: kind.word().to_owned(), id, value, at });
        }
    }
    let campaigns = ledger.campaigns().await?;
    lines.extend(campaigns.into_iter().map(|campaign| Line::Campaign { campaign: Box::new(campaign) }));
    let outcomes = ledger.untold(ALL).await?;
    lines.extend(outcomes.into_iter().map(|outcome| Line::Outcome { outcome: Box::new(outcome) }));
    if orders.version > 0 {
        lines.push(Line::Orders { orders: Orders { freeze: None, ..orders } });
    }
    let in_force = ledger.rules_in_force().await?;
    let bundles = bundles(ledger, store, in_force.as_ref()).await?;
    lines.extend(bundles.into_iter().map(|bundle| Line::Bundle { bundle }));
    if let Some(rules) = in_force {
        lines.push(Line::RulesInForce { rules });
    }
    lines.push(Line::End { lines: lines.len() });
    Ok((lines, copied))
}

/// The rules in force, and those before them that are still there.
async fn bundles(
    ledger: &dyn LedgerReader,
    store: &dyn RulesStore,
    in_force: Option<&RulesInForce>,
) -> Result<Vec<Bundle>, TransferError> {
    let versions: BTreeSet<RulesVersion> =
        publications(ledger).await?.into_iter().map(|publication| publication.version).collect();
    let mut bundles = Vec::new();
    for version in versions {
        let is_in_force = in_force.is_some_and(|rules| rules.version == version);
        match store.bundle(&version).await {
            Ok(bundle) => bundles.push(bundle),
            Err(PortError::NotFound(_)) if !is_in_force => {}
            Err(source) => return Err(TransferError::Fetch { version, source }),
        }
    }
    Ok(bundles)
}

/// Reads a copy back: whole, or not at all.
pub fn read(text: &str) -> Result<Content, TransferError> {
    let digest = crate::domain::hex(Sha256::digest(text.as_bytes()).as_slice());
    let mut content = Content { digest, ..Content::default() };
    let mut keys = BTreeSet::new();
    let (mut read, mut end) = (0, None);
    for (number, line) in text.lines().enumerate() {
        let at = number + 1;
        // What the line holds is not quoted: it may hold names of people.
        let line: Line = serde_json::from_str(line).map_err(|error| match number {
            0 => TransferError::NoLedger,
            _ => TransferError::Line {
                line: at,
                why: format!("{} at column {}", category(&error), error.column()),
            },
        })?;
        if number == 0 && !matches!(line, Line::Ledger { .. }) {
            return Err(TransferError::NoLedger);
        }
        match line {
            Line::Ledger { format: FORMAT, exported: _, instance } => content.instance = instance,
            Line::Ledger { format, .. } => return Err(TransferError::Format(format)),
            Line::Row { row } => {
                if !keys.insert(row.key.clone()) {
                    return Err(TransferError::Twice { line: at });
                }
                content.rows.push(*row);
            }
            Line::Seen { kind, id, value, at: seen } => {
                let kind = SeenKind::ALL.into_iter().find(|known| known.word() == kind);
                let kind = kind.ok_or(TransferError::Kind { line: at })?;
                content.seen.entry(kind).or_default().push(Seen { id, value, at: seen });
            }
            Line::Campaign { campaign } => content.campaigns.push(*campaign),
            Line::Outcome { outcome } => content.outcomes.push(*outcome),
            Line::Orders { orders } => content.orders = Some(orders),
            Line::Bundle { bundle } => content.bundles.push(bundle),
            Line::RulesInForce { rules } => content.rules = Some(rules),
            Line::End { lines } => end = Some((lines, number)),
        }
        read = number;
    }
    match end {
        Some((lines, number)) if lines == number && number == read => Ok(content),
        Some(_) | None if text.is_empty() => Err(TransferError::NoLedger),
        Some(_) | None => Err(TransferError::CutOff),
    }
}

fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => "it ends too soon",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data => "it is not what such a line holds",
    }
}

/// Puts a copy into an empty ledger, and its rules to where that one's are. Nothing is sent by that ledger until all of it is there, and a person has
/// confirmed it: broken off, the same copy can be put in again.
pub async fn import(
    content: &Content,
    epochs: &Epochs<'_>,
    store: &dyn RulesStore,
) -> Result<Copied, TransferError> {
    let Content { digest, instance, rows, seen, campaigns, outcomes, orders, bundles, rules } = content;
    let (ledger, now) = (epochs.ledger, epochs.clock.now());
    let standing = ledger.orders().await?;
    let goes_on = is_half_imported(&standing);
    let copy = Seen { id: IMPORTING.to_owned(), value: digest.as_str().into(), at: now };
    if goes_on {
        let begun = ledger.recall_one(SeenKind::Fact, IMPORTING).await?;
        if begun.is_none_or(|begun| begun.value != copy.value) {
            return Err(TransferError::OtherCopy);
        }
    } else {
        is_empty(ledger, &standing).await?;
        if let (Some(of), Some(here)) = (instance, owner(&ledger.recall(SeenKind::Fact).await?))
            && *of != here
        {
            return Err(TransferError::OtherInstance { of: of.clone(), here });
        }
        ledger.remember(SeenKind::Fact, &[copy]).await?;
        let freeze = Some(Freeze::whole(Doubt::Importing, now));
        ledger.give_orders(&Orders { freeze, ..standing }).await?;
    }
    for bundle in bundles {
        let failed = |source| TransferError::Keep { version: bundle.version(), source };
        store.keep(bundle).await.map_err(failed)?;
    }
    if let Some(rules) = rules {
        let failed = |source| TransferError::Fetch { version: rules.version.clone(), source };
        store.bundle(&rules.version).await.map_err(failed)?;
    }
    let there: BTreeSet<AssignmentKey> = if goes_on {
        all_rows(ledger).await?.into_iter().map(|row| row.key).collect()
    } else {
        BTreeSet::new()
    };
    let missing: Vec<RowWrite> =
        rows.iter().filter(|row| !there.contains(&row.key)).map(|row| RowWrite::of(as_new(row))).collect();
    for some in missing.chunks(WRITES_AT_ONCE) {
        ledger.write(some, &Guard::default()).await?;
    }
    for (kind, seen) in seen {
        for some in seen.chunks(AT_ONCE) {
            ledger.remember(*kind, some).await?;
        }
    }
    let begun: BTreeSet<_> =
        ledger.campaigns().await?.into_iter().map(|campaign| campaign.permission_set).collect();
    for campaign in campaigns.iter().filter(|campaign| !begun.contains(&campaign.permission_set)) {
        ledger.keep_campaign(&Campaign { version: 0, ..campaign.clone() }, &Guard::default()).await?;
    }
    for outcome in outcomes {
        ledger.tell(std::slice::from_ref(outcome)).await?;
    }
    // INVARIANT: the rules come after all that they are held against, and what lets the engine go on comes last of all.
    if let Some(rules) = rules
        && ledger.rules_in_force().await?.as_ref() != Some(rules)
    {
        ledger.bring_into_force(None, rules).await?;
    }
    epochs.begin_anew().await?;
    // Whether it is the newest copy only a person can tell: what it says is Usher's may have been taken over, or made by hand, since.
    let version = ledger.orders().await?.version;
    let freeze = Some(Freeze::whole(Doubt::Imported, now));
    ledger.give_orders(&Orders { version, freeze, ..orders.clone().unwrap_or_default() }).await?;
    ledger.unlearn(SeenKind::Fact, &[IMPORTING.to_owned()]).await?;
    Ok(Copied {
        rows: rows.len(),
        under_way: rows.iter().filter(|row| row.claim().is_some()).count(),
        remembered: seen.values().map(Vec::len).sum(),
    })
}

fn is_half_imported(orders: &Orders) -> bool {
    orders.freeze.as_ref().is_some_and(|freeze| freeze.doubt == Doubt::Importing)
}

/// Whether nothing was ever decided or ordered in it. That a new one was looked at, and even that it was found to be another one than what is told
/// of, is no content.
async fn is_empty(ledger: &dyn LedgerReader, orders: &Orders) -> Result<(), TransferError> {
    if !ledger.rows(None).await?.items.is_empty() {
        return Err(TransferError::NotEmpty("assignments"));
    }
    if ledger.rules_in_force().await?.is_some() {
        return Err(TransferError::NotEmpty("rules in force"));
    }
    if orders.pause.is_some() || !orders.holds.is_empty() {
        return Err(TransferError::NotEmpty("orders"));
    }
    Ok(())
}

/// The row as a ledger takes it that has never had it. Leases are counted anew there: what was claimed under one is nobody's any more, and the
/// next engine looks what has become of it.
fn as_new(row: &Row) -> Row {
    let nobodys = |intent: &Intent| {
        let claim = intent.claim.clone().map(|claim| crate::ledger::Claim { fence: Fence(0), ..claim });
        Intent { claim, ..intent.clone() }
    };
    let state = match &row.state {
        State::Granting(intent) => State::Granting(nobodys(intent)),
        State::Closing(intent) => State::Closing(nobodys(intent)),
        State::Ours | State::Closed | State::Uncertain { .. } | State::Blocked { .. } | State::Dormant => {
            row.state.clone()
        }
    };
    Row { version: 0, state, ..row.clone() }
}
