//! An organization described in YAML: what a world begins with.
//!
//! Unknown keys are errors, and every error says where it is. Ids that are not given follow from the seed and the names, so the same
//! description always gives the same organization.

mod build;
mod callers;
mod details;
mod document;
mod limits;
mod principals;
mod simulation;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;
use shared::domain::AccountState;

use crate::{PlannedFault, Settings, World, world::Snapshot};

/// Why a description is no organization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct DescriptionError {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl DescriptionError {
    fn at<T>(place: &Spanned<T>, message: impl Into<String>) -> Self {
        Self { line: place.referenced.line(), column: place.referenced.column(), message: message.into() }
    }
}

/// Text, and where it stands.
type Text = Spanned<String>;

/// A description that has been read: an organization, its identity store, its permission sets and the assignments that exist.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// `o-` and ten to thirty-two lower-case letters and digits.
    #[serde(default)]
    organization: Option<Text>,
    /// `r-` and four to thirty-two lower-case letters and digits.
    #[serde(default)]
    root: Option<Text>,
    /// Tags of the root.
    #[serde(default, deserialize_with = "limits::tags")]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    management_account: Option<AccountEntry>,
    #[serde(default)]
    accounts: Vec<AccountEntry>,
    #[serde(default)]
    organizational_units: Vec<UnitEntry>,
    #[serde(default)]
    instance: InstanceEntry,
    #[serde(default)]
    permission_sets: Vec<PermissionSetEntry>,
    #[serde(default)]
    groups: Vec<GroupEntry>,
    #[serde(default)]
    users: Vec<UserEntry>,
    #[serde(default)]
    assignments: Vec<AssignmentEntry>,
    /// The account that administers Identity Center by delegation, by name or id; a list with one entry at most.
    #[serde(default)]
    delegated_administrators: Vec<Text>,
    /// AWS accounts that are in no organization: they can be invited, and call.
    #[serde(default)]
    outside_accounts: Vec<OutsideEntry>,
    #[serde(default)]
    callers: Vec<callers::CallerEntry>,
    #[serde(default)]
    unknown_access_keys: callers::UnknownKeys,
    /// Faults that are in force from the beginning.
    #[serde(default)]
    faults: Vec<Spanned<PlannedFault>>,
    /// A whole state as it was written down; it has its own organization.
    #[serde(default)]
    state: Option<Spanned<Snapshot>>,
    /// Settings: here only for their mistakes, since [`simulation`] reads them over those that the world would have anyway.
    #[serde(default, rename = "simulation")]
    _simulation: Option<Settings>,
    /// The text that all of it was read from.
    #[serde(skip)]
    yaml: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountEntry {
    name: Text,
    #[serde(default)]
    id: Option<Text>,
    #[serde(default)]
    email: Option<Text>,
    #[serde(default)]
    state: Option<StateEntry>,
    #[serde(default, deserialize_with = "limits::tags")]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutsideEntry {
    name: Text,
    #[serde(default)]
    id: Option<Text>,
    #[serde(default)]
    email: Option<Text>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StateEntry {
    PendingActivation,
    Active,
    Suspended,
    PendingClosure,
    Closed,
}

impl From<StateEntry> for AccountState {
    fn from(state: StateEntry) -> Self {
        match state {
            StateEntry::PendingActivation => Self::PendingActivation,
            StateEntry::Active => Self::Active,
            StateEntry::Suspended => Self::Suspended,
            StateEntry::PendingClosure => Self::PendingClosure,
            StateEntry::Closed => Self::Closed,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitEntry {
    name: Text,
    #[serde(default)]
    id: Option<Text>,
    #[serde(default, deserialize_with = "limits::tags")]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    accounts: Vec<AccountEntry>,
    #[serde(default)]
    organizational_units: Vec<UnitEntry>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceEntry {
    #[serde(default)]
    arn: Option<Text>,
    #[serde(default)]
    identity_store: Option<Text>,
    #[serde(default)]
    name: Option<Text>,
    #[serde(default)]
    permission_sets_enabled: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PermissionSetEntry {
    name: Text,
    #[serde(default)]
    description: Option<Text>,
    #[serde(default)]
    session_duration: Option<Text>,
    #[serde(default, deserialize_with = "limits::tags")]
    tags: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "limits::managed_policies")]
    managed_policies: Vec<String>,
    #[serde(default)]
    relay_state: Option<Text>,
    /// A mapping, or the text of a JSON document.
    #[serde(default)]
    inline_policy: Option<document::Document>,
    #[serde(default)]
    customer_managed_policies: Vec<details::Reference>,
    #[serde(default)]
    permissions_boundary: Option<details::Boundary>,
    /// How often what it gives has changed, from 1; assignments may be of an older version.
    #[serde(default)]
    version: Option<Spanned<u64>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupEntry {
    name: Text,
    #[serde(default)]
    id: Option<Text>,
    #[serde(default)]
    description: Option<Text>,
    #[serde(default)]
    external_ids: Vec<details::ExternalId>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    user_name: Text,
    #[serde(default)]
    id: Option<Text>,
    display_name: Text,
    #[serde(default)]
    email: Option<Text>,
    #[serde(default)]
    groups: Vec<Text>,
    #[serde(default)]
    external_ids: Vec<details::ExternalId>,
    /// Further attributes, spelled as `CreateUser` spells them.
    #[serde(default)]
    attributes: Option<document::Document>,
}

/// An assignment made by hand: account by name or id, permission set, and a group or a user, by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignmentEntry {
    account: Text,
    permission_set: Text,
    #[serde(default)]
    group: Option<Text>,
    #[serde(default)]
    user: Option<Text>,
    /// The version of the permission set that the account's role has; the newest if absent.
    #[serde(default)]
    version: Option<u64>,
}

/// A description's text may be this long, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

impl Description {
    /// Reads a description.
    pub fn read(yaml: &str) -> Result<Self, DescriptionError> {
        if yaml.len() > MOST_BYTES {
            return Err(DescriptionError {
                line: 1,
                column: 1,
                message: "the description is longer than 64 MiB".to_owned(),
            });
        }
        Ok(Self { yaml: yaml.to_owned(), ..read(yaml)? })
    }

    /// Makes the world that is described.
    pub fn build(&self, settings: Settings) -> Result<World, DescriptionError> {
        let settings = simulation::settings(&self.yaml, settings)?;
        build::build(self, settings)
    }
}

/// How deep a description may nest: a state holds inputs of calls, which nest up to 128 deep.
const MOST_DEPTH: usize = 160;
/// The stack on which that is read, by recursion; a tenth of it is used. Threads of servers have 2 MiB.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// What reading may cost. The length of a text bounds it already, since every part of it takes some bytes there; so a state may have as many
/// parts as fit. What aliases repeat stays bounded as the reader does by itself.
fn budget() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MOST_DEPTH,
            max_nodes: MOST_BYTES / 4,
            max_events: MOST_BYTES / 2,
        },
    }
}

/// Reads YAML; the error tells the place apart from the message.
fn read<T: serde::de::DeserializeOwned + Send>(yaml: &str) -> Result<T, DescriptionError> {
    let nowhere = |message: String| DescriptionError { line: 1, column: 1, message };
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK_BYTES);
        match reader.spawn_scoped(scope, || read_here(yaml)).map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(read)) => read,
            Ok(Err(panicked)) => std::panic::resume_unwind(panicked),
            Err(error) => Err(nowhere(format!("there is no thread to read it: {error}"))),
        }
    })
}

fn read_here<T: serde::de::DeserializeOwned>(yaml: &str) -> Result<T, DescriptionError> {
    serde_saphyr::from_str_with_options(yaml, budget()).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
        let message = error.without_snippet().to_string();
        let message = message.lines().next().unwrap_or_default();
        // The place is told apart from the message.
        let message = message.strip_suffix(&format!(" at line {line}, column {column}")).unwrap_or(message);
        DescriptionError { line, column, message: message.to_owned() }
    })
}

impl World {
    /// The world that a YAML text describes.
    pub fn from_yaml(yaml: &str, settings: Settings) -> Result<Self, DescriptionError> {
        Description::read(yaml)?.build(settings)
    }
}
