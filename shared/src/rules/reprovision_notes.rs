//! What is said of a schedule that is written rightly, and is hardly meant so.

use jiff::{SignedDuration, Timestamp};

use super::{
    rule_set::{Reprovision, Wave, WrittenAt},
    selector::AccountSelector,
};

/// A schedule that is shut for longer is worth a word.
const LONG: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Something that whoever wrote it should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub at: WrittenAt,
    pub says: String,
}

impl Reprovision {
    /// What should be looked at, at this time, in the order of the text. It takes an organization to tell whether an account is in a wave.
    pub fn notes(&self, now: Timestamp) -> Vec<Note> {
        let waves = self.waves.iter().enumerate();
        let mut notes: Vec<Note> =
            waves.filter_map(|(at, wave)| no_account_is_left(wave, self.waves.get(..at)?)).collect();
        let freezes = &self.calendar.freezes;
        for freeze in freezes.iter().filter(|freeze| freeze.until <= now) {
            let says = format!("this freeze ended on {}: it can go", day(freeze.until));
            notes.push(Note { at: freeze.written_at.clone(), says });
        }
        let opening = self.calendar.opening(now);
        if opening.is_none_or(|opening| opening.duration_since(now) > LONG)
            && let Some(freeze) =
                freezes.iter().filter(|freeze| now < freeze.until).min_by_key(|freeze| freeze.from)
        {
            let until = opening.map_or_else(|| "at all".to_owned(), |at| format!("before {}", day(at)));
            let says = format!("from this freeze on nothing is sent {until}");
            notes.push(Note { at: freeze.written_at.clone(), says });
        }
        notes.sort_by(|a, b| (&a.at.file, a.at.line).cmp(&(&b.at.file, b.at.line)));
        notes
    }
}

/// Of a wave after one that takes all, or the same accounts.
fn no_account_is_left(wave: &Wave, before: &[Wave]) -> Option<Note> {
    let takes = |one: &&Wave| one.accounts == AccountSelector::Everywhere || one.accounts == wave.accounts;
    let (at, earlier) = before.iter().enumerate().find(|(_, one)| takes(one))?;
    let says =
        format!("no account is left for this wave: wave {} ({}) takes them", at + 1, earlier.written_at);
    Some(Note { at: wave.written_at.clone(), says })
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Bundle, read};

    #[test]
    fn what_is_past_or_never_comes_is_told_with_its_place() {
        let text = "
version: 1
settings: { mode: sync }
reprovision:
  waves:
    - { accounts: { named: a } }
    - { after: 1h, accounts: { named: a } }
    - { after: 1h, accounts: everywhere }
    - { after: 1h, accounts: { named: b } }
  freezes:
    - { from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z }
    - { from: 2026-11-01T00:00:00Z, until: 2027-06-01T00:00:00Z }
    - { from: 2027-06-01T00:00:00Z, until: 2027-06-02T00:00:00Z }
rules:
  - { id: a, principals: [{ group: G }], permission_sets: [P], accounts: everywhere }
";
        let of = |text: &str, now: &str| {
            let bundle = Bundle { files: [("rules.yaml".to_owned(), text.to_owned())].into() };
            let notes = read(&bundle).unwrap().reprovision.notes(now.parse().unwrap());
            notes.iter().map(|note| format!("{} {}", note.at, note.says)).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(of(text, "2026-12-01T00:00:00Z"), @r"
        rules.yaml:7 no account is left for this wave: wave 1 (rules.yaml:6) takes them
        rules.yaml:9 no account is left for this wave: wave 3 (rules.yaml:8) takes them
        rules.yaml:11 this freeze ended on 2026-02-01: it can go
        rules.yaml:12 from this freeze on nothing is sent before 2027-06-02
        ");
        assert!(!of(text, "2027-05-20T00:00:00Z").contains("nothing is sent"), "it is soon");
    }
}
