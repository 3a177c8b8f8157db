
// ---------------------------------------------------------------------------------------------------------------------
// Leads the reader: the address says what is shown, and whatever is shown goes into the address.

const VIEWS = {
  overview: { title: "Overview", heading: "Who can reach what", render: renderOverview },
  matrix: { title: "Matrix", heading: "Accounts and permission sets", render: renderMatrix, text: "Account, permission set, group or person", filters: "matrix", stays: true },
  accounts: { title: "Accounts", heading: "Accounts", render: renderAccounts, text: "Name, id or OU", filters: "list" },
  people: { title: "People", heading: "People", render: renderPeople, text: "Name or user name", filters: "list" },
  sets: { title: "Permission sets", heading: "Permission sets", render: renderSets, text: "Name, description or policy", filters: "list" },
  changes: { title: "Changes", heading: "Changes", render: renderChanges, text: "Anything told of a change", filters: "changes" },
};
const PAGES = {
  account: { render: renderAccount, under: "accounts" },
  person: { render: renderPerson, under: "people" },
  group: { render: renderGroup, under: "people" },
  set: { render: renderSet, under: "sets" },
};

const view = document.getElementById("view");
const status = document.getElementById("status");
const heading = document.getElementById("heading");
const filterPlace = document.getElementById("filters");
const main = document.getElementById("main");
let shown = null;
let printing = false;

/** Says how much is shown, to the eye and to a screen reader. */
function tell(text, more) {
  const words = more ? `${text} ${more}` : text;
  if (status.textContent !== words) status.textContent = words;
}

/** Goes to another state of the same view. */
function go(query, { replace = false } = {}) {
  const { view: name, id } = parse(location.hash);
  const next = address(name, id, query);
  if (next === location.hash) return;
  if (replace) history.replaceState(history.state, "", next);
  else {
    remember();
    history.pushState(null, "", next);
  }
  show();
}

const filters = makeFilters(filterPlace, (changes) => {
  const { query } = parse(location.hash);
  // Typing is not a step that Back should undo letter by letter.
  go(changed(query, { ...changes, cell: null }), { replace: "q" in changes && Object.keys(changes).length === 1 });
});

function makeNav() {
  const nav = document.getElementById("nav");
  for (const [name, { title }] of Object.entries(VIEWS)) nav.append(el("a", { "data-view": name, href: address(name) }, title));
  nav.hidden = false;
  return nav;
}
const nav = makeNav();

/** Which link is the current one, and filters that go along to the other views. */
function markNav(name, query) {
  for (const link of nav.children) {
    const its = link.dataset.view;
    link.href = address(its, "", VIEWS[its].filters ? filtersOf(query) : null);
    if (its === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function head(title, { kind = null, told = null } = {}) {
  heading.replaceChildren();
  append(heading, [
    kind ? el("p", { class: "kind" }, kind) : null,
    el("h1", { tabindex: "-1" }, breakable(title)),
    told ? el("p", { class: "told" }, told) : null,
  ]);
  document.title = `${title} · Usher`;
}

/** Shows what the address says. */
function show({ back = false } = {}) {
  const state = parse(location.hash);
  const sameView = shown && shown.view === state.view && shown.id === state.id;
  allOnPaper = [];
  const listed = VIEWS[state.view];
  const page = PAGES[state.view];
  document.body.dataset.view = state.view;

  if (listed) {
    filterPlace.hidden = !listed.filters;
    filterPlace.dataset.of = listed.filters ?? "";
    if (listed.filters) filters.show(state.query, listed.text, select(state.query, listed.filters === "matrix" ? "matrix" : null));
    else tell("");
    if (!sameView) head(listed.heading);
    markNav(state.view, state.query);
    if (!(listed.stays && sameView)) view.replaceChildren();
    listed.render(view, state, go);
  } else {
    filterPlace.hidden = true;
    tell("");
    markNav(page?.under ?? "", new URLSearchParams());
    view.replaceChildren();
    const thing = page && byKey[state.view].get(state.id);
    if (thing) {
      const told = page.render(view, thing, state, go);
      if (!sameView) head(thing.name, { kind: KINDS[state.view] + (thing.gone ? ", deleted" : thing.listed ? "" : ", not in the report"), told });
    } else {
      head("Nothing here");
      append(view, [empty(page ? `The report has no ${KINDS[state.view]} “${state.id}”` : "There is no such view", "The link may be of another report."), el("p", {}, el("a", { href: "#/" }, "To the overview"))]);
    }
  }

  if (shown && !sameView) {
    // Whoever listens is told where they are; whoever goes back finds the place that they left.
    heading.querySelector("h1").focus({ preventScroll: true });
    scrollTo(0, back ? (places.get(history.state?.place) ?? 0) : 0);
  }
  shown = state;
}

// Where each step of the history was left, since what it shows isn't there yet when the browser would scroll to it.
history.scrollRestoration = "manual";
const places = new Map();
let lastPlace = 0;
function remember() {
  const place = history.state?.place ?? (lastPlace += 1);
  history.replaceState({ place }, "");
  places.set(place, scrollY);
}
addEventListener("scroll", () => history.state?.place && places.set(history.state.place, scrollY), { passive: true });
addEventListener("popstate", (event) => {
  if (!location.hash.startsWith("#/") && location.hash !== "") return;
  const back = Boolean(event.state?.place);
  show({ back });
  if (!back) remember();
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
narrow.addEventListener("change", () => shown.view === "matrix" && show());
addEventListener("beforeprint", () => {
  printing = true;
  if (shown.view === "matrix") show();
  for (const all of allOnPaper) all();
});
addEventListener("afterprint", () => {
  printing = false;
  if (shown.view === "matrix") show();
});

// Whoever made the page may have asked something; whoever has a link asks something else.
const { start } = document.documentElement.dataset;
if (start && location.hash === "") history.replaceState(null, "", start);
makeSearch(document.getElementById("search"));
show();
remember();
document.documentElement.dataset.ready = "";
performance.mark("usher-ready");
