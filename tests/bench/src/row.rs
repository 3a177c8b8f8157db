//! One measurement: a name, figures by their names, and beside some of them what they ought to be.

use std::fmt::Write as _;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// One row of the table, and one object of the JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What was measured; the same in every run.
    name: String,
    /// In the order of the columns. Units are part of the name: `calls per operation`, `first byte (ms)`.
    figures: Vec<(&'static str, f64, Option<Aim>)>,
}

/// What a figure ought to be. It is printed beside the figure and never asserted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {}", in_words(least)),
            Self::AtMost(most) => format!("<= {}", in_words(most)),
        }
    }
}

impl Row {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), figures: Vec::new() }
    }

    /// With figures that nothing is aimed at.
    pub(crate) fn of(name: impl Into<String>, figures: Vec<(&'static str, f64)>) -> Self {
        figures.into_iter().fold(Self::new(name), |row, (name, value)| row.figure(name, value))
    }

    /// With a figure that nothing is aimed at.
    #[must_use]
    pub(crate) fn figure(mut self, name: &'static str, value: f64) -> Self {
        self.figures.push((name, value, None));
        self
    }

    /// With a figure, and what it ought to be.
    #[must_use]
    pub(crate) fn aimed(mut self, name: &'static str, value: f64, aim: Aim) -> Self {
        self.figures.push((name, value, Some(aim)));
        self
    }

    /// What a figure that is there already ought to be.
    #[must_use]
    pub(crate) fn aim(mut self, name: &str, said: Aim) -> Self {
        for (_, _, aim) in self.figures.iter_mut().filter(|(figure, ..)| *figure == name) {
            *aim = Some(said);
        }
        self
    }

    /// Of rows that measure the same under other chances the one in which this figure is least; what has an aim is the worst of all.
    pub(crate) fn least(rows: &[Self], by: &str) -> Option<Self> {
        let figure = |row: &Self| row.get(by).unwrap_or(f64::INFINITY);
        let mut least = rows.iter().min_by(|one, other| figure(one).total_cmp(&figure(other)))?.clone();
        for (name, value, aim) in &mut least.figures {
            let all = rows.iter().filter_map(|row| row.get(name));
            match aim {
                Some(Aim::AtLeast(_)) => *value = all.fold(*value, f64::min),
                Some(Aim::AtMost(_)) => *value = all.fold(*value, f64::max),
                None => {}
            }
        }
        Some(least)
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A figure by its name.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(figure, ..)| *figure == name).map(|(_, value, _)| *value)
    }
}

/// `{ name, figures: { .. }, aims: { figure: { aim, reached } } }`; a figure is a number, or the text `never`.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figures: serde_json::Map<String, serde_json::Value> =
            self.figures.iter().map(|(name, value, _)| ((*name).to_owned(), in_json(*value))).collect();
        let aims: serde_json::Map<String, serde_json::Value> = self
            .figures
            .iter()
            .filter_map(|(name, value, aim)| Some((name, value, (*aim)?)))
            .map(|(name, value, aim)| {
                let said = serde_json::json!({ "aim": aim.in_words(), "reached": aim.is_reached(*value) });
                ((*name).to_owned(), said)
            })
            .collect();
        let mut object = serializer.serialize_map(Some(3))?;
        object.serialize_entry("name", &self.name)?;
        object.serialize_entry("figures", &figures)?;
        object.serialize_entry("aims", &aims)?;
        object.end()
    }
}

/// How many figures reach their aims, of how many that have one.
pub(crate) fn reached(rows: &[Row]) -> (usize, usize) {
    let aimed =
        rows.iter().flat_map(|row| &row.figures).filter_map(|(_, value, aim)| Some((*value, (*aim)?)));
    aimed.fold((0, 0), |(reached, all), (value, aim)| (reached + usize::from(aim.is_reached(value)), all + 1))
}

/// Rows under one head, for the terminal; a figure that a row doesn't have stays empty.
pub(crate) fn table(rows: &[Row]) -> String {
    let cells = cells(rows);
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| {
        cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a string can't fail.
            let _ = if at == 0 { write!(line, "{cell:width$}") } else { write!(line, "  {cell:>width$}") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The same as a table in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for (at, row) in cells(rows).iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "| --- |{}", " ---: |".repeat(row.len().saturating_sub(1)));
        }
    }
    text
}

