
// ---------------------------------------------------------------------------------------------------------------------
// The report, out of the compact form that the page carries (compact.rs): lists of names, and columns of numbers into
// them. Sorted columns hold the differences between neighbours; times are seconds after `epoch`; -1 is "none".
//
// INVARIANT: assignments are in the order of account, permission set, principal; so a cell is one stretch of them.

/** What each standing means, in the order of who must be looked at first where a cell has several (summary.rs has the words too). */
const STANDINGS = {
  orphaned: "there, but its group or user is deleted",
  drifted: "gone by another’s hand, or there and no longer wanted",
  uncertain: "perhaps Usher’s, not settled yet",
  foreign: "there, and made by others: Usher leaves it alone",
  pending: "on its way, or wanted and withheld",
  ours: "there, and made or adopted by Usher",
};
const WORST_FIRST = Object.keys(STANDINGS);
/** Ends within so many days are told as expiring. */
const SOON = 30 * DAY;
const PRESENT = 1;
const PROVED = 2;
const WANTED = 4;

const raw = JSON.parse(document.getElementById("data").textContent);
const taken = raw.taken;

/** The running sums of a column of differences. */
function sums(differences) {
  let sum = 0;
  return Int32Array.from(differences, (difference) => (sum += difference));
}

const at = (seconds) => (seconds < 0 ? null : raw.epoch + seconds);
const COLLATOR = new Intl.Collator("en", { numeric: true });
const byName = (a, b) => COLLATOR.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);

// The tree of OUs. One whose parent has no line of its own (an OU's name may hold a slash) gets it made here.
const ous = raw.ous.map(([id, path]) => ({ id, path }));
const ouByPath = new Map(ous.map((ou) => [ou.path, ou]));
const above = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
for (let index = 0; index < ous.length; index += 1) {
  const ou = ous[index];
  Object.assign(ou, { index, children: [], accounts: [], name: ou.path === "" ? "Root" : ou.path.slice(ou.path.lastIndexOf("/") + 1) });
  const parent = above(ou.path);
  if (!ouByPath.has(parent)) {
    ouByPath.set(parent, { id: "", path: parent });
    ous.push(ouByPath.get(parent));
  }
}
const [root, ...belowRoot] = ous;
root.parent = null;
for (const ou of belowRoot) {
  ou.parent = ouByPath.get(above(ou.path));
  ou.parent.children.push(ou);
}

const accounts = raw.accounts.map(([id, name, ou, state, management, unread, listed, tags], index) => ({
  kind: "account", index, id, name, ou: ous[ou], state, management, unread, listed: listed === 0, tags: tags ?? {}, stretch: [0, 0],
}));
for (const account of accounts) account.ou.accounts.push(account);

/** Accounts in the order of the tree: an OU's own first, then those of the OUs below it. */
const inTree = [];
(function walk(ou) {
  ou.children.sort(byName);
  ou.accounts.sort(byName);
  ou.first = inTree.length;
  inTree.push(...ou.accounts);
  ou.children.forEach(walk);
  ou.end = inTree.length;
})(root);
inTree.forEach((account, place) => (account.place = place));
const isBelow = (account, ou) => account.place >= ou.first && account.place < ou.end;

const sets = raw.sets.map((set, index) => ({
  tags: {}, managed_policies: [], customer_managed_policies: [], ...set,
  kind: "set", index, id: set.arn, listed: set.listed === 0, provisioned: sums(set.provisioned), outdated: sums(set.outdated), assignments: [],
}));
const setsByName = [...sets].sort(byName);

const GONE = 1;
const groups = raw.groups.map(([id, name, members, unread, listed], index) => ({
  kind: "group", index, id, name, members: sums(members), unread, gone: listed === GONE, listed: listed === 0, assignments: [],
}));
const people = raw.people.map(([id, userName, display, listed], index) => ({
  kind: "person", index, id, name: display || userName, userName, gone: listed === GONE, listed: listed === 0, groups: [], assignments: [],
}));
for (const group of groups) for (const member of group.members) people[member].groups.push(group);

/** Columns count groups first, then people. */
const principal = (index) => (index < groups.length ? groups[index] : people[index - groups.length]);

const column = raw.assignments;
const count = column.account.length;
const ofAccount = sums(column.account);
const ofSet = sums(column.set);
const ofPrincipal = Int32Array.from(column.principal);
const ofStanding = Uint8Array.from(column.standing, (standing) => WORST_FIRST.indexOf(raw.standings[standing]));
const flags = Uint8Array.from(column.flags);

for (let index = 0; index < count; index += 1) {
  const { stretch } = accounts[ofAccount[index]];
  if (stretch[1] === 0) stretch[0] = index;
  stretch[1] = index + 1;
  sets[ofSet[index]].assignments.push(index);
  principal(ofPrincipal[index]).assignments.push(index);
}

