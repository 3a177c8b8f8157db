//! The compiled rules: one account's rules are looked up by what the account has, not scanned for.

use std::collections::HashMap;

use crate::domain::{Account, AccountId, OuId};

use super::{
    rule_set::{DeclaredSet, Never, Reprovision, Rule, RuleSet, Settings, Team},
    scope::Scope,
    selector::{AccountSelector, OuRef},
    text_selector::{TagValueSelector, TextSelector},
};

/// A rule set, and the way from an account to the rules that may concern it.
#[derive(Debug, Clone)]
pub struct Index {
    settings: Settings,
    teams: Vec<Team>,
    rules: Vec<Rule>,
    never: Vec<Never>,
    reprovision: Reprovision,
    permission_sets: Vec<DeclaredSet>,
    rules_by: Handles,
    never_by: Handles,
    looks_at_ou_names: bool,
}

impl Index {
    /// Compiles a rule set.
    pub fn compile(rules: RuleSet) -> Self {
        let RuleSet { settings, teams, never, reprovision, permission_sets, rules } = rules;
        let rules_by = Handles::of(rules.iter().map(|rule| &rule.accounts));
        let never_by = Handles::of(never.iter().map(|never| &never.accounts));
        let looks_at_ou_names =
            rules.iter().any(Rule::looks_at_ou_names) || never.iter().any(Never::looks_at_ou_names);
        let mut scopes = teams.iter().filter_map(Team::limits).flatten();
        let looks_at_ou_names = looks_at_ou_names || scopes.any(Scope::looks_at_ou_names);
        Self {
            settings,
            teams,
            rules,
            never,
            reprovision,
            permission_sets,
            rules_by,
            never_by,
            looks_at_ou_names,
        }
    }

    /// Whether anything in it depends on the names of OUs: a path, a join, a name that is made from an OU's.
    pub fn looks_at_ou_names(&self) -> bool {
        self.looks_at_ou_names
    }

    /// What holds for the whole rule set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How edited permission sets reach the accounts that have them.
    pub fn reprovision(&self) -> &Reprovision {
        &self.reprovision
    }

    /// The permission sets that are declared, ordered by name.
    pub fn declared(&self) -> &[DeclaredSet] {
        &self.permission_sets
    }

    /// The teams, in the order of the root document.
    pub fn teams(&self) -> &[Team] {
        &self.teams
    }

    /// Whether any team may give some things only.
    pub fn has_scopes(&self) -> bool {
        self.teams.iter().any(|team| team.limits().is_some())
    }

    /// What a rule must stay within, by the scopes of the team whose file it is in; `None` where nothing limits it.
    pub fn limits_of(&self, rule: &Rule) -> Option<&[Scope]> {
        let team = rule.team.as_ref()?;
        self.teams.iter().find(|it| it.id == *team)?.limits()
    }

    /// All rules, in the order of the document.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Everything that is never given, in the order of the document.
    pub fn never(&self) -> &[Never] {
        &self.never
    }

    /// The rules that give access to this account, in the order of the document.
    pub fn rules_for(&self, account: &Account) -> Vec<&Rule> {
        let candidates = self.rules_by.candidates(account);
        let rules = candidates.into_iter().filter_map(|at| self.rules.get(at));
        rules.filter(|rule| rule.accounts.gives(account)).collect()
    }

    /// What is never given in this account, in the order of the document.
    pub fn never_for(&self, account: &Account) -> Vec<&Never> {
        let candidates = self.never_by.candidates(account);
        let never = candidates.into_iter().filter_map(|at| self.never.get(at));
        never.filter(|never| never.accounts.takes_away(account)).collect()
    }
}

