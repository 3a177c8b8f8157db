//! How a set of accounts is said: by places, by places with exceptions, and what is left by ids.

use super::{
    cost,
    place::{Candidate, Place, Places},
    positions::Positions,
};

/// One part of where a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Term {
    /// A place, less the places and accounts that are left out.
    In { place: Place, except: Vec<Place>, except_accounts: Positions },
    /// These accounts.
    Accounts(Positions),
}

/// What has to be said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// These accounts, all of them.
    pub(super) must: &'a Positions,
    /// These may be said along with them; no others.
    pub(super) may: &'a Positions,
    /// How many of the accounts a place must stand for: one alone is no evidence of a rule.
    pub(super) at_least: usize,
}

/// A term that could be taken.
struct Offer {
    term: Term,
    accounts: Positions,
    cost: usize,
}

/// Says it: at each step what saves most against naming the accounts, until nothing saves.
pub(super) fn cover(target: Target<'_>, places: &Places) -> Vec<Term> {
    let Target { must, may, at_least } = target;
    if must.len() < at_least {
        return vec![Term::Accounts(must.clone())];
    }
    let allowed = must.or(may);
    let is_evident = |candidate: &&Candidate| candidate.accounts.shared_with(must) >= at_least;
    let whole = places.all.iter().filter(|candidate| candidate.accounts.is_within(&allowed));
    let mut offers: Vec<Offer> = whole
        .filter(is_evident)
        .map(|candidate| Offer {
            term: Term::In {
                place: candidate.place.clone(),
                except: Vec::new(),
                except_accounts: must.less(must),
            },
            accounts: candidate.accounts.clone(),
            cost: candidate.cost,
        })
        .collect();
    let partly = places.plain.iter().filter(|candidate| !candidate.accounts.is_within(&allowed));
    offers.extend(
        partly
            .filter(is_evident)
            .filter_map(|candidate| with_exceptions(candidate, must, &allowed, at_least, places)),
    );

    let mut left = must.clone();
    let mut taken: Vec<Offer> = Vec::new();
    loop {
        let saving = |offer: &Offer| {
            let worth = offer.accounts.shared_with(&left) * cost::ACCOUNT;
            worth.checked_sub(offer.cost).filter(|saved| *saved > 0)
        };
        let mut best: Option<(usize, usize)> = None;
        for (at, offer) in offers.iter().enumerate() {
            // Of those that save as much the first, which is the cheapest.
            if let Some(saved) = saving(offer)
                && best.is_none_or(|(most, _)| saved > most)
            {
                best = Some((saved, at));
            }
        }
        let Some((_, at)) = best else { break };
        let offer = offers.remove(at);
        left = left.less(&offer.accounts);
        taken.push(offer);
    }
    // What was taken early may have been taken in by what came later.
    let mut at = 0;
    while at < taken.len() {
        let others = taken.iter().enumerate().filter(|(other, _)| *other != at);
        let rest = others.fold(left.clone(), |all, (_, offer)| all.or(&offer.accounts));
        if must.is_within(&rest) {
            taken.remove(at);
        } else {
            at += 1;
        }
    }
    // One place that is all of it may be cheaper than several, with a rule more for what is left.
    let spent: usize = taken.iter().map(|offer| offer.cost).sum();
    let rest = if left.is_empty() { 0 } else { cost::RULE + 2 * cost::NAME + left.len() * cost::ACCOUNT };
    let whole = offers.into_iter().filter(|offer| must.is_within(&offer.accounts));
    if let Some(whole) = whole.min_by_key(|offer| offer.cost)
        && !taken.is_empty()
        && whole.cost < spent + rest
    {
        return vec![whole.term];
    }
    let mut terms: Vec<Term> = taken.into_iter().map(|offer| offer.term).collect();
    if !left.is_empty() {
        terms.push(Term::Accounts(left));
    }
    terms
}

/// A place with all that may not be in it left out, if that is cheaper than the accounts that it stands for.
fn with_exceptions(
    candidate: &Candidate,
    must: &Positions,
    allowed: &Positions,
    at_least: usize,
    places: &Places,
) -> Option<Offer> {
    let worth = candidate.accounts.shared_with(must) * cost::ACCOUNT;
    let mut spent = candidate.cost + cost::EXCEPT;
    if worth <= spent + cost::ACCOUNT {
        return None;
    }
    let kept = candidate.accounts.and(must);
    let mut left = candidate.accounts.less(allowed);
    let mut except = Vec::new();
    let mut accounts = candidate.accounts.less(&left);
    while left.len() >= at_least {
        let mut best: Option<(usize, &Candidate)> = None;
        for other in &places.plain {
            if other.accounts.meets(&kept) {
                continue;
            }
            let worth = other.accounts.shared_with(&left) * cost::ACCOUNT;
            if let Some(saved) = worth.checked_sub(other.cost).filter(|saved| *saved > 0)
                && best.is_none_or(|(most, _)| saved > most)
            {
                best = Some((saved, other));
            }
        }
        let Some((_, other)) = best else { break };
        spent += other.cost;
        left = left.less(&other.accounts);
        accounts = accounts.less(&other.accounts);
        except.push(other.place.clone());
    }
    spent += left.len() * cost::ACCOUNT;
    (worth > spent).then(|| Offer {
        term: Term::In { place: candidate.place.clone(), except, except_accounts: left },
        accounts,
        cost: spent,
    })
}
