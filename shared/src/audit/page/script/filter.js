
// ---------------------------------------------------------------------------------------------------------------------
// Which assignments the reader wants to see, and the controls that say it.

const words = (text) => text.toLowerCase().split(/\s+/).filter((word) => word !== "");
const holds = (haystack, needles) => needles.every((needle) => haystack.includes(needle));

/** What a thing can be found by. */
function findable(thing) {
  thing.findable ??= [thing.name, thing.id, thing.userName, thing.ou?.path, thing.description].filter(Boolean).join(" ").toLowerCase();
  return thing.findable;
}

const anyFilter = (query) => FILTERS.some((name) => query.get(name));

let lastSelection = { key: null };

/**
 * The assignments that the filters let through: `passes[index]`, how many of them are there, how many of each standing if that alone were
 * not asked for, and which accounts and permission sets have any. Text is each view's own matter: `text` says where to
 * look for it, or is null.
 */
function select(query, text = null) {
  const needles = text ? words(query.get("q") ?? "") : [];
  const key = `${text}?${filtersOf(text ? query : changed(query, { q: null }))}`;
  if (lastSelection.key === key) return lastSelection;

  const ou = ouByPath.get(query.get("ou") ?? "") ?? root;
  const set = query.get("set") ? byKey.set.get(query.get("set")) : null;
  const standings = new Set((query.get("standing") ?? "").split(",").filter(Boolean));
  const [tagKey, tagValue] = (query.get("tag") ?? "").split(/=(.*)/s, 2);
  const onlyOutdated = query.get("outdated") === "1";
  const onlyExpiring = query.get("expiring") === "1";

  const accountFits = accounts.map((one) => isBelow(one, ou) && (!tagKey || (tagKey in one.tags && (tagValue === undefined || one.tags[tagKey] === tagValue))));
  // With a text a cell is wanted for its account, its permission set, or somebody in it; people count by their groups too.
  const accountNamed = accounts.map((one) => needles.length === 0 || holds(findable(one), needles));
  const setNamed = sets.map((one) => needles.length > 0 && holds(findable(one), needles));
  const personNamed = people.map((one) => needles.length > 0 && holds(findable(one), needles));
  const principalNamed = [
    ...groups.map((one) => needles.length > 0 && (holds(findable(one), needles) || one.members.some((member) => personNamed[member]))),
    ...personNamed,
  ];

  const selection = {
    key, passes: new Uint8Array(count), there: 0, ofStanding: new Map(WORST_FIRST.map((standing) => [standing, 0])),
    accounts: new Uint8Array(accounts.length), sets: new Uint8Array(sets.length), accountFits, accountNamed,
    // Whether accounts and sets without any assignment belong to it too.
    whole: !set && standings.size === 0 && !onlyOutdated && !onlyExpiring,
  };
  for (let index = 0; index < count; index += 1) {
    const account = ofAccount[index];
    const itsSet = ofSet[index];
    if (!accountFits[account] || (set && itsSet !== set.index)) continue;
    if (onlyExpiring && !expires(index)) continue;
    if (onlyOutdated && !isOutdated(account, itsSet)) continue;
    if (!accountNamed[account] && !setNamed[itsSet] && !principalNamed[ofPrincipal[index]]) continue;
    const standing = WORST_FIRST[ofStanding[index]];
    selection.ofStanding.set(standing, selection.ofStanding.get(standing) + 1);
    if (standings.size > 0 && !standings.has(standing)) continue;
    selection.passes[index] = 1;
    if (isThere(index)) selection.there += 1;
    selection.accounts[account] = 1;
    selection.sets[itsSet] = 1;
  }
  lastSelection = selection;
  return selection;
}

