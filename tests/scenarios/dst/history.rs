//! A history: what people, AWS and the functions do one after the other, drawn from a seed before any of it happens.

use std::{collections::BTreeSet, time::Duration};

use super::menu::{MENU, Trouble};
use crate::scenarios::chance::Chance;

/// The fewest steps of a history.
pub(super) const STEPS: usize = 200;

/// So many steps are between two sweeps at most.
const BETWEEN_SWEEPS: usize = 50;

/// One step. It brings its own chance, so that it means something whatever comes before it: any part of a history is one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) what: What,
    pub(super) salt: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Act(Act),
    Begin(Trouble),
    Run(Function),
    /// A function runs while a person does something.
    Race(Function, Act),
    Pass(Duration),
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    TagAccount,
    UntagAccount,
    MoveAccount,
    ChangeState,
    Depart,
    MakeAccount,
    JoinOrLeaveGroup,
    RenameGroup,
    TagSet,
    EditSet,
    GiveByHand,
    TakeByHand,
    Publish,
    Approve,
    HoldOrRelease,
    PauseOrResume,
    Adopt,
    Disown,
    ConfirmSet,
}

/// One of Usher's functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Hear,
    Decide,
    Provision,
    Poll,
    Tick,
    Reprovision,
    Sweep,
}

#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) seed: u64,
    pub(super) steps: Vec<Step>,
}

impl History {
    pub(super) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut troubles: BTreeSet<Trouble> = BTreeSet::new();
        let kinds = 5 + chance.below(6);
        while troubles.len() < kinds {
            troubles.extend(chance.one(&MENU).map(|(trouble, _)| *trouble));
        }
        let troubles: Vec<Trouble> = troubles.into_iter().collect();
        let length = STEPS + chance.below(60);
        let mut steps = Vec::with_capacity(length + troubles.len());
        // Each kind that was chosen comes once at least, and not before there is something that it could harm.
        let mut at: Vec<usize> = troubles.iter().map(|_| 15 + chance.below(length - 60)).collect();
        at.sort_unstable();
        let mut due = at.into_iter().zip(&troubles).peekable();
        for n in 0..length {
            while let Some((_, trouble)) = due.next_if(|(at, _)| *at == n) {
                steps.push(Step { what: What::Begin(*trouble), salt: chance.next() });
            }
            let what = what(n, &troubles, &mut chance);
            steps.push(Step { what, salt: chance.next() });
        }
        Self { seed, steps }
    }

    /// The kinds of trouble in it.
    pub(super) fn troubles(&self) -> BTreeSet<Trouble> {
        self.steps
            .iter()
            .filter_map(|step| match step.what {
                What::Begin(trouble) => Some(trouble),
                What::Act(_) | What::Run(_) | What::Race(..) | What::Pass(_) => None,
            })
            .collect()
    }

    /// Only these steps of it, by their places.
    pub(super) fn only(&self, places: &[usize]) -> Self {
        let steps = places.iter().filter_map(|place| self.steps.get(*place).copied()).collect();
        Self { seed: self.seed, steps }
    }
}

fn what(n: usize, troubles: &[Trouble], chance: &mut Chance) -> What {
    match n {
        0 => return What::Act(Act::Publish),
        _ if n % BETWEEN_SWEEPS == 1 => return What::Run(Function::Sweep),
        _ => {}
    }
    match chance.below(100) {
        0..7 => chance.one(troubles).map_or(What::Run(Function::Tick), |trouble| What::Begin(*trouble)),
        7..27 => What::Act(act(chance)),
        27..32 => What::Race(function(chance), act(chance)),
        32..46 => What::Pass(pass(chance)),
        _ => What::Run(function(chance)),
    }
}

fn act(chance: &mut Chance) -> Act {
    match chance.below(100) {
        0..14 => Act::TagAccount,
        14..18 => Act::UntagAccount,
        18..28 => Act::MoveAccount,
        28..33 => Act::ChangeState,
        33..34 => Act::Depart,
        34..37 => Act::MakeAccount,
        37..46 => Act::JoinOrLeaveGroup,
        46..50 => Act::RenameGroup,
        50..54 => Act::TagSet,
        54..57 => Act::EditSet,
        57..64 => Act::GiveByHand,
        64..70 => Act::TakeByHand,
        70..79 => Act::Publish,
        79..84 => Act::Approve,
        84..89 => Act::HoldOrRelease,
        89..92 => Act::PauseOrResume,
        92..95 => Act::Adopt,
        95..98 => Act::Disown,
        _ => Act::ConfirmSet,
    }
}

fn function(chance: &mut Chance) -> Function {
    match chance.below(100) {
        0..25 => Function::Hear,
        25..52 => Function::Decide,
        52..78 => Function::Provision,
        78..84 => Function::Poll,
        84..93 => Function::Tick,
        93..97 => Function::Reprovision,
        _ => Function::Sweep,
    }
}

fn pass(chance: &mut Chance) -> Duration {
    let seconds = match chance.below(100) {
        0..55 => 1 + chance.below(60),
        55..85 => 60 + chance.below(600),
        85..96 => 600 + chance.below(5_400),
        _ => 6 * 3_600 + chance.below(20 * 3_600),
    };
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}
