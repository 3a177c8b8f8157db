
// ---------------------------------------------------------------------------------------------------------------------
// The timeline: what has changed since the report before, day by day, each with its cause.

/** Each kind of change: its shape, its word, and how its sentence goes. */
const CHANGES = {
  granted: ["plus", "granted", (one) => [subject(one), " was given ", object(one)]],
  revoked: ["minus", "revoked", (one) => [subject(one), " lost ", object(one)]],
  appeared: ["foreign", "appeared", (one) => [subject(one), " was given ", object(one), " by others"]],
  gone: ["minus", "gone", (one) => [subject(one), " no longer has ", object(one)]],
  adopted: ["ours", "adopted", (one) => [object(one), " of ", subject(one), " is Usher’s now"]],
  disowned: ["foreign", "disowned", (one) => [object(one), " of ", subject(one), " is no longer Usher’s"]],
  blocked: ["warning", "blocked", (one) => [object(one), " for ", subject(one), " is refused by AWS"]],
  joined: ["plus", "joined", (one) => [somebody(one), " joined ", subject(one)]],
  left: ["minus", "left", (one) => [somebody(one), " left ", subject(one)]],
  group_renamed: ["drifted", "group renamed", (one) => [subject(one), " has another name"]],
  group_deleted: ["minus", "group deleted", (one) => [subject(one), " was deleted"]],
  person_deleted: ["minus", "person deleted", (one) => [somebody(one), " was deleted"]],
  set_made: ["plus", "set made", (one) => [thing(one.set, "a permission set"), " was made"]],
  set_edited: ["drifted", "set edited", (one) => [thing(one.set, "a permission set"), " was edited"]],
  set_deleted: ["minus", "set deleted", (one) => [thing(one.set, "a permission set"), " was deleted"]],
  account_joined: ["plus", "account joined", (one) => [thing(one.account, "an account"), " is new"]],
  account_moved: ["drifted", "account moved", (one) => [thing(one.account, "an account"), " is in another OU"]],
  account_left: ["minus", "account left", (one) => [thing(one.account, "an account"), " is no longer there"]],
  account_renamed: ["drifted", "account renamed", (one) => [thing(one.account, "an account"), " has another name"]],
  account_state_changed: ["drifted", "account state changed", (one) => [thing(one.account, "an account"), " is in another state"]],
  account_tagged: ["drifted", "account tagged", (one) => [thing(one.account, "an account"), " has other tags"]],
};
const GIVES = new Set(["granted", "appeared", "joined"]);
const TAKES = new Set(["revoked", "gone", "left"]);

const thing = (one, otherwise) => (one ? link(one) : otherwise);
const subject = (one) => thing(one.principal, "somebody");
const somebody = (one) => thing(one.person, "somebody");
const object = (one) => [thing(one.set, "a permission set"), one.account ? [" in ", link(one.account)] : null];

const noChanges = () => (taken.since === null
  ? empty("No changes are told", "This is the first report: the next one tells what has changed since.")
  : empty("Nothing has changed", `Everything is as it was at ${dayOf(taken.since)} ${clockOf(taken.since)} UTC.`));

function changeItem(one, withDay) {
  const [mark, word, sentence] = CHANGES[one.change];
  const words = sentence(one);
  return el("li", { class: `change c-${one.change}` },
    el("span", { class: "mark" }, shape(mark)),
    el("div", { class: "what" },
      el("p", { class: "sentence" }, el("span", { class: "kind" }, word), " ", words),
      one.note ? el("p", { class: "note" }, one.note) : null,
      one.rules.length > 0 || one.cause ? el("p", { class: "cause" }, one.cause, one.cause && one.rules.length > 0 ? " · " : null, one.rules.length > 0 ? `${one.rules.length === 1 ? "rule" : "rules"} ${one.rules.join(", ")}` : null) : null),
    el("span", { class: "when" }, one.at === null ? "" : withDay ? time(one.at) : el("time", { datetime: new Date(one.at * 1000).toISOString() }, clockOf(one.at))));
}

/** Changes under one another; with their day, unless they stand below it. */
function changeList(some, withDay = true) {
  const list = el("ol", { class: "changes", role: "list" });
  return [list, inParts(list, some, (one) => changeItem(one, withDay), ["change", "changes"])];
}

