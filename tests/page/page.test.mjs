// The audit's page in Chromium, as a reader uses it: with a mouse, with a keyboard, on a phone, on paper, without scripts.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { DESKTOP, PHONE, findings, open, openBrowser, report } from "./browser.mjs";
import { HOSTILE } from "./sample.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(async () => browser?.close());

/** Runs a story in a tab, and fails it if the tab complained. */
async function tab(size, hash, options, story) {
  const { page, finish } = await open(browser, size, hash, options);
  try {
    await story(page);
  } catch (error) {
    await finish().catch((wrong) => (error.message += `\n${wrong.message}`));
    throw error;
  }
  await finish();
}

const hash = (page) => page.evaluate(() => decodeURIComponent(location.hash));
const status = (page) => page.locator("#status").textContent();
const heading = (page) => page.locator("h1").textContent();
const focused = (page) => page.evaluate(() => ({ row: document.activeElement.parentElement?.dataset.row, column: document.activeElement.dataset.column, text: document.activeElement.textContent }));

const { audit } = report("small");
const setNamed = (name) => audit.permission_sets.find((set) => set.name === name);
const inCell = (account, set) => audit.assignments.filter((one) => one.account === account && one.permission_set === set);
/** The account of which nobody could read who has access. */
const dark = audit.unread.find(({ scope }) => scope.of === "assignments").scope.account;
const alice = audit.people.find((person) => person.display_name === "Alice Haddad");
const groupsOf = (person) => audit.groups.filter((group) => group.members.includes(person.id)).map((group) => group.id);
const reachOf = (person) => audit.assignments.filter(({ principal }) => principal.user === person.id || groupsOf(person).includes(principal.group));

describe("the overview", () => {
  test("leads with what could not be read", () => tab("small", "#/", {}, async (page) => {
    const notice = page.locator(".notice.warning");
    assert.match(await notice.textContent(), /4 things could not be read/);
    assert.match(await notice.textContent(), /the members of group On Call/);
    const above = await page.evaluate(() => document.querySelector(".notice.warning").getBoundingClientRect().top < document.querySelector(".tiles").getBoundingClientRect().top);
    assert.ok(above);
  }));

  test("counts as the report does, and its figures lead to what they count", () => tab("small", "#/", {}, async (page) => {
    const foreign = audit.assignments.filter((one) => one.standing === "foreign").length;
    assert.equal(await page.locator("a.standing.s-foreign .count").textContent(), String(foreign));
    await page.locator("a.standing.s-foreign").click();
    assert.equal(await hash(page), "#/matrix?standing=foreign");
    assert.match(await status(page), new RegExp(`${foreign} assignments \\(filtered\\)`));
    await page.goBack();
    assert.equal(await heading(page), "Who can reach what");
    assert.ok(await page.locator(".tiles").isVisible(), "the summary is back in its place");
  }));
});

