//! `usher dead-letters list` and `retry`: what failed for good, and another try.

mod deployed;

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    engine::{self, Letter, WayBack},
    local::FolderQueue,
    ports::{Message, Queue},
    settings::Settings,
};

use crate::{
    Ending, Failure, Machine, Paint, Screen,
    args::{ConnectionArgs, DeadLettersListArgs, DeadLettersRetryArgs, LedgerAt},
    connect, ledger,
    local_runtime::{dead_letters, retries},
    render, report,
    screen::{count, line},
};
use deployed::Deployed;

/// How long letters are hidden from others while they are looked at; they are given back before, unless this process dies.
const HIDDEN: Duration = Duration::from_mins(5);

/// How long a look waits for letters, so that all of a queue is looked at.
const WAIT: Duration = Duration::from_secs(2);

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    format: u32,
    /// The oldest first.
    letters: Vec<Shown<'a>>,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: &'a str,
    /// Null where nobody kept it.
    at: Option<Timestamp>,
    /// Null where it can't be told.
    function: Option<&'a str>,
    cause: &'a str,
    about: &'a str,
    /// Null where nobody kept it.
    tries: Option<u32>,
    /// Why it can't be tried again; null if it can.
    cannot_retry: Option<&'a str>,
    /// What the function was given.
    payload: &'a str,
}

/// A letter, and the queue that it is in.
struct Found {
    letter: Letter,
    queue: Arc<dyn Queue>,
}

/// The dead-letter queues, as they are on this machine or in AWS.
async fn queues(
    at: &LedgerAt,
    connection: &ConnectionArgs,
    machine: &Machine,
) -> Result<Vec<Arc<dyn Queue>>, Failure> {
    match at {
        LedgerAt::File(path) => {
            // Beside a ledger; where there is none, nothing was put aside.
            ledger::to_use(at, connection, machine).await?;
            Ok(vec![Arc::new(FolderQueue::new(&dead_letters(path), Arc::clone(&machine.clock)))])
        }
        LedgerAt::Table(_) => {
            let settings = Settings::from_env();
            let urls = [Some(settings.parked_queue_url()?), settings.dead_inbox_queue_url()?];
            let connection = connect::connection(connection, machine).await;
            let queue = |url: String| Arc::new(connection.queue(&url).waiting(WAIT)) as Arc<dyn Queue>;
            Ok(urls.into_iter().flatten().map(queue).collect())
        }
    }
}

/// Every letter that there is, the oldest first. All are hidden from others until they are given back.
async fn found(queues: Vec<Arc<dyn Queue>>) -> Result<Vec<Found>, Failure> {
    let mut all = Vec::new();
    for queue in queues {
        match engine::letters(queue.as_ref(), HIDDEN).await {
            Ok(letters) => {
                all.extend(letters.into_iter().map(|letter| Found { letter, queue: Arc::clone(&queue) }));
            }
            Err(error) => {
                give_back(&all).await;
                return Err(Failure::DeadLetters(error));
            }
        }
    }
    all.sort_by(|a, b| (a.letter.at, &a.letter.id).cmp(&(b.letter.at, &b.letter.id)));
    Ok(all)
}

/// Gives letters back. One that can't be is seen again after a while.
async fn give_back<'a>(letters: impl IntoIterator<Item = &'a Found>) {
    for Found { letter, queue } in letters {
        if let Err(error) = queue.release(&letter.receipt, Duration::ZERO).await {
            tracing::warn!(%error, "a dead letter stays hidden for a while");
        }
    }
}

/// Shows what there is.
pub(crate) async fn list(
    arguments: &DeadLettersListArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let found = found(queues(&arguments.ledger.at, connection, machine).await?).await?;
    give_back(&found).await;
    if arguments.json {
        let letters = found.iter().map(|found| shown(&found.letter)).collect();
        render::json(&Listed { format: report::FORMAT, letters }, screen)?;
        return Ok(Ending::Good);
    }
    let mut text = String::new();
    for Found { letter, queue: _ } in &found {
        told(letter, screen, &mut text);
    }
    let all = count(found.len(), "dead letter", "dead letters");
    let way = if found.is_empty() { "" } else { " `usher dead-letters retry` tries them again." };
    let _ = writeln!(text, "{}{way}", screen.out_style.paint(Paint::Heading, format!("{all}.")));
    screen.out.write_all(text.as_bytes()).map_err(Failure::Output)?;
    Ok(Ending::Good)
}

fn shown(letter: &Letter) -> Shown<'_> {
    let Letter { id, receipt: _, at, function, cause, about, tries, payload, way } = letter;
    let cannot_retry = match way {
        WayBack::None { why } => Some(why.as_str()),
        WayBack::Queue { .. } | WayBack::Event { .. } => None,
    };
    Shown { id, at: *at, function: function.as_deref(), cause, about, tries: *tries, cannot_retry, payload }
}

