
// ---------------------------------------------------------------------------------------------------------------------
// Tables and lists of any length: the first rows at once, the others when asked for.

const FIRST_ROWS = 100;
const NEXT_ROWS = 400;

/**
 * Appends what `make` makes of the items, to `place` or to what `parent` then tells. Behind them, to be put wherever it
 * belongs, comes what leads to more of them.
 */
function inParts(place, items, make, what, parent = () => place) {
  const holder = el("p", { class: "show-more" });
  let shown = 0;
  const show = (until) => {
    const next = items.slice(shown, until);
    shown += next.length;
    const made = next.map((item) => {
      const element = make(item);
      parent(item).append(element);
      return element;
    });
    const left = items.length - shown;
    holder.hidden = left === 0;
    holder.replaceChildren();
    if (left > 0) {
      const words = `Show ${number(Math.min(NEXT_ROWS, left))} more`;
      append(holder, [el("button", { type: "button", click: () => follow(show(shown + NEXT_ROWS)) }, words), ` ${plural(left, what[0], what[1])} left`]);
    }
    return made[0];
  };
  // Whoever pressed the button goes on reading at the first of the new ones.
  const follow = (first) => {
    first.setAttribute("tabindex", "-1");
    first.focus({ preventScroll: true });
  };
  // Paper has no buttons.
  allOnPaper.push(() => show(items.length));
  show(FIRST_ROWS);
  return holder;
}

/** What has to be done before the view is printed. */
let allOnPaper = [];

/**
 * A table. Columns: { title, cell(row), number?, by?(a, b), wide? }. One with `by` can be sorted by; `sort` is the one in
 * use, "-" before it for the other way, and `resort` is told another.
 *
 * Its roles are written out: on a phone its rows become cards, and browsers forget what a table is when it isn't laid
 * out as one.
 */
function tableOf({ caption, columns, rows, what, sort = null, resort = null, none }) {
  if (rows.length === 0) return none ?? empty(`No ${what[1]}`);
  const down = sort?.startsWith("-");
  const sorted = columns.find((column) => column.by && column.title === (down ? sort.slice(1) : sort));
  const ordered = sorted ? [...rows].sort((a, b) => (down ? sorted.by(b, a) : sorted.by(a, b))) : rows;
  const head = columns.map((column) => {
    const isIt = column === sorted;
    const next = isIt ? (down ? column.title : `-${column.title}`) : column.number ? `-${column.title}` : column.title;
    return el("th", { role: "columnheader", scope: "col", class: column.number ? "number" : null, "aria-sort": isIt ? (down ? "descending" : "ascending") : null },
      column.by && resort
        ? el("button", { type: "button", class: "sort", click: () => resort(next) }, column.title, el("span", { class: "arrow", "aria-hidden": "true" }, isIt ? (down ? " ↓" : " ↑") : ""))
        : column.title);
  });
  const body = el("tbody", { role: "rowgroup" });
  const table = el("table", { role: "table" },
    el("caption", { class: "visually-hidden" }, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head)),
    body);
  const row = (item) => el("tr", { role: "row", class: item.there === false ? "absent" : null }, columns.map((column, at) => {
    const content = column.cell(item);
    const nothing = content === null || content === "" || (Array.isArray(content) && content.length === 0);
    return el(at === 0 ? "th" : "td", {
      role: at === 0 ? "rowheader" : "cell", scope: at === 0 ? "row" : null, "data-title": column.title,
      class: [column.number && "number", column.wide && "wide", nothing && "nothing"].filter(Boolean).join(" ") || null,
    }, nothing ? null : content);
  }));
  const holder = inParts(body, ordered, row, what);
  return el("div", { class: "table" }, table, holder);
}

const by = (key) => (a, b) => {
  const [left, right] = [key(a), key(b)];
  return typeof left === "number" ? left - right : COLLATOR.compare(left, right);
};

/** Why an assignment is there: rules, cause, note, each where it has one. */
const why = (one) => [
  one.rules.length > 0 ? chips(one.rules, "rules") : null,
  one.note ? el("p", { class: "note" }, one.note) : null,
  one.cause ? el("p", { class: "cause" }, one.cause) : null,
].filter(Boolean);

/** How an assignment stands: the badge, and what else must be seen at once. */
const standing = (one) => [
  badge(one.standing),
  one.there ? null : el("span", { class: "flag" }, "gives no access"),
  isOutdated(one.account.index, one.set.index) ? el("span", { class: "flag" }, "outdated") : null,
  one.until === null ? null : el("span", { class: expires(one.index) ? "flag soon" : "flag" }, "until ", time(one.until, true)),
];

const COLUMNS = {
  account: { title: "Account", cell: (one) => link(one.account, el("span", {}, one.account.id)), by: by((one) => one.account.name) },
  ou: { title: "OU", cell: (one) => breakable(one.account.ou.path || "Root"), by: by((one) => one.account.place) },
  set: { title: "Permission set", cell: (one) => link(one.set), by: by((one) => one.set.name) },
  principal: { title: "Who", cell: (one) => link(one.principal, more(one.principal)), by: by((one) => one.principal.name) },
  through: { title: "Through", cell: (one) => (one.group ? link(one.group) : "directly"), by: by((one) => one.group?.name ?? "") },
  standing: { title: "Standing", cell: standing, by: by((one) => WORST_FIRST.indexOf(one.standing)) },
  since: { title: "Since", cell: (one) => time(one.since, true), by: by((one) => one.since ?? 0) },
  why: { title: "Why", cell: why, wide: true },
};
