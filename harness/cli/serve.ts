// `serve RESULTS`: the report as a live page. Read only, a fixed table of routes, on the loopback interface unless told
// otherwise; there it answers to its own names alone, so that no foreign page can reach it by a name of its own (DNS
// rebinding).

import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { FailureError, MisuseError } from "../base/errors.ts";
import { evaluationHint } from "../records/evaluation_folders.ts";
import type { Results } from "../records/results.ts";
import { livePage, liveScript, liveStyle } from "../report/live/live_page.ts";
import { LiveRecords } from "../report/live/live_records.ts";
import { LiveReport } from "../report/live/live_report.ts";
import { interruptible } from "./interrupt.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `serve`, as commander hands them over. */
interface ServeFlags {
  readonly port: number;
  readonly host: string;
}

const PORT = 8421, HOST = "127.0.0.1", MOST_PORT = 65_535;

/** Adds the command to the program; `done` takes the exit code. */
export function addServe(program: Command, done: (exitCode: number) => void): void {
  program.command("serve")
    .description("The report as a live page while an experiment runs, and after.")
    .argument("<results>", "folder of an experiment, or a bundle of its records")
    .option("--port <n>", "port to listen on; 0 takes one that is free", parseCount("--port", 0), PORT)
    .option("--host <address>", "address to listen on; others than this one open the results to the network", HOST)
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
The page shows finished cells, and how far the others are; it says when there are newer records, and waits to be asked.
Nothing can be changed through it, and no file is served but the report, experiment.json and the page's own.
Ctrl-C ends it with exit code 0.

Examples:
  deno task serve results/arithmetic-embedded-quick-1a2b3c4d
  deno task serve results/arithmetic-embedded-quick-1a2b3c4d --port 0     any free port; the address is printed
  deno task serve results/arithmetic-embedded-quick-1a2b3c4d --host 0.0.0.0 --port 9000
`,
    )
    .action(async (path: string, { port, host }: ServeFlags) => {
      if (port > MOST_PORT) throw new MisuseError(`Cannot use --port ${port}: it must be at most ${MOST_PORT}`);
      const report = new LiveReport(openRecords(path), { build: reportOf });
      if (!isLoopback(host)) {
        console.error(`warning: whoever reaches ${host} can read these results; there is no password`);
      }
      await interruptible(async (stop) => {
        const server = serveReport(report, { name: basename(resolve(path)), port, host, signal: stop });
        console.log(`Serving ${path} at ${server.url} (Ctrl-C ends)`);
        await server.finished;
      }, () => {});
      done(0);
    });
}

async function reportOf(results: Results): Promise<string> {
  const [{ pageText }, { pageAssets }] = await Promise.all([
    import("../report/page.ts"),
    import("../report/page_assets.ts"),
  ]);
  return pageText([results], await pageAssets());
}

/** @throws FailureError for a path that holds no experiment, and none that begins */
function openRecords(path: string): LiveRecords {
  if (!existsSync(path)) {
    throw new FailureError(`Cannot serve "${path}": there is no such file or folder … check the path`);
  }
  const records = new LiveRecords(path), begun = ["experiment.json", "plan.json"];
  if (!begun.some((name) => existsSync(join(path, name))) && !/\.json$/.test(path)) {
    const hint = evaluationHint(path) ??
      "it has no experiment.json … give the folder that bench writes to, or a bundle";
    throw new FailureError(`Cannot serve "${path}": ${hint}`);
  }
  return records;
}

/** Where and what is served. */
export interface ServeOptions {
  /** Title of the page. */
  readonly name: string;
  readonly port: number;
  readonly host: string;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

/** A server that listens. */
export interface ReportServer {
  readonly url: string;
  readonly finished: Promise<void>;
}

/** Begins to listen. @throws FailureError where the port is taken, MisuseError where the address is none of this machine */
export function serveReport(report: LiveReport, { name, port, host, signal }: ServeOptions): ReportServer {
  const answer = answerer(report, name, isLoopback(host) ? host : null);
  try {
    const server = Deno.serve({ port, hostname: host, signal, onListen: () => {}, onError: failed }, answer);
    return { url: `http://${inUrl(host)}:${server.addr.port}/`, finished: server.finished };
  } catch (error) {
    throw listenError(error, host, port);
  }
}

