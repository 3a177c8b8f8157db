
// ---------------------------------------------------------------------------------------------------------------------
// Where the reader is. All of it is in the address after `#`, so that each view can be linked to and Back leads back:
// #/VIEW/ID?filters

const FILTERS = ["q", "ou", "set", "standing", "tag", "outdated", "expiring"];

function parse(hash) {
  const text = hash.startsWith("#/") ? hash.slice(2) : "";
  const [path, query = ""] = text.split(/\?(.*)/s, 2);
  const [view, ...rest] = path.split("/");
  let id = rest.join("/");
  try {
    id = decodeURIComponent(id);
  } catch {
    // Somebody typed it: it is looked for as it stands, and not found.
  }
  return { view: view || "overview", id, query: new URLSearchParams(query) };
}

function address(view, id = "", query = null) {
  const words = query?.toString();
  const path = view === "overview" ? "#/" : `#/${view}${id === "" ? "" : `/${encodeURIComponent(id)}`}`;
  return words ? `${path}?${words}` : path;
}

/** The filters of a state and nothing else of it: what goes along from one view to the next. */
function filtersOf(query) {
  const kept = new URLSearchParams();
  for (const name of FILTERS) if (query.get(name)) kept.set(name, query.get(name));
  return kept;
}

/** A state with some parameters changed; null or "" takes one away. */
function changed(query, changes) {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "" || value === false) next.delete(name);
    else next.set(name, value === true ? "1" : value);
  }
  return next;
}

// A permission set goes by its name, which is unique while it lives; everything else by its id.
const keyOf = (thing) => (thing.kind === "set" && thing.listed ? thing.name : thing.id);
const byKey = {
  account: new Map(accounts.map((one) => [one.id, one])),
  set: new Map(sets.flatMap((one) => [[one.arn, one], [keyOf(one), one]])),
  group: new Map(groups.map((one) => [one.id, one])),
  person: new Map(people.map((one) => [one.id, one])),
};
const addressOf = (thing) => address(thing.kind, keyOf(thing));

const KINDS = { account: "account", set: "permission set", group: "group", person: "person" };

/** A link to a thing's page. Groups and people show which they are. */
function link(thing, below = null) {
  const mark = thing.kind === "group" || thing.kind === "person" ? [icon(thing.kind), hidden(`${KINDS[thing.kind]} `)] : null;
  const gone = thing.gone ? el("span", { class: "gone" }, "deleted") : thing.listed === false ? el("span", { class: "gone" }, "not in the report") : null;
  return [el("a", { class: `thing ${thing.kind}`, href: addressOf(thing) }, mark, el("span", { class: "name" }, breakable(thing.name))), gone ? [" ", gone] : null, below ? el("span", { class: "below" }, below) : null];
}

/** Somebody's user name, or a group's size: what a name alone doesn't say. */
function more(one) {
  if (one.kind === "group") return one.unread ? "members could not be read" : plural(one.members.length, "member");
  return one.userName && one.userName !== one.name ? one.userName : null;
}
