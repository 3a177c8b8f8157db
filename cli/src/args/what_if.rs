//! What somebody supposes on the command line: an account elsewhere, with other tags, under other rules.

use std::{fmt, path::PathBuf, str::FromStr};

use shared::domain::{OuId, RootId};

/// One thing that is supposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhatIf {
    /// The account is in this OU. The account is an id or a name.
    Move { account: String, to: Place },
    /// The account's tag has this value.
    Tag { account: String, key: String, value: String },
    /// The account has no such tag.
    Untag { account: String, key: String },
    /// These rules are in force: a file, or the folder that they are in.
    Rules(PathBuf),
}

/// Where an account may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Directly below the root.
    Root,
    Ou(OuId),
    /// The names from the outermost OU down.
    Path(Vec<String>),
}

const MOVE: &str = "move:ACCOUNT:OU, such as move:shop-dev:Workloads/Production";
const TAG: &str = "tag:ACCOUNT:KEY=VALUE, such as tag:shop-dev:Environment=Production";
const UNTAG: &str = "untag:ACCOUNT:KEY, such as untag:shop-dev:Environment";
const RULES: &str = "rules:FILE, such as rules:rules.yaml or rules:rules/";

/// The longest key and value of a tag, in characters.
const TAG_KEY: usize = 128;
const TAG_VALUE: usize = 256;

impl FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(format!("there is no `:` in it; write {MOVE}; {TAG}; {UNTAG}; or {RULES}"));
        };
        match kind {
            "move" => {
                let (account, to) = two(rest, "OU", MOVE)?;
                Ok(Self::Move { account, to: to.parse()? })
            }
            "tag" => {
                let (account, tag) = two(rest, "tag", TAG)?;
                let Some((key, value)) = tag.split_once('=') else {
                    return Err(format!("`{tag}` has no `=` between key and value; write {TAG}"));
                };
                if value.chars().count() > TAG_VALUE || value.contains(char::is_control) {
                    return Err(format!("a tag's value has at most {TAG_VALUE} characters, on one line"));
                }
                Ok(Self::Tag { account, key: tag_key(key, TAG)?, value: value.to_owned() })
            }
            "untag" => {
                let (account, key) = two(rest, "tag", UNTAG)?;
                Ok(Self::Untag { account, key: tag_key(&key, UNTAG)? })
            }
            "rules" if rest.is_empty() => Err(format!("after `rules:` there is no file; write {RULES}")),
            "rules" => Ok(Self::Rules(rest.into())),
            other => {
                let known = ["move", "tag", "untag", "rules"];
                let meant = crate::suggestions::nearest(other, known);
                let meant = meant.first().map(|kind| format!(", perhaps `{kind}:`")).unwrap_or_default();
                Err(format!(
                    "`{other}:` is nothing that can be supposed{meant}; write {MOVE}; {TAG}; {UNTAG}; or {RULES}"
                ))
            }
        }
    }
}

/// An account, and what follows it.
fn two(rest: &str, what: &str, form: &str) -> Result<(String, String), String> {
    match rest.split_once(':') {
        None => Err(format!("after the account `{rest}` there is no `:` with the {what}; write {form}")),
        Some(("", _)) => Err(format!("there is no account in it; write {form}")),
        Some((_, "")) => Err(format!("there is no {what} in it; write {form}")),
        Some((account, what)) => Ok((account.to_owned(), what.to_owned())),
    }
}

fn tag_key(key: &str, form: &str) -> Result<String, String> {
    if key.is_empty() {
        Err(format!("the tag has no key; write {form}"))
    } else if key.chars().count() > TAG_KEY || key.contains(char::is_control) {
        Err(format!("a tag's key has at most {TAG_KEY} characters, on one line"))
    } else if key.to_ascii_lowercase().starts_with("aws:") {
        Err(format!("`{key}` is a tag of AWS's own: nobody can set or remove it"))
    } else {
        Ok(key.to_owned())
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "/" || text.parse::<RootId>().is_ok() {
            return Ok(Self::Root);
        }
        if text.starts_with("ou-") {
            return text.parse().map(Self::Ou).map_err(|error| error.to_string());
        }
        let names: Vec<String> = text.split('/').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(format!(
                "`{text}` is not the path of an OU: write the names from the outermost OU down, such as Workloads/Production; \
                 its id; or `/` for the root"
            ));
        }
        Ok(Self::Path(names))
    }
}

/// As it is written on the command line.
impl fmt::Display for WhatIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Move { account, to } => write!(f, "move:{account}:{to}"),
            Self::Tag { account, key, value } => write!(f, "tag:{account}:{key}={value}"),
            Self::Untag { account, key } => write!(f, "untag:{account}:{key}"),
            Self::Rules(path) => write!(f, "rules:{}", path.display()),
        }
    }
}

/// As it is written on the command line.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("/"),
            Self::Ou(id) => id.fmt(f),
            Self::Path(names) => f.write_str(&names.join("/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_supposed_is_read_back_as_it_is_written() {
        for text in [
            "move:shop-dev:Workloads/Production",
            "move:111122223333:ou-ab12-cdefgh34",
            "move:shop-dev:/",
            "tag:shop dev:Environment=Production",
            "tag:111122223333:a:b=c=d",
            "tag:shop-dev:Environment=",
            "untag:shop-dev:a=b",
            "rules:rules/usher.yaml",
        ] {
            assert_eq!(text.parse::<WhatIf>().unwrap().to_string(), text);
        }
        let Ok(WhatIf::Tag { key, value, .. }) = "tag:1:a:b=c=d".parse() else { panic!("no tag") };
        assert_eq!((key.as_str(), value.as_str()), ("a:b", "c=d"));
        assert!(matches!("move:a:r-ab12".parse(), Ok(WhatIf::Move { to: Place::Root, .. })));
    }

    #[test]
    fn what_cannot_be_supposed_is_told_with_what_is_wrong_and_how_it_is_written() {
        for (text, told) in [
            ("", "no `:`"),
            ("move", "no `:`"),
            ("mov:a:B", "perhaps `move:`"),
            ("delete:a", "`delete:` is nothing that can be supposed; write move:"),
            ("move:a", "after the account `a` there is no `:` with the OU"),
            ("move::B", "there is no account in it"),
            ("move:a:", "there is no OU in it"),
            ("move:a:Workloads//B", "is not the path of an OU"),
            ("move:a:ou-1", "an organizational unit's id"),
            ("tag:a:Environment", "no `=` between key and value"),
            ("tag:a:=x", "the tag has no key"),
            ("tag:a:aws:x=y", "AWS's own"),
            ("untag:a", "with the tag"),
            ("untag:a:AWS:x", "AWS's own"),
            ("rules:", "there is no file"),
        ] {
            let error = text.parse::<WhatIf>().unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        assert!(format!("tag:a:{}=x", "k".repeat(129)).parse::<WhatIf>().is_err());
        assert!(format!("tag:a:k={}", "v".repeat(257)).parse::<WhatIf>().is_err());
    }
}
