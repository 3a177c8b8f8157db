//! Who has what where, as few simple rules as possible.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Existing, Place, cost,
    cover::{Target, Term, cover},
    place::Places,
    positions::Positions,
};
use crate::domain::{Account, AccountId, AssignmentKey, PermissionSetArn, Principal};

/// What a person decides about the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// The keys of accounts' tags that rules may look at.
    pub trusted_tags: BTreeSet<String>,
    /// Names of permission sets that are given only in accounts that are listed by id.
    pub protected_sets: BTreeSet<String>,
    /// Of how many accounts a selection by OU or tag must be.
    pub at_least: usize,
    /// Whether what Control Tower makes and keeps by itself is imported too.
    pub control_tower: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            trusted_tags: BTreeSet::new(),
            protected_sets: BTreeSet::new(),
            at_least: 2,
            control_tower: false,
        }
    }
}

/// Permission sets that Control Tower makes, by their names (Control Tower user guide, "IAM Identity Center groups for AWS Control Tower").
const CONTROL_TOWER: [&str; 6] = [
    "AWSAdministratorAccess",
    "AWSOrganizationsFullAccess",
    "AWSPowerUserAccess",
    "AWSReadOnlyAccess",
    "AWSServiceCatalogAdminFullAccess",
    "AWSServiceCatalogEndUserAccess",
];

/// Whether Control Tower makes and keeps the permission set of this name.
pub fn is_control_towers(name: &str) -> bool {
    CONTROL_TOWER.contains(&name)
}

/// One rule: each of these principals gets each of these permission sets where any of the selections holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub selections: Vec<Selection>,
    pub principals: Vec<Principal>,
    pub sets: Vec<PermissionSetArn>,
    /// How many of the existing assignments it wants.
    pub assignments: usize,
    /// In how many accounts.
    pub accounts: usize,
}

/// One part of where a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selection {
    In { place: Place, except: Vec<Place>, except_accounts: BTreeSet<AccountId> },
    Accounts(BTreeSet<AccountId>),
}

impl Rule {
    /// Whether it names its accounts one by one.
    pub fn lists_accounts(&self) -> bool {
        self.selections.iter().all(|selection| matches!(selection, Selection::Accounts(_)))
    }
}

/// Why an assignment is in no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOutWhy {
    /// Its principal was deleted.
    PrincipalGone,
    /// Its account is not active, and no rule for others takes it in.
    NotActive,
    /// Control Tower makes and keeps it.
    ControlTower,
    /// The organization doesn't know its account.
    Departed,
}

/// Assignments that are in no rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut(pub BTreeMap<LeftOutWhy, BTreeSet<AssignmentKey>>);

/// The rules, and what is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Induced {
    /// Those by places first, the widest first; then those that list accounts.
    pub rules: Vec<Rule>,
    pub left_out: LeftOut,
    /// The assignments that the rules must want: no more and no fewer, but for what is there in accounts that aren't active.
    pub wanted: BTreeSet<AssignmentKey>,
    /// How many of them rules by OUs, tags or everywhere want.
    pub by_place: usize,
}

impl Induced {
    /// What the rules cost whoever reads them.
    pub fn cost(&self) -> usize {
        let of_place = |place: &Place| place.cost();
        let of_selection = |selection: &Selection| match selection {
            Selection::In { place, except, except_accounts } => {
                let excepts = except.iter().map(of_place).sum::<usize>();
                let excepted = excepts + except_accounts.len() * cost::ACCOUNT;
                of_place(place) + if excepted > 0 { cost::EXCEPT + excepted } else { 0 }
            }
            Selection::Accounts(accounts) => accounts.len() * cost::ACCOUNT,
        };
        let of_rule = |rule: &Rule| {
            let names = (rule.principals.len() + rule.sets.len()) * cost::NAME;
            cost::RULE + names + rule.selections.iter().map(of_selection).sum::<usize>()
        };
        self.rules.iter().map(of_rule).sum()
    }
}

/// A principal and a permission set, by their positions.
type Pair = (usize, usize);

/// Where a pair must hold, and where it may.
type Where = (Positions, Positions);

