
// ---------------------------------------------------------------------------------------------------------------------
// The matrix: who is let in where by what. A grid where there is room for one; on a phone, and on paper, a list.

const narrow = matchMedia("(max-width: 45rem)");

/** A cell of an account: how many groups and people, and how they stand. */
function cellContent(selection, account, set) {
  const [from, end] = cell(account.index, set.index);
  let inGroups = 0;
  let alone = 0;
  let absent = 0;
  let worst = WORST_FIRST.length;
  let ends = false;
  for (let index = from; index < end; index += 1) {
    if (selection.passes[index] === 0) continue;
    worst = Math.min(worst, ofStanding[index]);
    if (isThere(index)) {
      if (ofPrincipal[index] < groups.length) inGroups += 1;
      else alone += 1;
    } else absent += 1;
    ends ||= expires(index);
  }
  if (worst === WORST_FIRST.length) {
    if (!isAccessUnread(account, set)) return null;
    return { standing: "unread", label: "could not be read", parts: () => el("span", { class: "counts" }, shape("warning"), "not read") };
  }
  const standing = WORST_FIRST[worst];
  const old = isOutdated(account.index, set.index);
  // The second line is for what is not as usual: a quiet cell is one with nothing to look at.
  const flags = [standing === "ours" ? null : standing, old ? "outdated" : null, ends ? "ends soon" : null].filter(Boolean);
  const said = [who(inGroups, alone), absent > 0 ? `${number(absent)} without access` : "", standing, old ? "outdated" : "", ends ? "ends soon" : ""].filter(Boolean).join(", ");
  return {
    standing,
    label: said,
    parts: () => [
      el("span", { class: "counts" }, shape(standing),
        inGroups > 0 ? el("span", {}, icon("group"), number(inGroups)) : null,
        alone > 0 ? el("span", {}, icon("person"), number(alone)) : null,
        inGroups + alone === 0 ? el("span", { class: "nobody" }, "0") : null),
      flags.length > 0 ? el("span", { class: "word" }, flags.length > 1 ? `${flags[0]} +${flags.length - 1}` : flags[0]) : null,
    ],
  };
}

/** The cells of an OU: in how many of the accounts below it the set is assigned, and how the worst of them stands. */
function ouContent(selection) {
  const known = new Map();
  const count = (ou) => {
    const found = new Map();
    for (const account of inTree.slice(ou.first, ou.end)) {
      if (selection.accounts[account.index] === 0) continue;
      let last = -1;
      for (let [index, end] = account.stretch; index < end; index += 1) {
        if (selection.passes[index] === 0) continue;
        const one = found.get(ofSet[index]) ?? { accounts: 0, worst: WORST_FIRST.length };
        if (last !== ofSet[index]) one.accounts += 1;
        last = ofSet[index];
        one.worst = Math.min(one.worst, ofStanding[index]);
        found.set(last, one);
      }
    }
    return found;
  };
  return (ou, set) => {
    if (!known.has(ou)) known.set(ou, count(ou));
    const found = known.get(ou).get(set.index);
    if (!found) return null;
    const standing = WORST_FIRST[found.worst];
    return {
      standing,
      label: `in ${plural(found.accounts, "account")}, ${standing === "ours" ? "all ours" : `some ${standing}`}`,
      parts: () => {
        const share = el("span", { class: "share" });
        share.style.inlineSize = `${(found.accounts / (ou.end - ou.first)) * 100}%`;
        return [el("span", { class: "counts" }, standing === "ours" ? null : shape(standing), el("span", {}, number(found.accounts))), share];
      },
    };
  };
}

/** The accounts and permission sets that the filters leave, as rows in the order of the tree. */
function matrixRows(selection, folded) {
  // An account without assignments is worth a row if nothing but its place, its tags or its name was asked for.
  const visible = (account) => account.listed === false && account.stretch[1] === 0 ? false : selection.accounts[account.index] === 1 || (selection.whole && selection.accountFits[account.index] && selection.accountNamed[account.index]);
  const rows = [];
  let shown = 0;
  (function walk(ou, level) {
    const inside = inTree.slice(ou.first, ou.end).filter(visible).length;
    if (inside === 0) return;
    const open = !folded.has(ou.index);
    if (ou !== root) rows.push({ ou, level, open, told: plural(inside, "account") });
    else shown = inside;
    if (!open && ou !== root) return;
    const below = ou === root ? level : level + 1;
    for (const account of ou.accounts) if (visible(account)) rows.push({ account, level: below });
    for (const child of ou.children) walk(child, below);
  })(root, 0);
  return { rows, shown };
}

let matrix = null;

