// Builds the page's elements and words.
//
// What the report holds becomes text nodes and attributes, never markup: no name can bring an element with it. The
// page's policy says so too (`require-trusted-types-for 'script'`), so that a browser refuses what we would forget.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes that are null or false are left out, functions are listeners, children may be nested lists. */
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

const drawn = new Map();

/**
 * A symbol of the page. It says nothing to a screen reader: the words beside it do. Its path is copied rather than
 * referred to by `use`, which costs the browser a tree of its own each time: the matrix has hundreds in sight.
 */
function icon(name, kind = "icon") {
  const id = `${kind}-${name}`;
  if (!drawn.has(id)) {
    const symbol = document.getElementById(id);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", `${kind} ${id}`);
    svg.setAttribute("viewBox", symbol.getAttribute("viewBox"));
    svg.setAttribute("aria-hidden", "true");
    svg.append(...Array.from(symbol.children, (child) => child.cloneNode(true)));
    drawn.set(id, svg);
  }
  return drawn.get(id).cloneNode(true);
}

const shape = (name) => icon(name, "shape");

/** A standing as shape and word, so that colour is never all there is. */
const badge = (standing) => el("span", { class: `badge s-${standing}`, title: STANDINGS[standing] }, shape(standing), standing);

const hidden = (text) => el("span", { class: "visually-hidden" }, text);

const NUMBER = new Intl.NumberFormat("en");
const number = (value) => NUMBER.format(value);
const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** The two counts of a cell in words: "2 groups and 1 person". */
function who(groups, people) {
  const words = [];
  if (groups > 0) words.push(plural(groups, "group"));
  if (people > 0) words.push(plural(people, "person", "people"));
  return words.join(" and ");
}

// Times are told in UTC whoever looks: two people who compare a report must read the same hour.
const DAY = 86_400;
const pad = (value) => String(value).padStart(2, "0");

function dayOf(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
}

function clockOf(seconds) {
  const date = new Date(seconds * 1000);
  return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
}

const LONG_DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

function time(seconds, short = false) {
  if (seconds === null) return null;
  const stamp = new Date(seconds * 1000).toISOString();
  const words = short ? dayOf(seconds) : `${dayOf(seconds)} ${clockOf(seconds)} UTC`;
  return el("time", { datetime: stamp, title: stamp }, words);
}

/** Tells where a long name may break: names of permission sets are one word without spaces. */
function breakable(name) {
  return name
    .split(/(?<=[-_./@:+])|(?<=[a-z0-9])(?=[A-Z])/)
    .flatMap((part, at) => (at === 0 ? [part] : [document.createElement("wbr"), part]));
}

const chips = (texts, kind = "") => (texts.length ? el("ul", { class: `chips ${kind}`, role: "list" }, texts.map((text) => el("li", {}, text))) : null);

const facts = (pairs) =>
  el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== "").map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));

const empty = (title, text) => el("div", { class: "empty" }, el("p", { class: "empty-title" }, title), text ? el("p", {}, text) : null);

const tagWords = (tags) => Object.entries(tags).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
