
// ---------------------------------------------------------------------------------------------------------------------
// The lists of accounts, people and permission sets: what the filters leave of each, with how much that is.

const reSort = (state, go) => (sort) => go(changed(state.query, { sort }), { replace: true });
const named = (query) => words(query.get("q") ?? "");

function renderAccounts(view, state, go) {
  const selection = select(state.query);
  const needles = named(state.query);
  const rows = inTree
    .filter((one) => (one.listed || one.stretch[1] > 0) && (selection.accounts[one.index] === 1 || (selection.whole && selection.accountFits[one.index])) && holds(findable(one), needles))
    .map((account) => {
      const chosen = [];
      for (let [index, end] = account.stretch; index < end; index += 1) if (selection.passes[index] === 1) chosen.push(index);
      return { account, assignments: chosen.length, sets: new Set(chosen.filter(isThere).map((index) => ofSet[index])).size, people: peopleOf(chosen).size };
    });
  tell(plural(rows.length, "account"), anyFilter(state.query) && `of ${number(accounts.filter((one) => one.listed).length)}`);
  view.replaceChildren(tableOf({
    caption: "Accounts", rows, what: ["account", "accounts"], sort: state.query.get("sort"), resort: reSort(state, go), none: nothing("accounts", state),
    columns: [
      { title: "Account", cell: ({ account }) => link(account, el("span", {}, account.id)), by: by((one) => one.account.name) },
      COLUMNS.ou,
      { title: "State", cell: ({ account }) => [account.state === "ACTIVE" ? null : el("span", { class: "flag" }, account.state.toLowerCase().replaceAll("_", " ")), account.management ? el("span", { class: "flag quiet" }, "management") : null, unreadBehind(account).length > 0 ? el("span", { class: "flag" }, "not all read") : null].filter(Boolean) },
      { title: "Tags", cell: ({ account }) => chips(tagWords(account.tags)), wide: true },
      { title: "Permission sets", number: true, cell: (one) => number(one.sets), by: by((one) => one.sets) },
      { title: "People", number: true, cell: (one) => number(one.people), by: by((one) => one.people) },
    ],
  }));
}

function renderPeople(view, state, go) {
  const selection = select(state.query);
  const needles = named(state.query);
  const narrowed = anyFilter(changed(state.query, { q: null }));
  const rows = [];
  for (const person of [...people].sort(byName)) {
    // Who is deleted or not in the report is of interest only with an assignment that is left over.
    if (!person.listed && person.assignments.length === 0) continue;
    if (!holds(findable(person), needles)) continue;
    if (!narrowed) {
      rows.push({ person, ...extent(person) });
      continue;
    }
    const chosen = reach(person).filter(({ index }) => selection.passes[index] === 1);
    if (chosen.length === 0) continue;
    const there = chosen.filter(({ index }) => isThere(index));
    rows.push({ person, accounts: new Set(there.map(({ index }) => ofAccount[index])).size, sets: new Set(there.map(({ index }) => ofSet[index])).size });
  }
  tell(plural(rows.length, "person", "people"), anyFilter(state.query) && `of ${number(people.filter((one) => one.listed).length)}`);
  view.replaceChildren(tableOf({
    caption: "People", rows, what: ["person", "people"], sort: state.query.get("sort"), resort: reSort(state, go), none: nothing("people", state),
    columns: [
      { title: "Person", cell: ({ person }) => link(person, more(person)), by: by((one) => one.person.name) },
      { title: "Groups", cell: ({ person }) => (person.groups.length > 3 ? [link(person.groups[0]), `, and ${number(person.groups.length - 1)} more`] : person.groups.map((group, at) => [at > 0 ? ", " : null, link(group)])), wide: true },
      { title: "Accounts", number: true, cell: (one) => number(one.accounts), by: by((one) => one.accounts) },
      { title: "Permission sets", number: true, cell: (one) => number(one.sets), by: by((one) => one.sets) },
    ],
  }));
}

function renderSets(view, state, go) {
  const selection = select(state.query);
  const needles = named(state.query);
  const differs = state.query.get("differs") === "1";
  const outdatedOnly = state.query.get("outdated") === "1";
  const narrowed = anyFilter(changed(state.query, { q: null, outdated: null }));
  const policiesOf = (set) => [...set.managed_policies.map((arn) => arn.replace(/^.*:policy\//, "")), ...set.customer_managed_policies, ...(set.inline_policy ? ["inline policy"] : [])];
  const rows = setsByName
    .filter((set) => {
      if (!set.listed && set.assignments.length === 0) return false;
      if (differs && !set.differs) return false;
      // A set can be outdated where nobody has it any more: it is told all the same.
      if (outdatedOnly && (narrowed ? selection.sets[set.index] !== 1 : set.outdated.length === 0)) return false;
      if (!outdatedOnly && narrowed && selection.sets[set.index] !== 1) return false;
      return holds(`${findable(set)} ${policiesOf(set).join(" ").toLowerCase()}`, needles);
    })
    .map((set) => {
      const chosen = narrowed ? set.assignments.filter((index) => selection.passes[index] === 1 && isThere(index)) : null;
      const { accounts: reached, people: inside } = chosen ? { accounts: new Set(chosen.map((index) => ofAccount[index])).size, people: peopleOf(chosen).size } : extentOfSet(set);
      return { set, reached, inside };
    });
  tell(plural(rows.length, "permission set"), (anyFilter(state.query) || differs) && `of ${number(sets.filter((one) => one.listed).length)}`);
  view.replaceChildren();
  if (differs) append(view, [el("p", { class: "notice" }, "Only those that are not as the rules declare them. ", el("a", { href: address("sets", "", changed(state.query, { differs: null })) }, "Show all"))]);
  view.append(tableOf({
    caption: "Permission sets", rows, what: ["permission set", "permission sets"], sort: state.query.get("sort"), resort: reSort(state, go), none: nothing("permission sets", state),
    columns: [
      { title: "Permission set", cell: ({ set }) => link(set, set.description), by: by((one) => one.set.name) },
      { title: "Policies", cell: ({ set }) => (set.unread ? el("span", { class: "flag" }, "could not be read") : chips(policiesOf(set))), wide: true },
      { title: "State", cell: ({ set }) => stateOfSet(set) },
      { title: "Accounts", number: true, cell: (one) => number(one.reached), by: by((one) => one.reached) },
      { title: "People", number: true, cell: (one) => number(one.inside), by: by((one) => one.inside) },
    ],
  }));
}

const stateOfSet = (set) => [
  set.declared ? el("span", { class: "flag quiet" }, "declared") : null,
  set.differs ? el("span", { class: "flag" }, "not as declared") : null,
  set.outdated.length > 0 ? el("span", { class: "flag" }, `outdated in ${number(set.outdated.length)}`) : null,
].filter(Boolean);

const nothing = (what, state) => (anyFilter(state.query) ? empty("Nothing fits these filters", "Take one away, or clear them all.") : empty(`The report has no ${what}`));
