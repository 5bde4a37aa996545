// The leaderboard's page in a real browser: rows there without scripts, sorting, filters and deep links with them, and
// nothing loaded, run or logged that should not be. Skipped where there is no chromium, as on macOS and Windows.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { sha256 } from "../../harness/base/digest.ts";
import { readPapers } from "../../harness/records/papers.ts";
import type { Results } from "../../harness/records/results.ts";
import { addEntry } from "../../harness/report/leaderboard/add_entry.ts";
import { buildSite } from "../../harness/report/leaderboard/build_site.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { data, gradedResults, runs, seal } from "../fakes/graded_results.ts";

const executablePath = "/usr/bin/chromium";
const ignore = !existsSync(executablePath);

/** An arm whose name would run in a page that did not escape it. */
const hostile = "<script>document.title='run'</script>";

/** The results as if other questions had been asked. */
function onOtherQuestions(results: Results): Results {
  const cells = results.cells.map((cell) => {
    const { record } = cell;
    if (!record?.outcome) return cell;
    const match = { ...record.outcome.match, items: sha256("other items") };
    return { ...cell, record: { ...record, outcome: { ...record.outcome, match } } };
  });
  return seal({ ...results, cells });
}

/** A site of two groups: one of two entries, and one of an entry on other questions. */
async function buildBoard(folder: string): Promise<string> {
  const board = join(folder, "board"), out = join(folder, "site"), sources = { task: arithmetic, data };
  const entries = {
    first: gradedResults({ scores: { grpo: runs(3, 30, 8), "memory-r+": runs(3, 30, 22) } }),
    second: gradedResults({ scores: { grpo: runs(3, 30, 9), [hostile]: runs(3, 30, 2) } }),
    third: onOtherQuestions(gradedResults({ scores: { grpo: runs(3, 20, 6), cosine: runs(3, 20, 7) } })),
  };
  for (const [name, results] of Object.entries(entries)) {
    await addEntry(board, results, { name, note: null, link: "https://example.org/" }, sources);
  }
  await buildSite(board, {
    out,
    papers: await readPapers(fileURLToPath(new URL("../../baselines/papers", import.meta.url))),
  });
  return pathToFileURL(join(out, "index.html")).href;
}

/** What a page did that it must not. */
interface Watched {
  readonly page: Page;
  readonly problems: string[];
}

async function open(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage(), problems: string[] = [];
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:") && !request.url().startsWith("data:")) {
      problems.push(`request: ${request.url()}`);
    }
  });
  await page.goto(address);
  return { page, problems };
}

/** Names of the arms that can be seen, in order, group by group. */
async function arms(page: Page): Promise<string[]> {
  return await page.locator(".group tbody tr:visible th b").allTextContents();
}

const count = async (page: Page) => await page.locator(".filters output").textContent();

