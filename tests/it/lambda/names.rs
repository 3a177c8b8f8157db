//! The names that no log may hold.

use std::collections::BTreeSet;

use simulator::EXAMPLE;

/// Every group's name, user name and display name of the example organization.
pub(crate) fn names_of_the_example() -> BTreeSet<String> {
    let after = |line: &'static str, label: &str| {
        let (_, rest) = line.split_once(label)?;
        rest.split([',', '}']).next().map(|name| name.trim().to_owned())
    };
    let (_, groups) = EXAMPLE.split_once("\ngroups:\n").unwrap();
    let (groups, users) = groups.split_once("\nusers:\n").unwrap();
    let mut names: BTreeSet<String> = groups.lines().filter_map(|line| after(line, "{ name: ")).collect();
    names.extend(users.lines().filter_map(|line| after(line, "user_name: ")));
    names.extend(users.lines().filter_map(|line| after(line, "display_name: ")));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_no_log_may_hold_are_found() {
        let names = names_of_the_example();
        for name in ["Developers", "billing-developers", "alba.abelson@example.com", "Dina Abelson"] {
            assert!(names.contains(name), "{name}");
        }
        assert_eq!(names.len(), 15 + 2 * 60);
    }
}
