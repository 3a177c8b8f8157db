//! The first day of docs/import.md, as somebody types it: the page itself is read, every command in it is run, and prints what it shows.

use cli::Ending;

use super::{Place, Ran, import::grown};

const PAGE: &str = include_str!("../../../docs/import.md");
const DOCUMENT: &str = "usher.yaml";

/// The commands of the page's first section, each with the lines that it shows.
fn commands() -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, day) = PAGE.split_once("\n## The first day\n").unwrap();
    let (day, _) = day.split_once("\n## ").unwrap();
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut in_console = false;
    for line in day.lines() {
        if let Some(language) = line.strip_prefix("```") {
            in_console = language == "console" && !in_console;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_console) {
            commands.push((command, Vec::new()));
        } else if in_console {
            commands.last_mut().unwrap().1.push(line);
        }
    }
    commands
}

/// The words of a command; what stands between double quotes is one.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(at, part)| if at % 2 == 0 { part.split_whitespace().collect() } else { vec![part] })
        .collect()
}

/// Types a command of the page, in the place's folder, over the place's ledger.
async fn typed(place: &Place, command: &str, more: &[&str]) -> Ran {
    let document = place.path(DOCUMENT).display().to_string();
    let words = words(command).into_iter().map(|word| if word == DOCUMENT { &document } else { word });
    let words: Vec<&str> = words.skip_while(|word| *word == "usher").chain(more.iter().copied()).collect();
    place.order(&words).await
}

#[tokio::test]
async fn every_command_of_the_first_day_works_and_prints_what_the_page_shows() {
    let place = grown().await;
    let before = place.there();
    let mut typed_so_far = 0;
    for (command, shown) in commands() {
        if command == "rm usher.yaml" {
            std::fs::remove_file(place.path(DOCUMENT)).unwrap();
            continue;
        }
        // It asks, and here nobody can answer, nor is there somebody's name in the environment.
        let more: &[&str] = if command.contains("--adopt") { &["--yes", "--by", "alice"] } else { &[] };
        let ran = typed(&place, command, more).await;
        assert_eq!(ran.ending, Ending::Good, "$ {command}\n{ran:?}");
        let told = format!("{}{}", ran.err, ran.out).replace(&format!("{}/", place.path("").display()), "/");
        let told = told.replace(place.path("").to_str().unwrap(), "");
        for line in shown {
            let line = line.trim_end_matches('…');
            assert!(told.lines().any(|it| it.starts_with(line)), "$ {command}\n{line}\nis not in\n{told}");
        }
        typed_so_far += 1;
    }
    assert_eq!(typed_so_far, 4, "the page is shorter than it was");
    assert_eq!(place.there(), before, "nothing changes in AWS by a first day");

    // And its last step: from then on Usher works.
    let document = place.path(DOCUMENT);
    let text = std::fs::read_to_string(&document).unwrap();
    assert!(text.contains("mode: observe"), "{text}");
    std::fs::write(&document, text.replace("mode: observe", "mode: sync")).unwrap();
    let published = typed(&place, "usher rules publish usher.yaml", &["--yes", "--by", "alice"]).await;
    assert_eq!(published.ending, Ending::Good, "{published:?}");
    let plan = typed(&place, "usher plan --rules usher.yaml", &["--json"]).await.json();
    assert_eq!((&plan["summary"]["grants"], &plan["summary"]["revokes"]), (&0.into(), &0.into()), "{plan}");
}
