//! What the functions of a template come to, as far as that can be told from the template and its parameters alone.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::tree::{Node, Value};
use crate::rules::diagnostic::{Report, Span};

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Came {
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// The ARN of the permission set with this logical id.
    SetArn(String),
    /// `AWS::NoValue`: as if the property were not there.
    Nothing,
}

impl Came {
    /// How much it costs to say it once more.
    fn size(&self) -> usize {
        match self {
            Self::Text { text, .. } | Self::SetArn(text) => text.len(),
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Map(members) => {
                members.iter().map(|(key, value)| key.len().saturating_add(value.size())).sum()
            }
            Self::Nothing => 0,
        }
    }
}

/// Why something can't be followed, and where.
#[derive(Debug)]
pub(super) struct Unfollowed {
    pub(super) span: Span,
    pub(super) why: String,
    pub(super) help: Option<String>,
}

impl Unfollowed {
    pub(super) fn at(span: Span, why: impl Into<String>) -> Self {
        Self { span, why: why.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(super) fn report(self) -> Report {
        let report = Report::at(self.span, self.why).label("can't be followed");
        match self.help {
            Some(help) => report.help(help),
            None => report,
        }
    }
}

type Followed = Result<Came, Unfollowed>;

/// What names in a template stand for.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) parameters: BTreeMap<String, Came>,
    /// Parameters without a value, and what can be done about it.
    pub(super) missing: BTreeMap<String, String>,
    pub(super) pseudo: BTreeMap<&'static str, String>,
    pub(super) mappings: Option<&'a Node>,
    pub(super) conditions: Option<&'a Node>,
    /// How much more is followed: steps, and bytes of what they come to.
    pub(super) left: Cell<usize>,
    /// The types of resources, by their logical ids.
    pub(super) resources: BTreeMap<String, String>,
}

/// How much of one template is followed: CloudFormation's own limits let none come near it, but one made to keep somebody busy does.
pub(super) const MOST: usize = 8 * 1024 * 1024;
/// How many conditions may rest on each other.
const DEEPEST: usize = 60;

/// What to do about a scalar that is in doubt.
pub(super) const IN_QUOTES: &str = "write it in quotes if it is meant as it stands here";

/// The type of the resource whose ARN others name.
pub(super) const PERMISSION_SET: &str = "AWS::SSO::PermissionSet";

impl Scope<'_> {
    fn spend(&self, span: Span, amount: usize) -> Result<(), Unfollowed> {
        let Some(left) = self.left.get().checked_sub(amount) else {
            return Err(Unfollowed::at(
                span,
                "the template asks for too much: its functions come to more than can be followed",
            )
            .help("write out what is made from itself again and again"));
        };
        self.left.set(left);
        Ok(())
    }