fn told(letter: &Letter, screen: &Screen<'_>, text: &mut String) {
    let style = screen.out_style;
    let Shown { id, at, function, cause, about, tries, cannot_retry, payload: _ } = shown(letter);
    let at = at.map_or_else(|| "at an unknown time".to_owned(), render::minute);
    let tries = tries
        .map_or_else(String::new, |tries| format!(", tried {}", count(to_usize(tries), "time", "times")));
    let function = function.unwrap_or("of no known function");
    let _ = writeln!(text, "{}  {at}  {}{tries}", style.paint(Paint::Heading, line(id)), line(function));
    let _ = writeln!(text, "  {}", line(about));
    let _ = writeln!(text, "  {}", style.paint(Paint::Bad, line(cause)));
    if let Some(why) = cannot_retry {
        let _ =
            writeln!(text, "  {}", style.paint(Paint::Faint, format!("can't be tried again: {}", line(why))));
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Tries letters again: each is acknowledged only once that has been done.
pub(crate) async fn retry(
    arguments: &DeadLettersRetryArgs,
    connection: &ConnectionArgs,
    machine: &Machine,
    screen: &mut Screen<'_>,
) -> Result<Ending, Failure> {
    let DeadLettersRetryArgs { ids, all, ledger: at } = arguments;
    let way = Way::of(&at.at, connection, machine).await?;
    let found = found(queues(&at.at, connection, machine).await?).await?;
    let asked: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let is_asked = |found: &Found| *all || asked.contains(found.letter.id.as_str());
    let unknown = asked.iter().find(|id| !found.iter().any(|found| found.letter.id == **id));
    if let Some(unknown) = unknown {
        give_back(&found).await;
        return Err(Failure::NoSuchLetter(line(unknown)));
    }
    give_back(found.iter().filter(|found| !is_asked(found))).await;
    let mut failed = 0;
    let chosen: Vec<&Found> = found.iter().filter(|found| is_asked(found)).collect();
    for found in &chosen {
        let Found { letter, queue } = found;
        let tried = match &letter.way {
            WayBack::None { why } => Err(format!("can't be tried again: {why}")),
            WayBack::Queue { .. } | WayBack::Event { .. } => {
                way.back(letter).await.map_err(|failure| shared::causes::joined(&failure))
            }
        };
        let done =
            match tried {
                Ok(done) => queue.acknowledge(&letter.receipt).await.map(|()| done).map_err(|error| {
                    format!("was tried again, and stays in the queue all the same: {error}")
                }),
                Err(why) => {
                    give_back([*found]).await;
                    Err(why)
                }
            };
        failed += usize::from(done.is_err());
        let (paint, text) = match done {
            Ok(done) => (Paint::Good, done),
            Err(why) => (Paint::Bad, why),
        };
        let line = format!("{}  {}\n", line(&letter.id), screen.out_style.paint(paint, line(&text)));
        screen.out.write_all(line.as_bytes()).and_then(|()| screen.out.flush()).map_err(Failure::Output)?;
    }
    let told =
        format!("{} tried again, {failed} failed.\n", count(chosen.len() - failed, "letter", "letters"));
    screen.out.write_all(told.as_bytes()).map_err(Failure::Output)?;
    Ok(if failed == 0 { Ending::Good } else { Ending::Bad })
}

/// How letters are tried again.
enum Way {
    /// By the functions of a running `usher run` or `usher simulate`, which find them in a folder.
    Folder(FolderQueue),
    /// Into the queues of the deployed functions, and through their code.
    Deployed(Box<Deployed>),
}

impl Way {
    async fn of(at: &LedgerAt, connection: &ConnectionArgs, machine: &Machine) -> Result<Self, Failure> {
        Ok(match at {
            LedgerAt::File(path) => {
                Self::Folder(FolderQueue::new(&retries(path), Arc::clone(&machine.clock)))
            }
            LedgerAt::Table(table) => {
                Self::Deployed(Box::new(Deployed::of(table, connection, machine).await?))
            }
        })
    }

    async fn back(&self, letter: &Letter) -> Result<String, Failure> {
        match self {
            Self::Folder(folder) => {
                let body = serde_json::to_string(&letter.to_parked())
                    .map_err(|error| Failure::Output(std::io::Error::other(error)))?;
                let message = Message {
                    group: "retry".to_owned(),
                    deduplication: letter.id.clone(),
                    body,
                    delay: Duration::ZERO,
                };
                folder.send(&[message]).await.map_err(Failure::DeadLetters)?;
                Ok("is tried again by `usher run` or `usher simulate` of this ledger, within seconds if it runs, else when it does".to_owned())
            }
            Self::Deployed(deployed) => deployed.back(letter).await,
        }
    }
}