Deno.test({
  name: "the leaderboard's page sorts, filters and links deep, and nothing leaves it",
  ignore,
  sanitizeOps: false, // the browser's pipes
  sanitizeResources: false,
  async fn(test) {
    const folder = await Deno.makeTempDir(),
      browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    try {
      const address = await buildBoard(folder), usual = ["memory-r+", "grpo", "grpo", hostile, "cosine", "grpo"];

      await test.step("without scripts it is a plain table with every row", async () => {
        const { page, problems } = await open(browser, address, { javaScriptEnabled: false });
        deepEqual((await arms(page)).toSorted(), usual.toSorted());
        equal(await page.locator(".filters").isVisible(), false);
        deepEqual(problems, []);
      });

      const { page, problems } = await open(browser, address);
      await test.step("rows stand in tiers within their group, and hostile names are text", async () => {
        const found = await arms(page), first = found.indexOf("memory-r+");
        deepEqual(found.toSorted(), usual.toSorted());
        deepEqual(found.slice(first, first + 4), ["memory-r+", "grpo", "grpo", hostile]);
        equal(await page.title(), "Matchbox leaderboard");
        equal(await count(page), "6 rows");
        equal(await page.locator("tbody.resorted, [aria-sort]").count(), 0);
        equal(await page.locator("tr.newtier").count() > 0, true);
      });

      await test.step("filters hide rows and groups, say how many are left, and stand in the address", async () => {
        await page.selectOption('select[name="arm"]', "cosine");
        deepEqual(await arms(page), ["cosine"]);
        equal(await count(page), "1 of 6 rows");
        equal(await page.locator(".group:visible").count(), 1);
        match(page.url(), /#arm=cosine$/);
        await page.fill('input[name="find"]', "nothing of that name");
        equal(await count(page), "0 of 6 rows");
        await page.click('button[type="reset"]');
        equal((await arms(page)).length, 6);
        ok(!page.url().includes("#"));
      });

      await test.step("a head sorts within each group, both ways, and then as before", async () => {
        const order = async () => (await arms(page)).filter((arm) => arm !== "cosine").slice(0, 6),
          before = await arms(page);
        const head = page.locator('th[data-key="score"]').first(), button = head.locator("button");
        await button.click();
        equal(await head.getAttribute("aria-sort"), "descending");
        const falling = await order();
        await button.click();
        equal(await head.getAttribute("aria-sort"), "ascending");
        ok(JSON.stringify(await order()) !== JSON.stringify(falling));
        match(page.url(), /sort=score&order=ascending/);
        await button.click();
        deepEqual(await arms(page), before);
      });

      await test.step("a deep link restores filter, order and row; a row's link marks it", async () => {
        const row = await page.locator("tr[data-arm='memory-r+']").getAttribute("id");
        await page.click(`#${row} a.anchor`);
        equal(await page.locator("tr.marked").getAttribute("id"), row);
        const there = await open(browser, `${address}#arm=grpo&sort=score&order=ascending&row=${row}`);
        deepEqual(await arms(there.page), ["grpo", "grpo", "grpo"]);
        equal(await there.page.locator('select[name="arm"]').inputValue(), "grpo");
        equal(await there.page.locator('th[data-key="score"]').first().getAttribute("aria-sort"), "ascending");
        const plain = await open(browser, `${address}#${row}`);
        equal(await plain.page.locator("tr.marked").getAttribute("id"), row);
        const foreign = await open(browser, `${address}#arm=<img src=x>&sort=constructor&row=%22`);
        equal((await arms(foreign.page)).length, 6);
        deepEqual([...there.problems, ...plain.problems, ...foreign.problems], []);
      });

      await test.step("the keyboard alone can filter and sort", async () => {
        await page.focus('select[name="task"]');
        await page.keyboard.press("Tab");
        equal(await page.evaluate("document.activeElement.name"), "policy");
        await page.locator('th[data-key="arm"] button').first().focus();
        await page.keyboard.press("Enter");
        equal(await page.locator('th[data-key="arm"]').first().getAttribute("aria-sort"), "ascending");
        await page.click('button[type="reset"]');
      });

      await test.step("an entry's page opens, and leads back", async () => {
        await page.locator("tr[data-arm='cosine'] a", { hasText: "third" }).click();
        equal(await page.locator("h1").textContent(), "third");
        equal(await page.locator(`a[download]`).getAttribute("href"), "bundle.json.gz");
        await page.click("text=← Leaderboard");
        match(page.url(), /index\.html#g-[0-9a-f]{12}$/);
      });

      await test.step("nothing reaches beyond the window at any width, in light and dark", async () => {
        for (const [width, colorScheme] of [[390, "light"], [820, "dark"], [1440, "light"]] as const) {
          const narrow = await open(browser, address, { viewport: { width, height: 900 }, colorScheme });
          equal(await narrow.page.evaluate("document.documentElement.scrollWidth"), width);
          equal((await arms(narrow.page)).length, 6);
          deepEqual(narrow.problems, []);
        }
      });

      await test.step("nothing was logged, thrown or requested", () => deepEqual(problems, []));
    } finally {
      await browser.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
