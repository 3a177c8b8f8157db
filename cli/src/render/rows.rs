//! Rows of text whose columns stand below each other.

use std::fmt::Write as _;

use crate::{Paint, Style};

/// One row: a sign, the columns, and what follows them.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) sign: &'static str,
    pub(crate) paint: Paint,
    pub(crate) columns: [String; 2],
    pub(crate) rest: String,
}

/// Writes rows two blanks in, their columns as wide as the widest.
pub(crate) fn write(text: &mut String, rows: &[Row], style: Style) {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.columns.get(column))
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    for Row { sign, paint, columns: [one, two], rest } in rows {
        let sign = style.paint(*paint, sign);
        let rest = style.paint(Paint::Faint, rest);
        let _ = writeln!(text, "  {sign} {one:first$}  {two:second$}  {rest}");
    }
}
