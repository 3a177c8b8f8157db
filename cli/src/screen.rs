//! Where a command writes, how it may look, and whether somebody can be asked.

use std::{
    fmt::{self, Display},
    io::{self, BufRead, IsTerminal as _, Write},
};

/// The widest text that is written where the width is not known.
const WIDTH: usize = 100;

/// What a process is connected to.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    out: Style,
    err: Style,
    bar: bool,
    can_ask: bool,
}

impl Terminal {
    /// This process's standard streams.
    pub fn of_process(no_color: bool) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            out: Style { colour: out && !no_color },
            err: Style { colour: err && !no_color },
            bar: err,
            can_ask: err && io::stdin().is_terminal(),
        }
    }

    /// The screen made of these streams.
    pub fn screen<'a>(
        self,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        input: &'a mut dyn BufRead,
    ) -> Screen<'a> {
        Screen {
            out,
            err,
            out_style: self.out,
            err_style: self.err,
            progress_bar: self.bar,
            input: self.can_ask.then_some(input),
        }
    }
}

/// Where a command writes.
pub struct Screen<'a> {
    /// The result.
    pub out: &'a mut dyn Write,
    /// Progress, questions and errors.
    pub err: &'a mut dyn Write,
    pub out_style: Style,
    pub err_style: Style,
    /// Whether a bar may move on `err`.
    pub progress_bar: bool,
    /// Where a person answers; `None` when nobody is there.
    pub input: Option<&'a mut dyn BufRead>,
}

impl fmt::Debug for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl<'a> Screen<'a> {
    /// A screen without colours, where nobody can be asked.
    pub fn plain(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let style = Style { colour: false };
        Self { out, err, out_style: style, err_style: style, progress_bar: false, input: None }
    }
}

/// How text may look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Heading,
    Faint,
    Good,
    Bad,
    Warning,
    Accent,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Accent => "36",
        }
    }
}

impl Style {
    /// The text, painted where colours may be used.
    pub fn paint(self, paint: Paint, text: impl Display) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", paint.code()) } else { text.to_string() }
    }

    /// How miette draws: the same shapes with and without colours.
    pub(crate) fn diagnostics(self) -> miette::GraphicalReportHandler {
        let theme = if self.colour {
            miette::GraphicalTheme::unicode()
        } else {
            miette::GraphicalTheme::unicode_nocolor()
        };
        miette::GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false)
    }
}

/// Text from AWS on one line: a group's name may hold line breaks, and a terminal would obey control characters.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A number with its noun.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_used_only_where_they_may_be() {
        assert_eq!(Style { colour: false }.paint(Paint::Bad, "x"), "x");
        assert_eq!(Style { colour: true }.paint(Paint::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
    }

    #[test]
    fn control_characters_in_a_name_do_not_reach_the_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
