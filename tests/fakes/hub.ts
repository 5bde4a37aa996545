// Plays the Hugging Face Hub on loopback: the API's revisions and listings, `resolve` with ranges, and large files behind
// a redirect to another port, as its storage has them; and below /raw/, GitHub's files by repository, commit and path. What goes wrong is told by `mishap`, request by request. It keeps
// what it was asked.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import type { FetchProgress } from "../../harness/model/hub/fetch_policy.ts";
import { type HubSettings, hubSettings } from "../../harness/model/hub/settings.ts";

/** A request as it came. */
export interface HubRequest {
  readonly host: "hub" | "storage";
  /** With the query. */
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** Files of more bytes are large ones. */
const LARGE = 2000;

export const gitDigest = (content: Uint8Array) =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");

export class FakeHub implements AsyncDisposable {
  readonly requests: HubRequest[] = [];
  /** An answer instead of the right one; null: the right one. */
  mishap: (request: HubRequest, content: Uint8Array | null) => Response | null = () => null;
  /** Digests that the listing gives instead of the right ones, by path. */
  readonly listed = new Map<string, string>();
  readonly #servers: Deno.HttpServer<Deno.NetAddr>[];

  constructor(
    readonly name: string,
    readonly files: ReadonlyMap<string, Uint8Array>,
    readonly commit = "c0ffee".padEnd(40, "0"),
    readonly kind: "models" | "datasets" = "models",
    /** By "org/name/commit/path". */
    readonly github: ReadonlyMap<string, Uint8Array> = new Map(),
  ) {
    const serve = (host: HubRequest["host"]) =>
      Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => this.#answer(host, request));
    this.#servers = [serve("hub"), serve("storage")];
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#servers[0]!.addr.port}`;
  }

  digestOf(path: string): string {
    const content = this.files.get(path) ?? new Uint8Array();
    return this.listed.get(path) ?? (content.length > LARGE ? sha256(content) : gitDigest(content));
  }

  /** Paths of files that were asked for, in order. */
  get fetched(): string[] {
    return this.requests.filter(({ host }) => host === "hub").flatMap(({ path }) =>
      /\/resolve\/[^/]+\/(.+)$/.exec(path)?.[1] ?? []
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.shutdown()));
  }

  #answer(host: HubRequest["host"], { url, headers }: Request): Response {
    const { pathname, search } = new URL(url);
    const request = {
      host,
      path: pathname + search,
      range: headers.get("Range"),
      authorization: headers.get("Authorization"),
    };
    this.requests.push(request);
    if (pathname.startsWith("/raw/")) {
      const content = this.github.get(decodeURIComponent(pathname.slice("/raw/".length))) ?? null;
      const instead = this.mishap(request, content);
      return instead ??
        (content === null ? new Response("404: Not Found", { status: 404 }) : ranged(content, request.range));
    }
    const own = this.kind === "datasets" ? `datasets/${this.name}` : this.name;
    const api = `/api/${this.kind}/${this.name}`, tree = `${api}/tree/${this.commit}`;
    const [, , resolved, stored] = /^(?:(.*\/resolve\/[^/]+\/(.*))|\/blob\/(.*))$/.exec(pathname) ?? [];
    const file = decodeURIComponent(resolved ?? stored ?? "");
    const content = this.files.get(file) ?? null;
    const instead = this.mishap(request, content);
    if (instead) return instead;
    if (pathname.startsWith(`${api}/revision/`)) {
      const revision = decodeURIComponent(pathname.slice(`${api}/revision/`.length));
      if (!["main", "v1", "refs/pr/1", this.commit].includes(revision)) return refused(404, "RevisionNotFound");
      const siblings = [...this.files.keys()].map((rfilename) => ({ rfilename }));
      return Response.json({ _id: "1", id: this.name, sha: this.commit, private: false, gated: false, siblings });
    }
    if (pathname === tree || pathname.startsWith(`${tree}/`)) {
      return Response.json(this.#tree(pathname.slice(tree.length)));
    }
    if (!pathname.startsWith(`/${own}/resolve/`) && host === "hub") return refused(404, "RepoNotFound");
    if (content === null) return refused(404, "EntryNotFound");
    if (host === "hub" && content.length > LARGE) {
      const location = `http://127.0.0.1:${this.#servers[1]!.addr.port}/blob/${
        encodeURIComponent(file)
      }?signature=signed`;
      return new Response(null, {
        status: 302,
        headers: { Location: location, ...this.#told(file, content, "X-Linked-") },
      });
    }
    const answer = ranged(content, request.range);
    for (const [name, value] of Object.entries(this.#told(file, content, ""))) answer.headers.set(name, value);
    return answer;
  }

  /** What Python's tools want to know before they fetch. */
  #told(file: string, content: Uint8Array, prefix: string): Record<string, string> {
    const size = prefix === "" ? {} : { "X-Linked-Size": String(content.length) };
    return { "X-Repo-Commit": this.commit, [`${prefix}ETag`]: `"${this.digestOf(file)}"`, ...size };
  }

  /** @param folder "" or "/name" */
  #tree(folder: string) {
    const inside = [...this.files].filter(([path]) =>
      `/${path}`.slice(0, -path.split("/").at(-1)!.length - 1) === folder
    );
    return [
      { type: "directory", path: `${folder}/onnx`.slice(1), size: 0, oid: "0".repeat(40) },
      ...inside.map(([path, content]) => {
        const plain = { type: "file", path, size: content.length, oid: gitDigest(content) };
        if (content.length <= LARGE) return { ...plain, oid: this.digestOf(path) };
        return { ...plain, lfs: { oid: this.digestOf(path), size: content.length, pointerSize: 130 } };
      }),
    ];
  }
}

export function refused(status: number, code: string, message = ""): Response {
  const headers = { "X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json" };
  return new Response(JSON.stringify({ error: message }), { status, headers });
}

/** The content, or the part of it that is asked for. */
export function ranged(content: Uint8Array, range: string | null): Response {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0), { length } = content;
  if (range === null) return new Response(content.slice());
  if (start >= length) return new Response(null, { status: 416 });
  const headers = { "Content-Range": `bytes ${start}-${length - 1}/${length}` };
  return new Response(content.slice(start), { status: 206, headers });
}