describe("the matrix", () => {
  test("shows each cell as the report has it", () => tab("small", "#/matrix", {}, async (page) => {
    const rows = await page.locator(".grid-row:not(.of-ou)").evaluateAll((rows) => rows.map((row) => row.querySelector("a").getAttribute("href").split("/").at(-1)));
    const columns = await page.locator(".grid-set").allTextContents();
    assert.equal(rows.length, audit.accounts.length);
    assert.equal(columns.length, audit.permission_sets.length);
    const shown = await page.locator(".grid-row:not(.of-ou)").evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll(".grid-cell")].map((cell) => cell.querySelector(".visually-hidden")?.textContent ?? "none")));
    for (const [at, account] of rows.entries()) {
      for (const [column, name] of columns.entries()) {
        const inside = inCell(account, setNamed(name).arn).filter((one) => one.present);
        const groups = inside.filter((one) => one.principal.group).length;
        const label = shown[at][column];
        if (inCell(account, setNamed(name).arn).length === 0) assert.equal(label, account === dark ? "could not be read" : "none");
        if (groups > 0) assert.match(label, new RegExp(`^${groups} group`));
        if (inside.length > groups) assert.match(label, new RegExp(`${inside.length - groups} (person|people)`));
      }
    }
  }));

  test("is moved through by arrows, one cell at a time", () => tab("small", "#/matrix", {}, async (page) => {
    const first = page.locator('.grid [tabindex="0"]');
    assert.equal(await first.count(), 1, "one cell of the grid can be tabbed to");
    await first.focus();
    assert.deepEqual((({ row, column }) => ({ row, column }))(await focused(page)), { row: "1", column: "0" });
    for (const [key, row, column] of [["ArrowRight", 1, 1], ["ArrowDown", 2, 1], ["ArrowDown", 3, 1], ["End", 3, 9], ["Home", 3, 0], ["Control+End", 25, 9], ["Control+Home", 1, 0], ["ArrowUp", 0, 0], ["ArrowUp", 0, 0]]) {
      await page.keyboard.press(key);
      const at = await focused(page);
      const last = await page.locator('[role="treegrid"]').getAttribute("aria-rowcount");
      assert.deepEqual([at.row, at.column], [String(Math.min(row, Number(last) - 1)), String(column)], key);
    }
    assert.equal(await page.locator('.grid [tabindex="0"]').count(), 1);
  }));

  test("folds and unfolds an OU by the keyboard", () => tab("small", "#/matrix", {}, async (page) => {
    const rows = page.locator(".grid-row");
    const before = await rows.count();
    await page.locator('.grid [tabindex="0"]').focus();
    await page.keyboard.press("ArrowDown");
    assert.match((await focused(page)).text, /Infrastructure/);
    await page.keyboard.press("ArrowLeft");
    assert.ok((await rows.count()) < before);
    assert.equal(await page.locator(".of-ou").first().getAttribute("aria-expanded"), "false");
    assert.match((await focused(page)).text, /Infrastructure/, "the focus stays");
    await page.reload();
    assert.ok((await rows.count()) < before, "the address has it");
    await page.locator('.grid [data-row="2"] [data-column="0"]').focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await rows.count(), before);
  }));

  test("opens a cell by Enter, tells who is in it and why, and gives the focus back", () => tab("small", "#/matrix", {}, async (page) => {
    const one = audit.assignments.find((one) => one.standing === "ours" && one.principal.group && audit.groups.find((group) => group.id === one.principal.group).members.length > 2);
    const account = audit.accounts.find((account) => account.id === one.account);
    const set = audit.permission_sets.find((set) => set.arn === one.permission_set);
    const group = audit.groups.find((group) => group.id === one.principal.group);
    const column = (await page.locator(".grid-set").allTextContents()).indexOf(set.name) + 1;
    await page.locator(`.grid-row:has(a[href$="${account.id}"]) [data-column="${column}"]`).focus();
    await page.keyboard.press("Enter");
    const panel = page.locator("aside.panel");
    assert.equal(await panel.locator("h2").textContent(), `${set.name} in ${account.name}`);
    assert.ok(await panel.locator("h2").evaluate((title) => title === document.activeElement), "the focus is in the panel");
    const card = panel.locator(".card", { hasText: group.name });
    for (const rule of one.rules) assert.match(await card.textContent(), new RegExp(rule));
    assert.match(await card.textContent(), new RegExp(one.since.slice(0, 10)));
    await card.locator("summary").click();
    await card.locator("details .names li").first().waitFor();
    assert.equal(await card.locator("details .names li").count(), group.members.length);
    assert.match(await hash(page), new RegExp(`cell=${account.id}~${set.name}`));
    await page.keyboard.press("Escape");
    assert.ok(await panel.isHidden());
    assert.equal((await focused(page)).column, String(column));
    await page.goBack();
    assert.ok(await panel.isVisible(), "Back opens it again");
    await page.goBack();
    assert.ok(await panel.isHidden());
  }));

  test("is filtered by text, OU, permission set, standing, tag, end and age", () => tab("small", "#/matrix", {}, async (page) => {
    const count = async () => Number(/([\d,]+) assignments?/.exec(await status(page))[1].replace(",", ""));
    const expect = async (fits, what) => assert.equal(await count(), audit.assignments.filter((one) => one.present && fits(one)).length, what);
    const accountOf = (one) => audit.accounts.find((account) => account.id === one.account);
    const setOf = (one) => audit.permission_sets.find((set) => set.arn === one.permission_set);
    const clear = () => page.getByRole("button", { name: "Clear filters" }).click();
    await expect(() => true, "all");
    await page.getByLabel("OU", { exact: true }).selectOption("Workloads/Production");
    await expect((one) => /^Workloads\/Production($|\/)/.test(accountOf(one).ou), "an OU and those below it");
    await page.getByLabel("Permission set", { exact: true }).selectOption("ReadOnlyAccess");
    await expect((one) => /^Workloads\/Production($|\/)/.test(accountOf(one).ou) && setOf(one).name === "ReadOnlyAccess", "both");
    await clear();
    await page.getByRole("button", { name: /^foreign/ }).click();
    await page.getByRole("button", { name: /^drifted/ }).click();
    await expect((one) => ["foreign", "drifted"].includes(one.standing), "two standings");
    await clear();
    await page.getByLabel("Account tag").selectOption("Environment=Production");
    await expect((one) => accountOf(one).tags?.Environment === "Production", "a tag");
    await clear();
    await page.getByLabel("Ends within 30 days").check();
    await expect((one) => one.until && Date.parse(one.until) <= Date.parse(audit.taken.ended) + 30 * 86_400_000, "ends soon");
    await clear();
    await page.getByLabel("Only outdated").check();
    await expect((one) => setOf(one).outdated?.includes(one.account), "outdated");
    await clear();
    await page.getByLabel("Account, permission set, group or person").fill("alice haddad");
    await expect((one) => reachOf(alice).includes(one), "a person, by their groups too");
    await page.getByLabel("Account, permission set, group or person").fill("there is none such");
    assert.match(await page.locator("#view").textContent(), /Nothing fits these filters/);
    await clear();
    await expect(() => true, "all again");
  }));

  test("takes its filters along to the other views, and Back undoes them one by one", () => tab("small", "#/matrix", {}, async (page) => {
    await page.getByLabel("OU", { exact: true }).selectOption("Sandbox");
    await page.getByRole("button", { name: /^foreign/ }).click();
    await page.locator("nav#nav").getByText("Accounts").click();
    assert.equal(await hash(page), "#/accounts?ou=Sandbox&standing=foreign");
    const names = await page.locator("tbody th .name").allTextContents();
    const expected = audit.accounts.filter((account) => account.ou === "Sandbox" && audit.assignments.some((one) => one.account === account.id && one.standing === "foreign"));
    assert.deepEqual(names, expected.map((account) => account.name));
    await page.goBack();
    await page.goBack();
    assert.equal(await hash(page), "#/matrix?ou=Sandbox");
    assert.equal(await page.getByRole("button", { name: /^foreign/ }).getAttribute("aria-pressed"), "false");
    await page.goBack();
    assert.equal(await page.getByLabel("OU", { exact: true }).inputValue(), "");
  }));
});

