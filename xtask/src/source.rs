//! Rust source as the checks see it: without comments, texts and tests.

use std::{fs, path::Path};

use crate::failure::Failure;

/// A file of Rust.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the top folder, with `/`.
    pub(crate) path: String,
    /// The code, line by line where it was; comments, texts and inline tests are blank.
    pub(crate) code: String,
    /// All lines, less those of inline tests.
    pub(crate) lines: usize,
    /// Whether a comment holds an example that rustdoc would run.
    pub(crate) example: bool,
}

/// Every Rust file under `folder` of the checkout, by path; `target` and hidden folders are left out.
pub(crate) fn under(root: &Path, folder: &str) -> Result<Vec<Source>, Failure> {
    let mut waiting = vec![root.join(folder)];
    let mut paths = Vec::new();
    while let Some(folder) = waiting.pop() {
        let wrong = |reason| Failure::File { path: folder.clone(), reason };
        for entry in fs::read_dir(&folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.iter().map(|path| read(root, path)).collect()
}

fn read(root: &Path, path: &Path) -> Result<Source, Failure> {
    let text = fs::read_to_string(path).map_err(|reason| Failure::File { path: path.to_owned(), reason })?;
    let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Ok(parse(shown, &text))
}

/// Reads one file's text.
pub(crate) fn parse(path: String, text: &str) -> Source {
    let (code, tests) = without_tests(&without_comments(text));
    Source { path, code, lines: text.lines().count().saturating_sub(tests), example: has_example(text) }
}

/// Whether a comment opens a block of code that rustdoc takes for Rust.
fn has_example(text: &str) -> bool {
    let mut open = false;
    text.lines().map(str::trim_start).any(|line| {
        let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let Some(language) = comment.and_then(|comment| comment.trim().strip_prefix("```")) else {
            return false;
        };
        open = !open;
        let first = language.split(',').next().unwrap_or(language);
        open && ["", "rust", "no_run", "should_panic", "compile_fail"].contains(&first)
    })
}

/// Blanks comments and the inside of texts; every line stays where it is.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let before = code.chars().next_back().unwrap_or(' ');
        let kept;
        let length = if rest.starts_with("//") {
            kept = 0;
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            kept = 0;
            block_comment(rest)
        } else if next == '"' {
            kept = 1;
            quoted(rest, '"')
        } else if next == '\'' && is_character(rest) {
            kept = 1;
            quoted(rest, '\'')
        } else if let Some(length) = raw_text(rest).filter(|_| !is_word(before)) {
            kept = 1;
            length
        } else {
            kept = next.len_utf8();
            kept
        };
        let (taken, left) = rest.split_at(length.min(rest.len()));
        let (kept, blanked) = taken.split_at(kept);
        code.push_str(kept);
        code.extend(blanked.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        rest = left;
    }
    code
}

/// The length of a block comment, others inside it counted.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a text or character, its quotes counted.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    let first = characters.next();
    first == Some('\\') || characters.next() == Some('\'')
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`, where there is one.
fn raw_text(text: &str) -> Option<usize> {
    let marks = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let inside = marks.trim_start_matches('#');
    let hashes = marks.len() - inside.len();
    let inside = inside.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + length)
}

/// Blanks what is built for tests only; gives how many lines that were.
fn without_tests(code: &str) -> (String, usize) {
    let mut kept = String::with_capacity(code.len());
    let mut tests = 0;
    let mut rest = code;
    while let Some(start) =
        ["#[cfg(test)]", "#[cfg(all(test,"].iter().filter_map(|mark| rest.find(mark)).min()
    {
        let (before, item) = rest.split_at(start);
        let (item, after) = item.split_at(item_length(item));
        kept.push_str(before);
        kept.extend(item.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        tests += item.lines().count();
        rest = after;
    }
    kept.push_str(rest);
    (kept, tests)
}

/// The length of an item with its attributes: to its `;`, or to the end of its braces.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(character, '}' | ';') {
            return at + 1;
        }
    }
    code.len()
}

/// Whether a character can be part of a name.
pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The names in code that is free of comments and texts, each with what stands before and after it.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + code.get(rest..)?.find(is_word)?;
        let tail = code.get(start..)?;
        let length = tail.find(|character| !is_word(character)).unwrap_or(tail.len());
        rest = start + length;
        Some((code.get(..start)?, code.get(start..rest)?, code.get(rest..)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        parse("x.rs".to_owned(), text).code
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        let text = "a(); // tokio\n/* tokio /* tokio */ tokio */ b(\"tokio \\\" tokio\", r#\"tokio \" tokio\"#, '\"', \"tokio\");";
        let code = code(text);
        assert!(!code.contains("tokio"), "{code}");
        assert!(code.contains("a();") && code.contains("b("), "{code}");
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn a_lifetime_begins_no_text() {
        assert_eq!(code("fn f<'a>(x: &'a str) { y::<'a>() }").trim(), "fn f<'a>(x: &'a str) { y::<'a>() }");
    }

    #[test]
    fn inline_tests_are_not_counted_and_what_follows_is() {
        let source = parse(
            "x.rs".to_owned(),
            "fn a() {}\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n",
        );
        assert_eq!(source.lines, 2);
        assert!(
            source.code.contains("fn a") && source.code.contains("fn c") && !source.code.contains("fn b")
        );
    }

    #[test]
    fn a_test_only_function_ends_at_its_brace() {
        let source = parse("x.rs".to_owned(), "#[cfg(test)]\nfn a(b: [u8; 3]) {\n}\nfn c() {}\n");
        assert_eq!((source.lines, source.code.trim()), (1, "fn c() {}"));
    }

    #[test]
    fn an_example_is_a_block_of_rust_in_a_comment() {
        let example = |text| parse("x.rs".to_owned(), text).example;
        assert!(example("/// ```\n/// assert!(true);\n/// ```\nfn x() {}"));
        assert!(example("//! ```yaml\n//! a: b\n//! ```\n//! ```no_run\n//! f();\n//! ```"));
        assert!(!example("//! ```text\n//! a\n//! ```\nlet x = \"```\";"));
    }

    #[test]
    fn words_come_with_what_stands_around_them() {
        let found: Vec<_> =
            words("use crate::x;").map(|(_, word, after)| (word, after.starts_with("::"))).collect();
        assert_eq!(found, [("use", false), ("crate", true), ("x", false)]);
    }
}
