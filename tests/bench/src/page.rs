//! The page with the measured tables: each stands between two marks, and is replaced as a whole.

use std::{fs, num::NonZeroUsize, path::Path, thread};

use shared::{clock::SystemClock, ports::Clock as _};

use crate::{
    row::{self, Row},
    trouble::Trouble,
};

/// The end of every table.
const END: &str = "<!-- /bench -->";

/// Puts what a benchmark has measured into the page.
pub(crate) fn renew(path: &Path, benchmark: &'static str, rows: &[Row]) -> Result<(), Trouble> {
    let page = fs::read_to_string(path).map_err(|source| Trouble::Read { path: path.to_owned(), source })?;
    let (reached, aimed) = row::reached(rows);
    let about = format!(
        "Measured on {} with {}. {reached} of {aimed} aims reached.",
        SystemClock.now().strftime("%Y-%m-%d"),
        machine()
    );
    let table = row::markdown(rows);
    let page = with_table(&page, benchmark, &format!("{about}\n\n{table}"))
        .ok_or_else(|| Trouble::NoPlace { path: path.to_owned(), benchmark })?;
    fs::write(path, page).map_err(|error| Trouble::write(path, error))
}

/// Whether the page has a place for what a benchmark measures.
#[cfg(test)]
pub(crate) fn has_place(page: &str, benchmark: &str) -> bool {
    with_table(page, benchmark, "").is_some()
}

/// The page with other text between the marks of a benchmark; `None` where it has no such marks.
fn with_table(page: &str, benchmark: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- bench: {benchmark} -->\n");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{text}\n{END}{after}"))
}

/// `2 cores, x86_64, linux`
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    format!("{cores} cores, {}, {}", std::env::consts::ARCH, std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# Page\n<!-- bench: one -->\nold\n<!-- /bench -->\ntext\n<!-- bench: two -->\n<!-- /bench -->\n";

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = with_table(PAGE, "one", "new\n").unwrap();
        assert_eq!(
            page,
            "# Page\n<!-- bench: one -->\n\nnew\n\n<!-- /bench -->\ntext\n<!-- bench: two -->\n<!-- /bench -->\n"
        );
        assert_eq!(with_table(&page, "one", "new\n").unwrap(), page);
    }

    #[test]
    fn a_page_without_the_marks_is_left_as_it_is() {
        assert_eq!(with_table(PAGE, "three", "new"), None);
        assert_eq!(with_table("<!-- bench: one -->\n", "one", "new"), None);
    }
}