describe("pages", () => {
  test("the search leads to a person, whose page has all that they reach and how", () => tab("small", "#/", {}, async (page) => {
    await page.keyboard.press("/");
    await page.keyboard.type("haddad");
    assert.equal(await page.getByRole("combobox", { name: /Find/ }).getAttribute("aria-expanded"), "true");
    await page.keyboard.press("Enter");
    assert.equal(await heading(page), "Alice Haddad");
    assert.ok(await page.evaluate(() => document.activeElement.tagName === "H1"), "the focus is on the heading");
    const ways = reachOf(alice);
    const rows = page.locator("section:has(#reach) tbody tr");
    assert.equal(await rows.count(), ways.length);
    const reached = new Set(ways.filter((one) => one.present).map((one) => one.account)).size;
    assert.match(await page.locator("#heading .told").textContent(), new RegExp(`can reach at least ${reached} accounts`));
    const direct = ways.filter((one) => one.principal.user).length;
    assert.equal(await rows.filter({ hasText: "directly" }).count(), direct);
  }));

  test("a permission set's page has its policies and where it is outdated", () => tab("small", "#/sets", {}, async (page) => {
    await page.getByRole("link", { name: "DeveloperAccess" }).click();
    const set = setNamed("DeveloperAccess");
    assert.match(await page.locator("section:has(#policies)").textContent(), /arn:aws:iam::aws:policy\/DeveloperAccess/);
    assert.match(await page.locator("pre").textContent(), /aws:PrincipalTag/);
    assert.match(await page.locator("section:has(#provisioned)").textContent(), new RegExp(`In ${set.provisioned.length} accounts, in ${set.outdated.length} of them in an older version`));
    assert.equal(await page.locator("section:has(#provisioned) .flag").count(), set.outdated.length);
  }));

  test("an account's page has everybody who can reach it, groups expanded", () => {
    const account = audit.accounts.find((account) => account.name === "checkout shared");
    return tab("small", `#/account/${account.id}`, {}, async (page) => {
      const gone = new Set(audit.people.filter((person) => person.gone).map((person) => person.id));
      const inside = new Set(audit.assignments.filter((one) => one.account === account.id && one.present).flatMap(({ principal }) => (principal.user ? [principal.user] : audit.groups.find((group) => group.id === principal.group).members)));
      assert.equal(await page.locator("section:has(#people) tbody tr").count(), [...inside].filter((id) => !gone.has(id)).length);
    });
  });

  test("what could not be read is said where it is missing", () => tab("small", `#/group/${audit.groups.find((group) => group.members_unread).id}`, {}, async (page) => {
    assert.match(await page.locator(".notice.warning").textContent(), /AccessDeniedException/);
    assert.match(await page.locator("section:has(#members)").textContent(), /could not be read/);
  }));

  test("whoever may be missing is said on the pages of what they may reach", () => {
    const group = audit.groups.find((group) => group.members_unread);
    const { account } = audit.assignments.find(({ principal }) => principal.group === group.id);
    return tab("small", `#/account/${account}`, {}, async (page) => {
      assert.match(await page.locator(".notice.warning").textContent(), /There may be more than this page shows/);
      assert.match(await page.locator("body").textContent(), /at least \d+ (person|people) can reach it/);
      await page.goto(`${report("small").address}#/person/${alice.id}`);
      assert.match(await page.locator("body").textContent(), /can reach at least \d+ accounts?/);
    });
  });

  test("lists are sorted by their columns", () => tab("small", "#/people", {}, async (page) => {
    await page.getByRole("button", { name: /^Accounts/ }).click();
    assert.equal(await page.locator('th[aria-sort="descending"]').textContent(), "Accounts ↓");
    const figures = (await page.locator("tbody td:nth-child(3)").allTextContents()).map(Number);
    assert.deepEqual(figures, [...figures].sort((a, b) => b - a));
  }));

  test("a page that was made for a question opens at its answer, unless a link asks for something else", () => tab("small", "#/", {}, async (page) => {
    const { path, address } = report("small");
    const asked = path.replace("small", "asked");
    writeFileSync(asked, readFileSync(path, "utf8").replace('<html lang="en">', `<html lang="en" data-start="#/set/${setNamed("DeveloperAccess").arn}">`));
    const other = await page.context().newPage();
    await other.goto(address.replace("small", "asked"));
    assert.equal(await heading(other), "DeveloperAccess");
    await other.goto(`${address.replace("small", "asked")}#/people`);
    await other.reload();
    assert.equal(await heading(other), "People");
    await other.close();
  }));

  test("a link to nothing says so, and leads back", () => tab("small", "#/account/999999999999", {}, async (page) => {
    assert.equal(await heading(page), "Nothing here");
    assert.match(await page.locator("#view").textContent(), /The report has no account “999999999999”/);
    await page.getByRole("link", { name: "To the overview" }).click();
    assert.equal(await heading(page), "Who can reach what");
  }));

  test("names stay names, whatever they hold", () => {
    const account = audit.accounts.find((account) => account.name === HOSTILE[0]);
    return tab("small", `#/account/${account.id}`, {}, async (page) => {
      assert.equal(await heading(page), HOSTILE[0]);
      assert.match(await page.title(), /^<\/script>/);
      for (const view of ["#/", "#/matrix", "#/people", "#/accounts", "#/changes"]) {
        await page.goto(report("small").address + view);
        assert.equal(await page.locator("#view script, #view img, #view iframe").count(), 0, view);
      }
    });
  });
});

