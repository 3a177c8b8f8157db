
// ---------------------------------------------------------------------------------------------------------------------
// The overview: below the summary, which stands in the page already, what is largest, what ends and what was last.

const IN_OVERVIEW = 8;
const summary = document.getElementById("summary");

function section(title, id, ...content) {
  return el("section", { "aria-labelledby": id }, el("h2", { id }, title), content);
}

/** How many accounts and people a permission set lets in, counted when asked for. */
function extentOfSet(set) {
  const there = set.assignments.filter(isThere);
  set.extent ??= { accounts: new Set(there.map((index) => ofAccount[index])).size, people: peopleOf(there).size };
  return set.extent;
}

/** A short ranking: name, figure, and a bar against the first. */
function ranking(rows) {
  const most = Math.max(1, ...rows.map(({ figure }) => figure));
  return el("ol", { class: "ranking", role: "list" }, rows.map(({ thing, figure, told }) => {
    const bar = el("span", { class: "length", "aria-hidden": "true" });
    bar.style.inlineSize = `${(figure / most) * 100}%`;
    return el("li", {}, el("span", { class: "label" }, link(thing)), el("span", { class: "told" }, told), bar);
  }));
}

function renderOverview(view) {
  const most = people.filter((one) => !one.gone && one.listed).map((one) => ({ thing: one, ...extent(one) })).filter((one) => one.accounts > 0)
    .sort((a, b) => b.accounts - a.accounts || b.sets - a.sets || byName(a.thing, b.thing)).slice(0, IN_OVERVIEW)
    .map((one) => ({ ...one, figure: one.accounts, told: [el("strong", {}, number(one.accounts)), one.accounts === 1 ? " account" : " accounts"] }));
  const widest = sets.map((one) => ({ thing: one, ...extentOfSet(one) })).filter(({ accounts: reached }) => reached > 0)
    .sort((a, b) => b.people - a.people || b.accounts - a.accounts || byName(a.thing, b.thing)).slice(0, IN_OVERVIEW)
    .map((one) => ({ ...one, figure: one.people, told: [el("strong", {}, number(one.people)), one.people === 1 ? " person in " : " people in ", number(one.accounts), one.accounts === 1 ? " account" : " accounts"] }));
  const ending = [];
  for (let index = 0; index < count; index += 1) if (expires(index)) ending.push(assignment(index));
  ending.sort((a, b) => a.until - b.until || a.index - b.index);

  append(view, [
    summary,
    el("div", { class: "columns" },
      section("Permission sets that reach most people", "widest", widest.length ? ranking(widest) : empty("None is assigned to anybody")),
      section("People who reach most accounts", "most", most.length ? ranking(most) : empty("Nobody reaches any"))),
    ending.length === 0 ? null : section("Ends soon", "ending",
      tableOf({
        caption: "Assignments that end within 30 days, the soonest first", rows: ending.slice(0, IN_OVERVIEW), what: ["assignment", "assignments"],
        columns: [{ title: "Ends", cell: (one) => time(one.until) }, COLUMNS.principal, COLUMNS.set, COLUMNS.account],
      }),
      ending.length > IN_OVERVIEW ? el("p", {}, el("a", { href: "#/matrix?expiring=1" }, `All ${number(ending.length)}`)) : null),
    section("Latest changes", "latest",
      changes.length === 0 ? noChanges() : [changeList(changes.slice(0, IN_OVERVIEW), true), el("p", {}, el("a", { href: "#/changes" }, `All ${plural(changes.length, "change")}`))]),
  ]);
}
