// The report as a reader has it: in a browser, with a mouse, with a keyboard alone, on a telephone.

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { pageAssets } from "../../harness/report/page_assets.ts";
import { pageText } from "../../harness/report/page.ts";
import { HOSTILE, hostileResults, pageResults } from "../report/page_results.ts";
import { browserTest, openPage } from "./chromium.ts";

const assets = await pageAssets();
const report = pageText([pageResults()], assets);

/** Walks through the whole page, so that everything is drawn that is drawn when it comes near. */
async function readThrough(page: Page): Promise<void> {
  const height = await page.evaluate("document.documentElement.scrollHeight");
  for (let y = 0; y < Number(height); y += 700) {
    await page.evaluate(`scrollTo(0, ${y})`);
    await page.waitForTimeout(20);
  }
}

/** Of each chart that is shown: how many pixels are not empty. */
function inked(page: Page): Promise<number[]> {
  return page.evaluate(`[...document.querySelectorAll("figure:not([hidden]) canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width || 1, canvas.height || 1);
    return data.filter((value, i) => i % 4 === 3 && value > 0).length;
  })`);
}

/** The value, once it is the expected one, or after two seconds: charts follow their boxes a frame later. */
async function settled(page: Page, expression: string, expected: number): Promise<number> {
  for (let i = 0; i < 40 && await page.evaluate(expression) !== expected; i++) await page.waitForTimeout(50);
  return await page.evaluate<number>(expression);
}

const found = (page: Page) => page.locator("#found").innerText();
const shown = (page: Page) => page.locator("#questions > li").count();

browserTest(
  "a report draws every chart, says nothing on the console and asks nothing of the network",
  async (browser) => {
    const { page, complaints } = await openPage(browser, report);
    await readThrough(page);
    const ink = await inked(page);
    ok(ink.length > 10, `${ink.length} charts`);
    ok(ink.every((pixels) => pixels > 200), ink.join(" "));
    const before = await page.locator('[data-chart="curve"] canvas').screenshot();
    await page.locator('[data-chart="curve"] .switch label').nth(1).click();
    const after = await page.locator('[data-chart="curve"] canvas').screenshot();
    notEqual(before.toString("base64"), after.toString("base64"));
    deepEqual(complaints, []);
  },
);

browserTest("a report's filters choose questions, and say how many", async (browser) => {
  const { page, complaints } = await openPage(browser, report);
  await page.locator("#questions > li").first().waitFor();
  equal(await found(page), "8 of 8 questions, 8 shown.");
  // seed 0: plain answers 3 right, remembers 7, pleases none
  await page.selectOption('select[name="right"]', "one");
  equal(await found(page), "4 of 8 questions, 4 shown.");
  await page.selectOption('select[name="right"]', "none");
  equal(await shown(page), 1);
  await page.selectOption('select[name="seed"]', "1");
  equal(await found(page), "None of 8 questions fits these filters.");
  await page.selectOption('select[name="right"]', "differ");
  equal(await shown(page), 8);
  await page.selectOption('select[name="status"]', "t");
  equal(await shown(page), 0);
  await page.selectOption('select[name="status"]', "");
  await page.fill('input[name="text"]', "completion of REMEMBERS 1 5");
  await page.locator("#found", { hasText: "1 of 8" }).waitFor();
  await page.uncheck('#arms input[value="1"]'); // what it said is no longer looked at
  await page.locator("#found", { hasText: "None" }).waitFor();
  deepEqual(complaints, []);
});

browserTest("a report shows what each chosen arm answered, side by side", async (browser) => {
  const { page } = await openPage(browser, report);
  await page.locator("#questions > li summary").nth(4).click();
  const cards = page.locator("#questions .card");
  await cards.first().waitFor();
  deepEqual(await cards.locator("h4").allInnerTexts(), ["plain", "remembers", "pleases"]);
  deepEqual(
    await cards.locator("pre").allInnerTexts(),
    [0, 1, 2].map((i) => `completion of ${["plain", "remembers", "pleases"][i]} 0 4`),
  );
  match(await cards.nth(1).innerText(), /✓\s+correct/);
  match(await cards.nth(2).innerText(), /✗\s+wrong/);
  await page.locator('button[data-arms="none"]').click();
  equal(await page.locator("#questions .card").count(), 0);
});

