// The live report: a real server on the loopback interface, real requests, and an experiment whose files change.

import { deepEqual, doesNotMatch, equal, match, notEqual, ok, throws } from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { addServe, serveReport } from "../../harness/cli/serve.ts";
import type { Results } from "../../harness/records/results.ts";
import { recordLine } from "../../harness/records/store.ts";
import { LiveRecords } from "../../harness/report/live/live_records.ts";
import { LiveReport, type LiveReportOptions } from "../../harness/report/live/live_report.ts";
import { fakeStep } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";
import { writeCellFolder, writeResultsFolder } from "./explore/results_folder.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => rmSync(parent, { recursive: true }));
const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const made = fakeResults({ scores: { "grpo": [[1, 0], [0, 1]], "memory-r+": [[1, 1], [1, 1]] } });
const [first, ...others] = made.cells;

/** The same, its first cell still running, with two updates and half of a third. */
const running: Results = {
  ...made,
  experiment: {
    ...made.experiment,
    status: "running",
    cells: made.experiment.cells.map((entry, i) => i > 0 ? entry : { ...entry, status: "running", accuracy: null }),
  },
  cells: [{ ...first!, record: null, answers: null }, ...others],
};
const stepsOf = (folder: string) => join(folder, "grpo/seed-0/steps.jsonl");

let folders = 0;
function write(results: Results): string {
  const folder = join(parent, `results-${folders++}`);
  writeResultsFolder(folder, results);
  if (results === running) appendFileSync(stepsOf(folder), '{"step":3,"rew');
  return folder;
}

/** A page that says what it was built from. */
const plainBuild = (results: Results) =>
  Promise.resolve(
    `<!doctype html><p>${results.cells.map(({ steps, record }) => `${steps?.length} ${record?.status}`)}</p>`,
  );

/** Serves a folder while `use` runs. `lookEvery` is 0 and there is no pause, unless said otherwise. */
async function served(
  folder: string,
  use: (get: (path: string, init?: RequestInit) => Promise<Response>, url: string) => Promise<void>,
  options: Partial<LiveReportOptions> = {},
  host = "127.0.0.1",
) {
  const stop = new AbortController();
  const report = new LiveReport(new LiveRecords(folder), { build: plainBuild, lookEvery: 0, pause: 0, ...options });
  const server = serveReport(report, { name: "a <name>", port: 0, host, signal: stop.signal });
  try {
    await use((path, init) => fetch(new URL(path, server.url), init), server.url);
  } finally {
    stop.abort();
    await server.finished;
  }
}

/** What a server answers to these bytes. */
async function raw(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url), connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(request.replaceAll("\n", "\r\n")));
  const answer = await new Response(connection.readable).text();
  return answer;
}

const textOf = async (response: Promise<Response>) => (await response).text();
const jsonOf = async (response: Promise<Response>) => await (await response).json();

Deno.test("serve has a small table of routes, each with its type and its headers", async () => {
  await served(write(made), async (get) => {
    const types = {
      "/": "text/html",
      "/live.js": "text/javascript",
      "/live.css": "text/css",
      "/live.json": "application/json",
      "/report": "text/html",
      "/experiment.json": "application/json",
      "/health": "text/plain",
    };
    for (const [path, type] of Object.entries(types)) {
      const answer = await get(path), { headers } = answer, body = await answer.text();
      equal(answer.status, 200, path);
      equal(headers.get("content-type"), `${type}; charset=utf-8`);
      equal(headers.get("x-content-type-options"), "nosniff");
      equal(headers.get("referrer-policy"), "no-referrer");
      equal(headers.get("cross-origin-resource-policy"), "same-origin");
      equal(headers.get("access-control-allow-origin"), null);
      match(headers.get("content-security-policy") ?? "", /default-src 'none'.*frame-ancestors '(none|self)'/);
      const head = await get(path, { method: "HEAD" });
      deepEqual([head.status, await head.text()], [200, ""], path);
      ok(body.length > 0);
    }
    equal((await jsonOf(get("/experiment.json"))).kind, "matchbox.experiment");
    match(await textOf(get("/")), /<title>a &lt;name&gt; – Matchbox<\/title>/);
  });
});