    pub(super) fn follow(&self, node: &Node) -> Followed {
        self.spend(node.span, 1)?;
        if let Some(why) = node.doubt() {
            return Err(Unfollowed::at(node.span, why).help(IN_QUOTES));
        }
        match &node.value {
            Value::Text { text, plain } => {
                self.spend(node.span, text.len())?;
                if text.contains("{{resolve:") {
                    return Err(Unfollowed::at(
                        node.span,
                        "a dynamic reference is resolved by CloudFormation only",
                    )
                    .help("write the value out, or make it a parameter"));
                }
                Ok(Came::Text { text: text.clone(), plain: *plain })
            }
            Value::List(items) => {
                let items = items.iter().map(|item| self.follow(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Came::List(items.into_iter().filter(|item| *item != Came::Nothing).collect()))
            }
            Value::Map(entries) => {
                if let [only] = entries.as_slice()
                    && (only.key == "Ref" || only.key.starts_with("Fn::"))
                {
                    return self.function(&only.key, only.span, &only.value);
                }
                let mut members = Vec::with_capacity(entries.len());
                for entry in entries {
                    let value = self.follow(&entry.value)?;
                    if value != Came::Nothing {
                        members.push((entry.key.clone(), value));
                    }
                }
                Ok(Came::Map(members))
            }
        }
    }

    fn function(&self, name: &str, span: Span, argument: &Node) -> Followed {
        match name {
            "Ref" => self.reference(self.word(argument)?.as_str(), argument.span),
            "Fn::GetAtt" => self.attribute(argument),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => {
                let (delimiter, list) = two(name, argument)?;
                let delimiter = self.word(delimiter)?;
                let parts = self.words(list)?;
                let length: usize = parts.iter().map(|part| part.len().saturating_add(delimiter.len())).sum();
                self.spend(span, length)?;
                Ok(text(parts.join(&delimiter)))
            }
            "Fn::Split" => {
                let (delimiter, whole) = two(name, argument)?;
                let (delimiter, whole) = (self.word(delimiter)?, self.word(whole)?);
                if delimiter.is_empty() {
                    return Err(Unfollowed::at(argument.span, "`Fn::Split` needs something to split at"));
                }
                Ok(Came::List(whole.split(delimiter.as_str()).map(|part| text(part.to_owned())).collect()))
            }
            "Fn::Select" => {
                let (index, list) = two(name, argument)?;
                let index = self.word(index)?;
                let Came::List(items) = self.follow(list)? else {
                    return Err(Unfollowed::at(list.span, "`Fn::Select` needs a list"));
                };
                let found = index.trim().parse::<usize>().ok().and_then(|index| items.into_iter().nth(index));
                found.ok_or_else(|| Unfollowed::at(argument.span, format!("the list has no item {index}")))
            }
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::If" => {
                let Value::List(parts) = &argument.value else {
                    return Err(Unfollowed::at(argument.span, "`Fn::If` needs a condition and two values"));
                };
                let [condition, yes, no] = parts.as_slice() else {
                    return Err(Unfollowed::at(argument.span, "`Fn::If` needs a condition and two values"));
                };
                let condition = self.word(condition)?;
                let holds = self.holds(&condition, argument.span, &mut BTreeSet::new())?;
                self.follow(if holds { yes } else { no })
            }
            _ => Err(Unfollowed::at(span, format!("`{name}` can't be followed"))
                .help("give the value as a parameter, or write it out")),
        }
    }

    /// What a name stands for.
    fn reference(&self, name: &str, span: Span) -> Followed {
        if let Some(value) = self.parameters.get(name) {
            self.spend(span, value.size())?;
            return Ok(value.clone());
        }
        if let Some(why) = self.missing.get(name) {
            return Err(
                Unfollowed::at(span, format!("the parameter `{name}` has no value")).help(why.clone())
            );
        }
        if name == "AWS::NoValue" {
            return Ok(Came::Nothing);
        }
        if let Some(value) = self.pseudo.get(name) {
            return Ok(text(value.clone()));
        }
        match self.resources.get(name).map(String::as_str) {
            Some(PERMISSION_SET) => Err(Unfollowed::at(
                span,
                format!(
                    "`Ref` of the permission set `{name}` is not its ARN, but an id that CloudFormation makes"
                ),
            )
            .help(format!("write `Fn::GetAtt: [{name}, PermissionSetArn]`"))),
            Some(kind) => Err(Unfollowed::at(
                span,
                format!("what `{name}` ({kind}) becomes is known to CloudFormation only"),
            )
            .help("write the value out, or make it a parameter")),
            None if name.starts_with("AWS::") => {
                Err(Unfollowed::at(span, format!("`{name}` is not known here")).help(match name {
                    "AWS::AccountId" => "say it with --account-id",
                    "AWS::Region" => "say it with --region",
                    _ => "write the value out, or make it a parameter",
                }))
            }
            None => Err(Unfollowed::at(span, format!("there is no parameter and no resource `{name}`"))),
        }
    }

