//! Makes the page of a report: takes the report as JSON on stdin, and writes the page to stdout.
//!
//! `cargo xtask page` opens what it makes in a browser.

use std::io::{self, Read as _, Write as _};

use shared::audit::{Audit, page};

fn main() -> io::Result<()> {
    let mut json = String::new();
    io::stdin().read_to_string(&mut json)?;
    let audit: Audit = serde_json::from_str(&json)?;
    io::stdout().write_all(page::html(&audit).as_bytes())
}
