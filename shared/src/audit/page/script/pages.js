
// ---------------------------------------------------------------------------------------------------------------------
// The pages of one account, permission set, group or person.

/** Changes that are of one thing, and at the end of each page. */
function changesOf(fits) {
  const found = changes.filter(fits);
  return section("Changes", "changes", taken.since === null || changes.length === 0 ? noChanges() : found.length === 0 ? el("p", { class: "muted" }, `None since ${dayOf(taken.since)}.`) : changeList(found));
}

/** What a page may lack: what could not be read of the thing, of groups that it is about, and of what may be anywhere. */
function unreadBehind(thing) {
  const indices = thing.kind === "account" ? allOf(thing) : thing.kind === "set" ? thing.assignments : [];
  // Whoever is in a group whose members could not be read may be anybody.
  const about = thing.kind === "person" ? groups : new Set(indices.map((index) => principal(ofPrincipal[index])));
  const unknown = [...about].filter((one) => one.kind === "group" && one.unread);
  return [...new Set([...unreadOf(thing), ...unreadAnywhere, ...unknown.flatMap(unreadOf)])];
}

/** What could not be read of it, on top: what is missing below is not said to be absent. */
function unreadNotice(thing) {
  const found = unreadBehind(thing);
  return found.length === 0 ? null : el("section", { class: "notice warning", "aria-label": "Not everything could be read" },
    el("p", {}, shape("warning"), el("strong", {}, "Not everything could be read. "), "There may be more than this page shows."),
    el("ul", {}, found.map(({ what, why: reason }) => el("li", {}, el("strong", {}, what), ": ", reason))));
}

const allOf = (account) => {
  const [from, end] = account.stretch;
  return Array.from({ length: end - from }, (_, offset) => from + offset);
};

/** Everybody whom assignments let in, each with the ways that they have: for "who can reach this account". */
function peopleTable(assignments, { caption, state, go, ways, thing }) {
  const rows = new Map();
  for (const index of assignments) {
    if (!isThere(index)) continue;
    const by = principal(ofPrincipal[index]);
    for (const person of peopleOf([index])) {
      if (!rows.has(person)) rows.set(person, { person, by: new Set(), sets: new Set(), accounts: new Set() });
      const row = rows.get(person);
      row.by.add(by);
      row.sets.add(sets[ofSet[index]]);
      row.accounts.add(ofAccount[index]);
    }
  }
  const several = (links) => links.map((one, at) => [at > 0 ? ", " : null, one]);
  return tableOf({
    caption, rows: [...rows.values()].sort((a, b) => byName(a.person, b.person)), what: ["person", "people"],
    sort: state.query.get("by"), resort: (sort) => go(changed(state.query, { by: sort }), { replace: true }), none: empty(unreadBehind(thing).length > 0 ? "None that could be read" : "Nobody"),
    columns: [
      { title: "Person", cell: ({ person }) => link(person, more(person)), by: by((one) => one.person.name) },
      ways === "sets"
        ? { title: "Permission sets", cell: (one) => several([...one.sets].sort(byName).map((set) => link(set))), by: by((one) => one.sets.size), wide: true }
        : { title: "Accounts", number: true, cell: (one) => number(one.accounts.size), by: by((one) => one.accounts.size) },
      { title: "Through", cell: (one) => several([...one.by].map((by) => (by.kind === "group" ? link(by) : "directly"))), wide: true },
    ],
  });
}

/** Assignments as a table, without the columns that the page itself says. */
const assignmentTable = (thing, rows, columns, caption, { state, go }) => tableOf({
  caption, rows, what: ["assignment", "assignments"], columns, sort: state.query.get("sort"), resort: reSort(state, go), none: empty(unreadBehind(thing).length > 0 ? "None that could be read" : "No assignments"),
});