Deno.test("serve only reads: other methods are refused", async () => {
  await served(write(made), async (get) => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      for (const path of ["/", "/report", "/experiment.json", "/nowhere"]) {
        const answer = await get(path, { method });
        await answer.body?.cancel();
        deepEqual([answer.status, answer.headers.get("allow")], [405, "GET, HEAD"], `${method} ${path}`);
      }
    }
  });
});

Deno.test("serve shows no other file, however it is asked for", async () => {
  const folder = write(made);
  writeFileSync(join(parent, "secret.txt"), "SECRET");
  writeFileSync(join(folder, "inside.txt"), "SECRET");
  const paths = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/report/../../secret.txt",
    "/report/%2e%2e%2f%2e%2e%2fsecret.txt",
    "//secret.txt",
    `/${join(parent, "secret.txt")}`,
    `//${join(parent, "secret.txt")}`,
    "/inside.txt",
    "/plan.json",
    "/grpo/seed-0/record.json",
    "/experiment.json/",
    "/experiment.json%00",
    "/constructor",
    "/__proto__",
    "/report/0123456789abcdeg",
    "http://127.0.0.1/../secret.txt",
    `file://${join(parent, "secret.txt")}`,
  ];
  await served(folder, async (_, url) => {
    for (const path of paths) {
      const answer = await raw(url, `GET ${path} HTTP/1.1\nHost: localhost\nConnection: close\n\n`);
      match(answer, /^HTTP\/1\.1 (404|400) /, path);
      doesNotMatch(answer, /SECRET|matchbox\.plan|matchbox\.cell/, path);
    }
  });
});

