// What the tests of the page share: pages of every size, Chromium, and a tab that notes whatever should not happen.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { sample } from "./sample.mjs";

const home = import.meta.dirname;
const target = resolve(home, "../../target");
// `cargo xtask page` installs them under target/tools, and says where; by hand they are beside this file.
const require = createRequire(process.env.USHER_PAGE_TOOLS ? join(process.env.USHER_PAGE_TOOLS, "package.json") : import.meta.url);
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core");

const made = new Map();

/** The report of a size, and the address of its page: made by the program itself, from the JSON that it takes. */
export function report(size) {
  if (!made.has(size)) {
    const folder = join(target, "page");
    mkdirSync(folder, { recursive: true });
    const audit = sample(size);
    const program = process.env.USHER_PAGE_PROGRAM ?? join(target, "debug/examples/audit_page");
    const html = execFileSync(program, { input: JSON.stringify(audit), maxBuffer: 1 << 28 });
    const path = join(folder, `${size}.html`);
    writeFileSync(path, html);
    made.set(size, { audit, path, bytes: html.length, address: pathToFileURL(path).href });
  }
  return made.get(size);
}

export async function openBrowser() {
  const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  assert.ok(executablePath, "Chromium is needed: apt-get install chromium");
  return chromium.launch({
    executablePath,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 740 };

/** A tab at a place of a page. `finish()` fails if it asked anything of a network, or complained of anything. */
export async function open(browser, size, hash = "#/", { viewport = DESKTOP, colorScheme = "light", ...more } = {}) {
  const { address } = report(size);
  const context = await browser.newContext({ viewport, colorScheme, ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const wrong = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
  page.on("request", (request) => request.url().split("#")[0] !== address && wrong.push(`request: ${request.url()}`));
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(address + hash);
  if (more.javaScriptEnabled !== false) await page.locator("html[data-ready]").waitFor({ state: "attached" });
  return {
    page,
    finish: async () => {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

/** What axe finds that is serious or worse. */
export async function findings(page) {
  // The page's policy lets no script be put into it, so axe comes in the way that a debugger does.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(readOnce(axe));
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
}

let source = null;
function readOnce(path) {
  source ??= require("node:fs").readFileSync(path, "utf8");
  return source;
}
