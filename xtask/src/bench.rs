//! Builds the benchmarks as fast as they get, and the functions as they are released if those are measured, and runs them.

use std::{ffi::OsString, path::Path};

use crate::{
    command::{self, cargo},
    failure::Failure,
    sizes,
};

/// The options of the benchmarks that are followed by a value.
const WITH_VALUE: [&str; 1] = ["--json"];

pub(crate) fn run(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    if measures_functions(arguments) {
        sizes::build_all(root)?;
    }
    let mut run = cargo(root, ["run", "--locked", "--quiet", "--profile", "measure", "-p", "bench", "--"]);
    command::run(run.args(arguments))
}

/// Whether the functions themselves are to be measured: they are, unless only other benchmarks are named.
fn measures_functions(arguments: &[OsString]) -> bool {
    let mut names = Vec::new();
    let mut words = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(word) = words.next() {
        if ["--help", "-h"].contains(&&*word) {
            return false;
        }
        if WITH_VALUE.contains(&&*word) {
            words.next();
        } else if !word.starts_with('-') {
            names.push(word);
        }
    }
    names.is_empty() || names.iter().any(|part| "lambdas".contains(&**part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures(line: &str) -> bool {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        measures_functions(&words)
    }

    #[test]
    fn the_functions_are_built_where_they_are_measured_whatever_else_is_said() {
        for line in
            ["", "--quick", "--json rows.json", "--json=rows.json --quick", "lambdas", "writes lambda"]
        {
            assert!(measures(line), "{line}");
        }
        for line in ["writes", "--json rows.json writes", "writes --json lambdas", "--help", "lambdas -h"] {
            assert!(!measures(line), "{line}");
        }
    }
}