/**
 * The beginning of a content, or of the part of it that is asked for, after which the connection breaks, the answer ends
 * as if it were whole, or nothing more comes.
 */
export function cut(
  content: Uint8Array,
  range: string | null,
  bytes: number,
  end: "break" | "short" | "stall",
): Response {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0), { status, headers } = ranged(content, range);
  if (end === "break") headers.set("Content-Length", String(content.length - start));
  let sent = false;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!sent && bytes > 0) controller.enqueue(content.slice(start, start + bytes));
      else if (end === "stall") await new Promise<void>((resolve) => stalled.push(resolve));
      else controller.close();
      sent = true;
    },
  });
  return new Response(stream, { status, headers });
}

/** Streams that wait; let go of at the end of a test. */
const stalled: (() => void)[] = [];

/** A cache of its own, and the environment that names it and the Hub; the environment is restored afterwards. */
export async function withHub(
  files: ReadonlyMap<string, Uint8Array>,
  work: (hub: FakeHub, at: { cache: string; settings: HubSettings; seen: FetchProgress[] }) => Promise<void>,
  make: () => FakeHub = () => new FakeHub("tiny/model", files),
): Promise<void> {
  const cache = await Deno.makeTempDir(), before = Deno.env.get("HF_HUB_CACHE");
  Deno.env.set("HF_HUB_CACHE", cache);
  const hub = make(), environment = { HF_ENDPOINT: hub.endpoint, HF_HOME: cache, MATCHBOX_CACHE: cache };
  const github = { MATCHBOX_GITHUB_RAW: `${hub.endpoint}/raw` };
  const settings = { ...hubSettings({ ...environment, ...github }), timeout: 10_000, backoff: 5 };
  try {
    await work(hub, { cache, settings, seen: [] });
  } finally {
    for (const resolve of stalled.splice(0)) resolve();
    await hub[Symbol.asyncDispose]();
    if (before === undefined) Deno.env.delete("HF_HUB_CACHE");
    else Deno.env.set("HF_HUB_CACHE", before);
    await Deno.remove(cache, { recursive: true });
  }
}

/** All files below a folder with their content as text of bytes; links are followed. */
export async function filesBelow(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) { for (const [inner, text] of await filesBelow(path)) found.set(inner, text); }
    else found.set(path, new TextDecoder("latin1").decode(await Deno.readFile(path)));
  }
  return found;
}