function renderAccount(view, account, state, go) {
  const only = byKey.set.get(state.query.get("set"));
  const all = allOf(account);
  const chosen = only ? all.filter((index) => ofSet[index] === only.index) : all;
  const kept = { state, go };
  append(view, [
    unreadNotice(account),
    facts([
      ["Account", account.id], ["OU", account.ou === root ? "Root" : el("a", { href: address("matrix", "", changed(new URLSearchParams(), { ou: account.ou.path })) }, breakable(account.ou.path))],
      ["State", account.state.toLowerCase().replaceAll("_", " ")], ["Management account", account.management ? "yes" : null],
      ["Tags", account.unread ? "could not be read" : chips(tagWords(account.tags))],
    ]),
    only ? el("p", { class: "notice" }, "Only ", link(only), ". ", el("a", { href: addressOf(account) }, "Show everything here")) : null,
    section("Assignments", "assignments", assignmentTable(account, chosen.map(assignment), [COLUMNS.set, COLUMNS.principal, COLUMNS.standing, COLUMNS.since, COLUMNS.why], `Assignments in ${account.name}`, kept)),
    section("People", "people", peopleTable(chosen, { caption: `People who can reach ${account.name}`, ways: "sets", thing: account, ...kept })),
    changesOf((one) => one.account === account),
  ]);
  return `${unreadBehind(account).length > 0 ? "at least " : ""}${plural(peopleOf(all).size, "person", "people")} can reach it, with ${plural(new Set(all.filter(isThere).map((index) => ofSet[index])).size, "permission set")}`;
}

function renderPerson(view, person, state, go) {
  const rows = reach(person).map(({ index, group }) => ({ ...assignment(index), group }));
  rows.sort((a, b) => a.account.place - b.account.place || byName(a.set, b.set) || a.index - b.index);
  const reached = extent(person);
  append(view, [
    unreadNotice(person),
    facts([
      ["User name", person.userName], ["User id", el("code", {}, person.id)],
      ["Groups", person.groups.length === 0 ? "in none that has access" : el("ul", { class: "names", role: "list" }, [...person.groups].sort(byName).map((group) => el("li", {}, link(group))))],
    ]),
    section("What they can reach", "reach", tableOf({
      caption: `What ${person.name} can reach`, rows, what: ["assignment", "assignments"], sort: state.query.get("sort"), resort: reSort(state, go),
      none: unreadBehind(person).length > 0 ? empty("Nothing that could be read") : empty("Nothing", "No assignment lets them in, neither their own nor one of a group."),
      columns: [COLUMNS.account, COLUMNS.ou, COLUMNS.set, COLUMNS.through, COLUMNS.standing, COLUMNS.since, COLUMNS.why],
    })),
    changesOf((one) => one.person === person || one.principal === person || person.groups.includes(one.principal)),
  ]);
  const least = unreadBehind(person).length > 0 ? "at least " : "";
  return reached.accounts === 0 && least === "" ? "can reach no account" : `can reach ${least}${plural(reached.accounts, "account")}, with ${plural(reached.sets, "permission set")}`;
}

function renderGroup(view, group, state, go) {
  const members = Array.from(group.members, (member) => people[member]).sort(byName);
  const list = el("ul", { class: "names columns-of-names", role: "list" });
  const holder = inParts(list, members, (one) => el("li", {}, link(one)), ["member", "members"]);
  append(view, [
    unreadNotice(group),
    facts([["Group id", el("code", {}, group.id)]]),
    section("Members", "members", group.unread ? empty("They could not be read") : members.length === 0 ? empty("It has no members") : [list, holder]),
    section("Assignments", "assignments", assignmentTable(group, group.assignments.map(assignment), [COLUMNS.account, COLUMNS.ou, COLUMNS.set, COLUMNS.standing, COLUMNS.since, COLUMNS.why], `Assignments of ${group.name}`, { state, go })),
    changesOf((one) => one.principal === group),
  ]);
  return `${group.unread ? "members not read" : plural(members.length, "member")}, ${plural(group.assignments.filter(isThere).length, "assignment")}`;
}

