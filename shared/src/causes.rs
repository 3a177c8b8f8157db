//! An error with all its causes in one line: what prints an error usually shows only the outermost.

use std::error::Error;

/// The messages of an error and of what caused it, outermost first, separated by colons.
pub fn joined(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        // A transparent error repeats its source's message.
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}