/// Finds the rules. The same organization gives the same rules.
pub fn induce(existing: &Existing, choices: &Choices) -> Induced {
    let mut induced = Induced::default();
    let sorted = Sorted::of(existing, choices, &mut induced);
    let places = Places::of(&sorted.accounts, &choices.trusted_tags);
    let empty = Positions::none_of(sorted.accounts.len());
    let mut by_term: BTreeMap<Term, BTreeSet<Pair>> = BTreeMap::new();
    let mut said: BTreeMap<&Where, Vec<Term>> = BTreeMap::new();
    for (pair, holds) in sorted.holds.iter().filter(|(_, (must, _))| !must.is_empty()) {
        let (must, may) = holds;
        let terms = if sorted.is_protected(*pair, choices) {
            vec![Term::Accounts(must.clone())]
        } else {
            let target = Target { must, may, at_least: choices.at_least };
            said.entry(holds).or_insert_with(|| cover(target, &places)).clone()
        };
        let in_places = terms.iter().filter(|term| matches!(term, Term::In { .. }));
        let in_places = in_places.fold(empty.clone(), |all, term| all.or(&places.of_term(term)));
        induced.by_place += in_places.shared_with(must);
        for term in terms {
            by_term.entry(term).or_default().insert(*pair);
        }
    }

    // Of each term the principals that share permission sets, and then the terms that share both.
    let mut together: BTreeMap<(bool, Rectangle), Vec<Term>> = BTreeMap::new();
    for (term, pairs) in by_term {
        let is_list = matches!(term, Term::Accounts(_));
        for rectangle in rectangles(&pairs) {
            together.entry((is_list, rectangle)).or_default().push(term.clone());
        }
    }
    // What may be said besides is left out, unless a rule turns out to say it.
    let mut asleep = sorted.asleep();
    for ((_, rectangle), terms) in together {
        let among = terms.iter().fold(empty.clone(), |all, term| all.or(&places.of_term(term)));
        let (mut assignments, mut in_accounts) = (0, empty.clone());
        for pair in rectangle.pairs() {
            let Some((must, may)) = sorted.holds.get(&pair) else { continue };
            let here = must.and(&among);
            assignments += here.len();
            in_accounts = in_accounts.or(&here);
            for position in may.and(&among).iter() {
                asleep.remove(&(pair, position));
            }
        }
        let selections = terms.iter().map(|term| selection(term, &sorted.accounts)).collect();
        induced.rules.push(sorted.rule(&rectangle, selections, (assignments, in_accounts.len())));
    }
    let management: BTreeSet<Pair> = sorted.in_management.keys().copied().collect();
    if let Some(account) = sorted.in_management.values().next() {
        for rectangle in rectangles(&management) {
            let selections = vec![Selection::Accounts([(*account).clone()].into())];
            let assignments = rectangle.who.len() * rectangle.what.len();
            induced.rules.push(sorted.rule(&rectangle, selections, (assignments, 1)));
        }
    }
    let asleep: BTreeSet<AssignmentKey> =
        asleep.into_iter().filter_map(|(pair, position)| sorted.key(pair, position)).collect();
    if !asleep.is_empty() {
        induced.left_out.0.insert(LeftOutWhy::NotActive, asleep);
    }
    let order = |rule: &Rule| (rule.lists_accounts(), std::cmp::Reverse(rule.assignments));
    induced.rules.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.cmp(b)));
    induced
}

/// The assignments, by who has what: where each pair holds.
struct Sorted<'a> {
    existing: &'a Existing,
    /// All but the management account.
    accounts: Vec<&'a Account>,
    principals: Vec<&'a Principal>,
    sets: Vec<&'a PermissionSetArn>,
    holds: BTreeMap<Pair, Where>,
    in_management: BTreeMap<Pair, &'a AccountId>,
}

impl<'a> Sorted<'a> {
    /// Sorts the assignments; those that no rule can or should want are left out.
    fn of(existing: &'a Existing, choices: &Choices, induced: &mut Induced) -> Self {
        let accounts: Vec<&Account> =
            existing.accounts.values().filter(|account| !account.is_management).collect();
        let at: BTreeMap<&AccountId, usize> =
            accounts.iter().enumerate().map(|(at, account)| (&account.id, at)).collect();
        let mut sorted = Self {
            existing,
            principals: existing.principals.keys().collect(),
            sets: existing.sets.keys().collect(),
            holds: BTreeMap::new(),
            in_management: BTreeMap::new(),
            accounts: Vec::new(),
        };
        for key in &existing.assignments {
            let AssignmentKey { account, permission_set, principal } = key;
            let mut leave_out = |why| _ = induced.left_out.0.entry(why).or_default().insert(key.clone());
            let found =
                (sorted.principals.binary_search(&principal), sorted.sets.binary_search(&permission_set));
            let Some(record) = existing.accounts.get(account) else {
                leave_out(LeftOutWhy::Departed);
                continue;
            };
            let (Ok(who), Ok(what)) = found else {
                leave_out(LeftOutWhy::PrincipalGone);
                continue;
            };
            let is_made =
                existing.sets.get(permission_set).is_some_and(|set| CONTROL_TOWER.contains(&&*set.name));
            if is_made && !choices.control_tower {
                leave_out(LeftOutWhy::ControlTower);
                continue;
            }
            let Some(position) = at.get(account).copied() else {
                induced.wanted.insert(key.clone());
                sorted.in_management.insert((who, what), account);
                continue;
            };
            let none = || (Positions::none_of(accounts.len()), Positions::none_of(accounts.len()));
            let (must, may) = sorted.holds.entry((who, what)).or_insert_with(none);
            if record.state.is_active() {
                must.insert(position);
                induced.wanted.insert(key.clone());
            } else {
                may.insert(position);
            }
        }
        Self { accounts, ..sorted }
    }

