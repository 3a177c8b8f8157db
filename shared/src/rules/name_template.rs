//! Names that rules write out, or make from an account's own data: `{account_tag.Team}-developers`.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use crate::domain::Account;

/// A name, written out or made from an account's data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Data(AccountData),
}

/// What a name can be made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountData {
    /// `account_tag.<key>`
    Tag(String),
    /// `account_name`
    Name,
    /// `account_id`
    Id,
    /// `ou_name`: of the OU that the account is directly in.
    Ou,
}

/// Text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{` without `}}`")]
    Unclosed,
    #[error("`}}` without `{{`")]
    Unopened,
    #[error("a name can't be made from `{{{0}}}`")]
    UnknownData(String),
}

impl NameTemplate {
    /// A name that is the same for every account.
    pub fn plain(name: &str) -> Self {
        Self(vec![Part::Text(name.to_owned())])
    }

    /// Reads text with placeholders in braces.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            let Some(inside) = from.strip_prefix('{') else { return Err(TemplateError::Unopened) };
            let (data, after) = inside.split_once('}').ok_or(TemplateError::Unclosed)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Data(AccountData::parse(data)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The name, where it is the same for every account.
    pub fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(name)] => Some(name),
            _ => None,
        }
    }

    /// The text that is the same for every account, without what is put in.
    pub(super) fn fixed_text(&self) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Data(_) => "",
        });
        texts.collect()
    }

    /// Whether some account may make it this name.
    pub fn may_be(&self, name: &str) -> bool {
        self.may_be_with(name, |_| None)
    }

    /// Whether an account may make it this name of which so much is known: `None` stands for what isn't, and is not empty.
    pub(super) fn may_be_with<'t>(
        &'t self,
        name: &str,
        known: impl Fn(&'t AccountData) -> Option<&'t str>,
    ) -> bool {
        let mut texts = vec![String::new()];
        // How many things of the account's that aren't known stand before each text but the first: each is a character at least.
        let mut gaps: Vec<usize> = Vec::new();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Data(data) => known(data),
            };
            match (text, texts.last_mut(), gaps.last_mut()) {
                (Some(text), Some(last), _) => last.push_str(text),
                (None, Some(last), Some(gap)) if last.is_empty() => *gap += 1,
                (None, ..) | (Some(_), None, _) => {
                    gaps.push(1);
                    texts.push(String::new());
                }
            }
        }
        fits(name, &texts, &gaps)
    }

    /// What the name is made from.
    pub fn data(&self) -> BTreeSet<&AccountData> {
        let data = self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Data(data) => Some(data),
        });
        data.collect()
    }

    /// Whether it depends on the names of OUs.
    pub(super) fn looks_at_ou_names(&self) -> bool {
        self.0.contains(&Part::Data(AccountData::Ou))
    }

    /// The name for an account; else what of its data is missing, or empty.
    pub fn name_for<'a>(&'a self, account: &'a Account) -> Result<Cow<'a, str>, AccountData> {
        if let Some(name) = self.as_plain() {
            return Ok(Cow::Borrowed(name));
        }
        let mut name = String::new();
        for part in &self.0 {
            name.push_str(match part {
                Part::Text(text) => text,
                Part::Data(data) => data.of(account).ok_or_else(|| data.clone())?,
            });
        }
        Ok(Cow::Owned(name))
    }
}

/// Whether a name is these texts with at least so many characters before each but the first.
fn fits(name: &str, texts: &[String], gaps: &[usize]) -> bool {
    let Some((first, after)) = texts.split_first() else { return name.is_empty() };
    let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
    let mut gaps = gaps.iter().zip(after).peekable();
    while let Some((gap, text)) = gaps.next() {
        if gaps.peek().is_none() {
            return rest.strip_suffix(text.as_str()).is_some_and(|made| made.chars().count() >= *gap);
        }
        // The first place where it stands leaves most for what follows.
        let made = rest.char_indices().nth(*gap).and_then(|(at, _)| rest.get(at..));
        let Some((_, after)) = made.and_then(|made| made.split_once(text.as_str())) else { return false };
        rest = after;
    }
    rest.is_empty()
}

impl AccountData {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        match text {
            "account_name" => Ok(Self::Name),
            "account_id" => Ok(Self::Id),
            "ou_name" => Ok(Self::Ou),
            _ => match text.strip_prefix("account_tag.") {
                Some(key) if !key.is_empty() && !key.contains(['{', '}']) => Ok(Self::Tag(key.to_owned())),
                Some(_) | None => Err(TemplateError::UnknownData(text.chars().take(80).collect())),
            },
        }
    }

    /// The account's own; nothing stands for what it doesn't have, and empty text names nothing.
    fn of<'a>(&self, account: &'a Account) -> Option<&'a str> {
        let text = match self {
            Self::Tag(key) => account.tags.get(key),
            Self::Name => Some(account.name.as_str()),
            Self::Id => Some(account.id.as_str()),
            Self::Ou => account.path.innermost().map(|unit| unit.name.as_str()),
        };
        text.filter(|text| !text.is_empty())
    }
}

