
// ---------------------------------------------------------------------------------------------------------------------
// The matrix as a tree grid: rows of OUs and accounts, a column for each permission set. Only what is in sight is in
// the document, so that 1,000 x 100 cells scroll as smoothly as ten; what is not is told by row and column counts.
//
// Keyboard as the ARIA practices have it: one cell can be tabbed to, arrows move, Home and End go along a row, with
// Control to the corners, Page Up and Down by a screenful, Enter opens; on an OU Left and Right fold and unfold.

/** Sizes in rem, so that they grow with the reader's letters; the style sheet takes them from here. */
const SIZE = { row: 2.5, head: 4.5, column: 6.75, first: 17 };
/** How much is kept beyond the edges: so much may be scrolled before anything has to be made. */
const BEYOND = { rows: 12, columns: 4 };

class Grid {
  constructor({ open, fold }) {
    this.open = open;
    this.fold = fold;
    this.rows = [];
    this.columns = [];
    this.active = { row: 1, column: 0 };
    this.made = new Map();
    this.head = el("div", { role: "row", class: "grid-head", "aria-rowindex": "1" });
    this.body = el("div", { role: "rowgroup", class: "grid-body" });
    this.grid = el("div", { role: "treegrid", class: "grid", "aria-label": "Accounts and permission sets" }, el("div", { role: "rowgroup", class: "grid-top" }, this.head), this.body);
    this.scroller = el("div", { class: "grid-scroller" }, this.grid);
    this.scroller.addEventListener("scroll", () => {
      this.place = { top: this.scroller.scrollTop, left: this.scroller.scrollLeft };
      this.waiting ??= requestAnimationFrame(() => {
        this.waiting = undefined;
        this.draw();
      });
    }, { passive: true });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.grid.addEventListener("click", (event) => this.click(event));
    // A click or a screen reader may put the focus where the arrows have not been.
    this.grid.addEventListener("focusin", (event) => {
      const cell = event.target.closest("[data-column]");
      if (cell) this.activate(Number(cell.parentElement.dataset.row), Number(cell.dataset.column), { focus: false });
    });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.scroller);
  }

  /** Shows these rows ({ ou | account, level }) and columns (permission sets); `content(row, set)` tells a cell. */
  show({ rows, columns, content, top }) {
    Object.assign(this, { rows, columns, content });
    this.rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const root = this.grid.style;
    for (const [name, size] of Object.entries(SIZE)) root.setProperty(`--${name}`, `${size}rem`);
    root.inlineSize = `${SIZE.first + columns.length * SIZE.column}rem`;
    this.body.style.blockSize = `${rows.length * SIZE.row}rem`;
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.grid.setAttribute("aria-colcount", columns.length + 1);
    this.active = { row: Math.min(this.active.row, rows.length), column: Math.min(this.active.column, columns.length) };
    this.forget();
    if (top) this.scroller.scrollTo(0, 0);
    this.draw();
  }

  /** Goes to where it was: what is taken out of the document and put back begins at its top. */
  comeBack() {
    if (this.place) this.scroller.scrollTo(this.place);
  }

  forget() {
    for (const row of this.made.values()) row.remove();
    this.made.clear();
    this.head.replaceChildren();
    this.drawn = null;
  }

  /** The rows and columns in sight, and some beyond. Columns go in steps, so that most scrolling leaves them alone. */
  sight() {
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.scroller;
    const row = SIZE.row * this.rem;
    const column = SIZE.column * this.rem;
    const step = BEYOND.columns;
    const firstColumn = Math.floor(scrollLeft / column);
    return {
      rowFrom: Math.max(0, Math.floor(scrollTop / row) - BEYOND.rows),
      rowEnd: Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / row) + BEYOND.rows),
      columnFrom: Math.max(0, Math.floor(firstColumn / step - 1) * step),
      columnEnd: Math.min(this.columns.length, Math.ceil((firstColumn + clientWidth / column) / step + 1) * step),
    };
  }

  /** Brings the document to what is in sight; what stays is not touched. */
  draw() {
    if (!this.scroller.isConnected) return;
    const sight = this.sight();
    const { columnFrom, columnEnd } = sight;
    // The active cell is always there, wherever it is: the focus would be lost with it.
    const at = this.active.column - 1;
    const columns = [];
    if (at >= 0 && at < columnFrom) columns.push(at);
    for (let column = columnFrom; column < columnEnd; column += 1) columns.push(column);
    if (at >= columnEnd) columns.push(at);
    const key = columns.join();
    if (this.drawn !== key) {
      this.drawn = key;
      this.refill(this.head, 0, columns);
      for (const [row, element] of this.made) this.refill(element, row, columns);
    }
    for (const [row, element] of this.made) {
      if ((row - 1 < sight.rowFrom || row - 1 >= sight.rowEnd) && row !== this.active.row) {
        element.remove();
        this.made.delete(row);
      }
    }
    const rows = [];
    for (let row = sight.rowFrom + 1; row <= sight.rowEnd; row += 1) rows.push(row);
    if (this.active.row > 0) rows.push(this.active.row);
    for (const row of rows) {
      if (this.made.has(row) || row > this.rows.length) continue;
      const element = this.makeRow(row);
      this.refill(element, row, columns);
      this.made.set(row, element);
      // A screen reader reads in the order of the document, so a row goes before the first that is below it.
      let next = null;
      for (const child of this.body.children) {
        if (Number(child.dataset.row) > row) {
          next = child;
          break;
        }
      }
      this.body.insertBefore(element, next);
    }
    this.mark();
  }

  makeRow(row) {
    const { ou, level, open } = this.rows[row - 1];
    const element = el("div", { role: "row", class: ou ? "grid-row of-ou" : "grid-row", "data-row": row, "aria-rowindex": row + 1, "aria-level": level + 1, "aria-expanded": ou ? String(open) : null });
    element.style.transform = `translateY(${(row - 1) * SIZE.row}rem)`;
    return element;
  }

  /** Puts a row's cells into it, keeping those that it has. */
  refill(element, row, columns) {
    const there = new Map(Array.from(element.children, (cell) => [Number(cell.dataset.column), cell]));
    const cells = [there.get(0) ?? (row === 0 ? this.corner() : this.rowHeader(row))];
    for (const column of columns) cells.push(there.get(column + 1) ?? this.cell(row, column));
    const kept = new Set(cells);
    for (const cell of there.values()) if (!kept.has(cell)) cell.remove();
    // Appending what is in place already would take the focus from it.
    cells.forEach((cell, index) => {
      if (element.children[index] !== cell) element.insertBefore(cell, element.children[index] ?? null);
    });
    element.dataset.row = row;
  }

  corner() {
    return el("div", { role: "columnheader", class: "grid-corner", "data-column": 0, "aria-colindex": 1, tabindex: "-1" }, "Account");
  }

  rowHeader(row) {
    const { ou, account, level, told } = this.rows[row - 1];
    const cell = el("div", { role: "rowheader", class: "grid-name", "data-column": 0, "aria-colindex": 1, tabindex: "-1" },
      ou
        ? [icon("twisty"), el("span", { class: "name" }, ou.name), el("span", { class: "below" }, told)]
        : [el("a", { href: addressOf(account), class: "name", tabindex: "-1", title: account.name }, account.name), el("span", { class: "below" }, account.id, account.state === "ACTIVE" ? null : ` ${account.state.toLowerCase().replace("_", " ")}`, account.management ? " management" : null, unreadOf(account).length > 0 ? [" ", shape("warning"), " not all read"] : null)]);
    cell.style.setProperty("--level", level);
    return cell;
  }

  cell(row, column) {
    const set = this.columns[column];
    const base = { "data-column": column + 1, "aria-colindex": column + 2, tabindex: "-1" };
    let cell;
    if (row === 0) {
      cell = el("div", { role: "columnheader", class: "grid-set", ...base }, el("a", { href: addressOf(set), tabindex: "-1", title: set.name }, breakable(set.name)));
    } else {
      const content = this.content(this.rows[row - 1], set);
      cell = el("div", { role: "gridcell", class: content ? `grid-cell s-${content.standing}` : "grid-cell", ...base, title: content?.label },
        content ? [hidden(content.label), el("span", { class: "cell-content", "aria-hidden": "true" }, content.parts())] : null);
    }
    cell.style.insetInlineStart = `${SIZE.first + column * SIZE.column}rem`;
    return cell;
  }

  element(row, column) {
    const parent = row === 0 ? this.head : this.made.get(row);
    return parent?.querySelector(`:scope > [data-column="${column}"]`);
  }

  /** One cell can be tabbed to; and the one that is open in the panel shows it. */
  mark() {
    const active = this.element(this.active.row, this.active.column);
    if (this.tabbed !== active) this.tabbed?.setAttribute("tabindex", "-1");
    active?.setAttribute("tabindex", "0");
    this.tabbed = active;
    const { row, column } = this.opened ? this.find(this.opened) : { row: 0, column: 0 };
    const opened = row > 0 && column > 0 ? this.element(row, column) : null;
    if (this.marked !== opened) this.marked?.classList.remove("opened");
    opened?.classList.add("opened");
    this.marked = opened;
  }

  /** Where a cell is; 0 where it isn't shown. */
  find({ account, set }) {
    return { row: this.rows.findIndex((row) => row.account === account) + 1, column: this.columns.indexOf(set) + 1 };
  }

  /** Makes a cell the active one, in sight, and gives it the focus. */
  activate(row, column, { focus = true, reveal = focus } = {}) {
    this.active = { row: Math.max(0, Math.min(row, this.rows.length)), column: Math.max(0, Math.min(column, this.columns.length)) };
    if (reveal) this.reveal();
    this.draw();
    if (focus) this.element(this.active.row, this.active.column)?.focus({ preventScroll: true });
  }

  reveal() {
    const { row, column } = this.active;
    const { rem, scroller } = this;
    const height = scroller.clientHeight - SIZE.head * rem;
    // An open panel lies over the grid's end where there is no room beside it.
    const width = scroller.clientWidth - SIZE.first * rem - (this.covered ?? 0);
    let { scrollTop, scrollLeft } = scroller;
    if (row > 0) {
      const top = (row - 1) * SIZE.row * rem;
      scrollTop = Math.max(top + SIZE.row * rem - height, Math.min(scrollTop, top));
    }
    if (column > 0) {
      const left = (column - 1) * SIZE.column * rem;
      scrollLeft = Math.max(left + SIZE.column * rem - width, Math.min(scrollLeft, left));
    }
    scroller.scrollTo(scrollLeft, scrollTop);
  }

  key(event) {
    if (event.altKey || event.metaKey) return;
    const { row, column } = this.active;
    const page = Math.max(1, Math.floor((this.scroller.clientHeight - SIZE.head * this.rem) / (SIZE.row * this.rem)) - 1);
    const ou = column === 0 && row > 0 ? this.rows[row - 1].ou : null;
    const last = { row: this.rows.length, column: this.columns.length };
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [Math.max(1, row - page), column], PageDown: [row + page, column],
      Home: event.ctrlKey ? [1, 0] : [row, 0], End: event.ctrlKey ? [last.row, last.column] : [row, last.column],
    };
    if (ou && event.key === "ArrowRight" && !this.rows[row - 1].open) this.fold(ou, false);
    else if (ou && event.key === "ArrowLeft" && this.rows[row - 1].open) this.fold(ou, true);
    else if (event.key === "Enter" || event.key === " ") this.act(row, column);
    else if (moves[event.key] && !(event.ctrlKey && event.key.startsWith("Arrow"))) this.activate(...moves[event.key]);
    else return;
    event.preventDefault();
  }

  click(event) {
    const cell = event.target.closest("[data-column]");
    if (!cell || event.target.closest("a")) return;
    const row = Number(cell.parentElement.dataset.row);
    const column = Number(cell.dataset.column);
    this.activate(row, column, { reveal: false });
    this.act(row, column);
  }

  /** What Enter does: a name leads to its page, an OU folds, a cell opens. */
  act(row, column) {
    if (row === 0) {
      if (column > 0) location.hash = addressOf(this.columns[column - 1]);
      return;
    }
    const { ou, account, open } = this.rows[row - 1];
    if (ou) this.fold(ou, open);
    else if (column === 0) location.hash = addressOf(account);
    else if (this.content(this.rows[row - 1], this.columns[column - 1])) this.open(account, this.columns[column - 1]);
  }
}
