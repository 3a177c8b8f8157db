//! Templates that `usher export` writes, judged by cfn-lint.
//!
//! The module's name begins with `cfn_lint_`, so that it can be left out where that program is missing.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use cli::Ending;

use super::import::grown;

/// The program: as `cargo xtask test` says, or where that command put it earlier.
#[expect(clippy::disallowed_methods, reason = "a test's own environment, not the product's settings")]
fn program() -> PathBuf {
    if let Ok(path) = std::env::var("USHER_TEST_CFN_LINT") {
        return PathBuf::from(path);
    }
    let installed = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/python/bin/cfn-lint"));
    assert!(installed.exists(), "cfn-lint is not there; install it first: cargo xtask test");
    installed.canonicalize().unwrap()
}

/// What it finds wrong with a template: nothing, or this.
fn found(template: &Path) -> String {
    let output =
        Command::new(program()).args(["--regions", "us-east-1", "--"]).arg(template).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.success(), told.trim().is_empty(), "{output:?}");
    told
}

#[tokio::test]
async fn exported_templates_are_found_right_in_every_form() {
    let place = grown().await;
    let rules = place.path("usher.yaml");
    let out = rules.to_str().unwrap();
    let import = place.order(&["import", "--permission-sets", "--out", out]).await;
    assert_eq!(import.ending, Ending::Good, "{import:?}");
    for form in ["yaml", "json"] {
        let stacks = place.path(&format!("stacks-{form}"));
        let to = stacks.to_str().unwrap();
        let line = ["export", "--cloudformation", "--direct", "--form", form, "--rules", out, "--out", to];
        let export = place.order(&line).await;
        assert_eq!(export.ending, Ending::Good, "{export:?}");
        let template = stacks.join(format!("usher-001.{form}"));
        assert_eq!(found(&template), "");
        // It does find what is wrong.
        let broken = std::fs::read_to_string(&template).unwrap().replace("TargetType", "TargetTypo");
        let path = stacks.join(format!("broken.{form}"));
        std::fs::write(&path, broken).unwrap();
        assert!(found(&path).contains("TargetTyp"), "{}", found(&path));
    }
}