describe("changes", () => {
  test("stand under their days with their cause, and can be narrowed to a kind", () => tab("small", "#/changes", {}, async (page) => {
    assert.equal(await page.locator(".timeline .change").count(), audit.changes.length);
    assert.equal(await page.locator(".timeline h2").last().textContent(), "Between the two reports");
    const granted = audit.changes.filter((one) => one.change === "granted");
    await page.getByRole("link", { name: /^granted/ }).click();
    assert.equal(await page.locator(".timeline .change").count(), granted.length);
    assert.ok((await page.locator(".timeline .cause").allTextContents()).some((text) => text.includes(granted[0].cause)));
    await page.goBack();
    assert.equal(await page.locator(".timeline .change").count(), audit.changes.length);
  }));
});

describe("other readers", () => {
  test("a phone gets the matrix as a list, and nothing is wider than the screen", () => tab("small", "#/", { viewport: PHONE }, async (page) => {
    const person = `#/person/${alice.id}`;
    for (const view of ["#/", "#/matrix", "#/accounts", "#/people", "#/sets", "#/changes", person, "#/set/DeveloperAccess"]) {
      await page.goto(report("small").address + view);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width, view);
    }
    await page.goto(`${report("small").address}#/matrix`);
    assert.equal(await page.locator('[role="treegrid"]').count(), 0);
    assert.equal(await page.locator(".of-account").count(), audit.accounts.length);
    await page.getByText("Filters").first().click();
    await page.getByLabel("OU", { exact: true }).selectOption("Sandbox");
    const inSandbox = audit.accounts.filter((account) => account.ou === "Sandbox");
    assert.equal(await page.locator(".of-account").count(), inSandbox.length);
    const cell = page.locator("a.small-cell").first();
    await cell.click();
    assert.match(await hash(page), /^#\/account\/\d{12}\?set=/);
    assert.match(await page.locator(".notice").first().textContent(), /Only .*Show everything here/);
  }));

  test("a phone has many permission sets of an account folded, until they are wanted", () => tab("large", "#/matrix", { viewport: PHONE }, async (page) => {
    assert.ok((await page.locator("a.small-cell").count()) < 100);
    const account = page.locator(".of-account:has(details)").first();
    const many = Number(/\d+/.exec(await account.locator("summary").textContent())[0]);
    assert.ok(many > 8);
    await account.locator("summary").click();
    await account.locator("a.small-cell").first().waitFor();
    assert.equal(await account.locator("a.small-cell").count(), many);
  }));

  test("where there is room, each filter has its name in sight, whatever is in it", () => tab("small", "#/matrix", {}, async (page) => {
    const label = page.locator('label[for="filter-text"]');
    const seen = () => label.evaluate((one) => one.getBoundingClientRect().width > 20 && getComputedStyle(one).clipPath === "none");
    await page.getByLabel("Account, permission set, group or person").fill("alice");
    assert.equal(await label.textContent(), "Account, permission set, group or person");
    assert.ok(await seen(), "on a desktop");
    const tops = await page.locator(".filters .field > input, .filters .field > select").evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().bottom)));
    assert.equal(new Set(tops).size, 1, `they stand in one line: ${tops}`);
    await page.setViewportSize(PHONE);
    assert.ok(!(await seen()), "on a phone the box says it, and its name is for screen readers");
  }));

  test("what is not there is in the lists' tables, and counts nowhere", () => tab("small", "#/accounts", {}, async (page) => {
    const account = audit.accounts.find((one) => audit.assignments.some((other) => other.account === one.id && !other.present));
    const sets = new Set(audit.assignments.filter((one) => one.account === account.id && one.present).map((one) => one.permission_set)).size;
    const row = page.locator("tbody tr", { hasText: account.id });
    const cells = await row.locator("td").allTextContents();
    assert.ok(cells.some((text) => text.trim() === String(sets)), `${sets} of ${cells}`);
  }));

  test("a window that gets narrow turns the grid into a list, and back", () => tab("small", "#/matrix", {}, async (page) => {
    await page.setViewportSize(PHONE);
    await page.locator(".matrix-list").waitFor();
    await page.setViewportSize(DESKTOP);
    await page.locator('[role="treegrid"]').waitFor();
  }));

  test("paper gets every row", () => tab("large", "#/people", {}, async (page) => {
    assert.equal(await page.locator("tbody tr").count(), 100);
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    assert.ok((await page.locator("tbody tr").count()) >= 1999);
  }));

  test("without scripts the summary is there, and says what is missing", () => tab("small", "", { javaScriptEnabled: false }, async (page) => {
    assert.match(await page.locator("main").innerText(), /JavaScript, which is switched off/);
    assert.match(await page.locator("main").innerText(), /4 things could not be read/);
    assert.ok(await page.locator(".tiles").isVisible());
    assert.ok(await page.locator("#nav").isHidden());
  }));

  test("the skip link leads past the top", () => tab("small", "#/people", {}, async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    assert.equal(await hash(page), "#/people");
  }));

  test("an organization with nothing in it looks like one", () => tab("empty", "#/", {}, async (page) => {
    assert.match(await page.locator("main").innerText(), /There are no assignments/);
    assert.match(await page.locator("main").innerText(), /No changes are told/);
    assert.equal(await page.locator(".notice").count(), 0);
    for (const [view, words] of [["#/matrix", "The report has no accounts"], ["#/people", "The report has no people"], ["#/sets", "The report has no permission sets"], ["#/changes", "This is the first report"]]) {
      await page.goto(report("empty").address + view);
      assert.match(await page.locator("main").innerText(), new RegExp(words), view);
    }
  }));
});