/** How much was given and taken each day: bars up and down from a line. The list below says the same in words. */
function dayBars(some) {
  const days = new Map();
  for (const one of some) {
    if (one.at === null) continue;
    const day = Math.floor(one.at / DAY);
    const sums = days.get(day) ?? { given: 0, taken: 0, other: 0 };
    sums[GIVES.has(one.change) ? "given" : TAKES.has(one.change) ? "taken" : "other"] += 1;
    days.set(day, sums);
  }
  if (days.size < 2) return null;
  const last = Math.max(...days.keys());
  const first = Math.max(Math.min(...days.keys()), last - 59);
  const inSight = [...days].filter(([day]) => day >= first).map(([, sums]) => sums);
  const most = Math.max(1, ...inSight.map(({ given, other }) => given + other));
  const least = Math.max(0, ...inSight.map(({ taken: lost }) => lost));
  const bars = el("div", { class: "days", "aria-hidden": "true" });
  bars.style.setProperty("--up", most);
  bars.style.setProperty("--down", Math.max(least, most / 8));
  for (let day = first; day <= last; day += 1) {
    const { given = 0, taken: lost = 0, other = 0 } = days.get(day) ?? {};
    const part = (kind, size, whole) => {
      const bar = el("span", { class: kind });
      bar.style.blockSize = `${Math.max(size > 0 ? 6 : 0, (size / whole) * 100)}%`;
      return bar;
    };
    bars.append(el("span", { class: "day", title: `${dayOf(day * DAY)}: ${number(given)} given, ${number(lost)} taken away, ${number(other)} other` },
      el("span", { class: "up" }, part("other", other, most), part("given", given, most)), el("span", { class: "down" }, part("lost", lost, Math.max(least, most / 8)))));
  }
  const figure = el("figure", { class: "day-bars" }, bars, el("figcaption", {},
    el("span", {}, dayOf(first * DAY)), el("span", { class: "keys" }, shape("plus"), " given ", shape("minus"), " taken away"), el("span", {}, dayOf(last * DAY))));
  // Few days are not drawn out over a wide screen.
  figure.style.maxInlineSize = `max(24rem, ${(last - first + 1) * 3}rem)`;
  return figure;
}

function renderChanges(view, state) {
  const query = state.query;
  const needles = named(query);
  const ou = ouByPath.get(query.get("ou") ?? "") ?? root;
  const set = query.get("set") ? byKey.set.get(query.get("set")) : null;
  const kind = query.get("kind");
  const [tagKey, tagValue] = (query.get("tag") ?? "").split(/=(.*)/s, 2);
  const found = changes.filter((one) => {
    if (ou !== root && !(one.account && isBelow(one.account, ou))) return false;
    if (set && one.set !== set) return false;
    if (tagKey && !(one.account && tagKey in one.account.tags && (tagValue === undefined || one.account.tags[tagKey] === tagValue))) return false;
    if (kind && one.change !== kind) return false;
    if (needles.length === 0) return true;
    one.findable ??= [one.account, one.set, one.principal, one.person].filter(Boolean).map(findable).concat(one.cause ?? "", one.note ?? "", one.rules, CHANGES[one.change][1]).join(" ").toLowerCase();
    return holds(one.findable, needles);
  });
  const narrowed = found.length !== changes.length;
  tell(plural(found.length, "change"), narrowed && `of ${number(changes.length)}`);
  view.replaceChildren();
  if (changes.length === 0) {
    append(view, [noChanges()]);
    return;
  }
  const kinds = new Map();
  for (const one of changes) kinds.set(one.change, (kinds.get(one.change) ?? 0) + 1);
  const kindLink = (name, words) => el("a", { class: "pill", href: address("changes", "", changed(query, { kind: name })), "aria-current": (kind ?? null) === name ? "true" : null }, words);
  append(view, [
    el("nav", { class: "pills", "aria-label": "Kinds of changes" }, kindLink(null, "All"), Object.keys(CHANGES).filter((name) => kinds.has(name)).map((name) => kindLink(name, [shape(CHANGES[name][0]), CHANGES[name][1], " ", el("span", { class: "count" }, number(kinds.get(name)))]))),
    found.length === 0 ? empty("Nothing fits these filters", "Take one away, or clear them all.") : null,
    dayBars(found),
  ]);
  // One list of days: a day begins where the one before it ends.
  const items = [];
  let day = null;
  for (const one of found) {
    const its = one.at === null ? "none" : dayOf(one.at);
    if (its !== day) items.push({ day: its, at: one.at });
    day = its;
    items.push(one);
  }
  const days = el("div", { class: "timeline" });
  let list = null;
  const make = (item) => {
    if (!item.day) return changeItem(item, false);
    list = el("ol", { class: "changes", role: "list" });
    return el("section", {}, el("h2", {}, item.at === null ? "Between the two reports" : LONG_DAY.format(new Date(item.at * 1000))), list);
  };
  const holder = inParts(days, items, make, ["line", "lines"], (item) => (item.day ? days : list));
  append(view, [days, holder]);
}