function renderSet(view, set, state, go) {
  const kept = { state, go };
  const provisioned = Array.from(set.provisioned, (account) => accounts[account]).sort((a, b) => a.place - b.place);
  const nobody = set.assignments.length === 0;
  const list = el("ul", { class: "names columns-of-names", role: "list" });
  // What is outdated comes first: it is what one looks for here.
  const old = (account) => isOutdated(account.index, set.index);
  const holder = inParts(list, [...provisioned.filter(old), ...provisioned.filter((account) => !old(account))], (account) => el("li", {}, link(account, account.id), old(account) ? el("span", { class: "flag" }, "outdated") : null), ["account", "accounts"]);
  const policies = [
    ...set.managed_policies.map((arn) => el("li", {}, el("span", { class: "kind" }, "AWS managed"), el("code", {}, breakable(arn)))),
    ...set.customer_managed_policies.map((name) => el("li", {}, el("span", { class: "kind" }, "Customer managed"), el("code", {}, breakable(name)))),
    set.permissions_boundary ? el("li", {}, el("span", { class: "kind" }, "Permissions boundary"), el("code", {}, breakable(set.permissions_boundary))) : null,
    set.inline_policy ? el("li", {}, el("span", { class: "kind" }, "Inline"), el("pre", { tabindex: "0", role: "region", "aria-label": "Inline policy" }, typeof set.inline_policy === "string" ? set.inline_policy : JSON.stringify(set.inline_policy, null, 2))) : null,
  ].filter(Boolean);
  append(view, [
    unreadNotice(set),
    set.description ? el("p", { class: "lead" }, set.description) : null,
    facts([
      ["ARN", el("code", {}, breakable(set.arn))], ["Session", set.session_duration ? sessionWords(set.session_duration) : null], ["Relay state", set.relay_state ? el("code", {}, breakable(set.relay_state)) : null],
      ["Tags", chips(tagWords(set.tags))], ["State", stateOfSet(set).length > 0 ? stateOfSet(set) : null],
    ]),
    section("Policies", "policies", set.unread ? empty("They could not be read") : policies.length === 0 ? empty("It holds no policy", "Whoever has it can do nothing with it.") : el("ul", { class: "policies", role: "list" }, policies)),
    section("Provisioned", "provisioned", provisioned.length === 0 ? empty(unreadOf(set).length > 0 ? "Nowhere that could be read" : "Nowhere") : [
      el("p", { class: "muted" }, `In ${plural(provisioned.length, "account")}, ${set.outdated.length === 0 ? "up to date in all of them" : `in ${number(set.outdated.length)} of them in an older version`}.`), list, holder]),
    section("Assignments", "assignments", assignmentTable(set, set.assignments.map(assignment).sort((a, b) => a.account.place - b.account.place || a.index - b.index), [COLUMNS.account, COLUMNS.ou, COLUMNS.principal, COLUMNS.standing, COLUMNS.since, COLUMNS.why], `Assignments of ${set.name}`, kept)),
    nobody ? null : section("People", "people", peopleTable(set.assignments, { caption: `People who have ${set.name}`, ways: "accounts", thing: set, ...kept })),
    changesOf((one) => one.set === set),
  ]);
  const { accounts: reached, people: inside } = extentOfSet(set);
  return `${plural(inside, "person", "people")} ${inside === 1 ? "has" : "have"} it, in ${plural(reached, "account")}`;
}

/** `PT1H30M` as people say it. */
function sessionWords(duration) {
  const [, hours, minutes, seconds] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(duration) ?? [];
  const parts = [hours && plural(Number(hours), "hour"), minutes && plural(Number(minutes), "minute"), seconds && plural(Number(seconds), "second")].filter(Boolean);
  return parts.length > 0 ? parts.join(" ") : duration;
}
