//! Tables that a program makes, in pages that people write: each stands between two marks.

use std::{fs, io, path::Path};

use crate::failure::Failure;

/// The page with this text between the marks of this name; `None` where it has none.
pub(crate) fn between(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

/// Puts what stands in a file between the marks of a page.
pub(crate) fn renew(root: &Path, page: &str, name: &str, tables: &Path) -> Result<(), Failure> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |reason: io::Error| Failure::File { path, reason }
    };
    let path = root.join(page);
    let made = fs::read_to_string(tables).map_err(at(tables))?;
    let before = fs::read_to_string(&path).map_err(at(&path))?;
    let after = between(&before, name, &made).ok_or_else(|| {
        Failure::Broken(vec![format!("{page} has no marks `{name}` to put the tables between")])
    })?;
    fs::write(&path, after).map_err(at(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "# Page\n<!-- week -->\nold\n<!-- /week -->\ntext\n";
        let expected = "# Page\n<!-- week -->\n\nnew\n\n<!-- /week -->\ntext\n";
        assert_eq!(between(page, "week", "new\n").as_deref(), Some(expected));
        assert_eq!(between(expected, "week", "new").as_deref(), Some(expected));
        assert_eq!(between("# Page\n", "week", "new"), None);
        assert_eq!(between(page, "other", "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_each_of_them() {
        let page = include_str!("../../docs/reliability.md");
        for name in ["week", "dst"] {
            assert!(between(page, name, "new").is_some(), "{name}");
        }
    }
}
