//! What is wrong with rule documents: each problem with its file, line, column and the text at fault.

use std::{fmt, sync::Arc};

use miette::{LabeledSpan, NamedSource, SourceSpan};

/// A longer line is not shown with its problem: a document on one line would be printed over and over.
const LONGEST_LINE_SHOWN: usize = 400;

/// Why a bundle was refused: at least one problem, in the order of the text as far as they were found.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.headline())]
pub struct Diagnostics {
    problems: Vec<Problem>,
    unlisted: usize,
}

impl Diagnostics {
    pub(crate) fn new(problems: Vec<Problem>, unlisted: usize) -> Self {
        Self { problems, unlisted }
    }

    /// The problems, each of which can be rendered by miette.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more problems there were than are kept.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// The problems as plain data, for machines.
    pub fn plain(&self) -> Vec<PlainProblem> {
        self.problems.iter().map(|problem| problem.plain.clone()).collect()
    }

    fn headline(&self) -> String {
        match self.problems.len() + self.unlisted {
            1 => "the rules have a problem".to_owned(),
            all if self.unlisted > 0 => {
                format!("the rules have {all} problems, of which these are the first {}", self.problems.len())
            }
            all => format!("the rules have {all} problems"),
        }
    }
}

impl miette::Diagnostic for Diagnostics {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn miette::Diagnostic)))
    }
}

/// A problem as data: where it is, what it is, what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlainProblem {
    /// The file's name in its bundle; empty for what is wrong with the bundle as a whole.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The length of the text at fault, in characters, up to the end of its first line.
    pub length: usize,
    pub message: String,
    pub help: Option<String>,
}

/// One problem, with the text at fault.
#[derive(Clone)]
pub struct Problem {
    plain: PlainProblem,
    source: Option<Arc<NamedSource<Arc<str>>>>,
    labels: Vec<LabeledSpan>,
}

impl Problem {
    /// The same as plain data.
    pub fn plain(&self) -> &PlainProblem {
        &self.plain
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlainProblem { file, line, column, length, message, .. } = &self.plain;
        f.write_str(message)?;
        // Beside the text it is shown anyway; some text is too long to be shown.
        if self.labels.is_empty() && *length > 0 {
            write!(f, " (at {file}:{line}:{column})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlainProblem { file, line, column, message, .. } = &self.plain;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

impl std::error::Error for Problem {}

impl miette::Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.plain.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}

/// A stretch of a file: byte offsets on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Which of the bundle's files, counted from 0.
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One file of a bundle, ready to be pointed at.
#[derive(Debug)]
pub(crate) struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// `None` for text that is never shown.
    shown: Option<Arc<NamedSource<Arc<str>>>>,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let text: Arc<str> = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let shown = Some(Arc::new(NamedSource::new(name, Arc::clone(&text)).with_language("yaml")));
        Self { name: name.into(), text, shown, lines }
    }

    /// A file whose text is not worth showing.
    pub(crate) fn unseen(name: &str) -> Self {
        Self { name: name.into(), text: "".into(), shown: None, lines: vec![0] }
    }

    pub(crate) fn is_unseen(&self) -> bool {
        self.shown.is_none()
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The number of the line that holds this offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// What a span covers, up to the end of its first line and without the blanks there.
    fn first_line(&self, span: Span) -> std::ops::Range<usize> {
        let covered = self.text.get(span.start..span.end).unwrap_or_default();
        let line = covered.split(['\n', '\r']).next().unwrap_or_default().trim_end();
        span.start..span.start + line.len()
    }

    fn is_shown(&self, line: usize) -> bool {
        let start = line.checked_sub(1).and_then(|at| self.lines.get(at)).copied().unwrap_or_default();
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        end.saturating_sub(start) <= LONGEST_LINE_SHOWN
    }
}

/// A problem being described.
#[derive(Debug)]
pub(crate) struct Report {
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
    also: Option<(Span, String)>,
}

impl Report {
    pub(crate) fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: "here".to_owned(), help: None, also: None }
    }

    /// Which of the bundle's files it is in.
    pub(crate) fn file(&self) -> usize {
        self.span.file
    }

    /// What to write beside the text at fault.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Another place that has to do with it; shown if it is in the same file.
    pub(crate) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also = Some((span, label.into()));
        self
    }

    pub(crate) fn into_problem(self, source: &Source) -> Problem {
        let Self { span, message, label, help, also } = self;
        // What a file says is quoted: nothing of it commands the terminal that shows it.
        let plain =
            |text: String| text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        let (message, help): (String, Option<String>) = (plain(message), help.map(plain));
        let range = source.first_line(span);
        let line = source.line(range.start);
        let line_start = line.checked_sub(1).and_then(|at| source.lines.get(at)).copied().unwrap_or_default();
        let characters =
            |from: usize, to: usize| source.text.get(from..to).unwrap_or_default().chars().count();
        let plain = PlainProblem {
            file: source.name.to_string(),
            line,
            column: characters(line_start, range.start) + 1,
            length: characters(range.start, range.end),
            message,
            help,
        };
        let shown = source.shown.as_ref().filter(|_| source.is_shown(line)).cloned();
        let mut labels = Vec::new();
        if shown.is_some() {
            labels.push(LabeledSpan::new_primary_with_span(Some(label), SourceSpan::from(range)));
            if let Some((span, label)) =
                also.filter(|(other, _)| other.file == span.file && source.is_shown(source.line(other.start)))
            {
                labels
                    .push(LabeledSpan::new_with_span(Some(label), SourceSpan::from(source.first_line(span))));
            }
        }
        Problem { plain, source: shown, labels }
    }
}
