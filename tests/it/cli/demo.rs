//! `usher demo`: it checks its own end.

use cli::{Ending, Machine};

use super::run;

#[tokio::test]
async fn the_demo_ends_as_its_rules_say_and_tells_it_in_sixty_lines() {
    let demo = run(&["usher", "demo", "--speed", "20"], &Machine::this()).await;
    assert_eq!(demo.ending, Ending::Good, "{}\n{}", demo.out, demo.err);
    assert!(demo.out.contains("Checked against the simulated AWS"), "{}", demo.out);
    assert!(demo.out.lines().count() <= 60, "{}", demo.out);
    for told in ["CreateAccountResult", "TagResource", "MoveAccount", "payments-team", "withheld", "ignored"]
    {
        assert!(demo.out.contains(told), "{told}: {}", demo.out);
    }
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_not_written_into() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let demo = run(&["usher", "demo", "--keep", folder.path().to_str().unwrap()], &Machine::this()).await;
    assert_eq!(demo.ending, Ending::Bad);
    assert!(demo.err.contains("is not empty"), "{}", demo.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