function listenError(error: unknown, host: string, port: number): unknown {
  const cannot = `Cannot listen on ${host}:${port}:`;
  if (error instanceof Deno.errors.AddrInUse) {
    return new FailureError(`${cannot} the port is in use … choose another with --port, or any free one with --port 0`);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new FailureError(`${cannot} permission is denied … choose a --port above 1023`);
  }
  if (
    error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Error && /resolve|lookup|address/i.test(error.message)
  ) {
    return new MisuseError(`${cannot} it is no address of this machine … leave --host out, or give one that is`);
  }
  return error;
}

/** A response before its common headers. */
interface Reply {
  readonly status?: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const text = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  type: "text/plain",
  body: `${body}\n`,
  headers,
});

/** What every response says: nothing of it is for other pages, or to be guessed at. */
const COMMON = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Of the page around the report: its own two files, and the report in its frame. */
const AROUND = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; " +
  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Of the report, which narrows it to its own scripts and styles by their digests. */
const INSIDE = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/** @param ownHost whose names alone are answered to; null: any */
function answerer(report: LiveReport, name: string, ownHost: string | null) {
  const routes: Readonly<Record<string, () => Reply | Promise<Reply>>> = {
    "/": () => ({ type: "text/html", body: livePage(name), headers: { "content-security-policy": AROUND } }),
    "/live.js": () => ({ type: "text/javascript", body: liveScript }),
    "/live.css": () => ({ type: "text/css", body: liveStyle }),
    "/live.json": async () => {
      const state = await report.state();
      return { type: "application/json", body: `${JSON.stringify({ ...state, problem: report.problem })}\n` };
    },
    "/report": () => toNewest(report),
    "/experiment.json": async () => {
      const experiment = await report.records.experiment();
      if (experiment === null) return text(404, "Nothing is recorded yet");
      return { type: "application/json", body: `${JSON.stringify(experiment, null, 2)}\n` };
    },
    "/health": () => text(200, "ok"),
  };

  const replyTo = async (request: Request): Promise<Reply> => {
    if (ownHost !== null && !isOwn(request.headers.get("host"), ownHost)) {
      return text(
        403,
        `This server answers to its own address alone, not to ${JSON.stringify(request.headers.get("host"))}`,
      );
    }
    if (request.method !== "GET" && request.method !== "HEAD") return text(405, "Read only", { allow: "GET, HEAD" });
    const { pathname } = new URL(request.url), route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    try {
      if (route) return await route();
      return /^\/report\/[0-9a-f]{16}$/.test(pathname)
        ? await reportReply(report, pathname)
        : text(404, "There is no such page");
    } catch (error) {
      if (error instanceof FailureError) return text(503, error.message);
      throw error;
    }
  };

  return async (request: Request): Promise<Response> => {
    const { status = 200, type, body, headers } = await replyTo(request);
    return new Response(request.method === "HEAD" || status === 302 ? null : body, {
      status,
      headers: { ...COMMON, "content-type": `${type}; charset=utf-8`, ...headers },
    });
  };
}

/** The page of that version if it is the last one, which is not built anew: else the way to the newest. */
async function reportReply(report: LiveReport, pathname: string): Promise<Reply> {
  const { built } = report;
  if (built === null || pathname !== `/report/${built.version}`) return await toNewest(report);
  return { type: "text/html", body: built.text, headers: { "content-security-policy": INSIDE } };
}

async function toNewest(report: LiveReport): Promise<Reply> {
  return text(302, "", { location: `/report/${(await report.page()).version}` });
}

/** A defect: the reader learns that there is one, the terminal which. */
function failed(error: unknown): Response {
  console.error(error);
  return new Response("The server failed: see its terminal\n", { status: 500, headers: COMMON });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether a Host header names the loopback interface, or the host as it was given. */
function isOwn(header: string | null, host: string): boolean {
  const name = (header ?? "").replace(/:\d+$/, "").toLowerCase();
  return ["localhost", "127.0.0.1", "[::1]", inUrl(host)].includes(name);
}

const inUrl = (host: string) => host.includes(":") ? `[${host}]` : host;