Deno.test("serve follows no link and no ../ of the records out of the folder", async () => {
  const outside = write(made),
    link = (folder: string, name: string, to: string) => {
      rmSync(join(folder, name), { recursive: true, force: true });
      symlinkSync(to, join(folder, name));
    };
  const changes: Readonly<Record<string, (folder: string) => void>> = {
    "experiment.json": (folder) => link(folder, "experiment.json", join(outside, "experiment.json")),
    "plan.json": (folder) => link(folder, "plan.json", join(outside, "plan.json")),
    "a cell": (folder) => link(folder, "memory-r+/seed-1", join(outside, "memory-r+/seed-1")),
    "samples": (folder) =>
      link(folder, "memory-r+/seed-1/samples.jsonl", join(outside, "memory-r+/seed-1/samples.jsonl")),
    "steps of a running cell": (folder) =>
      link(folder, "grpo/seed-0/steps.jsonl", join(outside, "grpo/seed-0/steps.jsonl")),
    "../": (folder) => {
      const path = join(folder, "experiment.json"), text = readFileSync(path, "utf8");
      writeFileSync(
        path,
        text.replace('"memory-r+/seed-1"', JSON.stringify(`../${outside.split("/").at(-1)}/memory-r+/seed-1`)),
      );
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    const folder = write(running);
    change(folder);
    await served(folder, async (get) => {
      const answer = await get("/report");
      deepEqual([answer.status, /lies outside/.test(await answer.text())], [503, true], what);
    });
  }
});

Deno.test("serve on the loopback interface answers to its own names alone", async () => {
  const ask = (url: string, host: string) => raw(url, `GET /live.json HTTP/1.1\n${host}Connection: close\n\n`);
  await served(write(made), async (_, url) => {
    for (const own of ["localhost", "127.0.0.1", "LOCALHOST:8421", "[::1]:1"]) {
      match(await ask(url, `Host: ${own}\n`), /^HTTP\/1\.1 200 /, own);
    }
    for (
      const foreign of ["evil.example", "evil.example:8421", "127.0.0.1.evil.example", "localhost.evil", "", "10.0.0.1"]
    ) {
      match(await ask(url, `Host: ${foreign}\n`), /^HTTP\/1\.1 40[03] /, foreign);
    }
  });
  await served(
    write(made),
    async (_, url) => {
      match(await ask(url.replace("0.0.0.0", "127.0.0.1"), "Host: my-machine\n"), /^HTTP\/1\.1 200 /);
    },
    {},
    "0.0.0.0",
  );
});

Deno.test("serve shows a running experiment as far as it is whole, and follows it", async () => {
  const folder = write(running);
  await served(folder, async (get) => {
    const before = await jsonOf(get("/live.json"));
    const { status, finished, cells, running: [cell], problem } = before;
    deepEqual([status, finished, cells, problem], ["running", 3, 4, null]);
    deepEqual([cell.arm, cell.seed, cell.updates, cell.of, cell.reward], ["grpo", 0, 2, 120, 1.5]);
    const page = await get("/report");
    equal(new URL(page.url).pathname, `/report/${before.version}`);
    match(await page.text(), /<p>2 undefined,2 finished,2 finished,2 finished<\/p>/);

    writeFileSync(stepsOf(folder), [1, 2, 3, 4].map((step) => recordLine(fakeStep(step))).join("") + '{"st');
    const after = await jsonOf(get("/live.json"));
    notEqual(after.version, before.version);
    equal(after.running[0].updates, 4);
    match(await textOf(get(`/report/${before.version}`)), /<p>2 undefined/, "a page that stands stays");
    await textOf(get("/report"));
    const old = await get(`/report/${before.version}`);
    equal(new URL(old.url).pathname, `/report/${after.version}`, "an old address leads to the newest page");
    match(await old.text(), /<p>4 undefined/);

    writeCellFolder(folder, { ...first!, steps: [1, 2, 3, 4].map(fakeStep) });
    writeResultsFolder(folder, { ...made, cells: [{ ...first!, steps: [1, 2, 3, 4].map(fakeStep) }, ...others] });
    const end = await jsonOf(get("/live.json"));
    deepEqual([end.status, end.finished, end.running.length], ["finished", 4, 0]);
    match(await textOf(get("/report")), /<p>4 finished,2 finished/);
  });
});

Deno.test("serve never shows half a file while the writer writes", async () => {
  const folder = write(running), path = join(folder, "experiment.json"), whole = readFileSync(path, "utf8");
  let building = 0;
  await served(folder, async (get) => {
    let done = false;
    const writer = (async () => {
      for (let step = 3; step < 60; step++) {
        writeFileSync(`${path}.tmp`, whole.replace('"seconds": 3', `"seconds": ${step}`));
        renameSync(`${path}.tmp`, path);
        const line = recordLine(fakeStep(step));
        if (step === 3) writeFileSync(stepsOf(folder), [1, 2].map((one) => recordLine(fakeStep(one))).join(""));
        appendFileSync(stepsOf(folder), line.slice(0, 50));
        await new Promise((resolve) => setTimeout(resolve, 1));
        appendFileSync(stepsOf(folder), line.slice(50));
      }
      done = true;
    })();
    while (!done) {
      const [state, page, experiment] = await Promise.all([get("/live.json"), get("/report"), get("/experiment.json")]);
      deepEqual([state.status, page.status, experiment.status], [200, 200, 200]);
      const { running: [cell], problem } = await state.json();
      deepEqual([problem, cell.of], [null, 120]);
      match(await page.text(), /<p>\d+ undefined,2 finished/);
      equal((await experiment.json()).status, "running");
    }
    await writer;
    equal((await jsonOf(get("/live.json"))).running[0].updates, 59);
  }, {
    build: (results) => {
      building++;
      return plainBuild(results);
    },
  });
  ok(building > 1);
});

Deno.test("serve builds a page once for all who ask, and again only when the records have changed", async () => {
  const folder = write(running);
  let builds = 0;
  const build = async (results: Results) => {
    builds++;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return plainBuild(results);
  };
  await served(folder, async (get) => {
    await Promise.all(Array.from({ length: 20 }, () => textOf(get("/report"))));
    await textOf(get("/report"));
    equal(builds, 1);
    writeFileSync(stepsOf(folder), recordLine(fakeStep(1)));
    await textOf(get("/report"));
    equal(builds, 2);
  }, { build });
});

Deno.test("serve rests between two builds, and shows the page before meanwhile", async () => {
  const folder = write(running),
    build = async (results: Results) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return plainBuild(results);
    };
  await served(folder, async (get) => {
    const before = new URL((await get("/report")).url).pathname;
    writeFileSync(stepsOf(folder), recordLine(fakeStep(1)));
    const page = await get("/report"), { version } = await jsonOf(get("/live.json"));
    equal(new URL(page.url).pathname, before);
    notEqual(`/report/${version}`, before, "what is newer is known");
    match(await page.text(), /<p>2 undefined/);
  }, { build, pause: 1e6 });
});

