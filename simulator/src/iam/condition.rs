//! Conditions: operators, the keys that they look at, and the values that they compare with.

use super::{
    Context, Effect,
    pattern::{Pattern, matches_arn},
};

/// One operator on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    pub(super) key: String,
    pub(super) values: Values,
}

/// What the request's values are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values {
    Texts(Vec<Pattern>),
    Arns(Vec<Vec<Pattern>>),
    Truths(Vec<bool>),
}

/// An operator with its prefix and its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) quantifier: Quantifier,
    pub(super) test: Test,
    pub(super) negated: bool,
    pub(super) if_exists: bool,
}

/// How many of the request's values have to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// The key has one value. Of several, all have to fit for a statement that allows, and one is enough for a statement that denies.
    One,
    /// Every value, which is so of none.
    All,
    /// At least one value.
    Any,
}

/// What is compared, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// Texts, with wildcards or without: the pattern knows.
    Text {
        wildcards: bool,
    },
    TextIgnoringCase,
    Arn,
    Bool,
    /// Whether the key is absent.
    Null,
}

/// What documents may use.
pub(super) const OPERATORS: &str = "StringEquals, StringNotEquals, StringEqualsIgnoreCase, StringNotEqualsIgnoreCase, StringLike, \
     StringNotLike, ArnEquals, ArnNotEquals, ArnLike, ArnNotLike, Bool and Null, with `ForAllValues:` or `ForAnyValue:` before it and \
     `IfExists` behind it";

impl Operator {
    /// The operator of this name; its name does not differ by case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        let (quantifier, rest) = match lower.split_once(':') {
            None => (Quantifier::One, lower.as_str()),
            Some(("forallvalues", rest)) => (Quantifier::All, rest),
            Some(("foranyvalue", rest)) => (Quantifier::Any, rest),
            Some(_) => return None,
        };
        let (base, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |base| (base, true));
        let (test, negated) = match base {
            "stringequals" => (Test::Text { wildcards: false }, false),
            "stringnotequals" => (Test::Text { wildcards: false }, true),
            "stringequalsignorecase" => (Test::TextIgnoringCase, false),
            "stringnotequalsignorecase" => (Test::TextIgnoringCase, true),
            "stringlike" => (Test::Text { wildcards: true }, false),
            "stringnotlike" => (Test::Text { wildcards: true }, true),
            // The two ways of naming it do the same, as the user guide says.
            "arnequals" | "arnlike" => (Test::Arn, false),
            "arnnotequals" | "arnnotlike" => (Test::Arn, true),
            "bool" => (Test::Bool, false),
            // A key is there or not: there is nothing to count, and no exception for what is absent.
            "null" if quantifier == Quantifier::One && !if_exists => (Test::Null, false),
            _ => return None,
        };
        Some(Self { quantifier, test, negated, if_exists })
    }
}

impl Condition {
    /// Whether it holds for this request, in a statement with this effect.
    pub(super) fn holds(&self, effect: Effect, context: &Context) -> bool {
        let Self { operator, key, values } = self;
        let present = context.get(key);
        if operator.test == Test::Null {
            return matches!(values, Values::Truths(truths) if truths.contains(&present.is_empty()));
        }
        if present.is_empty() {
            return match operator.quantifier {
                // What is absent equals nothing: so it does not equal, and it is not like.
                Quantifier::One => operator.if_exists || operator.negated,
                Quantifier::All => true,
                Quantifier::Any => operator.if_exists,
            };
        }
        let fits = |value: &String| self.fits(value, context) != operator.negated;
        match (operator.quantifier, effect) {
            // Several values without a quantifier, which IAM's own validation warns of: the stricter reading for either effect.
            (Quantifier::One, Effect::Allow) | (Quantifier::All, _) => present.iter().all(fits),
            (Quantifier::One, Effect::Deny) | (Quantifier::Any, _) => present.iter().any(fits),
        }
    }

    /// Whether one value of the request is among those that the document names.
    fn fits(&self, value: &str, context: &Context) -> bool {
        match &self.values {
            Values::Texts(patterns) if self.operator.test == Test::TextIgnoringCase => {
                patterns.iter().any(|pattern| pattern.matches_ignoring_case(value, context))
            }
            Values::Texts(patterns) => patterns.iter().any(|pattern| pattern.matches(value, context)),
            Values::Arns(patterns) => patterns.iter().any(|pattern| matches_arn(pattern, value, context)),
            Values::Truths(truths) => {
                truths.iter().any(|truth| value.eq_ignore_ascii_case(if *truth { "true" } else { "false" }))
            }
        }
    }
}
