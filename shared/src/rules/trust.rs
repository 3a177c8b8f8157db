//! What the settings let rules use: the tags that are trusted, and the permission sets that are protected.

use std::collections::BTreeSet;

use super::{
    diagnostic::{Report, Span},
    reader::{Reader, nearest, shorten},
};

/// `None` is what the settings say and could not be read: nothing is held against it.
#[derive(Debug, Default)]
pub(super) struct Trust {
    pub(super) account_tags: Option<BTreeSet<String>>,
    pub(super) permission_set_tags: Option<BTreeSet<String>>,
    pub(super) protected_permission_sets: Option<BTreeSet<String>>,
}

/// Whose tag it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagOf {
    Account,
    PermissionSet,
}

impl TagOf {
    /// The setting that lists the tags that are trusted.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::Account => "trusted_account_tags",
            Self::PermissionSet => "trusted_permission_set_tags",
        }
    }
}

/// Whether a tag is trusted, or not known not to be: else people could set it who may not give access. `user` is what would look at it.
pub(super) fn check(reader: &mut Reader, of: TagOf, key: &str, span: Span, user: &str) -> bool {
    let trusted = match of {
        TagOf::Account => &reader.trust.account_tags,
        TagOf::PermissionSet => &reader.trust.permission_set_tags,
    };
    let Some(trusted) = trusted else { return true };
    if trusted.contains(key) {
        return true;
    }
    let help = nearest(key, trusted.iter().map(String::as_str)).map_or_else(
        || {
            format!(
                "add it to `{}` in the settings if only those who may give access can set it",
                of.setting()
            )
        },
        |near| format!("did you mean `{near}`?"),
    );
    reader.report(
        Report::at(span, format!("{user} may not use the tag `{}`", shorten(key)))
            .label("not trusted")
            .help(help),
    );
    false
}
