//! Text from elsewhere inside Markdown. A group's name must not become a mention, a link, HTML or a table of its own.

/// The text as code, where Markdown and GitHub read nothing into it: neither mentions nor links, markup or HTML. What could end
/// the code or the table's cell, or turns the direction of writing, is replaced.
pub(super) fn code(text: &str) -> String {
    let harmless: String = text.chars().map(harmless).collect();
    let harmless = harmless.trim();
    if harmless.is_empty() { "*(blank)*".to_owned() } else { format!("`{harmless}`") }
}

/// A sentence: as it is, if there is nothing in it that Markdown could read something into, else as code.
pub(super) fn sentence(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ',' | ';' | '\'' | '-' | '(' | ')' | '`');
    if text.chars().all(is_plain) && text.matches('`').count().is_multiple_of(2) {
        text.to_owned()
    } else {
        code(text)
    }
}

fn harmless(c: char) -> char {
    match c {
        '`' => '\'',
        '|' => '¦',
        // Invisible, or turning the direction of writing; the line and paragraph separators too.
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '�',
        _ if c.is_control() => ' ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_code_whatever_is_in_it() {
        for (name, shown) in [
            ("Developers", "`Developers`"),
            ("@everyone #1 <b>x</b>", "`@everyone #1 <b>x</b>`"),
            ("a`b``c", "`a'b''c`"),
            ("`", "`'`"),
            ("x | y |", "`x ¦ y ¦`"),
            ("a\r\n## Head\n\n<details>", "`a  ## Head  <details>`"),
            ("evil\u{202e}txt\u{200b}", "`evil�txt�`"),
            (" \n ", "*(blank)*"),
            ("back\\", "`back\\`"),
        ] {
            assert_eq!(code(name), shown);
        }
    }

    #[test]
    fn a_sentence_of_ours_stays_one_and_any_other_is_code() {
        assert_eq!(sentence("forbidden by a `never`"), "forbidden by a `never`");
        assert_eq!(sentence("one ` alone"), "`one ' alone`");
        for odd in ["ask @somebody", "see http://example.com", "www.example.com", "a < b", "[x](y)", "_x_"] {
            assert!(sentence(odd).starts_with('`'), "{odd}");
        }
    }
}
