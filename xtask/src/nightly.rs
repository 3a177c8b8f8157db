//! What is run by night: all that a change must pass, and what nobody wants to wait for.

use std::path::Path;

use crate::{
    bench, checks, dst, exhaustive, failure::Failure, infra, lambda, museum, report::Report, sizes, testing,
    week,
};

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let mut report = Report::default();
    for (name, check) in checks::CI {
        report.check(name, || check(root));
    }
    let (name, check) = infra::AS_SAM;
    report.check(name, || check(root));
    report.check("roles against what is called", || testing::roles(root));
    report.check("sizes of all functions", || sizes::check(root));
    report.check("the functions for arm64", || lambda::check(root));
    report.check("the functions under cargo lambda", || lambda::run(root));
    report.check("10,000 histories", || dst::check(root));
    report.check("crash points, pairs and orders", || exhaustive::check(root));
    report.check("the week", || week::check(root));
    report.check("the bug museum", || museum::check(root));
    report.check("benchmarks", || bench::run(root, &["--json".into(), "target/bench.json".into()]));
    report.finish()
}
