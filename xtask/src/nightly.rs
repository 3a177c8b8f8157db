//! What is run by night: all that a change must pass, and what nobody wants to wait for.

use std::{fs, path::Path};

use crate::{
    checks,
    command::{self, cargo},
    failure::Failure,
    metadata::{self, Package},
    report::Report,
};

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let mut report = Report::default();
    for (name, check) in checks::CI {
        report.check(name, || check(root));
    }
    report.check("sizes of the functions", || sizes(root));
    report.finish()
}

/// Builds the functions as Lambda gets them and prints how large each is: loading the program is part of every cold start.
fn sizes(root: &Path) -> Result<(), Failure> {
    let packages: Vec<Package> = metadata::ours(root)?
        .into_iter()
        .filter(|package| package.folder(root).starts_with("functions/"))
        .collect();
    let mut build = cargo(root, ["build", "--locked", "--release", "--bins"]);
    for package in &packages {
        build.args(["-p", &package.name]);
    }
    command::run(&mut build)?;
    println!("\n{:24} {:>10}", "function", "KiB");
    for program in packages.iter().flat_map(Package::programs) {
        let path = root.join("target/release").join(program);
        let size = fs::metadata(&path).map_err(|reason| Failure::File { path, reason })?.len();
        println!("{program:24} {:>10}", size.div_ceil(1024));
    }
    Ok(())
}