function renderMatrix(view, state, go) {
  const selection = select(state.query, "matrix");
  const everything = !anyFilter(state.query);
  const columns = setsByName.filter((set) => everything ? set.listed || set.assignments.length > 0 : selection.sets[set.index] === 1);
  const asList = narrow.matches || printing;
  const folded = new Set(asList ? [] : (state.query.get("fold") ?? "").split(".").filter(Boolean).map(Number));
  const { rows, shown } = matrixRows(selection, folded);
  tell(`${plural(shown, "account")}, ${plural(columns.length, "permission set")}, ${plural(selection.there, "assignment")}`, !everything && "(filtered)");

  if (rows.length === 0 || columns.length === 0) {
    view.replaceChildren(everything
      ? empty("Nothing to show", accounts.length === 0 ? "The report has no accounts." : "The report has no permission sets.")
      : empty("Nothing fits these filters", "Take one away, or clear them all."));
    return;
  }
  if (asList) {
    view.replaceChildren();
    append(view, [matrixList(selection, rows)]);
    return;
  }

  // It is kept while other views are shown: whoever comes back finds it where they left it.
  matrix ??= makeMatrix(go);
  if (!matrix.place.isConnected) {
    view.replaceChildren(matrix.place);
    matrix.grid.comeBack();
  }
  matrix.state = state;
  const key = `${selection.key} ${[...folded]}`;
  if (matrix.key !== key) {
    const top = matrix.selectionKey !== selection.key;
    const ofOu = ouContent(selection);
    matrix.grid.show({ rows, columns, top, content: (row, set) => (row.ou ? ofOu(row.ou, set) : cellContent(selection, row.account, set)) });
    Object.assign(matrix, { key, selectionKey: selection.key });
  }
  matrix.foldAll.hidden = root.children.length === 0;
  matrix.foldAll.textContent = folded.size > 0 ? "Unfold all OUs" : "Fold all OUs";
  matrix.show(openCell(state));
}

/** The cell that the address names, if it is one. */
function openCell(state) {
  const [account, ...name] = (state.query.get("cell") ?? "").split("~");
  const found = { account: byKey.account.get(account), set: byKey.set.get(name.join("~")) };
  return found.account && found.set ? found : null;
}

function makeMatrix(go) {
  const made = {};
  const query = () => made.state.query;
  made.grid = new Grid({
    open: (account, set) => go(changed(query(), { cell: `${account.id}~${keyOf(set)}` }), { replace: query().has("cell") }),
    fold: (ou, close) => {
      const folded = new Set((query().get("fold") ?? "").split(".").filter(Boolean));
      if (close) folded.add(String(ou.index));
      else folded.delete(String(ou.index));
      go(changed(query(), { fold: [...folded].join(".") }), { replace: true });
      made.grid.activate(made.grid.active.row, made.grid.active.column);
    },
  });
  made.panel = el("aside", { class: "panel", "aria-labelledby": "panel-title", hidden: true });
  const close = () => {
    go(changed(query(), { cell: null }));
    made.grid.activate(made.grid.active.row, made.grid.active.column);
  };
  made.panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
  made.grid.grid.addEventListener("keydown", (event) => event.key === "Escape" && query().has("cell") && close());
  made.foldAll = el("button", {
    type: "button", class: "quiet",
    click: () => go(changed(query(), { fold: query().get("fold") ? null : ous.filter((ou) => ou !== root).map((ou) => ou.index).join(".") }), { replace: true }),
  });
  made.place = el("div", { class: "matrix" },
    el("div", { class: "matrix-bar" }, made.foldAll, el("p", { class: "hint" }, "Arrows move, Enter opens a cell.", el("span", { class: "key" }, icon("group"), " groups "), el("span", { class: "key" }, icon("person"), " people"))),
    el("div", { class: "matrix-and-panel" }, made.grid.scroller, made.panel));
  made.show = (opened) => {
    const was = made.grid.opened;
    const same = was && opened && was.account === opened.account && was.set === opened.set;
    made.grid.opened = opened;
    made.panel.hidden = !opened;
    made.grid.covered = opened && getComputedStyle(made.panel).position === "absolute" ? Math.min(made.panel.offsetWidth, made.grid.scroller.clientWidth / 2) : 0;
    if (!opened) made.panel.replaceChildren();
    else if (!same) {
      made.panel.replaceChildren(...panelContent(opened, close));
      const { row, column } = made.grid.find(opened);
      if (row > 0 && column > 0) made.grid.activate(row, column, { focus: false, reveal: true });
      made.panel.querySelector("h2").focus({ preventScroll: true });
    }
    made.grid.draw();
  };
  return made;
}

