//! One measurement: a name, and figures by their names.

use std::fmt::Write as _;

use serde::Serialize;

/// One row of the table, and one object of the JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What was measured; the same in every run.
    pub(crate) name: String,
    /// In the order of the columns. Units are part of the name: `calls per operation`, `first byte (ms)`.
    #[serde(serialize_with = "as_object")]
    pub(crate) figures: Vec<(&'static str, f64)>,
}

fn as_object<S: serde::Serializer>(
    figures: &[(&'static str, f64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(figures.iter().copied())
}

/// Rows under one head; a figure that a row doesn't have stays empty.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for (column, _) in rows.iter().flat_map(|row| &row.figures) {
        if !columns.contains(column) {
            columns.push(column);
        }
    }
    let name_width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    let mut text = format!("{:name_width$}", "");
    for column in &columns {
        let _ = write!(text, "  {column:>8}");
    }
    text.push('\n');
    for row in rows {
        let _ = write!(text, "{:name_width$}", row.name);
        for column in &columns {
            let figure = row.figures.iter().find(|(name, _)| name == column);
            let figure = figure.map(|(_, value)| in_words(*value)).unwrap_or_default();
            let _ = write!(text, "  {figure:>width$}", width = column.chars().count().max(8));
        }
        text.push('\n');
    }
    text
}

/// Whole numbers as such, others with three places.
fn in_words(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_column_for_every_figure_and_the_json_an_object_a_row() {
        let rows = [
            Row { name: "first".to_owned(), figures: vec![("calls", 3.0)] },
            Row { name: "second".to_owned(), figures: vec![("calls", 4.0), ("efficiency", 0.98)] },
        ];
        assert_eq!(
            table(&rows),
            "           calls  efficiency\nfirst          3            \nsecond         4       0.980\n"
        );
        assert_eq!(
            serde_json::to_value(&rows).unwrap()[1],
            serde_json::json!({ "name": "second", "figures": { "calls": 4.0, "efficiency": 0.98 } })
        );
    }
}