    fn is_protected(&self, pair: Pair, choices: &Choices) -> bool {
        let set = self.sets.get(pair.1).and_then(|arn| self.existing.sets.get(*arn));
        set.is_some_and(|set| choices.protected_sets.contains(&set.name))
    }

    /// What there is in accounts that aren't active.
    fn asleep(&self) -> BTreeSet<(Pair, usize)> {
        let of_pair = |(pair, (_, may)): (&Pair, &Where)| {
            may.iter().map(|position| (*pair, position)).collect::<Vec<_>>()
        };
        self.holds.iter().flat_map(of_pair).collect()
    }

    fn key(&self, pair: Pair, position: usize) -> Option<AssignmentKey> {
        Some(AssignmentKey {
            account: self.accounts.get(position)?.id.clone(),
            permission_set: (*self.sets.get(pair.1)?).clone(),
            principal: (*self.principals.get(pair.0)?).clone(),
        })
    }

    fn rule(&self, rectangle: &Rectangle, selections: Vec<Selection>, stands_for: (usize, usize)) -> Rule {
        let Rectangle { who, what } = rectangle;
        let (assignments, accounts) = stands_for;
        Rule {
            selections,
            principals: who
                .iter()
                .filter_map(|at| self.principals.get(*at))
                .map(|it| (*it).clone())
                .collect(),
            sets: what.iter().filter_map(|at| self.sets.get(*at)).map(|it| (*it).clone()).collect(),
            assignments,
            accounts,
        }
    }
}

impl Places {
    /// The accounts of a term.
    fn of_term(&self, term: &Term) -> Positions {
        let of = |place: &Place| self.accounts_of(place);
        match term {
            Term::Accounts(accounts) => accounts.clone(),
            Term::In { place, except, except_accounts } => {
                let Some(all) = of(place) else { return except_accounts.less(except_accounts) };
                let without = except.iter().filter_map(of);
                without.fold(all.less(except_accounts), |rest, one| rest.less(one))
            }
        }
    }
}

fn selection(term: &Term, accounts: &[&Account]) -> Selection {
    let ids = |positions: &Positions| {
        positions.iter().filter_map(|at| accounts.get(at)).map(|account| account.id.clone()).collect()
    };
    match term {
        Term::In { place, except, except_accounts } => Selection::In {
            place: place.clone(),
            except: except.clone(),
            except_accounts: ids(except_accounts),
        },
        Term::Accounts(accounts) => Selection::Accounts(ids(accounts)),
    }
}

/// Principals that all have the same permission sets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rectangle {
    who: BTreeSet<usize>,
    what: BTreeSet<usize>,
}

impl Rectangle {
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.who.iter().flat_map(|who| self.what.iter().map(move |what| (*who, *what)))
    }
}

/// As few of them as can be found that together are these pairs and no others: the largest first.
fn rectangles(pairs: &BTreeSet<Pair>) -> Vec<Rectangle> {
    let (mut sets_of, mut bearers): (BTreeMap<usize, BTreeSet<usize>>, BTreeMap<usize, BTreeSet<usize>>) =
        Default::default();
    for (who, what) in pairs {
        sets_of.entry(*who).or_default().insert(*what);
        bearers.entry(*what).or_default().insert(*who);
    }
    let all_of = |of: &BTreeMap<usize, BTreeSet<usize>>, inner: &BTreeSet<usize>| {
        let has = of.iter().filter(|(_, all)| inner.is_subset(all)).map(|(one, _)| *one);
        has.collect::<BTreeSet<usize>>()
    };
    let mut offers: BTreeSet<Rectangle> = BTreeSet::new();
    let distinct: BTreeSet<&BTreeSet<usize>> = sets_of.values().collect();
    for what in distinct {
        offers.insert(Rectangle { who: all_of(&sets_of, what), what: what.clone() });
    }
    let distinct: BTreeSet<&BTreeSet<usize>> = bearers.values().collect();
    for who in distinct {
        offers.insert(Rectangle { what: all_of(&bearers, who), who: who.clone() });
    }
    let mut left = pairs.clone();
    let mut taken = Vec::new();
    while !left.is_empty() {
        let news = |offer: &Rectangle| offer.pairs().filter(|pair| left.contains(pair)).count();
        let mut best: Option<(usize, &Rectangle)> = None;
        for offer in &offers {
            let new = news(offer);
            if new > 0 && best.is_none_or(|(most, _)| new > most) {
                best = Some((new, offer));
            }
        }
        let Some((_, offer)) = best else { break };
        let offer = offer.clone();
        left.retain(|(who, what)| !(offer.who.contains(who) && offer.what.contains(what)));
        offers.remove(&offer);
        taken.push(offer);
    }
    taken
}
