//! How many rules an import finds for an organization whose assignments came from known ones, and how long it takes.

mod known;

use std::time::Instant;

use shared::{
    domain::Mode,
    import::{self, Choices, Existing, Heading, Induced, TooLarge},
};

use crate::{
    Extent,
    row::{Aim, Row},
    trouble::Trouble,
};

/// The largest organization that an import is meant for: it takes seconds, as the reading takes minutes.
const SECONDS: f64 = 30.0;

pub(crate) fn measure(extent: Extent) -> Result<Vec<Row>, Trouble> {
    let accounts = if extent == Extent::Quick { 100 } else { 1_000 };
    let trusted = known::TAGS.iter().map(|key| (*key).to_owned());
    let trusting = Choices { trusted_tags: trusted.collect(), ..Choices::default() };
    let mut rows = Vec::new();
    let known = known::organization(accounts, 0)?;
    rows.push(row("30 rules, trusted tags", &known, &trusting)?);
    rows.push(row("30 rules, no tag is trusted", &known, &Choices::default())?);
    let strayed = known::organization(accounts, 200)?;
    rows.push(row("30 rules and 200 strays, trusted tags", &strayed, &trusting)?);
    let large = known::large(accounts)?;
    rows.push(row("100 sets, given by nobody's rule", &large, &trusting)?);
    Ok(rows)
}

/// Imports as the command does: rules, the document, and whether it wants exactly what there is.
fn row(name: &str, existing: &Existing, choices: &Choices) -> Result<Row, Trouble> {
    let began = Instant::now();
    let induced = import::induce(existing, choices);
    let heading = Heading { mode: Mode::Observe, about: Vec::new(), declarations: &[] };
    let (bytes, fits) = match import::document(existing, &induced, choices, &heading) {
        Ok(document) => {
            import::is_exact(&document, existing, &induced)
                .map_err(|error| Trouble::Import(error.to_string()))?;
            (document.bundle.files.values().map(String::len).sum(), 1)
        }
        // Rules in force fit into a bundle: an import that doesn't is refused, and says so.
        Err(TooLarge { bytes, files: _ }) => (bytes, 0),
    };
    let took = began.elapsed().as_secs_f64();
    let Induced { rules, left_out: _, wanted, by_place } = &induced;
    let listing = rules.iter().filter(|rule| rule.lists_accounts()).count();
    Ok(Row::new(name)
        .figure("accounts", figure(existing.accounts.len()))
        .figure("assignments", figure(wanted.len()))
        .figure("rules by place", figure(rules.len() - listing))
        .figure("their assignments", figure(*by_place))
        .figure("rules that list", figure(listing))
        .figure("listed assignments", figure(wanted.len() - by_place))
        .figure("KiB", figure(bytes) / 1024.0)
        .figure("fits a bundle", figure(fits))
        .aimed("whole (s)", took, Aim::AtMost(SECONDS)))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn figure(count: usize) -> f64 {
    count as f64
}