Deno.test("serve keeps the last page where records turn out damaged, says so, and recovers", async () => {
  const folder = write(made), path = join(folder, "memory-r+/seed-1/record.json"), whole = readFileSync(path, "utf8");
  await served(folder, async (get) => {
    const page = await textOf(get("/report"));
    writeFileSync(path, whole.slice(0, 100));
    equal(await textOf(get("/report")), page);
    match((await jsonOf(get("/live.json"))).problem, /^Cannot read ".*record\.json": the JSON is malformed/);
    writeFileSync(path, whole);
    await textOf(get("/report"));
    equal((await jsonOf(get("/live.json"))).problem, null);
  });
  writeFileSync(path, "{");
  await served(folder, async (get) => {
    const answer = await get("/report");
    equal(answer.status, 503);
    match(await answer.text(), /^Cannot read "/);
    equal((await get("/health")).status, 200);
  });
});

Deno.test("serve waits for an experiment that has not begun its first cell", async () => {
  const folder = write(made), path = join(folder, "experiment.json");
  renameSync(path, `${path}.later`);
  await served(folder, async (get) => {
    match(await textOf(get("/report")), /Nothing is recorded yet/);
    deepEqual([(await jsonOf(get("/live.json"))).status, (await get("/experiment.json")).status], [null, 404]);
    renameSync(`${path}.later`, path);
    match(await textOf(get("/report")), /2 finished/);
  });
});

Deno.test("serve makes hostile names visible in what the page reads", async () => {
  const hostile = write({
    ...made,
    experiment: {
      ...made.experiment,
      cells: made.experiment.cells.map((entry, i) =>
        i > 0 ? entry : { ...entry, status: "failed", failure: "\u202eevil\x1b[2J</script>" }
      ),
    },
    cells: [{ ...first!, record: null, answers: null }, ...others],
  });
  await served(hostile, async (get) => {
    const { failed: [cell] } = await jsonOf(get("/live.json"));
    equal(cell.failure, "[U+202E]evil\u241b[2J</script>");
  });
});

Deno.test("serveReport() says in one sentence why it cannot listen", async () => {
  const report = new LiveReport(new LiveRecords(write(made)), { build: plainBuild }),
    { signal } = new AbortController();
  await served(write(made), (_, url) => {
    const port = Number(new URL(url).port), at = (port: number, host: string) => ({ name: "x", port, host, signal });
    throws(
      () => serveReport(report, at(port, "127.0.0.1")),
      /FailureError: Cannot listen on 127\.0\.0\.1:\d+: the port is in use … choose another/,
    );
    throws(
      () => serveReport(report, at(0, "203.0.113.7")),
      /MisuseError: Cannot listen on 203\.0\.113\.7:0: it is no address of this machine/,
    );
    throws(
      () => serveReport(report, at(0, "no.such.host.invalid")),
      /MisuseError: Cannot listen on no\.such\.host\.invalid:0: it is no address/,
    );
    return Promise.resolve();
  });
});

const spawn = (...args: string[]) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, "serve", ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();

/** Starts the command, does something with its address, and sends Ctrl-C. */
async function started(args: string[], use: (url: string) => Promise<void>) {
  const child = spawn(...args), reader = child.stdout.getReader();
  const line = new TextDecoder().decode((await reader.read()).value), url = /http:\S+/.exec(line)?.[0] ?? "";
  try {
    if (url !== "") await use(url);
  } finally {
    child.kill("SIGINT");
  }
  await reader.cancel();
  const stderr = await new Response(child.stderr).text(), { code } = await child.status;
  return { line, url, code, stderr };
}

Deno.test("serve prints its address, serves the real report, and ends at Ctrl-C with exit code 0", async () => {
  const folder = write(running),
    { line, code, stderr } = await started([folder, "--port", "0"], async (url) => {
      const page = await (await fetch(`${url}report`)).text();
      match(page, /^<!doctype html>/);
      match(page, /memory-r\+/);
      ok(page.length > 10_000);
      const taken = spawn(folder, "--port", new URL(url).port), { code, stderr } = await taken.output();
      equal(code, 1);
      match(
        new TextDecoder().decode(stderr),
        /^error: Cannot listen on .* the port is in use … choose another with --port.*\n$/,
      );
    });
  match(line, /^Serving .* at http:\/\/127\.0\.0\.1:\d+\/ \(Ctrl-C ends\)\n$/);
  deepEqual([code, stderr], [0, ""]);
});

Deno.test("serve refuses what holds no experiment, and ports that are none", async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await spawn(...args).output();
    return `${code} ${new TextDecoder().decode(stderr)}`;
  };
  mkdirSync(join(parent, "empty"), { recursive: true });
  match(await refused(join(parent, "empty")), /^1 error: Cannot serve ".*": it has no experiment\.json … give .*\n$/);
  match(await refused(join(parent, "nowhere")), /^1 error: Cannot serve ".*": there is no such file or folder/);
  match(await refused(write(made), "--port", "70000"), /^2 error: Cannot use --port 70000/);
  match(await refused(write(made), "--port", "x"), /^2 error: Cannot use --port x/);
});