browserTest("a report's theme follows the system until it is switched", async (browser) => {
  const paper = (page: Page) => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const { page: light } = await openPage(browser, report);
  const { page: dark } = await openPage(browser, report, { dark: true });
  const [bright, black] = [await paper(light), await paper(dark)];
  notEqual(bright, black);
  equal(await light.locator("#theme").getAttribute("aria-pressed"), "false");
  const before = await light.locator('[data-chart="curve"] canvas').screenshot();
  await light.locator("#theme").click();
  equal(await paper(light), black);
  equal(await light.locator("#theme").getAttribute("aria-pressed"), "true");
  const after = await light.locator('[data-chart="curve"] canvas').screenshot();
  notEqual(before.toString("base64"), after.toString("base64"));
});

browserTest("a report can be used with a keyboard alone, and shows where it is", async (browser) => {
  const { page } = await openPage(browser, report);
  await page.locator("#questions > li").first().waitFor();
  await page.keyboard.press("Tab");
  equal(await page.evaluate("document.activeElement.textContent"), "Skip to the report");
  await page.keyboard.press("Enter");
  equal(await page.evaluate("document.activeElement.id"), "main");
  const reached = new Set<string>();
  for (let i = 0; i < 400; i++) {
    await page.keyboard.press("Tab");
    const [name, outline] = await page.evaluate<[string, string]>(`(() => {
      const at = document.activeElement, ring = at.matches(".switch input") ? at.parentElement : at;
      return [at.id || at.name || at.tagName.toLowerCase(), getComputedStyle(ring).outlineStyle];
    })()`);
    if (name === "body") break;
    equal(outline, "solid", name);
    reached.add(name);
  }
  for (const name of ["arm", "curve-view", "seed", "right", "status", "text", "summary"]) ok(reached.has(name), name);
  await page.locator("#questions summary").first().focus();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  equal(await page.evaluate('[...document.querySelectorAll("#questions summary")].indexOf(document.activeElement)'), 1);
  await page.keyboard.press("Enter");
  await page.locator("#questions .card").first().waitFor();
});

browserTest("a report is no wider than a telephone, whatever it is looked at with", async (browser) => {
  const { page } = await openPage(browser, report, { width: 1440 });
  await page.locator("#questions > li summary").first().click();
  await page.locator("#questions .card").first().waitFor();
  for (const width of [1440, 820, 390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    equal(await settled(page, "document.documentElement.scrollWidth", width), width);
  }
});

browserTest("a report stays readable without scripts, and on paper", async (browser) => {
  const { page } = await openPage(browser, report);
  await page.emulateMedia({ media: "print" });
  equal(await page.locator("#filters").isVisible(), false);
  equal(await page.locator("#answer table").isVisible(), true);
  await page.evaluate('dispatchEvent(new Event("beforeprint"))');
  ok((await inked(page)).every((pixels) => pixels > 200));
  equal(await page.locator("#curves .reading").getAttribute("open"), "");
  await page.evaluate('dispatchEvent(new Event("afterprint"))');
  equal(await page.locator("#curves .reading").getAttribute("open"), null);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const plain = await context.newPage();
  await plain.setContent(report);
  match(await plain.locator("#answer").innerText(), /whether remembers and plain differ is undecided/);
  match(await plain.locator("#found").innerText(), /has not run/);
});

browserTest("a report's hostile names, questions and completions stay text", async (browser) => {
  const { page, complaints } = await openPage(browser, pageText([hostileResults()], assets), { width: 390 });
  const items = page.locator("#questions > li");
  await items.first().waitFor();
  for (let i = 0; i < HOSTILE.length; i++) await items.nth(i).locator("summary").first().click();
  await items.nth(HOSTILE.length - 1).locator(".card").first().waitFor();
  equal(await page.evaluate("globalThis.broken"), undefined);
  equal(await page.locator("img, #questions script, #questions svg svg").count(), 0);
  equal(await items.nth(0).locator(".card pre").first().innerText(), HOSTILE[0]);
  match(await items.nth(3).locator(".card pre").first().innerText(), /nul ␀, escape ␛\[31m, delete ␡, bell ␇/);
  match(await items.nth(4).locator(".card pre").first().innerText(), /override \[U\+202E\]gnp\.exe\[U\+202C\]/);
  const long = items.nth(6).locator(".card").first();
  equal((await long.locator("pre").innerText()).length, 601);
  await long.getByRole("button", { name: "Show all 1048576 characters" }).click();
  equal((await long.locator("pre").textContent())?.length, 1 << 20);
  equal(await page.evaluate("document.documentElement.scrollWidth"), 390);
  deepEqual(complaints, []);
});