/// Something an account must have, or a selector can't select it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Handle<'a> {
    Tag(&'a str, &'a str),
    TagKey(&'a str),
    Ou(&'a OuRef),
    Name(&'a str),
    Id(&'a AccountId),
}

/// How often each handle is in a list of selectors: where one of several will do, the rarest leads to the fewest of others.
#[derive(Debug, Default)]
struct Rarity<'a>(HashMap<Handle<'a>, usize>);

impl<'a> Rarity<'a> {
    fn of(selectors: &[&'a AccountSelector]) -> Self {
        let mut rarity = Self::default();
        for selector in selectors {
            rarity.count(selector);
        }
        rarity
    }

    fn count(&mut self, selector: &'a AccountSelector) {
        match selector {
            AccountSelector::AllOf(parts) | AccountSelector::AnyOf(parts) => {
                for part in parts {
                    self.count(part);
                }
            }
            AccountSelector::Except { of, except: _ } => self.count(of),
            AccountSelector::Tagged(tags) => {
                for handles in tags.0.iter().filter_map(|(key, values)| tag_handles(key, values)) {
                    self.add(handles);
                }
            }
            AccountSelector::Everywhere
            | AccountSelector::InOu(_)
            | AccountSelector::DirectlyInOu(_)
            | AccountSelector::Named(_)
            | AccountSelector::Id(_) => {
                if let Some(handles) = handles(selector, &Self::default()) {
                    self.add(handles);
                }
            }
        }
    }

    fn add(&mut self, handles: Vec<Handle<'a>>) {
        for handle in handles {
            *self.0.entry(handle).or_default() += 1;
        }
    }

    /// To how many places in the list these lead.
    fn places(&self, handles: &[Handle<'a>]) -> usize {
        handles.iter().filter_map(|handle| self.0.get(handle)).sum()
    }
}

/// The handles of which every account has at least one that the selector selects; `None` if there are none such.
fn handles<'a>(selector: &'a AccountSelector, rarity: &Rarity<'a>) -> Option<Vec<Handle<'a>>> {
    match selector {
        AccountSelector::Everywhere => None,
        AccountSelector::InOu(ous) | AccountSelector::DirectlyInOu(ous) => {
            Some(ous.iter().map(Handle::Ou).collect())
        }
        AccountSelector::Tagged(tags) => {
            let of_tags = tags.0.iter().filter_map(|(key, values)| tag_handles(key, values));
            of_tags.min_by_key(|handles| rarity.places(handles))
        }
        AccountSelector::Named(names) => names
            .iter()
            .map(|name| match name {
                TextSelector::Is(name) => Some(Handle::Name(name)),
                TextSelector::Like(_) => None,
            })
            .collect(),
        AccountSelector::Id(ids) => Some(ids.iter().map(Handle::Id).collect()),
        AccountSelector::AllOf(parts) => {
            parts.iter().filter_map(|part| handles(part, rarity)).min_by_key(|handles| rarity.places(handles))
        }
        AccountSelector::AnyOf(parts) => {
            let parts: Option<Vec<_>> = parts.iter().map(|part| handles(part, rarity)).collect();
            Some(parts?.concat())
        }
        AccountSelector::Except { of, except: _ } => handles(of, rarity),
    }
}

/// The handles of a tag with one of these values; `None` where an account without the tag may be selected.
fn tag_handles<'a>(key: &'a str, values: &'a [TagValueSelector]) -> Option<Vec<Handle<'a>>> {
    let handle = |value: &'a TagValueSelector| match value {
        TagValueSelector::Value(TextSelector::Is(value)) => Some(Handle::Tag(key, value)),
        TagValueSelector::Value(TextSelector::Like(_)) | TagValueSelector::Present => {
            Some(Handle::TagKey(key))
        }
        TagValueSelector::Absent => None,
    };
    values.iter().map(handle).collect()
}

/// Positions in a list of selectors, by handle.
#[derive(Debug, Clone, Default)]
struct Handles {
    always: Vec<usize>,
    by_tag: HashMap<String, HashMap<String, Vec<usize>>>,
    by_tag_key: HashMap<String, Vec<usize>>,
    by_ou: HashMap<OuId, Vec<usize>>,
    by_path: Way,
    by_name: HashMap<String, Vec<usize>>,
    by_id: HashMap<AccountId, Vec<usize>>,
}

/// The OUs that selectors name by their paths, from the root down.
#[derive(Debug, Clone, Default)]
struct Way {
    positions: Vec<usize>,
    below: HashMap<String, Way>,
}

impl Way {
    fn positions_at(&mut self, names: &[String]) -> &mut Vec<usize> {
        match names.split_first() {
            None => &mut self.positions,
            Some((first, rest)) => self.below.entry(first.clone()).or_default().positions_at(rest),
        }
    }
}

impl Handles {
    fn of<'a>(selectors: impl Iterator<Item = &'a AccountSelector>) -> Self {
        let mut all = Self::default();
        let selectors: Vec<&AccountSelector> = selectors.collect();
        let rarity = Rarity::of(&selectors);
        for (at, selector) in selectors.into_iter().enumerate() {
            let Some(handles) = handles(selector, &rarity) else {
                all.always.push(at);
                continue;
            };
            for handle in handles {
                let positions = match handle {
                    Handle::Tag(key, value) => {
                        all.by_tag.entry(key.to_owned()).or_default().entry(value.to_owned()).or_default()
                    }
                    Handle::TagKey(key) => all.by_tag_key.entry(key.to_owned()).or_default(),
                    Handle::Ou(OuRef::Id(id)) => all.by_ou.entry(id.clone()).or_default(),
                    Handle::Ou(OuRef::Path(names)) => all.by_path.positions_at(names),
                    Handle::Name(name) => all.by_name.entry(name.to_owned()).or_default(),
                    Handle::Id(id) => all.by_id.entry(id.clone()).or_default(),
                };
                positions.push(at);
            }
        }
        all
    }

    /// The positions of all selectors that may select the account, in order.
    fn candidates(&self, account: &Account) -> Vec<usize> {
        let units = account.path.units();
        let mut way = Some(&self.by_path);
        let mut lists: Vec<Option<&Vec<usize>>> =
            vec![Some(&self.always), self.by_name.get(&account.name), self.by_id.get(&account.id)];
        for (key, value) in account.tags.iter() {
            lists.push(self.by_tag.get(key).and_then(|values| values.get(value)));
            lists.push(self.by_tag_key.get(key));
        }
        for unit in units {
            way = way.and_then(|way| way.below.get(&unit.name));
            lists.push(self.by_ou.get(&unit.id));
            lists.push(way.map(|way| &way.positions));
        }
        let mut positions: Vec<usize> = lists.into_iter().flatten().flatten().copied().collect();
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{AccountState, Mode, OrganizationalUnit, OuPath, Tags},
        rules::{
            Finding, Glob, Guardrails, NameTemplate, PermissionSetSelector, PrincipalSelector, Repair,
            TagSelector, WrittenAt,
        },
    };

    fn ou(name: &str) -> OrganizationalUnit {
        let id = format!("ou-root-{name}{name}{name}{name}{name}{name}{name}{name}").to_lowercase();
        OrganizationalUnit { id: id.parse().unwrap(), name: name.to_owned() }
    }

    fn account(id: &str, way: &[&str], tags: &[(&str, &str)]) -> Account {
        Account {
            id: id.parse().unwrap(),
            name: format!("name-{}", &id[..1]),
            state: AccountState::Active,
            path: OuPath(way.iter().map(|name| ou(name)).collect()),
            tags: tags.iter().copied().collect(),
            is_management: false,
        }
    }

    fn rule(number: usize, accounts: AccountSelector) -> Rule {
        Rule {
            id: format!("rule-{number}").parse().unwrap(),
            mode: Mode::Sync,
            principals: vec![PrincipalSelector::Group(NameTemplate::plain("G"))],
            permission_sets: vec![PermissionSetSelector::Name(NameTemplate::plain("P"))],
            accounts,
            joins: Vec::new(),
            from: None,
            until: None,
            repair: Repair::Hold,
            team: None,
            written_at: WrittenAt { file: "rules.yaml".into(), line: number },
        }
    }

    fn is(text: &str) -> TextSelector {
        TextSelector::Is(text.to_owned())
    }

    fn index(selectors: Vec<AccountSelector>) -> Index {
        let never = selectors.iter().cloned().enumerate().map(|(number, accounts)| Never {
            principals: None,
            permission_sets: vec![PermissionSetSelector::Name(NameTemplate::plain("P"))],
            accounts,
            written_at: WrittenAt { file: "rules.yaml".into(), line: number },
        });
        Index::compile(RuleSet {
            settings: Settings {
                mode: Mode::Sync,
                guardrails: Guardrails::default(),
                trusted_account_tags: BTreeSet::new(),
                trusted_permission_set_tags: BTreeSet::new(),
                protected_permission_sets: BTreeSet::new(),
            },
            teams: Vec::new(),
            never: never.collect(),
            reprovision: Reprovision::default(),
            permission_sets: Vec::new(),
            rules: selectors
                .into_iter()
                .enumerate()
                .map(|(number, accounts)| rule(number, accounts))
                .collect(),
        })
    }

    fn path(names: &[&str]) -> OuRef {
        OuRef::Path(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn tagged(tags: &[(&str, &[&str])]) -> AccountSelector {
        let tags = tags.iter().map(|(key, values)| {
            ((*key).to_owned(), values.iter().map(|value| TagValueSelector::Value(is(value))).collect())
        });
        AccountSelector::Tagged(TagSelector(tags.collect()))
    }

    fn ids(ids: &[&str]) -> AccountSelector {
        AccountSelector::Id(ids.iter().map(|id| id.parse().unwrap()).collect())
    }

    fn except(of: AccountSelector, except: Vec<AccountSelector>) -> AccountSelector {
        AccountSelector::Except { of: Box::new(of), except }
    }

    /// Which of the accounts a selector gives access to, by the first digit of the id.
    fn given(selector: &AccountSelector) -> String {
        let accounts = [
            account("111111111111", &[], &[]),
            account("222222222222", &["A"], &[("E", "dev")]),
            account("333333333333", &["A", "B"], &[("E", "prod"), ("T", "web")]),
            account("444444444444", &["B"], &[("e", "dev"), ("T", "web")]),
            account("555555555555", &["B", "A"], &[("E", "Dev")]),
        ];
        let index = index(vec![selector.clone()]);
        let given = accounts.iter().filter(|account| !index.rules_for(account).is_empty());
        given.map(|account| &account.id.as_str()[..1]).collect()
    }

    /// What a selector is asked for an account of ours: its own rules, not the rules of others, however many those are.
    #[test]
    fn rules_of_others_are_not_looked_at_however_many_there_are() {
        let of = |team: usize| {
            let (ou, tag, name) = (format!("Ou{team}"), format!("team-{team}"), format!("app-{team}"));
            let id = format!("{team:012}");
            [
                AccountSelector::InOu(vec![path(&[&ou])]),
                AccountSelector::DirectlyInOu(vec![path(&["Root", &ou])]),
                tagged(&[("Team", &[&tag])]),
                except(tagged(&[("Team", &[&tag]), ("E", &["dev"])]), vec![ids(&[&id])]),
                AccountSelector::Named(vec![is(&name)]),
                ids(&[&id]),
                AccountSelector::AllOf(vec![AccountSelector::Everywhere, ids(&[&id])]),
                AccountSelector::AnyOf(vec![ids(&[&id]), AccountSelector::Named(vec![is(&name)])]),
            ]
        };
        let mut ours = account("000000000007", &["A", "B"], &[("Team", "team-7"), ("E", "dev")]);
        ours.name = "app-7".to_owned();
        ours.path.0[0].name = "Ou7".to_owned();
        for teams in [10, 100, 1_000] {
            let mut selectors: Vec<_> = (0..teams).flat_map(of).collect();
            // These concern everybody, and are asked of everybody.
            selectors.push(AccountSelector::Everywhere);
            let index = index(selectors);
            // All eight of its own but the one for another OU; of those for everybody, the one.
            assert_eq!(index.rules_by.candidates(&ours).len(), 8, "with {teams} teams");
        }
    }

    #[test]
    fn everywhere_is_every_account() {
        assert_eq!(given(&AccountSelector::Everywhere), "12345");
    }

    #[test]
    fn an_ou_is_itself_and_all_below_by_path_or_by_id() {
        assert_eq!(given(&AccountSelector::InOu(vec![path(&["A"])])), "23");
        assert_eq!(given(&AccountSelector::InOu(vec![path(&["A", "B"])])), "3");
        assert_eq!(given(&AccountSelector::InOu(vec![path(&["B", "B"]), path(&["a"])])), "");
        assert_eq!(given(&AccountSelector::InOu(vec![OuRef::Id(ou("A").id)])), "235");
        assert_eq!(given(&AccountSelector::InOu(vec![path(&["A", "B"]), path(&["B", "A"])])), "35");
    }

    #[test]
    fn directly_in_an_ou_is_not_below_it() {
        assert_eq!(given(&AccountSelector::DirectlyInOu(vec![path(&["A"])])), "2");
        assert_eq!(given(&AccountSelector::DirectlyInOu(vec![OuRef::Id(ou("A").id)])), "25");
        assert_eq!(given(&AccountSelector::DirectlyInOu(vec![OuRef::Id(ou("B").id), path(&["A"])])), "234");
    }

    #[test]
    fn an_ou_with_a_slash_in_its_name_is_not_two() {
        let mut odd = account("666666666666", &["A"], &[]);
        odd.path.0[0].name = "A/B".to_owned();
        assert!(!AccountSelector::InOu(vec![path(&["A", "B"])]).gives(&odd));
        assert!(!AccountSelector::InOu(vec![path(&["A"])]).gives(&odd));
        assert!(AccountSelector::InOu(vec![OuRef::Id(ou("A").id)]).gives(&odd));
    }

    #[test]
    fn tags_are_exact_all_keys_must_match_and_any_value_will_do() {
        assert_eq!(given(&tagged(&[("E", &["dev"])])), "2");
        assert_eq!(given(&tagged(&[("E", &["dev", "prod"])])), "23");
        assert_eq!(given(&tagged(&[("E", &["dev", "prod"]), ("T", &["web"])])), "3");
        assert_eq!(given(&tagged(&[("T", &["we", "webb"])])), "");
    }

    #[test]
    fn names_and_ids_are_exact() {
        let names = ["name-1", "name-3", "Name-2"].map(is);
        assert_eq!(given(&AccountSelector::Named(names.into())), "13");
        assert_eq!(given(&ids(&["444444444444", "999999999999"])), "4");
    }

    #[test]
    fn all_any_and_except_nest() {
        let in_a = AccountSelector::InOu(vec![path(&["A"])]);
        let web = tagged(&[("T", &["web"])]);
        assert_eq!(given(&AccountSelector::AllOf(vec![in_a.clone(), web.clone()])), "3");
        assert_eq!(given(&AccountSelector::AnyOf(vec![in_a.clone(), web.clone()])), "234");
        assert_eq!(given(&except(in_a.clone(), vec![web.clone()])), "2");
        assert_eq!(given(&except(AccountSelector::Everywhere, vec![in_a.clone(), web.clone()])), "15");
        assert_eq!(given(&except(AccountSelector::Everywhere, vec![except(in_a, vec![web])])), "1345");
    }

    #[test]
    fn the_management_account_is_given_access_only_by_its_id() {
        let management = Account { is_management: true, ..account("222222222222", &["A"], &[("E", "dev")]) };
        let its_id = ids(&["222222222222"]);
        let others = [
            AccountSelector::Everywhere,
            AccountSelector::InOu(vec![path(&["A"])]),
            AccountSelector::DirectlyInOu(vec![OuRef::Id(ou("A").id)]),
            tagged(&[("E", &["dev"])]),
            AccountSelector::Named(vec![is("name-2")]),
        ];
        assert!(its_id.gives(&management));
        for other in others {
            assert!(!other.gives(&management), "{other:?}");
            assert!(!AccountSelector::AllOf(vec![its_id.clone(), other.clone()]).gives(&management));
            assert!(AccountSelector::AnyOf(vec![its_id.clone(), other.clone()]).gives(&management));
            // `except` never adds, not even when it is excepted from.
            let nothing = ids(&["999999999999"]);
            assert!(
                !except(other.clone(), vec![except(AccountSelector::Everywhere, vec![other.clone()])])
                    .gives(&management)
            );
            assert!(!except(other.clone(), vec![nothing]).gives(&management));
            // What takes away sees it.
            assert!(!except(its_id.clone(), vec![other.clone()]).gives(&management));
            assert!(other.takes_away(&management));
            assert!(!index(vec![other.clone()]).never_for(&management).is_empty());
        }
    }

    #[test]
    fn rules_come_in_the_order_of_the_document_and_once() {
        let both = AccountSelector::AnyOf(vec![ids(&["222222222222"]), tagged(&[("E", &["dev"])])]);
        let index =
            index(vec![both, AccountSelector::Everywhere, ids(&["222222222222"]), ids(&["333333333333"])]);
        let account = account("222222222222", &["A"], &[("E", "dev")]);
        let found: Vec<_> = index.rules_for(&account).into_iter().map(|rule| rule.id.to_string()).collect();
        assert_eq!(found, ["rule-0", "rule-1", "rule-2"]);
    }

    #[test]
    fn only_rules_without_a_handle_are_looked_at_for_every_account() {
        let index = index(vec![
            AccountSelector::Everywhere,
            except(AccountSelector::Everywhere, vec![ids(&["222222222222"])]),
            AccountSelector::AnyOf(vec![ids(&["222222222222"]), AccountSelector::Everywhere]),
            AccountSelector::AllOf(vec![ids(&["222222222222"]), AccountSelector::Everywhere]),
            tagged(&[("E", &["dev"])]),
            AccountSelector::InOu(vec![path(&["A", "B"])]),
        ]);
        assert_eq!(index.rules_by.candidates(&account("777777777777", &["A"], &[("E", "x")])), [0, 1, 2]);
    }

    /// What a selector means, said again in another way: sets of accounts, worked out from the outside in.
    fn naive(selector: &AccountSelector, all: &[Account], giving: bool) -> BTreeSet<usize> {
        let visible = |index: &usize| !giving || !all[*index].is_management;
        let every = || (0..all.len()).collect::<BTreeSet<_>>();
        let having = |has: &dyn Fn(&Account) -> bool| -> BTreeSet<usize> {
            every().into_iter().filter(visible).filter(|index| has(&all[*index])).collect()
        };
        let names =
            |account: &Account| account.path.units().iter().map(|ou| ou.name.clone()).collect::<Vec<_>>();
        match selector {
            AccountSelector::Everywhere => having(&|_| true),
            AccountSelector::InOu(ous) => having(&|account| {
                ous.iter().any(|ou| match ou {
                    OuRef::Id(id) => account.path.contains(id),
                    OuRef::Path(path) => names(account).starts_with(path),
                })
            }),
            AccountSelector::DirectlyInOu(ous) => having(&|account| {
                ous.iter().any(|ou| match ou {
                    OuRef::Id(id) => account.path.innermost().is_some_and(|unit| unit.id == *id),
                    OuRef::Path(path) => names(account) == *path,
                })
            }),
            AccountSelector::Tagged(TagSelector(tags)) => having(&|account| {
                let has: BTreeMap<_, _> = account.tags.iter().collect();
                !tags.iter().any(|(key, values)| {
                    !values.iter().any(|value| match value {
                        TagValueSelector::Value(TextSelector::Is(value)) => {
                            has.get(key.as_str()) == Some(&value.as_str())
                        }
                        TagValueSelector::Value(TextSelector::Like(glob)) => {
                            has.get(key.as_str()).is_some_and(|value| glob.fits(value))
                        }
                        TagValueSelector::Present => has.contains_key(key.as_str()),
                        TagValueSelector::Absent => !has.contains_key(key.as_str()),
                    })
                })
            }),
            AccountSelector::Named(names) => having(&|account| {
                names.iter().any(|name| match name {
                    TextSelector::Is(name) => *name == account.name,
                    TextSelector::Like(glob) => glob.fits(&account.name),
                })
            }),
            AccountSelector::Id(ids) => {
                every().into_iter().filter(|index| ids.iter().any(|id| *id == all[*index].id)).collect()
            }
            AccountSelector::AllOf(parts) => {
                parts.iter().fold(every(), |left, part| &left & &naive(part, all, giving))
            }
            AccountSelector::AnyOf(parts) => {
                parts.iter().fold(BTreeSet::new(), |left, part| &left | &naive(part, all, giving))
            }
            AccountSelector::Except { of, except } => {
                except.iter().fold(naive(of, all, giving), |left, part| &left - &naive(part, all, !giving))
            }
        }
    }

    fn accounts() -> impl Strategy<Value = Vec<Account>> {
        let name = || prop::sample::select(vec!["A", "B", "C"]);
        let tag = (prop::sample::select(vec!["E", "T"]), prop::sample::select(vec!["1", "2", "3"]));
        let one =
            (prop::collection::vec(name(), 0..4), prop::collection::vec(tag, 0..3), 0..3u8, any::<bool>());
        prop::collection::vec(one, 1..8).prop_map(|all| {
            let all = all.into_iter().enumerate().map(|(number, (way, tags, called, management))| Account {
                name: format!("name-{called}"),
                tags: tags.into_iter().collect::<Tags>(),
                is_management: management && number == 0,
                ..account(&format!("{number}00000000000"), &way, &[])
            });
            all.collect()
        })
    }

    fn selectors() -> impl Strategy<Value = AccountSelector> {
        let name = || prop::sample::select(vec!["A", "B", "C"]);
        let ou_ref = prop_oneof![
            name().prop_map(|name| OuRef::Id(ou(name).id)),
            prop::collection::vec(name(), 1..3).prop_map(|names| path(&names)),
        ];
        let ous = prop::collection::vec(ou_ref, 1..3);
        let pattern = prop::sample::select(vec!["*", "?", "1*", "*2"]).prop_map(Glob::new);
        let value = prop_oneof![
            4 => prop::sample::select(vec!["1", "2", "3"]).prop_map(|value| TagValueSelector::Value(is(value))),
            2 => pattern.prop_map(|glob| TagValueSelector::Value(TextSelector::Like(glob))),
            1 => Just(TagValueSelector::Present),
            1 => Just(TagValueSelector::Absent),
        ];
        let values = prop::collection::vec(value, 1..3);
        let account_name = prop_oneof![
            3 => (0..3u8).prop_map(|called| is(&format!("name-{called}"))),
            1 => prop::sample::select(vec!["name-*", "*-1", "name-?", "x*"]).prop_map(|pattern| TextSelector::Like(Glob::new(pattern))),
        ];
        let keys = prop::sample::select(vec!["E", "T"]).prop_map(str::to_owned);
        let leaf = prop_oneof![
            Just(AccountSelector::Everywhere),
            ous.clone().prop_map(AccountSelector::InOu),
            ous.prop_map(AccountSelector::DirectlyInOu),
            prop::collection::btree_map(keys, values, 1..3)
                .prop_map(|tags| AccountSelector::Tagged(TagSelector(tags))),
            prop::collection::vec(account_name, 1..3).prop_map(AccountSelector::Named),
            prop::collection::btree_set(
                (0..8u8).prop_map(|number| format!("{number}00000000000").parse().unwrap()),
                1..3
            )
            .prop_map(AccountSelector::Id),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let parts = prop::collection::vec(inner.clone(), 1..4);
            prop_oneof![
                parts.clone().prop_map(AccountSelector::AllOf),
                parts.clone().prop_map(AccountSelector::AnyOf),
                (inner, parts).prop_map(|(of, parts)| except(of, parts)),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_plain_reading_of_all_rules_finds(all in accounts(), selectors in prop::collection::vec(selectors(), 0..12)) {
            let index = index(selectors.clone());
            for (number, account) in all.iter().enumerate() {
                let expected = |giving: bool| -> Vec<usize> {
                    let given = selectors.iter().enumerate().filter(|(_, selector)| naive(selector, &all, giving).contains(&number));
                    given.map(|(at, _)| at).collect()
                };
                let rules: Vec<_> = index.rules_for(account).iter().map(|rule| rule.written_at.line).collect();
                let never: Vec<_> = index.never_for(account).iter().map(|never| never.written_at.line).collect();
                prop_assert_eq!(rules, expected(true));
                prop_assert_eq!(never, expected(false));
            }
        }

        #[test]
        fn what_is_said_of_a_selector_and_its_parts_is_what_it_selects(all in accounts(), selector in selectors(), management in any::<bool>()) {
            for account in all {
                let account = Account { is_management: management, ..account };
                for (why, selects) in [
                    (selector.why_gives(&account), selector.gives(&account)),
                    (selector.why_takes_away(&account), selector.takes_away(&account)),
                ] {
                    prop_assert_eq!(why.holds, selects);
                    prop_assert!(follows(&why), "{:?}", why);
                    // Whatever decides it is a part that says so itself.
                    prop_assert!(why.deciding().iter().all(|part| part.finding.holds == (selects != part.excepted)), "{:?}", why);
                }
            }
        }
    }

    /// Whether each part follows from its own parts.
    fn follows(finding: &Finding) -> bool {
        let parts = &finding.parts;
        let holds = |part: &Finding| part.holds;
        let follows_itself = match finding.key {
            "any_of" => finding.holds == parts.iter().any(holds),
            "except" => {
                let (of, excepted) = parts.split_first().unwrap();
                finding.holds == (of.holds && !excepted.iter().any(holds))
            }
            _ => parts.is_empty() || finding.holds == parts.iter().all(holds),
        };
        follows_itself && parts.iter().all(follows)
    }
}