Deno.test("every example of serve --help works, on a port that is free", async () => {
  const folder = write(made), own = new Command().exitOverride();
  addServe(own, () => {});
  const help = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, "serve", "--help"],
  }).output();
  const examples = new TextDecoder().decode(help.stdout).split("Examples:\n")[1]?.trimEnd().split("\n") ?? [];
  equal(examples.length, 3);
  for (const example of examples) {
    const args = example.trim().split(/ {2,}/)[0]?.split(" ").slice(3).map((word) =>
      word.replace(/^results\/.*/, folder)
    ) ?? [];
    const { code, stderr, url } = await started([...args, "--port", "0"], async (url) => {
      equal(await textOf(fetch(`${url.replace("0.0.0.0", "127.0.0.1")}health`)), "ok\n", example);
    });
    equal(code, 0, `${example} ${stderr}`);
    notEqual(url, "");
    equal(/warning: whoever reaches 0\.0\.0\.0 can read/.test(stderr), args.includes("0.0.0.0"));
  }
});

const chromium = "/usr/bin/chromium";

Deno.test("the live page offers newer records in a browser and keeps the reader's place", {
  ignore: !existsSync(chromium),
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const { chromium: launcher } = await import("playwright-core");
  const folder = write(running);
  await started([folder, "--port", "0"], async (url) => {
    const browser = await launcher.launch({ executablePath: chromium, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage({ viewport: { width: 1000, height: 700 }, reducedMotion: "reduce" });
      const wrong: string[] = [], asked: string[] = [];
      page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
      page.on("pageerror", (error) => wrong.push(error.message));
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(url);
      await page.locator("#state", { hasText: "running: 3 of 4 cells finished" }).waitFor();
      const frame = page.frameLocator("#report");
      await frame.locator("h1").waitFor();
      equal(await page.locator("#reload").isHidden(), true);
      const inside = () => page.frames().find((one) => /\/report\//.test(one.url()))!;
      await inside().evaluate(`for (const part of document.querySelectorAll("details")) part.open = !part.open;
        scrollTo({ top: 700, behavior: "instant" });`);
      const place = () =>
        inside().evaluate<{ y: number; open: boolean[] }>(
          `({ y: scrollY, open: [...document.querySelectorAll("details")].map(({ open }) => open) })`,
        );
      const before = await place();
      deepEqual([before.y, before.open.includes(true)], [700, true]);
      writeFileSync(stepsOf(folder), [1, 2, 3, 4, 5].map((step) => recordLine(fakeStep(step))).join(""));
      await page.locator("#reload").waitFor({ state: "visible", timeout: 10_000 });
      match(await page.locator("#running").textContent() ?? "", /grpo seed 0/);
      const address = inside().url();
      await page.locator("#reload").click();
      await page.locator("#reload").waitFor({ state: "hidden", timeout: 10_000 });
      notEqual(inside().url(), address);
      await page.waitForTimeout(300); // parts that are made late
      deepEqual(await place(), before);
      deepEqual(wrong, []);
      deepEqual(asked.filter((one) => !one.startsWith(url) && !one.startsWith("data:")), []);
    } finally {
      await browser.close();
    }
  });
});
