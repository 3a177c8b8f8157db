//! An exhibit: a patch that does to our code what has gone wrong in another system, and the tests that must fail by it.

use std::{fs, path::Path};

use crate::failure::Failure;

/// Where they are, from the checkout's top.
const FOLDER: &str = "tests/museum";

/// One exhibit, as its file says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhibit {
    /// The file's name without `.patch`: `07-failed-is-tried-for-ever`.
    pub(super) name: String,
    /// What a real system did.
    pub(super) story: String,
    /// What it breaks of ours.
    pub(super) promise: String,
    pub(super) caught_by: Vec<Test>,
    pub(super) changes: Vec<Change>,
}

/// A test as the test runner names it: `scenarios::it scenarios::slices::…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// The program that holds it: `tests::it`, or a library's name.
    pub(super) program: String,
    pub(super) name: String,
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.program, self.name)
    }
}

impl Test {
    /// The package that holds its program.
    pub(super) fn package(&self) -> &str {
        self.program.split_once("::").map_or(&self.program, |(package, _)| package)
    }
}

/// One place of a file that is changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// From the checkout's top.
    pub(super) file: String,
    /// The lines that stand there before.
    pub(super) before: Vec<String>,
}

impl Exhibit {
    /// The number that it is asked for by: `07`.
    pub(super) fn number(&self) -> &str {
        self.name.split_once('-').map_or(&self.name, |(number, _)| number)
    }

    /// Where the patch is, from the checkout's top.
    pub(super) fn patch(&self) -> String {
        format!("{FOLDER}/{}.patch", self.name)
    }

    /// The files that it changes, each once.
    pub(super) fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self.changes.iter().map(|change| change.file.as_str()).collect();
        files.dedup();
        files
    }
}

/// All exhibits, by their numbers.
pub(super) fn all(root: &Path) -> Result<Vec<Exhibit>, Failure> {
    let folder = root.join(FOLDER);
    let wrong = |reason| Failure::File { path: folder.clone(), reason };
    let mut exhibits = Vec::new();
    for entry in fs::read_dir(&folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let text =
            fs::read_to_string(&path).map_err(|reason| Failure::File { path: path.clone(), reason })?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = file.strip_suffix(".patch") else {
            return Err(Failure::Broken(vec![format!("{FOLDER}/{file} is no patch")]));
        };
        exhibits.push(read(name, &text).map_err(|what| Failure::Broken(vec![format!("{name}: {what}")]))?);
    }
    exhibits.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(exhibits)
}

/// Reads one patch with its preamble.
fn read(name: &str, text: &str) -> Result<Exhibit, String> {
    let at = text.find("\n--- a/").ok_or("there is no diff in it")?;
    let (preamble, diff) = text.split_at(at + 1);
    let field = |wanted: &str| -> Result<Vec<String>, String> {
        let lines = preamble.lines().skip_while(|line| !line.starts_with(wanted));
        let rest = |(n, line): (usize, &str)| match n {
            0 => Some(line.trim_start_matches(wanted).trim().to_owned()),
            _ if line.starts_with(' ') => Some(line.trim().to_owned()),
            _ => None,
        };
        let lines: Vec<String> = lines.enumerate().map_while(rest).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() { Err(format!("its preamble has no `{wanted}`")) } else { Ok(lines) }
    };
    let caught_by = field("Caught by:")?.iter().map(|line| test(line)).collect::<Result<_, String>>()?;
    Ok(Exhibit {
        name: name.to_owned(),
        story: field("Story:")?.join(" "),
        promise: field("Promise:")?.join(" "),
        caught_by,
        changes: changes(diff)?,
    })
}

fn test(line: &str) -> Result<Test, String> {
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [program, name] => Ok(Test { program: (*program).to_owned(), name: (*name).to_owned() }),
        _ => Err(format!("`{line}` is not the name of a program and of a test in it")),
    }
}

