//! How values of one tag, and names, compare: written out, as patterns, or whether there is one at all.

use super::Extent;
use crate::rules::{TagValueSelector, TextSelector};

/// Whether they are all that there are.
pub(super) fn is_any_value(values: &[TagValueSelector]) -> bool {
    values.iter().any(|value| match value {
        TagValueSelector::Present => true,
        TagValueSelector::Value(text) => is_any_text(text),
        TagValueSelector::Absent => false,
    })
}

fn is_any_text(text: &TextSelector) -> bool {
    matches!(text, TextSelector::Like(glob) if !glob.as_str().is_empty() && glob.as_str().chars().all(|c| c == '*'))
}

/// The values of a tag that one selector has, and those that some of these have.
pub(super) fn value_extent(own: &TagValueSelector, values: &[TagValueSelector]) -> Extent {
    let texts = || {
        values.iter().filter_map(|value| match value {
            TagValueSelector::Value(text) => Some(text),
            TagValueSelector::Present | TagValueSelector::Absent => None,
        })
    };
    match own {
        TagValueSelector::Absent if values.iter().any(|value| value.selects(None)) => Extent::Within,
        TagValueSelector::Absent => Extent::Outside,
        _ if is_any_value(values) => Extent::Within,
        TagValueSelector::Present if texts().next().is_none() => Extent::Outside,
        TagValueSelector::Present => Extent::Wider,
        TagValueSelector::Value(text) => text_extent(text, &texts().collect::<Vec<_>>()),
    }
}

pub(super) fn text_extent(own: &TextSelector, others: &[&TextSelector]) -> Extent {
    let others = others.iter().copied();
    if others.clone().any(|other| other == own || is_any_text(other)) {
        return Extent::Within;
    }
    match own {
        TextSelector::Is(text) if others.clone().any(|other| other.selects(text)) => Extent::Within,
        TextSelector::Is(_) => Extent::Outside,
        // Two patterns may have texts in common, and one may be part of the other.
        TextSelector::Like(_) if others.clone().any(|other| matches!(other, TextSelector::Like(_))) => {
            Extent::Open
        }
        TextSelector::Like(glob) => {
            let fits = others.clone().any(|other| matches!(other, TextSelector::Is(text) if glob.fits(text)));
            let is_pattern = glob.as_str().contains(['*', '?']);
            match (fits, is_pattern) {
                (true, true) => Extent::Wider,
                (true, false) => Extent::Within,
                (false, _) => Extent::Outside,
            }
        }
    }
}
