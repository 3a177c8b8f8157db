//! Opens the audit's page in a browser: as a reader would, on a desktop and on a phone, in light and in dark, with a judge of accessibility.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{self, cargo, program},
    failure::Failure,
    tools,
};

/// Where the scripts are, and what they need by its versions.
const HOME: &str = "tests/page";
/// What Debian calls the browser, and where it puts it; the tests look there too.
const CHROMIUM: &str = "chromium";
const BROWSERS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/// Debian's name of letters to write the page with: a browser is installed without any.
const FONTS: &str = "fonts-dejavu-core";

/// `cargo xtask page [--measure]`
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    match arguments {
        [] => check(root),
        [measure] if measure == "--measure" => with_page(root, &["measure.mjs"]),
        [..] => Err(Failure::Broken(vec![
            "`cargo xtask page` takes nothing, or `--measure`; try help".to_owned(),
        ])),
    }
}

/// Opens the page and uses it.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    with_page(root, &["--test", "--test-reporter=spec", "page.test.mjs"])
}

/// Sets up all that is needed, makes the page's program, and has Node do this.
fn with_page(root: &Path, arguments: &[&str]) -> Result<(), Failure> {
    browser(root)?;
    let packages = packages(root)?;
    // With the features of all packages together, as everything else is built.
    let example = ["--example", "audit_page"];
    command::run(cargo(root, ["build", "--locked", "--workspace", "--all-features"]).args(example))?;
    let mut node = program("node", &root.join(HOME));
    node.args(arguments);
    node.env("USHER_PAGE_TOOLS", packages);
    node.env("USHER_PAGE_PROGRAM", root.join("target/debug/examples/audit_page"));
    command::run(&mut node)
}

/// Installs the browser where that is possible: with the system's packages, for whoever may.
fn browser(root: &Path) -> Result<(), Failure> {
    let is_there = || BROWSERS.iter().any(|path| Path::new(path).exists());
    if is_there() {
        return Ok(());
    }
    if tools::works(program("apt-get", root).arg("--version")) {
        let quiet = |arguments: &[&str]| {
            let mut apt = program("apt-get", root);
            apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
            command::run(&mut apt)
        };
        // Without the right to, it fails and says so; what to do about it is said below.
        let _ = quiet(&["update", "-qq"])
            .and_then(|()| quiet(&["install", "-y", "-qq", "--no-install-recommends", CHROMIUM, FONTS]));
    }
    if is_there() {
        return Ok(());
    }
    Err(Failure::Broken(vec![format!(
        "there is no Chromium: install it (on Debian `apt-get install {CHROMIUM}`), so that {} is there",
        BROWSERS.join(" or ")
    )]))
}

/// The folder with the packages that the tests need; installs them first where they are not as the lock file has them.
fn packages(root: &Path) -> Result<PathBuf, Failure> {
    let missing = |what: &str| {
        Failure::Broken(vec![format!("`{what}` cannot be run: install Node.js 20 or newer, with npm")])
    };
    for what in ["node", "npm"] {
        if !tools::works(Command::new(what).arg("--version")) {
            return Err(missing(what));
        }
    }
    let home = root.join("target/tools/page");
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |reason| Failure::File { path, reason }
    };
    fs::create_dir_all(&home).map_err(wrong(&home))?;
    let locked = root.join(HOME).join("package-lock.json");
    let wanted = fs::read_to_string(&locked).map_err(wrong(&locked))?;
    let stamp = home.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(home);
    }
    for file in ["package.json", "package-lock.json"] {
        let from = root.join(HOME).join(file);
        fs::copy(&from, home.join(file)).map_err(wrong(&from))?;
    }
    // What they would run when they are installed fetches browsers of their own.
    command::run(program("npm", &home).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, wanted).map_err(wrong(&stamp))?;
    Ok(home)
}
