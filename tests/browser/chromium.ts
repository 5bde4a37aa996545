// The browser that tests look with: Debian's chromium, by playwright-core, which brings none of its own.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

const PATH = "/usr/bin/chromium";
const without = !existsSync(PATH);

/** A page and what it did that it should not have. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings on the console, uncaught errors, and requests that leave the file. */
  readonly complaints: string[];
}

/** How the page is looked at. */
export interface Look {
  readonly width?: number;
  readonly dark?: boolean;
}

let browser: Browser | null = null;

/** Defines a test that needs the browser; where there is none, its name says that it is skipped for that. */
export function browserTest(name: string, look: (browser: Browser) => Promise<void>): void {
  Deno.test({
    name: without ? `${name} (skipped: there is no ${PATH})` : name,
    ignore: without,
    sanitizeOps: false, // all tests of a file share one browser
    sanitizeResources: false,
    fn: async () => {
      browser ??= await chromium.launch({ executablePath: PATH, args: ["--no-sandbox"] });
      await look(browser);
      for (const context of browser.contexts()) await context.close();
    },
  });
}

Deno.test.afterAll(async () => await browser?.close());

/** Opens a text as a page of its own, from a file. */
export async function openPage(browser: Browser, text: string, look: Look = {}): Promise<WatchedPage> {
  const folder = await Deno.makeTempDir(), path = join(folder, "page.html");
  await Deno.writeTextFile(path, text);
  try {
    return await openUrl(browser, pathToFileURL(path).href, look);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens an address. */
export async function openUrl(
  browser: Browser,
  url: string,
  { width = 1280, dark = false }: Look = {},
): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: dark ? "dark" : "light" });
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: "load" });
  return { page, complaints };
}