    fn attribute(&self, argument: &Node) -> Followed {
        let (name, attribute) = match &argument.value {
            Value::Text { text, .. } => match text.split_once('.') {
                Some((name, attribute)) => (name.to_owned(), attribute.to_owned()),
                None => {
                    return Err(Unfollowed::at(
                        argument.span,
                        "`Fn::GetAtt` needs a resource and an attribute",
                    ));
                }
            },
            Value::List(_) | Value::Map(_) => {
                let (name, attribute) = two("Fn::GetAtt", argument)?;
                (self.word(name)?, self.word(attribute)?)
            }
        };
        self.attribute_of(&name, &attribute, argument.span)
    }

    fn attribute_of(&self, name: &str, attribute: &str, span: Span) -> Followed {
        match (self.resources.get(name).map(String::as_str), attribute) {
            (Some(PERMISSION_SET), "PermissionSetArn") => Ok(Came::SetArn(name.to_owned())),
            (Some(kind), _) => Err(Unfollowed::at(
                span,
                format!("`{attribute}` of `{name}` ({kind}) is known to CloudFormation only"),
            )
            .help("write the value out, or make it a parameter")),
            (None, _) => Err(Unfollowed::at(span, format!("there is no resource `{name}`"))),
        }
    }

    fn substitute(&self, argument: &Node) -> Followed {
        let (pattern, own) = match &argument.value {
            Value::Text { text, .. } => (text.clone(), None),
            Value::List(parts) => match parts.as_slice() {
                [pattern, own] => (self.word(pattern)?, Some(own)),
                _ => {
                    return Err(Unfollowed::at(argument.span, "`Fn::Sub` needs a text, or a text and a map"));
                }
            },
            Value::Map(_) => {
                return Err(Unfollowed::at(argument.span, "`Fn::Sub` needs a text, or a text and a map"));
            }
        };
        let mut out = String::new();
        let mut rest = pattern.as_str();
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let inside = from.get(2..).unwrap_or_default();
            let Some((name, after)) = inside.split_once('}') else {
                return Err(Unfollowed::at(argument.span, "`${` without `}`"));
            };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str("${");
                out.push_str(literal);
                out.push('}');
                continue;
            }
            let value = match own.and_then(|own| own.get(name)) {
                Some(own) => self.follow(own)?,
                None => match name.split_once('.') {
                    Some((name, attribute)) => self.attribute_of(name, attribute, argument.span)?,
                    None => self.reference(name, argument.span)?,
                },
            };
            match value {
                // The ARN alone is the ARN; in the midst of a text it is known to CloudFormation only.
                Came::SetArn(name) if out.is_empty() && rest.is_empty() => return Ok(Came::SetArn(name)),
                Came::Text { text, .. } => {
                    self.spend(argument.span, text.len())?;
                    out.push_str(&text);
                }
                Came::SetArn(_) | Came::List(_) | Came::Map(_) | Came::Nothing => {
                    return Err(Unfollowed::at(argument.span, format!("`${{{name}}}` is no text")));
                }
            }
        }
        out.push_str(rest);
        Ok(text(out))
    }

    fn find_in_map(&self, argument: &Node) -> Followed {
        let wrong = || Unfollowed::at(argument.span, "`Fn::FindInMap` needs a map and two keys");
        let Value::List(parts) = &argument.value else { return Err(wrong()) };
        let [map, first, second] = parts.as_slice() else { return Err(wrong()) };
        let (map, first, second) = (self.word(map)?, self.word(first)?, self.word(second)?);
        let found = self.mappings.and_then(|all| all.get(&map)).and_then(|map| map.get(&first));
        let found = found.and_then(|inner| inner.get(&second)).ok_or_else(|| {
            Unfollowed::at(argument.span, format!("`Mappings` has no `{map}`, `{first}`, `{second}`"))
        })?;
        // A mapping has no functions in it.
        let none = || Unfollowed::at(found.span, "a mapping has texts and lists of texts only");
        let plain = |node: &Node| match node.doubt() {
            Some(why) => Err(Unfollowed::at(node.span, why).help(IN_QUOTES)),
            None => node.text().map(|value| text(value.to_owned())).ok_or_else(none),
        };
        match &found.value {
            Value::Text { .. } => plain(found),
            Value::List(items) => items.iter().map(plain).collect::<Result<Vec<_>, _>>().map(Came::List),
            Value::Map(_) => Err(none()),
        }
    }

    /// Whether a condition of the template holds.
    pub(super) fn holds(
        &self,
        name: &str,
        span: Span,
        on_the_way: &mut BTreeSet<String>,
    ) -> Result<bool, Unfollowed> {
        let found = self.conditions.and_then(|all| all.get(name));
        let Some(condition) = found else {
            return Err(Unfollowed::at(span, format!("there is no condition `{name}`")));
        };
        if !on_the_way.insert(name.to_owned()) {
            return Err(Unfollowed::at(condition.span, format!("the condition `{name}` rests on itself")));
        }
        if on_the_way.len() > DEEPEST {
            return Err(Unfollowed::at(
                condition.span,
                format!("more than {DEEPEST} conditions rest on each other"),
            ));
        }
        let holds = self.is_true(condition, on_the_way);
        on_the_way.remove(name);
        holds
    }

    fn is_true(&self, node: &Node, on_the_way: &mut BTreeSet<String>) -> Result<bool, Unfollowed> {
        self.spend(node.span, 32)?;
        let wrong = || Unfollowed::at(node.span, "this condition can't be followed");
        let [only] = node.entries() else { return Err(wrong()) };
        let parts = match &only.value.value {
            Value::List(parts) => parts.as_slice(),
            Value::Text { .. } | Value::Map(_) => &[],
        };
        match only.key.as_str() {
            "Condition" => self.holds(only.value.text().ok_or_else(wrong)?, only.value.span, on_the_way),
            "Fn::Equals" => {
                let [one, other] = parts else { return Err(wrong()) };
                Ok(self.word(one)? == self.word(other)?)
            }
            "Fn::Not" => {
                let [one] = parts else { return Err(wrong()) };
                Ok(!self.is_true(one, on_the_way)?)
            }
            "Fn::And" | "Fn::Or" if !parts.is_empty() => {
                let all = only.key == "Fn::And";
                for part in parts {
                    if self.is_true(part, on_the_way)? != all {
                        return Ok(!all);
                    }
                }
                Ok(all)
            }
            _ => Err(wrong()),
        }
    }

    /// What comes to a text.
    fn word(&self, node: &Node) -> Result<String, Unfollowed> {
        match self.follow(node)? {
            Came::Text { text, .. } => Ok(text),
            Came::SetArn(_) => Err(Unfollowed::at(node.span, "this ARN is known to CloudFormation only")),
            Came::List(_) | Came::Map(_) | Came::Nothing => {
                Err(Unfollowed::at(node.span, "this comes to no text"))
            }
        }
    }

    fn words(&self, node: &Node) -> Result<Vec<String>, Unfollowed> {
        let Came::List(items) = self.follow(node)? else {
            return Err(Unfollowed::at(node.span, "this comes to no list"));
        };
        let words = items.into_iter().map(|item| match item {
            Came::Text { text, .. } => Ok(text),
            Came::SetArn(_) | Came::List(_) | Came::Map(_) | Came::Nothing => {
                Err(Unfollowed::at(node.span, "not everything in this list comes to a text"))
            }
        });
        words.collect()
    }
}

fn two<'n>(name: &str, node: &'n Node) -> Result<(&'n Node, &'n Node), Unfollowed> {
    if let Value::List(parts) = &node.value
        && let [one, other] = parts.as_slice()
    {
        return Ok((one, other));
    }
    Err(Unfollowed::at(node.span, format!("`{name}` needs a list of two")))
}

fn text(text: String) -> Came {
    Came::Text { text, plain: false }
}
