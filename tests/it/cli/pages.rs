//! The command lines on the pages are such as the tool takes.

use clap::Parser as _;
use cli::Cli;

const PAGES: [(&str, &str); 6] = [
    ("README.md", include_str!("../../../README.md")),
    ("cli.md", include_str!("../../../docs/cli.md")),
    ("deploy.md", include_str!("../../../docs/deploy.md")),
    ("forwarder.md", include_str!("../../../docs/forwarder.md")),
    ("import.md", include_str!("../../../docs/import.md")),
    ("runbook.md", include_str!("../../../docs/runbook.md")),
];

/// What stands for something of the reader's own.
const STANDS_FOR: [(&str, &str); 9] = [
    ("$LEDGER", "dynamodb:usher-ledger"),
    ("$USHER_LEDGER_TABLE", "usher-ledger"),
    ("dynamodb:TABLE", "dynamodb:usher-ledger"),
    ("EXAMPLE-", "example-"),
    ("HASH", "46f4834984a703d04f65e6fea13770208b36c1e719c29ffe6930ed3667ff5062"),
    ("5f1c…", "46f4834984a703d04f65e6fea13770208b36c1e719c29ffe6930ed3667ff5062"),
    ("KEY", "111122223333/ReadOnlyAccess/group:Auditors"),
    ("ACCOUNT", "111122223333"),
    ("URL", "https://sqs.eu-west-1.amazonaws.com/111122223333/usher-events"),
];

/// The words of a line as a shell takes them, up to where it takes over again.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ') => {
                words.push(std::mem::take(&mut word));
            }
            (Some(_) | None, c) => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    let own = words.iter().position(|word| matches!(word.as_str(), "#" | ">" | "|" | "||" | "&&" | "<"));
    words.truncate(own.unwrap_or(words.len()));
    words
}

#[test]
fn every_command_line_on_the_pages_is_one_that_the_tool_takes() {
    let mut wrong = Vec::new();
    let mut number = 0;
    for (page, text) in PAGES {
        for line in text.lines().map(str::trim_start) {
            let Some(line) = line.strip_prefix("$ usher ") else { continue };
            let line = STANDS_FOR.iter().fold(line.to_owned(), |line, (of, own)| line.replace(of, own));
            let words = [vec!["usher".to_owned()], words(&line)].concat();
            number += 1;
            if let Err(error) = Cli::try_parse_from(&words)
                && !matches!(
                    error.kind(),
                    clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion
                )
            {
                wrong.push(format!("{page}: {}: {error}", words.join(" ")));
            }
        }
    }
    assert!(number > 60, "{number}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