describe("a large organization", () => {
  test("has only what is in sight of the matrix in the document, wherever one scrolls to", () => tab("large", "#/matrix", {}, async (page) => {
    assert.equal(await page.locator('[role="treegrid"]').getAttribute("aria-colcount"), "101");
    await page.locator('.grid [tabindex="0"]').focus();
    for (const keys of [["PageDown"], ["PageDown"], ["Control+End"]]) for (const key of keys) await page.keyboard.press(key);
    const last = Number(await page.locator('[role="treegrid"]').getAttribute("aria-rowcount"));
    const at = await focused(page);
    assert.deepEqual([at.row, at.column], [String(last - 1), "100"]);
    assert.ok(await page.evaluate(() => {
      const cell = document.activeElement.getBoundingClientRect();
      const frame = document.querySelector(".grid-scroller").getBoundingClientRect();
      return cell.bottom <= frame.bottom && cell.right <= frame.right && cell.top > frame.top;
    }), "the cell is in sight");
    assert.ok((await page.locator(".grid-cell").count()) < 1500);
    await page.locator(".grid-scroller").evaluate((scroller) => scroller.scrollTo(3000, 9000));
    await page.waitForTimeout(100);
    const inSight = await page.evaluate(() => {
      const frame = document.querySelector(".grid-scroller").getBoundingClientRect();
      // Every point of the frame must have its cell.
      return [0.3, 0.6, 0.95].every((x) => [0.2, 0.5, 0.95].every((y) => document.elementFromPoint(frame.left + frame.width * x, frame.top + frame.height * y)?.closest("[data-column]")));
    });
    assert.ok(inSight, "there are no holes");
    await page.keyboard.press("ArrowUp");
    assert.equal((await focused(page)).row, String(last - 2), "the active cell has been kept meanwhile");
  }));

  test("is found where it was left when one comes back to it", () => tab("large", "#/matrix", {}, async (page) => {
    await page.locator(".grid-scroller").evaluate((scroller) => scroller.scrollTo(1500, 9000));
    await page.waitForTimeout(100);
    const seen = await page.locator(".grid-scroller").evaluate((scroller) => [scroller.scrollLeft, scroller.scrollTop]);
    await page.evaluate(() => {
      const frame = document.querySelector(".grid-scroller").getBoundingClientRect();
      document.elementFromPoint(frame.left + 60, frame.top + frame.height / 2).closest(".grid-name").querySelector("a").click();
    });
    await page.locator("section:has(#assignments)").waitFor();
    await page.goBack();
    await page.locator('[role="treegrid"]').waitFor();
    assert.deepEqual(await page.locator(".grid-scroller").evaluate((scroller) => [scroller.scrollLeft, scroller.scrollTop]), seen);
    assert.ok((await page.locator(".grid-cell").count()) > 100);
  }));
});