/// As it is written in a rule: `account_tag.Team`.
impl fmt::Display for AccountData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(key) => write!(f, "account_tag.{key}"),
            Self::Name => f.write_str("account_name"),
            Self::Id => f.write_str("account_id"),
            Self::Ou => f.write_str("ou_name"),
        }
    }
}

/// As it is written in a rule.
impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Data(data) => write!(f, "{{{data}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountState, OuPath, Tags};

    fn account(tags: &[(&str, &str)]) -> Account {
        Account {
            id: "111122223333".parse().unwrap(),
            name: "shop".to_owned(),
            state: AccountState::Active,
            path: OuPath::default(),
            tags: tags.iter().copied().collect::<Tags>(),
            is_management: false,
        }
    }

    fn named(template: &str, tags: &[(&str, &str)]) -> Result<String, String> {
        let template = NameTemplate::parse(template).map_err(|error| error.to_string())?;
        assert_eq!(NameTemplate::parse(&template.to_string()).unwrap(), template);
        let account = account(tags);
        let name = template.name_for(&account).map(Cow::into_owned);
        name.map_err(|data| format!("no {data}"))
    }

    #[test]
    fn a_name_is_made_from_the_account_s_own_data() {
        assert_eq!(named("Developers", &[]).unwrap(), "Developers");
        assert_eq!(named("{account_tag.Team}-developers", &[("Team", "web")]).unwrap(), "web-developers");
        assert_eq!(named("{account_name}/{account_id}", &[]).unwrap(), "shop/111122223333");
        // What is put in is not read again.
        assert_eq!(named("{account_tag.Team}", &[("Team", "{account_id}")]).unwrap(), "{account_id}");
    }

    #[test]
    fn what_the_account_does_not_have_makes_no_name() {
        assert_eq!(named("{account_tag.Team}-x", &[]).unwrap_err(), "no account_tag.Team");
        assert_eq!(named("{account_tag.Team}-x", &[("Team", "")]).unwrap_err(), "no account_tag.Team");
        assert_eq!(named("{ou_name}", &[]).unwrap_err(), "no ou_name");
    }

    #[test]
    fn a_name_may_be_made_where_the_fixed_text_fits_with_something_in_each_gap() {
        let may = |template: &str, name: &str| NameTemplate::parse(template).unwrap().may_be(name);
        assert!(may("Developers", "Developers") && !may("Developers", "developers"));
        for (name, fits) in [("web-dev", true), ("-dev", false), ("web-dev-dev", true), ("web-devs", false)] {
            assert_eq!(may("{account_tag.Team}-dev", name), fits, "{name}");
        }
        for (name, fits) in [("a/b", true), ("a//b", true), ("/b", false), ("a/", false), ("äö/ü", true)] {
            assert_eq!(may("{account_name}/{account_id}", name), fits, "{name}");
        }
        assert!(may("{ou_name}{account_id}", "ab") && !may("{ou_name}{account_id}", "a"));
        assert!(may("x{ou_name}y{account_id}z", "x1y2yz") && !may("x{ou_name}y{account_id}z", "xyz"));
    }

    #[test]
    fn what_is_known_of_an_account_stands_in_its_place() {
        let may = |template: &str, name: &str, known: &[(AccountData, &'static str)]| {
            let template = NameTemplate::parse(template).unwrap();
            let of = |data: &AccountData| known.iter().find(|(it, _)| it == data).map(|(_, text)| *text);
            template.may_be_with(name, of)
        };
        let (team, id) = (AccountData::Tag("Team".to_owned()), AccountData::Id);
        for (name, fits) in [("web-dev", true), ("shop-dev", false), ("web-dev-dev", false)] {
            assert_eq!(may("{account_tag.Team}-dev", name, &[(team.clone(), "web")]), fits, "{name}");
        }
        // What stands beside it may still be anything.
        let both = "{ou_name}{account_tag.Team}{account_id}";
        for (name, fits) in [("awebb", true), ("web1", false), ("aweb", false), ("aweb1", true)] {
            assert_eq!(may(both, name, &[(team.clone(), "web")]), fits, "{name}");
        }
        assert!(may(both, "oweb1", &[(team.clone(), "web"), (id.clone(), "1")]));
        assert!(!may(both, "oweb2", &[(team, "web"), (id, "1")]));
    }

    #[test]
    fn text_that_is_no_template_is_refused() {
        for (text, why) in [
            ("{account_tag.Team", "`{` without `}`"),
            ("Team}", "`}` without `{`"),
            ("{}", "a name can't be made from `{}`"),
            ("{account_tag.}", "a name can't be made from `{account_tag.}`"),
            ("{{account_id}}", "a name can't be made from `{{account_id}`"),
            ("{team}", "a name can't be made from `{team}`"),
        ] {
            assert_eq!(named(text, &[]).unwrap_err(), why);
        }
    }
}