const place = (account, set) => account * sets.length + set;
const outdatedPlaces = new Set(sets.flatMap((set) => Array.from(set.outdated, (account) => place(account, set.index))));
const isOutdated = (account, set) => outdatedPlaces.has(place(account, set));
/** Whether an assignment ends soon. */
const isThere = (index) => (flags[index] & PRESENT) !== 0;
const expires = (index) => isThere(index) && column.until[index] >= 0 && raw.epoch + column.until[index] <= taken.ended + SOON;
const rulesOf = (list) => raw.rule_lists[list].map((rule) => raw.rules[rule]);

/** One assignment with all that is told of it. */
const assignment = (index) => ({
  index,
  account: accounts[ofAccount[index]],
  set: sets[ofSet[index]],
  principal: principal(ofPrincipal[index]),
  standing: WORST_FIRST[ofStanding[index]],
  there: isThere(index),
  proved: (flags[index] & PROVED) !== 0,
  wanted: (flags[index] & WANTED) !== 0,
  rules: rulesOf(column.rules[index]),
  since: at(column.since[index]),
  until: at(column.until[index]),
  cause: raw.texts[column.cause[index]] ?? null,
  note: raw.texts[column.note[index]] ?? null,
});

/** The stretch of assignments of one cell, by bisection inside its account's. */
function cell(account, set) {
  const [from, end] = accounts[account].stretch;
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ofSet[middle] < set) low = middle + 1;
    else high = middle;
  }
  high = low;
  while (high < end && ofSet[high] === set) high += 1;
  return [low, high];
}

/** The people whom assignments let in, each once: groups are their members. What AWS doesn't have lets nobody in. */
function peopleOf(assignments) {
  const found = new Set();
  for (const index of assignments) {
    if (!isThere(index)) continue;
    const one = principal(ofPrincipal[index]);
    if (one.kind === "person") {
      if (!one.gone) found.add(one);
    } else if (!one.gone) for (const member of one.members) if (!people[member].gone) found.add(people[member]);
  }
  return found;
}

/** Oneself, and the groups that one is in. Who is deleted gets nothing any more, least of all through a group. */
const through = (person) => [{ by: person, group: null }, ...(person.gone ? [] : person.groups.map((group) => ({ by: group, group })))];

/** What somebody can reach: each assignment with the group that it comes through, or null where it is their own. */
const reach = (person) => through(person).flatMap(({ by, group }) => by.assignments.map((index) => ({ index, group })));

/** How many accounts somebody can reach, and with how many permission sets. Counted when asked for. */
const seenAccount = new Int32Array(accounts.length).fill(-1);
const seenSet = new Int32Array(sets.length).fill(-1);
function extent(person) {
  if (person.extent) return person.extent;
  const found = { accounts: 0, sets: 0 };
  for (const { by } of person.gone ? [] : through(person)) {
    for (const index of by.assignments) {
      if (!isThere(index)) continue;
      if (seenAccount[ofAccount[index]] !== person.index) found.accounts += 1;
      if (seenSet[ofSet[index]] !== person.index) found.sets += 1;
      seenAccount[ofAccount[index]] = person.index;
      seenSet[ofSet[index]] = person.index;
    }
  }
  person.extent = found;
  return found;
}

const unread = raw.unread.map(([what, why, about, access]) => ({ what, why, about, access }));
/** What could not be read of one thing. */
const unreadOf = (thing) => unread.filter(({ about }) => about.some(([kind, index]) => kind === thing.kind && index === thing.index));
// Who has access somewhere could not be read: nothing that is shown there may look like nobody.
const accessUnread = new Set(unread.filter(({ access }) => access === 1).map(({ about }) => about.map(([, index]) => index).join()));
// Wherever that may be: in every account, by one permission set or by any.
const unreadAnywhere = unread.filter(({ access }) => access === 2);
const setsUnread = new Set(unreadAnywhere.flatMap(({ about }) => about.filter(([kind]) => kind === "set").map(([, index]) => index)));
const allUnread = unreadAnywhere.some(({ about }) => !about.some(([kind]) => kind === "set"));
const isAccessUnread = (account, set = null) => allUnread || (set === null ? setsUnread.size > 0 : setsUnread.has(set.index)) || accessUnread.has(String(account.index)) || (set !== null && accessUnread.has(`${account.index},${set.index}`));

const changes = raw.changes.at.map((seconds, index) => ({
  index,
  at: at(seconds),
  change: raw.change_kinds[raw.changes.change[index]],
  account: accounts[raw.changes.account[index]] ?? null,
  set: sets[raw.changes.set[index]] ?? null,
  principal: raw.changes.principal[index] < 0 ? null : principal(raw.changes.principal[index]),
  person: people[raw.changes.person[index]] ?? null,
  rules: rulesOf(raw.changes.rules[index]),
  cause: raw.texts[raw.changes.cause[index]] ?? null,
  note: raw.texts[raw.changes.note[index]] ?? null,
}));
