//! Texts with `*`, `?` and policy variables, and how they match.

use super::Context;

/// A text in which `*` stands for anything, `?` for one character, and `${key}` for what the request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Anything,
    OneCharacter,
    /// A policy variable, and what stands for it where the request doesn't have the key.
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// Which signs mean something in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?`
    pub(super) wildcards: bool,
    /// `${key}`: only in documents of version 2012-10-17.
    pub(super) variables: bool,
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong with a policy variable.
    pub(super) fn read(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let after = rest.get(letter.len_utf8()..).unwrap_or_default();
            let piece = match letter {
                '*' if syntax.wildcards => Piece::Anything,
                '?' if syntax.wildcards => Piece::OneCharacter,
                '$' if syntax.variables && after.starts_with('{') => {
                    let (inside, behind) = after
                        .get(1..)
                        .and_then(|inside| inside.split_once('}'))
                        .ok_or_else(|| format!("the policy variable in `{text}` has no `}}`"))?;
                    rest = behind;
                    // `${*}`, `${?}` and `${$}` are the signs themselves.
                    if matches!(inside, "*" | "?" | "$") {
                        literal.push_str(inside);
                        continue;
                    }
                    flush(&mut literal, &mut pieces);
                    pieces.push(variable(inside, text)?);
                    continue;
                }
                other => {
                    literal.push(other);
                    rest = after;
                    continue;
                }
            };
            flush(&mut literal, &mut pieces);
            pieces.push(piece);
            rest = after;
        }
        flush(&mut literal, &mut pieces);
        Ok(Self(pieces))
    }

    /// Whether a text matches. A variable that the request says nothing of matches nothing.
    pub(super) fn matches(&self, text: &str, context: &Context) -> bool {
        self.signs(context).is_some_and(|signs| fits(&signs, text))
    }

    /// The same, whatever the case of the letters.
    pub(super) fn matches_ignoring_case(&self, text: &str, context: &Context) -> bool {
        let lower = |sign: Sign| match sign {
            Sign::Letter(letter) => letter.to_lowercase().map(Sign::Letter).collect(),
            Sign::Anything | Sign::OneCharacter => vec![sign],
        };
        self.signs(context).is_some_and(|signs| {
            let signs: Vec<Sign> = signs.into_iter().flat_map(lower).collect();
            fits(&signs, &text.to_lowercase())
        })
    }

    fn signs(&self, context: &Context) -> Option<Vec<Sign>> {
        let mut signs = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => signs.extend(text.chars().map(Sign::Letter)),
                Piece::Anything => signs.push(Sign::Anything),
                Piece::OneCharacter => signs.push(Sign::OneCharacter),
                // What the request says is taken as it is: a `*` in a tag is a star, and no wildcard.
                Piece::Variable { key, default } => {
                    let value = context.single(key).or(default.as_deref())?;
                    signs.extend(value.chars().map(Sign::Letter));
                }
            }
        }
        Some(signs)
    }

    /// The parts between colons that an ARN pattern has: six, the last of which may hold further colons. `None` if there are fewer.
    pub(super) fn read_arn(text: &str, syntax: Syntax) -> Result<Option<Vec<Self>>, String> {
        // A variable may hold a colon, so what is between `${` and `}` is no place to split.
        let mut parts = Vec::new();
        let mut start = 0;
        let mut inside = false;
        for (at, letter) in text.char_indices() {
            match letter {
                '{' if syntax.variables && text.get(..at).is_some_and(|before| before.ends_with('$')) => {
                    inside = true;
                }
                '}' => inside = false,
                ':' if !inside && parts.len() < 5 => {
                    parts.push(Self::read(text.get(start..at).unwrap_or_default(), syntax)?);
                    start = at + 1;
                }
                _part_of_a_segment => {}
            }
        }
        parts.push(Self::read(text.get(start..).unwrap_or_default(), syntax)?);
        Ok((parts.len() == 6).then_some(parts))
    }
}

fn flush(literal: &mut String, pieces: &mut Vec<Piece>) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal)));
    }
}

/// `aws:PrincipalTag/Team`, or `aws:PrincipalTag/Team, 'nobody'` with what stands in for it.
fn variable(inside: &str, text: &str) -> Result<Piece, String> {
    let (key, default) = match inside.split_once(',') {
        None => (inside.trim(), None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            let default = quoted.ok_or_else(|| {
                format!("the default of the policy variable in `{text}` is not in single quotes")
            })?;
            (key.trim(), Some(default.to_owned()))
        }
    };
    if key.is_empty() || !key.contains(':') {
        return Err(format!("`{key}` in `{text}` is no key of a request, such as `aws:PrincipalTag/Team`"));
    }
    Ok(Piece::Variable { key: key.to_owned(), default })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Letter(char),
    Anything,
    OneCharacter,
}

/// Whether the whole text fits: linear in the text for each star, never exponential.
fn fits(signs: &[Sign], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut sign, mut at) = (0, 0);
    // Where to go on if the latest star has to take one character more.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match signs.get(sign) {
            Some(Sign::Anything) => {
                star = Some((sign, at));
                sign += 1;
            }
            Some(Sign::OneCharacter) => {
                sign += 1;
                at += 1;
            }
            Some(Sign::Letter(letter)) if text.get(at) == Some(letter) => {
                sign += 1;
                at += 1;
            }
            Some(Sign::Letter(_)) | None => {
                let Some((of_star, taken)) = star else { return false };
                star = Some((of_star, taken + 1));
                sign = of_star + 1;
                at = taken + 1;
            }
        }
    }
    signs.get(sign..).unwrap_or_default().iter().all(|sign| *sign == Sign::Anything)
}

/// Whether an ARN matches, part by part: a `*` does not reach over a colon, but in the last part. A pattern of one part is `*`.
pub(super) fn matches_arn(patterns: &[Pattern], arn: &str, context: &Context) -> bool {
    if let [whole] = patterns {
        return whole.matches(arn, context);
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.len() == patterns.len()
        && patterns.iter().zip(parts).all(|(pattern, part)| pattern.matches(part, context))
}
