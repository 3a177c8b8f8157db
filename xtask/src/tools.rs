//! The tools that the checks use, at one version each, kept inside `target/tools`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    command::{self, cargo, program},
    failure::Failure,
};

/// A tool at its version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// The package's name where it comes from.
    package: &'static str,
    version: &'static str,
    /// The program to run.
    program: &'static str,
    from: From,
}

#[derive(Debug, Clone, Copy)]
enum From {
    /// Wheels, by pip, into a virtual environment.
    Python,
    /// The same, into one of its own: it wants other versions of what it needs than its neighbours do.
    PythonAlone,
    /// Built here: the Python index has no package of it, or one of another age.
    Cargo,
}

/// Stands in for DynamoDB, SQS and S3.
pub(crate) const MOTO: Tool =
    Tool { package: "moto[server]", version: "5.2.5", program: "moto_server", from: From::Python };
/// The AWS CLI: what people type at a simulated AWS. Version 1, since version 2 comes from no package index.
pub(crate) const AWS_CLI: Tool =
    Tool { package: "awscli", version: "1.46.3", program: "aws", from: From::PythonAlone };
/// Judges CloudFormation templates.
pub(crate) const CFN_LINT: Tool =
    Tool { package: "cfn-lint", version: "1.58.0", program: "cfn-lint", from: From::Python };
/// Judges CloudFormation templates by rules about security.
pub(crate) const CHECKOV: Tool =
    Tool { package: "checkov", version: "3.3.30", program: "checkov", from: From::PythonAlone };
/// Reads CloudFormation templates as SAM does.
pub(crate) const SAM: Tool =
    Tool { package: "aws-sam-cli", version: "1.170.0", program: "sam", from: From::PythonAlone };
/// Builds functions for Lambda, and plays Lambda. It brings zig along, which is large.
pub(crate) const CARGO_LAMBDA: Tool =
    Tool { package: "cargo-lambda", version: "1.9.2", program: "cargo-lambda", from: From::PythonAlone };
/// Finds spelling mistakes.
pub(crate) const TYPOS: Tool =
    Tool { package: "typos", version: "1.52.0", program: "typos", from: From::Python };
/// Formats TOML.
pub(crate) const TAPLO: Tool =
    Tool { package: "taplo", version: "0.9.3", program: "taplo", from: From::Python };
/// Finds dependencies that nothing uses.
pub(crate) const MACHETE: Tool =
    Tool { package: "cargo-machete", version: "0.9.2", program: "cargo-machete", from: From::Cargo };
/// Judges licences, sources and bans.
pub(crate) const DENY: Tool =
    Tool { package: "cargo-deny", version: "0.20.2", program: "cargo-deny", from: From::Cargo };

impl Tool {
    /// The program's path; installs it first when it is not there at this version.
    pub(crate) fn ready(&self, root: &Path) -> Result<PathBuf, Failure> {
        let home = match self.from {
            From::Python => root.join("target/tools/python"),
            From::PythonAlone => root.join("target/tools").join(self.package),
            From::Cargo => root.join("target/tools/cargo"),
        };
        let program = home.join("bin").join(self.program);
        // The scripts in a virtual environment hold its path, so the stamp does too: a moved checkout installs again.
        let stamp = home.join(format!("{}.installed", self.program));
        let wanted = format!("{} in {}\n", self.version, home.display());
        if program.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(program);
        }
        match self.from {
            From::Python | From::PythonAlone => self.install_by_pip(root, &home)?,
            From::Cargo => self.install_by_cargo(root, &home)?,
        }
        fs::write(&stamp, wanted).map_err(|reason| Failure::File { path: stamp, reason })?;
        Ok(program)
    }

    fn install_by_pip(&self, root: &Path, home: &Path) -> Result<(), Failure> {
        let python = home.join("bin/python");
        if !works(program(&python, root).args(["-m", "pip", "--version"])) {
            // Without --clear, what a failed or moved environment left behind would stay.
            command::run(program("python3", root).args(["-m", "venv", "--clear"]).arg(home))?;
        }
        let wanted = format!("{}=={}", self.package, self.version);
        command::run(program(&python, root).args(["-m", "pip", "install", "--quiet", &wanted]))
    }

    fn install_by_cargo(&self, root: &Path, home: &Path) -> Result<(), Failure> {
        // Run once or twice per build, so the time to build it counts for more than its speed: hence --debug.
        let wanted = format!("{}@{}", self.package, self.version);
        fs::create_dir_all(home).map_err(|reason| Failure::File { path: home.to_owned(), reason })?;
        command::run(
            cargo(root, ["install", "--quiet", "--locked", "--debug", "--force", &wanted])
                .arg("--root")
                .arg(home),
        )
    }
}

/// Whether cargo has this subcommand.
pub(crate) fn cargo_has(root: &Path, subcommand: &str) -> bool {
    works(&mut cargo(root, [subcommand, "--version"]))
}

/// Whether this command can be run, and says that all is well.
pub(crate) fn works(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status: io::Result<_> = quiet.status();
    status.is_ok_and(|status| status.success())
}
