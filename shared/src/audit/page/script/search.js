
// ---------------------------------------------------------------------------------------------------------------------
// The search on top: people, groups, accounts and permission sets by name, wherever one is. A combobox with a list, as
// the ARIA practices have it.

const MOST_FOUND = 12;
const ORDER = { person: 0, account: 1, set: 2, group: 3 };

function find(text) {
  const needles = words(text);
  if (needles.length === 0) return [];
  const found = [];
  for (const one of [...people, ...accounts, ...sets, ...groups]) {
    if (!holds(findable(one), needles)) continue;
    const name = one.name.toLowerCase();
    // What begins so comes before what has a word that does, and that before what only holds it.
    const rank = name.startsWith(needles[0]) ? 0 : name.includes(` ${needles[0]}`) || one.id === needles[0] ? 1 : 2;
    found.push({ one, rank });
  }
  found.sort((a, b) => a.rank - b.rank || ORDER[a.one.kind] - ORDER[b.one.kind] || byName(a.one, b.one));
  return found.slice(0, MOST_FOUND).map(({ one }) => one);
}

function makeSearch(holder) {
  let found = [];
  let chosen = -1;
  const list = el("ul", { role: "listbox", id: "found", "aria-label": "Found", hidden: true });
  const input = el("input", {
    type: "search", role: "combobox", id: "find", placeholder: "Find a person, account, …", autocomplete: "off", spellcheck: "false",
    "aria-label": "Find a person, group, account or permission set", "aria-controls": "found", "aria-expanded": "false", "aria-autocomplete": "list",
  });
  const choose = (index) => {
    chosen = index;
    for (const [at, option] of [...list.children].entries()) {
      option.setAttribute("aria-selected", String(at === index));
      if (at === index) option.scrollIntoView({ block: "nearest" });
    }
    if (index >= 0) input.setAttribute("aria-activedescendant", `found-${index}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  };
  const go = (one) => {
    close();
    input.value = "";
    location.hash = addressOf(one);
  };
  const show = () => {
    found = find(input.value);
    const none = found.length === 0 && input.value.trim() !== "";
    list.replaceChildren(...found.map((one, index) => el("li", {
      role: "option", id: `found-${index}`, "aria-selected": "false",
      // Not click: the input would lose the focus first, and the list be closed by it.
      pointerdown: (event) => {
        event.preventDefault();
        go(one);
      },
    }, el("span", { class: "kind" }, KINDS[one.kind]), el("span", { class: "name" }, one.name), el("span", { class: "below" }, one.kind === "account" ? `${one.id} · ${one.ou.path || "Root"}` : one.kind === "person" || one.kind === "group" ? more(one) : one.description ?? ""))));
    if (none) list.append(el("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "none" }, "Nothing goes by this name"));
    list.hidden = list.childElementCount === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    choose(found.length > 0 ? 0 : -1);
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", () => input.value.trim() !== "" && show());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && found.length > 0) choose((chosen + 1) % found.length);
    else if (event.key === "ArrowUp" && found.length > 0) choose((chosen + found.length - 1) % found.length);
    else if (event.key === "Enter" && found[chosen] && !list.hidden) go(found[chosen]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
  });
  holder.append(input, el("kbd", { "aria-hidden": "true" }, "/"), list);
  holder.hidden = false;
}