describe("axe finds nothing serious", () => {
  const account = audit.accounts.find((account) => account.name === "checkout shared").id;
  const group = audit.groups.find((group) => group.name === "Developers").id;
  const views = {
    overview: "#/", matrix: "#/matrix", "matrix with a cell open": `#/matrix?cell=${account}~BillingAccess`, accounts: "#/accounts", people: "#/people?q=a", "permission sets": "#/sets", changes: "#/changes",
    account: `#/account/${account}`, person: `#/person/${alice.id}`, group: `#/group/${group}`, "permission set": "#/set/DeveloperAccess", nothing: "#/matrix?q=nothing+at+all",
  };
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      test(`in any view, ${colorScheme}, ${width}`, () => tab("small", "#/", { viewport, colorScheme }, async (page) => {
        for (const [name, view] of Object.entries(views)) {
          await page.goto(report("small").address + view);
          assert.deepEqual(await findings(page), [], name);
        }
      }));
    }
    test(`in a large matrix and with the search open, ${colorScheme}`, () => tab("large", "#/matrix", { colorScheme }, async (page) => {
      assert.deepEqual(await findings(page), [], "matrix");
      await page.getByRole("combobox", { name: /Find/ }).fill("billing");
      assert.deepEqual(await findings(page), [], "search");
    }));
    test(`in an empty report, ${colorScheme}`, () => tab("empty", "#/", { colorScheme }, async (page) => {
      assert.deepEqual(await findings(page), []);
    }));
  }
});