fn changes(diff: &str) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    let mut file = None;
    for line in diff.lines() {
        if let Some(path) = line.strip_prefix("+++ b/") {
            file = Some(path.to_owned());
        } else if line.starts_with("@@ ") {
            let file = file.clone().ok_or("a change comes before the file that it is in")?;
            changes.push(Change { file, before: Vec::new() });
        } else if !line.starts_with("--- a/")
            && let Some(before) = line.strip_prefix([' ', '-'])
            && let Some(change) = changes.last_mut()
        {
            change.before.push(before.to_owned());
        }
    }
    if changes.is_empty() { Err("it changes nothing".to_owned()) } else { Ok(changes) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
    }

    const ONE: &str = "Story: A tool gave up\n  after a minute.\nPromise: nothing is forgotten.\n\
                       Caught by: scenarios::it scenarios::slow::a\n  shared plan::tests::b\n\n--- a/x/y.rs\n+++ b/x/y.rs\n\
                       @@ -1,3 +1,3 @@\n one\n-two\n+three\n four\n";

    #[test]
    fn a_patch_is_read_with_its_preamble() {
        let exhibit = read("03-slow", ONE).unwrap();
        assert_eq!((exhibit.number(), exhibit.story.as_str()), ("03", "A tool gave up after a minute."));
        let tests: Vec<String> = exhibit.caught_by.iter().map(Test::to_string).collect();
        assert_eq!(tests, ["scenarios::it scenarios::slow::a", "shared plan::tests::b"]);
        assert_eq!(exhibit.caught_by.first().unwrap().package(), "scenarios");
        assert_eq!(exhibit.files(), ["x/y.rs"]);
        assert_eq!(exhibit.changes.first().unwrap().before, ["one", "two", "four"]);
        for missing in ["Story:", "Promise:", "Caught by:", "--- a/", "@@ "] {
            assert!(read("03-slow", &ONE.replace(missing, "")).is_err(), "{missing}");
        }
    }

    #[test]
    fn there_are_sixteen_each_with_its_number_and_its_place_in_the_page() {
        let exhibits = all(&root()).unwrap();
        let numbers: Vec<&str> = exhibits.iter().map(Exhibit::number).collect();
        let expected: Vec<String> = (1..=16).map(|n| format!("{n:02}")).collect();
        assert_eq!(numbers, expected);
        let page = fs::read_to_string(root().join("docs/museum.md")).unwrap();
        for exhibit in exhibits {
            assert!(page.contains(&exhibit.patch()), "docs/museum.md doesn't lead to {}", exhibit.patch());
            assert!((1..=2).contains(&exhibit.caught_by.len()), "{}", exhibit.name);
            for test in exhibit.caught_by {
                assert!(page.contains(&format!("`{}`", test.name)), "docs/museum.md doesn't name {test}");
            }
        }
    }

    /// A patch that no longer applies is noticed here, and not in the night.
    #[test]
    fn what_each_changes_stands_where_it_is_looked_for() {
        let root = root();
        for exhibit in all(&root).unwrap() {
            let mut at = ("", 0);
            for change in &exhibit.changes {
                let text = fs::read_to_string(root.join(&change.file));
                let text = text.unwrap_or_else(|error| panic!("{}: {}: {error}", exhibit.name, change.file));
                let lines: Vec<&str> = text.lines().collect();
                let from = if at.0 == change.file { at.1 } else { 0 };
                let found =
                    lines.windows(change.before.len()).skip(from).position(|there| there == change.before);
                let found = found.unwrap_or_else(|| {
                    panic!(
                        "{}: these lines are not in {} any more, so the patch has to be made anew:\n{}",
                        exhibit.name,
                        change.file,
                        change.before.join("\n")
                    )
                });
                at = (&change.file, from + found + change.before.len());
            }
        }
    }

    /// In the file of its module, or the one around it where that is called `tests`.
    #[test]
    fn each_test_that_is_named_is_there() {
        let root = root();
        for exhibit in all(&root).unwrap() {
            for test in &exhibit.caught_by {
                let folder = match test.program.split_once("::") {
                    Some(("scenarios", _)) => root.join("tests"),
                    Some((package, program)) => root.join(package).join(program),
                    None if root.join(&test.program).exists() => root.join(&test.program).join("src"),
                    None => root.join("functions").join(&test.program).join("src"),
                };
                let mut path: Vec<&str> = test.name.split("::").collect();
                let name = path.pop().unwrap();
                let module = path.join("/");
                let around = module.strip_suffix("/tests").unwrap_or(&module);
                let files = [
                    format!("{module}.rs"),
                    format!("{module}/mod.rs"),
                    format!("{around}.rs"),
                    format!("{around}/mod.rs"),
                ];
                let is_there = files.iter().any(|file| {
                    let text = fs::read_to_string(folder.join(file));
                    text.is_ok_and(|text| text.contains(&format!("fn {name}(")))
                });
                assert!(is_there, "{}: there is no {test}", exhibit.name);
            }
        }
    }
}
