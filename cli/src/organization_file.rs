//! The organization that a simulated AWS begins with: read from a file, with mistakes shown in their place.

use std::{fs, path::Path};

use miette::{LabeledSpan, NamedSource, SourceSpan};
use simulator::{Settings, World};

use crate::Failure;

/// A mistake in an organization file, with the text at fault.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Mistake {
    message: String,
    source_code: NamedSource<String>,
    place: SourceSpan,
    file: String,
    line: u64,
    column: u64,
}

impl Mistake {
    fn new(path: &Path, text: &str, error: &simulator::DescriptionError) -> Self {
        let file = path.display().to_string();
        Self {
            message: error.message.clone(),
            source_code: NamedSource::new(&file, text.to_owned()),
            place: place(text, error.line, error.column),
            file,
            line: error.line,
            column: error.column,
        }
    }
}

impl miette::Diagnostic for Mistake {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let Self { file, line, column, .. } = self;
        Some(Box::new(format!("it is at {file}:{line}:{column}; docs/simulator.md describes the file")))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.place))))
    }
}

/// From a place in lines and characters, both from 1, to the word that stands there.
fn place(text: &str, line: u64, column: u64) -> SourceSpan {
    let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let rest = rest.lines().next().unwrap_or_default();
    let offset = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    let word = rest.get(offset..).unwrap_or_default();
    let ends = |c: char| matches!(c, ',' | '}' | ']' | ':' | '#') || c.is_whitespace();
    let length = word.char_indices().skip(1).find(|(_, c)| ends(*c)).map_or(word.len(), |(at, _)| at);
    SourceSpan::new((before + offset).into(), length)
}

/// The world that a file describes; the example organization where there is none.
pub(crate) fn world(path: Option<&Path>) -> Result<World, Failure> {
    let settings = Settings::default();
    let Some(path) = path else {
        let built = World::from_yaml(simulator::EXAMPLE, settings);
        return built.map_err(|error| mistake(Path::new("example.yaml"), simulator::EXAMPLE, &error));
    };
    let text = fs::read_to_string(path)
        .map_err(|source| Failure::OrganizationFile { path: path.display().to_string(), source })?;
    World::from_yaml(&text, settings).map_err(|error| mistake(path, &text, &error))
}

fn mistake(path: &Path, text: &str, error: &simulator::DescriptionError) -> Failure {
    Failure::Organization(Box::new(Mistake::new(path, text, error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_lines_and_characters_is_the_word_that_stands_there() {
        let text = "a: b\nräume: { name: x, colour: red }\n";
        let found = |line, column| {
            let span = place(text, line, column);
            text.get(span.offset()..span.offset() + span.len()).unwrap()
        };
        assert_eq!((found(1, 1), found(1, 4)), ("a", "b"));
        assert_eq!((found(2, 1), found(2, 19)), ("räume", "colour"));
        for (line, column) in [(0, 0), (2, 99), (9, 9), (u64::MAX, u64::MAX)] {
            let span = place(text, line, column);
            assert!(text.get(span.offset()..span.offset() + span.len()).is_some(), "{line}:{column}");
        }
    }
}
