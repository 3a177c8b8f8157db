// How fast the page of a large organization is, in the browser of this machine: `cargo xtask page --measure`.
//
// Each figure is the median of seven tabs. Nothing is asserted: a figure is of the machine that it was measured on.

import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { DESKTOP, PHONE, open, openBrowser, report } from "./browser.mjs";

const RUNS = 7;
const median = (figures) => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)];

const { audit, bytes, path } = report("large");
console.log(`${audit.accounts.length} accounts, ${audit.permission_sets.length} permission sets, ${audit.people.length} people, ${audit.groups.length} groups, ${audit.assignments.length} assignments, ${audit.changes.length} changes`);
console.log(`report ${(JSON.stringify(audit).length / 1e6).toFixed(1)} MB, page ${(bytes / 1e6).toFixed(2)} MB, compressed ${(gzipSync(readFileSync(path)).length / 1e6).toFixed(2)} MB`);

const browser = await openBrowser();

async function opened(name, hash, viewport, slower) {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) {
    const context = await browser.newContext({ viewport });
    const page = await context.newPage();
    await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: slower });
    runs.push(await large(page, hash));
    await context.close();
  }
  const of = (key) => `${Math.round(median(runs.map((run) => run[key])))} ms`;
  console.log(`${name}: first content ${of("first")}, ready ${of("ready")}, ${Math.round(median(runs.map((run) => run.elements)))} elements`);
}

/** From going to the page until it has been drawn and can be used. */
async function large(page, hash) {
  await page.goto(report("large").address + hash);
  await page.locator("html[data-ready]").waitFor({ state: "attached" });
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  return page.evaluate(() => ({
    first: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    ready: performance.getEntriesByName("usher-ready")[0].startTime,
    elements: document.querySelectorAll("*").length,
  }));
}

await opened("overview", "#/", DESKTOP, 1);
await opened("matrix", "#/matrix", DESKTOP, 1);
await opened("matrix, processor slowed down four times", "#/matrix", DESKTOP, 4);
await opened("matrix on a phone, processor slowed down four times", "#/matrix", PHONE, 4);

const { page } = await open(browser, "large", "#/matrix");
for (const [name, down, right] of [["down", 100, 0], ["right", 0, 100], ["both, fast", 400, 60]]) {
  const frames = await page.evaluate(async ([down, right]) => {
    const scroller = document.querySelector(".grid-scroller");
    scroller.scrollTo(0, 0);
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const times = [];
    let last = await frame();
    for (let at = 0; at < 150; at += 1) {
      scroller.scrollBy(right, down);
      const now = await frame();
      times.push(now - last);
      last = now;
    }
    return times.sort((a, b) => a - b);
  }, [down, right]);
  console.log(`scrolling the matrix ${name} (${down || right} px a frame): median ${frames[75].toFixed(0)} ms a frame, 95 % within ${frames[142].toFixed(0)} ms`);
}
const typed = [];
for (const text of ["a", "al", "ali", "alic", "alice", "billing", "power"]) {
  typed.push(await page.evaluate((text) => {
    const input = document.getElementById("filter-text");
    input.value = text;
    const began = performance.now();
    input.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    return performance.now() - began;
  }, text));
}
console.log(`a letter typed into the matrix's filter: median ${median(typed).toFixed(0)} ms`);
await browser.close();