/** The controls above a view. They are made once, and then told where the reader is. */
function makeFilters(place, change) {
  const field = (label, control, kind) => el("div", { class: "field" }, el("label", { for: control.id, class: kind }, label), control);
  const onChange = (name) => (event) => change({ [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });

  const text = el("input", { type: "search", id: "filter-text", autocomplete: "off", spellcheck: "false", placeholder: "Filter", input: (event) => change({ q: event.target.value.trim() }) });
  const ou = el("select", { id: "filter-ou", change: onChange("ou") }, el("option", { value: "" }, "Anywhere"));
  (function walk(unit, depth) {
    for (const child of unit.children) {
      // A select can't indent, so each line tells its depth by spaces that don't collapse.
      ou.append(el("option", { value: child.path }, `${"\u2003".repeat(depth)}${child.name}`));
      walk(child, depth + 1);
    }
  })(root, 0);
  const set = el("select", { id: "filter-set", change: onChange("set") }, el("option", { value: "" }, "Any"), setsByName.map((one) => el("option", { value: keyOf(one) }, one.name)));
  const tags = new Map();
  for (const account of accounts) for (const [key, value] of Object.entries(account.tags)) tags.set(key, (tags.get(key) ?? new Set()).add(value));
  const tag = el("select", { id: "filter-tag", change: onChange("tag") }, el("option", { value: "" }, "Any"));
  for (const key of [...tags.keys()].sort(COLLATOR.compare)) {
    const values = [...tags.get(key)].sort(COLLATOR.compare);
    tag.append(el("optgroup", { label: key }, el("option", { value: key }, `${key}: any value`), values.map((value) => el("option", { value: `${key}=${value}` }, value || "(empty)"))));
  }
  const outdated = el("input", { type: "checkbox", id: "filter-outdated", change: onChange("outdated") });
  const expiring = el("input", { type: "checkbox", id: "filter-expiring", change: onChange("expiring") });

  const toggles = new Map();
  const standings = el("div", { class: "legend", role: "group", "aria-label": "Standing" });
  for (const standing of Object.keys(STANDINGS).reverse()) {
    const number = el("span", { class: "count" });
    const button = el("button", {
      type: "button", class: `toggle s-${standing}`, "aria-pressed": "false", title: STANDINGS[standing],
      click: () => {
        const chosen = new Set(current.standings);
        if (!chosen.delete(standing)) chosen.add(standing);
        change({ standing: [...chosen].join(",") });
      },
    }, shape(standing), standing, " ", number);
    toggles.set(standing, { button, number });
    standings.append(button);
  }
  const clear = el("button", { type: "button", class: "quiet", click: () => change(Object.fromEntries(FILTERS.map((name) => [name, null]))) }, "Clear filters");
  const inUse = el("span", { class: "in-use" });
  const fold = el("details", { class: "more-filters" }, el("summary", {}, "Filters", inUse), el("div", { class: "fields" },
    field("OU", ou), field("Permission set", set), field("Account tag", tag),
    el("div", { class: "checks" }, el("label", { class: "check" }, expiring, "Ends within 30 days"), el("label", { class: "check" }, outdated, "Only outdated"), clear)));
  const current = { standings: [] };
  const textField = field("", text, "narrow-hidden");
  place.append(el("form", { class: "filters", role: "search", "aria-label": "Filters", submit: (event) => event.preventDefault() }, textField, fold, standings));
  // The fields are folded away where there is little room, and always open where there is enough.
  const wide = matchMedia("(min-width: 75rem)");
  const unfold = () => (fold.open = wide.matches);
  wide.addEventListener("change", unfold);
  unfold();

  return {
    /** Shows what is chosen, and of each standing how many there are. */
    show(query, label, selection) {
      // What is being typed is left alone: it would lose its spaces and its caret.
      if (document.activeElement !== text) text.value = query.get("q") ?? "";
      text.placeholder = label;
      textField.firstChild.textContent = label;
      ou.value = query.get("ou") ?? "";
      set.value = query.get("set") ?? "";
      tag.value = query.get("tag") ?? "";
      outdated.checked = query.get("outdated") === "1";
      expiring.checked = query.get("expiring") === "1";
      current.standings = (query.get("standing") ?? "").split(",").filter(Boolean);
      for (const [standing, { button, number: shown }] of toggles) {
        button.setAttribute("aria-pressed", String(current.standings.includes(standing)));
        shown.textContent = number(selection.ofStanding.get(standing));
        button.classList.toggle("none", selection.ofStanding.get(standing) === 0);
      }
      const used = FILTERS.filter((name) => name !== "q" && name !== "standing" && query.get(name)).length;
      inUse.textContent = used > 0 ? ` (${used})` : "";
      clear.hidden = !anyFilter(query);
    },
  };
}