/** All that is told of one cell: each group and person in it, how they stand, and why. */
function panelContent({ account, set }, close) {
  const [from, end] = cell(account.index, set.index);
  const all = Array.from({ length: end - from }, (_, offset) => assignment(from + offset));
  const old = isOutdated(account.index, set.index);
  return [
    el("div", { class: "panel-head" },
      el("h2", { id: "panel-title", tabindex: "-1" }, link(set), el("span", { class: "in" }, " in "), link(account)),
      el("button", { type: "button", class: "close", "aria-label": "Close", click: close }, icon("close"))),
    el("p", { class: "muted" }, all.length === 0 ? (isAccessUnread(account, set) ? "Who has this permission set here could not be read." : "Nobody has this permission set here.") : `${plural(peopleOf(all.map(({ index }) => index)).size, "person", "people")} can use it here.`),
    old ? el("p", { class: "flag" }, "Provisioned here in an older version") : null,
    el("ul", { class: "cards", role: "list" }, all.map((one) => el("li", { class: one.there ? "card" : "card absent" },
      el("p", { class: "card-title" }, link(one.principal, more(one.principal))),
      el("p", { class: "flags" }, standing({ ...one, account, set })),
      el("p", { class: "muted" }, STANDINGS[one.standing]),
      facts([["Rules", one.rules.length > 0 ? chips(one.rules, "rules") : null], ["Note", one.note], ["Since", time(one.since)], ["Cause", one.cause]]),
      one.principal.kind === "group" ? membersOf(one.principal) : null))),
  ].filter(Boolean);
}

/** A group's members, folded away until somebody wants them: they may be many. */
function membersOf(group) {
  if (group.unread) return el("p", { class: "flag" }, "Its members could not be read");
  if (group.members.length === 0) return el("p", { class: "muted" }, "It has no members.");
  const list = el("ul", { class: "names", role: "list" });
  const details = el("details", {
    toggle: () => {
      if (details.open && list.childElementCount === 0) {
        const members = Array.from(group.members, (member) => people[member]).sort(byName);
        details.append(inParts(list, members, (one) => el("li", {}, link(one)), ["member", "members"]));
      }
    },
  }, el("summary", {}, plural(group.members.length, "member")), list);
  return details;
}

/** So many permission sets of an account are in sight in the list; more are folded away. */
const IN_LIST = 8;

/** The same for a narrow screen: account by account, each with what is assigned in it. */
function matrixList(selection, rows) {
  const list = el("ul", { class: "matrix-list", role: "list" });
  const item = ({ ou, account, level, told }) => {
    if (ou) return el("li", { class: "of-ou" }, el("h2", {}, breakable(ou.path)), el("span", { class: "below" }, told));
    const [from, end] = account.stretch;
    const inside = [];
    for (let index = from; index < end; index += 1) {
      const set = sets[ofSet[index]];
      if (selection.passes[index] === 1 && inside.at(-1) !== set) inside.push(set);
    }
    inside.sort(byName);
    return el("li", { class: "of-account" },
      el("h3", {}, link(account, account.id)),
      inside.length === 0 ? el("p", { class: "muted" }, isAccessUnread(account) ? "Could not be read" : "Nobody") : inside.length <= IN_LIST ? smallCells(selection, account, inside) : foldedCells(selection, account, inside));
  };
  // An OU that holds only further OUs needs no heading: theirs have its name.
  const told = rows.filter(({ ou }, at) => !(ou && rows[at + 1]?.ou));
  const holder = inParts(list, told, item, ["row", "rows"]);
  return [list, holder];
}

const smallCells = (selection, account, some) => el("ul", { class: "cells", role: "list" }, some.map((set) => {
  const content = cellContent(selection, account, set);
  return el("li", {}, el("a", { class: `small-cell s-${content.standing}`, href: address("account", account.id, changed(new URLSearchParams(), { set: keyOf(set) })) },
    el("span", { class: "name" }, breakable(set.name)), hidden(`, ${content.label}`), el("span", { class: "cell-content", "aria-hidden": "true" }, content.parts())));
}));

/** Many cells of an account, made when somebody wants them; before that, how many there are, and what is not as usual. */
function foldedCells(selection, account, some) {
  const standings = new Map();
  for (const set of some) {
    const { standing } = cellContent(selection, account, set);
    standings.set(standing, (standings.get(standing) ?? 0) + 1);
  }
  const details = el("details", { toggle: () => details.open && fill() },
    el("summary", {}, plural(some.length, "permission set"), " ", WORST_FIRST.filter((standing) => standing !== "ours" && standings.has(standing)).map((standing) => el("span", { class: `badge s-${standing}` }, shape(standing), `${number(standings.get(standing))} ${standing}`))));
  const fill = () => details.childElementCount === 1 && details.append(smallCells(selection, account, some));
  allOnPaper.push(() => {
    fill();
    details.open = true;
  });
  return details;
}