/// The head and the rows: a column for each figure, and one beside it for its aim where any row has one.
fn cells(rows: &[Row]) -> Vec<Vec<String>> {
    let mut columns: Vec<(&str, bool)> = Vec::new();
    for (name, _, aim) in rows.iter().flat_map(|row| &row.figures) {
        match columns.iter_mut().find(|(column, _)| column == name) {
            Some((_, aimed)) => *aimed |= aim.is_some(),
            None => columns.push((name, aim.is_some())),
        }
    }
    let mut head = vec![String::new()];
    for (column, aimed) in &columns {
        head.push((*column).to_owned());
        if *aimed {
            head.push("aim".to_owned());
        }
    }
    let line = |row: &Row| {
        let mut line = vec![row.name.clone()];
        for (column, aimed) in &columns {
            let figure = row.figures.iter().find(|(name, ..)| name == column);
            line.push(figure.map(|(_, value, _)| in_words(*value)).unwrap_or_default());
            if *aimed {
                let aim = figure.and_then(|(_, value, aim)| Some((value, (*aim)?)));
                line.push(aim.map_or_else(String::new, |(value, aim)| {
                    let reached = if aim.is_reached(*value) { "yes" } else { "no" };
                    format!("{} {reached}", aim.in_words())
                }));
            }
        }
        line
    };
    std::iter::once(head).chain(rows.iter().map(line)).collect()
}

/// Whole numbers as such, others with three places. What never comes takes an infinite time.
fn in_words(value: f64) -> String {
    if value.is_infinite() {
        return "never".to_owned();
    }
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// JSON has no infinite number, and `null` would not tell why there is none.
fn in_json(value: f64) -> serde_json::Value {
    if value.is_finite() { value.into() } else { in_words(value).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> [Row; 2] {
        [
            Row::new("first").figure("calls", 3.0),
            Row::new("second").figure("calls", 4.0).aimed("efficiency", 0.97, Aim::AtLeast(0.98)),
        ]
    }

    #[test]
    fn a_table_has_a_column_for_every_figure_and_one_for_its_aim() {
        assert_eq!(
            table(&rows()),
            "        calls  efficiency         aim\nfirst       3\nsecond      4        0.97  >= 0.98 no\n"
        );
        assert_eq!(
            markdown(&rows()),
            "|  | calls | efficiency | aim |\n| --- | ---: | ---: | ---: |\n| first | 3 |  |  |\n| second | 4 | 0.97 | >= 0.98 no |\n"
        );
    }

    #[test]
    fn the_json_has_an_object_for_every_row_with_all_its_figures() {
        assert_eq!(
            serde_json::to_value(rows()).unwrap()[1],
            serde_json::json!({
                "name": "second",
                "figures": { "calls": 4.0, "efficiency": 0.97 },
                "aims": { "efficiency": { "aim": ">= 0.98", "reached": false } },
            })
        );
    }

    #[test]
    fn what_never_comes_is_told_as_such() {
        let row = Row::new("row").aimed("s to 90 %", f64::INFINITY, Aim::AtMost(10.0));
        let aims = serde_json::json!({ "s to 90 %": { "aim": "<= 10", "reached": false } });
        let expected =
            serde_json::json!({ "name": "row", "figures": { "s to 90 %": "never" }, "aims": aims });
        assert_eq!(serde_json::to_value(&row).unwrap(), expected);
        assert!(table(&[row]).contains("never  <= 10 no"));
    }

    #[test]
    fn of_several_chances_the_least_is_told_and_the_worst_of_what_is_aimed_at() {
        let row = |efficiency, seconds, throttles| {
            Row::new("row")
                .aimed("efficiency", efficiency, Aim::AtLeast(0.95))
                .figure("seconds", seconds)
                .aimed("throttles", throttles, Aim::AtMost(0.0))
        };
        let rows = [row(0.97, 10.0, 0.0), row(0.94, 12.0, 0.0), row(0.96, 11.0, 3.0)];
        assert_eq!(Row::least(&rows, "efficiency"), Some(row(0.94, 12.0, 3.0)));
        assert_eq!(Row::least(&[], "efficiency"), None);
    }

    #[test]
    fn an_aim_is_reached_at_its_very_value() {
        let row = |value| [Row::new("row").aimed("calls", value, Aim::AtMost(1.7))];
        assert_eq!((reached(&row(1.7)), reached(&row(1.8))), ((1, 1), (0, 1)));
        assert_eq!(reached(&rows()), (0, 1));
    }
}
