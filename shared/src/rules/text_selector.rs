//! Selectors of text: exact unless `like` says otherwise; anchored and case-sensitive throughout.

use std::fmt;

use wildmatch::WildMatch;

/// A pattern under `like`: `*` is any text, `?` any one character, and the whole text must fit.
#[derive(Clone)]
pub struct Glob {
    pattern: String,
    compiled: WildMatch,
}

impl Glob {
    /// Every text is a pattern.
    pub fn new(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), compiled: WildMatch::new(pattern) }
    }

    /// Whether the whole text fits.
    pub fn fits(&self, text: &str) -> bool {
        self.compiled.matches(text)
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Glob {}

impl PartialOrd for Glob {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Glob {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.pattern.cmp(&other.pattern)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.pattern)
    }
}

/// Which texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextSelector {
    Is(String),
    Like(Glob),
}

impl TextSelector {
    /// Whether it selects this text.
    pub fn selects(&self, text: &str) -> bool {
        match self {
            Self::Is(value) => value == text,
            Self::Like(glob) => glob.fits(text),
        }
    }
}

/// Which values of a tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagValueSelector {
    /// Has a value that is selected. A missing tag has none.
    Value(TextSelector),
    /// Has the tag, whatever its value.
    Present,
    /// Does not have the tag.
    Absent,
}

impl TagValueSelector {
    /// Whether it selects this value; `None` is a tag that is not there.
    pub fn selects(&self, value: Option<&str>) -> bool {
        match self {
            Self::Value(text) => value.is_some_and(|value| text.selects(value)),
            Self::Present => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_anchored_and_tell_upper_from_lower_case() {
        let dev = Glob::new("dev-*");
        assert!(dev.fits("dev-") && dev.fits("dev-1"));
        assert!(!dev.fits("dev") && !dev.fits("a-dev-1") && !dev.fits("Dev-1"));
        assert!(Glob::new("a?c*").fits("abcd") && !Glob::new("a?c").fits("ac"));
        assert!(Glob::new("*").fits("") && !Glob::new("").fits("a") && Glob::new("").fits(""));
        // One character is one, however many bytes it takes.
        assert!(Glob::new("?").fits("ü"));
        assert_eq!(dev.to_string(), "dev-*");
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(2_000);
        assert!(!Glob::new(&pattern).fits(&"a".repeat(1_999)));
    }

    #[test]
    fn absent_is_only_what_is_missing() {
        assert!(TagValueSelector::Absent.selects(None) && !TagValueSelector::Absent.selects(Some("")));
        assert!(TagValueSelector::Present.selects(Some("")) && !TagValueSelector::Present.selects(None));
        let any = TagValueSelector::Value(TextSelector::Like(Glob::new("*")));
        assert!(any.selects(Some("")) && !any.selects(None));
    }
}
