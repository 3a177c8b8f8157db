//! Where a command writes, how it may look, and whether somebody can be asked.

use std::{
    fmt::{self, Display},
    io::{self, BufRead, IsTerminal as _, Write},
};

use jiff::SignedDuration;

use crate::Failure;

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
            input: Some(input),
            can_ask: self.can_ask,
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
    /// The standard input, if there is one.
    pub input: Option<&'a mut dyn BufRead>,
    /// Whether a person is there to answer on `input`.
    pub can_ask: bool,
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
        Self {
            out,
            err,
            out_style: style,
            err_style: style,
            progress_bar: false,
            input: None,
            can_ask: false,
        }
    }

    /// Asks whether to go on. Only a clear yes is one.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<(), Failure> {
        let Some(input) = self.input.as_mut().filter(|_| self.can_ask) else {
            return Err(Failure::NobodyToAsk);
        };
        let question = format!("\n{question} Only `yes` is taken for a yes: ");
        self.err.write_all(question.as_bytes()).and_then(|()| self.err.flush()).map_err(Failure::Output)?;
        let mut answer = String::new();
        input.read_line(&mut answer).map_err(Failure::Input)?;
        if answer.trim().eq_ignore_ascii_case("yes") { Ok(()) } else { Err(Failure::Declined) }
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

/// How long ago something was, or how far off it is, in the two largest units that matter.
pub(crate) fn span(time: SignedDuration) -> String {
    let seconds = time.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let two = |large: i64, unit: &str, small: i64, part: &str| {
        if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {part}") }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "min")
    } else if minutes > 0 {
        two(minutes, "min", seconds % 60, "s")
    } else {
        format!("{seconds} s")
    }
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
    fn a_length_of_time_is_told_in_its_two_largest_units() {
        let told = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!([told(-5), told(0), told(59), told(60)], ["0 s", "0 s", "59 s", "1 min"]);
        assert_eq!([told(3599), told(3600), told(90_061)], ["59 min 59 s", "1 h", "1 d 1 h"]);
    }

    #[test]
    fn a_yes_is_taken_only_from_somebody_who_is_there() {
        let ask = |answer: &str, can_ask: bool| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut answer = answer.as_bytes();
            let mut screen =
                Screen { input: Some(&mut answer), can_ask, ..Screen::plain(&mut out, &mut err) };
            screen.confirm("Go on?")
        };
        assert!(ask("yes\n", true).is_ok());
        assert!(matches!(ask("yes\n", false), Err(Failure::NobodyToAsk)));
        for no in ["y\n", "", "no\n"] {
            assert!(matches!(ask(no, true), Err(Failure::Declined)), "{no:?}");
        }
    }

    #[test]
    fn control_characters_in_a_name_do_not_reach_the_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
