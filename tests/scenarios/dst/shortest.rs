//! The shortest history that still fails in the same way, for whoever wants to know why.

use super::{history::History, live, live_aloud};

/// What a failure is known by: the first words of what was found, without times and keys.
fn kind(why: &str) -> String {
    let found = why.split_once('[').map_or(why, |(_, found)| found);
    found.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == ' ').collect()
}

/// Leaves out ever smaller parts of a history that fails, as long as it goes on failing in the same way.
fn shortest(history: &History, why: &str) -> (Vec<usize>, String) {
    let mut places: Vec<usize> = (0..history.steps.len()).collect();
    let (kind_of_failure, mut last) = (kind(why), why.to_owned());
    let mut size = places.len() / 2;
    while size > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < places.len() {
            let mut fewer = places.clone();
            fewer.drain(at..(at + size).min(places.len()));
            match live(&history.only(&fewer)) {
                Err(why) if kind(&why) == kind_of_failure => {
                    (places, last, shorter) = (fewer, why, true);
                }
                Ok(_) | Err(_) => at += size,
            }
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    (places, last)
}

/// Lives through one history; of one that fails, tells the shortest part of it that does.
pub(super) fn tell(seed: u64) {
    let history = History::of(seed);
    let lived = std::thread::Builder::new().name(super::THREAD.to_owned());
    let told = lived.spawn(move || match live_aloud(&history, true) {
        Ok((trace, tally)) => {
            Ok(format!("seed {seed}: all is well; trace {trace:016x}, {} steps", tally.steps))
        }
        Err(why) => {
            println!("seed {seed} fails: {why}\nlooking for the shortest part of it that does");
            let (places, why) = shortest(&history, &why);
            let told = places.iter().map(|place| format!("  {place}: {:?}\n", history.steps[*place].what));
            let steps = told.collect::<Vec<_>>().concat();
            Err(format!(
                "seed {seed} fails, and so do these {} of its steps alone:\n{steps}{why}",
                places.len()
            ))
        }
    });
    match told.unwrap().join().unwrap() {
        Ok(told) => println!("{told}"),
        Err(told) => panic!("{told}"),
    }
}
