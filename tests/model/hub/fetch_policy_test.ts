// Policies from a Hub on loopback, with everything that can go wrong on the way; the real one is asked by no test.

import { deepEqual, doesNotMatch, equal, match, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../../harness/base/errors.ts";
import { sha256 } from "../../../harness/base/digest.ts";
import { fetchPolicy, type FetchProgress, parseHubName } from "../../../harness/model/hub/fetch_policy.ts";
import { type HubSettings, hubSettings } from "../../../harness/model/hub/settings.ts";
import { findPolicy, glimpsePolicy } from "../../../harness/experiment/policies.ts";
import {
  cut,
  type FakeHub,
  filesBelow,
  gitDigest,
  type HubRequest,
  ranged,
  refused,
  withHub,
} from "../../fakes/hub.ts";
import { tinyCompanions, tinyRaw } from "../tiny_policy.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
/** Content that differs everywhere. */
const blob = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) & 255);

const weights = blob(300_000);
const files = new Map<string, Uint8Array>([
  ["README.md", bytes("# A model")],
  ["config.json", bytes(JSON.stringify(tinyRaw()))],
  ["tokenizer.json", bytes(tinyCompanions["tokenizer.json"])],
  ["tokenizer_config.json", bytes(tinyCompanions["tokenizer_config.json"])],
  ["generation_config.json", bytes("{}")],
  ["model.safetensors", weights],
  ["pytorch_model.bin", blob(5000)],
]);
const wanted = [...files.keys()].filter((path) => !/README|\.bin/.test(path)).sort();
const main = { name: "tiny/model", revision: "main" };
const isStorage = ({ host }: { readonly host: string }) => host === "storage";

/** Fetches, and checks that the snapshot holds what the Hub has. */
async function fetched(hub: FakeHub, settings: HubSettings, seen: FetchProgress[], revision = "main") {
  const found = await fetchPolicy({ ...main, revision }, { settings, report: (one) => seen.push(one) });
  equal(found.commit, hub.commit);
  for (const path of found.files) deepEqual(await Deno.readFile(join(found.folder, path)), hub.files.get(path), path);
  return found;
}

/** No blob is other than its name says, and nothing temporary is left but what can be gone on with. */
async function checkCache(cache: string) {
  const blobs = join(cache, "models--tiny--model", "blobs");
  for (const { name } of await Array.fromAsync(Deno.readDir(blobs)).catch(() => [])) {
    if (name.endsWith(".incomplete")) continue;
    const content = await Deno.readFile(join(blobs, name));
    equal(name.length === 64 ? sha256(content) : gitDigest(content), name);
  }
}

const failing = (work: Promise<unknown>, kind: typeof FailureError | typeof MisuseError, pattern: RegExp) =>
  rejects(work, (error: unknown) => {
    if (!(error instanceof kind)) throw error;
    match(error.message, pattern);
    match(error.message, /^Cannot .*[^.]$/);
    return true;
  });

const notes = (seen: readonly FetchProgress[]) => seen.flatMap((one) => one.type === "note" ? [one.text] : []);

Deno.test("parseHubName() takes org/name and a revision, and nothing that is a path", () => {
  deepEqual(parseHubName("Qwen/Qwen2.5-0.5B-Instruct"), { name: "Qwen/Qwen2.5-0.5B-Instruct", revision: "main" });
  deepEqual(parseHubName("a/b@refs/pr/1"), { name: "a/b", revision: "refs/pr/1" });
  const not = [
    "embedded",
    "./a/b",
    "/a/b",
    "../b",
    "a/b/c",
    "a\\b",
    "a/..",
    "a/b@",
    "a/b@../x",
    "a/b@/x",
    "a--b/c",
    "a/b@x/",
  ];
  deepEqual(not.filter((name) => parseHubName(name) !== null), []);
});

Deno.test("fetchPolicy() fetches what a policy is read from, laid out as Python's tools do, and nothing twice", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const { folder, files: found } = await fetched(hub, settings, seen);
    deepEqual(found, wanted);
    equal(folder, join(cache, "models--tiny--model", "snapshots", hub.commit));
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), wanted);
    equal(Deno.readLinkSync(join(folder, "model.safetensors")), join("..", "..", "blobs", sha256(weights)));
    equal(
      Deno.readLinkSync(join(folder, "config.json")),
      join("..", "..", "blobs", gitDigest(files.get("config.json")!)),
    );
    equal(Deno.readTextFileSync(join(cache, "models--tiny--model", "refs", "main")), hub.commit);
    deepEqual(hub.fetched.sort(), wanted);
    equal(hub.fetched.length, wanted.length);
    const size = wanted.filter((path) => path !== "config.json") // which is there when it begins
      .reduce((sum, path) => sum + files.get(path)!.length, 0);
    deepEqual(seen[0], { type: "begin", what: "tiny/model@c0ffee000000", files: 4, bytes: size });
    const counted = seen.filter((one) => one.type === "bytes");
    deepEqual(counted.at(-1), { type: "bytes", file: "model.safetensors", done: size, bytes: size });
    deepEqual(counted.map(({ done }) => done), counted.map(({ done }) => done).sort((a, b) => a - b));
    equal(seen.at(-1)?.type, "end");

    const before = hub.requests.length, again: FetchProgress[] = [];
    for (const revision of ["main", "v1", "refs/pr/1", hub.commit]) await fetched(hub, settings, again, revision);
    deepEqual(hub.requests.slice(before).filter(({ path }) => path.includes("/resolve/")), []);
    deepEqual(again, []);
    deepEqual([...Deno.readDirSync(join(cache, "models--tiny--model", "refs"))].map(({ name }) => name).sort(), [
      "main",
      "refs",
      "v1",
    ]);
  }));

Deno.test("findPolicy() takes what ships, then a path that exists, then the Hub, and names the commit", () =>
  withHub(files, async (hub, { cache, settings }) => {
    const found = await findPolicy("tiny/model@v1", { settings });
    deepEqual([found.name, found.label], [`tiny/model@${hub.commit}`, "model"]);
    deepEqual(Object.keys(found.files), wanted);
    equal(found.files["model.safetensors"], sha256(weights));
    equal((await findPolicy(found.name, { cacheOnly: true, settings })).folder, found.folder);
    const asked = hub.requests.length, before = Deno.cwd();
    await Deno.mkdir(join(cache, "here", "tiny", "model"), { recursive: true });
    Deno.chdir(join(cache, "here"));
    try {
      await Deno.writeFile("tiny/model/config.json", files.get("config.json")!);
      deepEqual((await findPolicy("tiny/model", { settings })).name, "tiny/model");
    } finally {
      Deno.chdir(before);
    }
    equal(hub.requests.length, asked);
    const damaged = join(cache, "models--tiny--model", "blobs", sha256(weights));
    await Deno.writeFile(damaged, blob(300_000, 2));
    await failing(
      findPolicy(found.name, { settings }),
      FailureError,
      /model\.safetensors in the cache is damaged,.* … remove/,
    );
    await Deno.remove(damaged);
    equal((await findPolicy(found.name, { settings })).files["model.safetensors"], sha256(weights));
  }));

Deno.test("fetchPolicy() goes on by Range where a connection broke or stalled", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const ends = ["break", "stall", "short"] as const,
      ofWeights = ({ host, path }: HubRequest) => host === "storage" && path.includes("model");
    let cuts = 0;
    hub.mishap = (request, content) => {
      const end = ends[cuts];
      if (!ofWeights(request) || !content || !end) return null;
      cuts++;
      return cut(content, request.range, 65_536, end);
    };
    await fetched(hub, { ...settings, timeout: 400 }, seen);
    deepEqual(
      hub.requests.filter(ofWeights).map(({ range }) => range),
      [null, "bytes=65536-", "bytes=131072-", "bytes=196608-"],
    );
    const [first, second, third] = notes(seen);
    match(first ?? "", /^the connection to the Hub failed/);
    match(second ?? "", /^nothing came from the Hub for 0\.4 s; trying again in 0\.0 s$/);
    match(third ?? "", /^model\.safetensors ended after 196608 of 300000 bytes/);
    await checkCache(cache);
  }));

Deno.test("fetchPolicy() begins anew where the Hub knows no ranges, or goes on elsewhere", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const answers = [
      () => new Response(null, { status: 403 }), // a signature that ran out
      (content: Uint8Array) => cut(content, null, 65_536, "break"),
      (content: Uint8Array) =>
        new Response(content.slice(), { status: 206, headers: { "Content-Range": `bytes 0-299999/300000` } }),
      (content: Uint8Array) => cut(content, null, 65_536, "break"),
      (content: Uint8Array) => new Response(content.slice()),
    ];
    hub.mishap = ({ host, path }, content) =>
      host === "storage" && path.includes("model") && content ? answers.shift()?.(content) ?? null : null;
    await fetched(hub, settings, seen);
    equal(answers.length, 0);
    await checkCache(cache);
  }));

Deno.test("fetchPolicy() asks again after 429 and 5xx, when the Hub says", () =>
  withHub(files, async (hub, { settings, seen }) => {
    const busy = (status: number, headers = {}) => new Response("busy", { status, headers });
    const date = (second: number) => `Wed, 21 Oct 2015 07:28:0${second} GMT`;
    const answers = [
      busy(429, { "Retry-After": "1" }),
      busy(503, { "Retry-After": date(7), "Date": date(6) }),
      busy(429, { "RateLimit": '"api";r=0;t=1' }),
      busy(500),
    ];
    hub.mishap = () => answers.shift() ?? null;
    const begun = performance.now();
    await fetched(hub, settings, seen);
    ok(performance.now() - begun >= 3000);
    deepEqual(notes(seen), [
      "the Hub answers 429; trying again in 1.0 s",
      "the Hub answers 503; trying again in 1.0 s",
      "the Hub answers 429; trying again in 1.0 s",
      "the Hub answers 500; trying again in 0.0 s",
    ]);
  }));

Deno.test("fetchPolicy() gives up on a Hub that stays busy, or asks to wait for long, and keeps what it has", () =>
  withHub(files, async (hub, { cache, settings }) => {
    hub.mishap = () => new Response(null, { status: 503 });
    await failing(
      fetchPolicy(main, { settings }),
      FailureError,
      /answers 503, and the cache does not hold it … .*hf download/,
    );
    equal(hub.requests.length, 6);
    hub.mishap = () => new Response(null, { status: 429, headers: { "Retry-After": "3600" } });
    await failing(fetchPolicy(main, { settings }), FailureError, /answers 429 and asks to wait 3600 s/);
    hub.mishap = (request, content) => isStorage(request) && content ? cut(content, request.range, 0, "break") : null;
    await failing(
      fetchPolicy(main, { settings }),
      FailureError,
      /connection to the Hub failed.*what was fetched is kept/,
    );
    hub.mishap = () => null;
    await fetched(hub, settings, []);
    await checkCache(cache);
  }));

Deno.test("fetchPolicy() refuses what has the wrong digest, and nothing of it stays", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const wrong = blob(300_000, 5);
    let times = 1;
    hub.mishap = ({ host, path, range }) =>
      host === "storage" && path.includes("model") && times-- > 0 ? ranged(wrong, range) : null;
    await fetched(hub, settings, seen); // right when asked again
    match(notes(seen).join(), /model\.safetensors came with the wrong digest; fetching it anew/);
    await Deno.remove(join(cache, "models--tiny--model"), { recursive: true });
    for (const body of [wrong, blob(300_001), bytes("<html>Log in to the network</html>".repeat(10_000))]) {
      hub.mishap = ({ host, path, range }) => host === "storage" && path.includes("model") ? ranged(body, range) : null;
      await failing(
        fetchPolicy(main, { settings }),
        FailureError,
        /model\.safetensors came with the digest [0-9a-f]{12}, and/,
      );
    }
    hub.mishap = () => null;
    hub.listed.set("config.json", "1".repeat(40));
    await Deno.remove(join(cache, "models--tiny--model"), { recursive: true });
    await failing(fetchPolicy(main, { settings }), FailureError, /config\.json came with the digest .* lists 1{12} …/);
    const names = [...(await filesBelow(cache)).keys()].filter((path) => !path.endsWith(".lock"));
    deepEqual(names, []);
  }));

Deno.test("fetchPolicy() names an unsupported architecture, and missing weights, before it fetches any", async () => {
  const other = new Map(files).set(
    "config.json",
    bytes(JSON.stringify(tinyRaw({ architectures: ["GPT2LMHeadModel"] }))),
  );
  await withHub(other, async (hub, { settings }) => {
    await failing(fetchPolicy(main, { settings }), MisuseError, /GPT2LMHeadModel/);
    deepEqual(hub.fetched, ["config.json"]);
  });
  const pickled = new Map([...files].filter(([path]) => path !== "model.safetensors"));
  await withHub(pickled, async (hub, { settings }) => {
    await failing(fetchPolicy(main, { settings }), MisuseError, /has no model\.safetensors, but pytorch_model\.bin/);
    deepEqual(hub.fetched, []);
  });
  await withHub(new Map([...files].filter(([path]) => path !== "tokenizer.json")), async (_, { settings }) => {
    await failing(fetchPolicy(main, { settings }), MisuseError, /has no tokenizer\.json …/);
  });
});

Deno.test("fetchPolicy() fetches the shards that the index names, and no other weights", () => {
  const shards = new Map([...files].filter(([path]) => path !== "model.safetensors"));
  const map = {
    a: "model-00001-of-00002.safetensors",
    b: "model-00002-of-00002.safetensors",
    c: "model-00001-of-00002.safetensors",
  };
  shards.set("model.safetensors.index.json", bytes(JSON.stringify({ weight_map: map })));
  shards.set(map.a, blob(3000)).set(map.b, blob(4000, 3)).set("consolidated.safetensors", blob(7000));
  return withHub(shards, async (hub, { settings, seen }) => {
    const found = await fetched(hub, settings, seen);
    deepEqual(found.files.filter((path) => path.includes("safetensors")), [
      map.a,
      map.b,
      "model.safetensors.index.json",
    ]);
    deepEqual(hub.fetched.includes("consolidated.safetensors"), false);
    deepEqual((await fetchPolicy(main, { settings, cacheOnly: true })).files, found.files);
    await Deno.remove(join(found.folder, map.b));
    await failing(fetchPolicy(main, { settings, cacheOnly: true }), MisuseError, /does not hold all of revision main/);
    await fetched(hub, settings, seen); // the link alone is made anew
  });
});

Deno.test("fetchPolicy() says what is refused, and what to do", () =>
  withHub(files, async (hub, { settings }) => {
    const refusedAs = async (
      answer: () => Response,
      kind: typeof FailureError,
      pattern: RegExp,
      token: string | null = null,
    ) => {
      hub.mishap = answer;
      await failing(fetchPolicy(main, { settings: { ...settings, token } }), kind, pattern);
    };
    const page = `${hub.endpoint}/tiny/model`.replaceAll(".", "\\.");
    await refusedAs(
      () => refused(401, "GatedRepo"),
      MisuseError,
      new RegExp(`gated … accept .* at ${page}, and set HF_TOKEN`),
    );
    await refusedAs(
      () => refused(403, "GatedRepo"),
      MisuseError,
      /gated … .*see that the token is of that account/,
      "hf_x",
    );
    await refusedAs(
      () => refused(401, "RepoNotFound"),
      MisuseError,
      /no such folder, and .* no such repository, or it is private/,
    );
    await refusedAs(() => refused(404, "RepoNotFound"), MisuseError, /no such repository/);
    const invalid = () => refused(401, "", "Invalid credentials in Authorization header");
    await refusedAs(invalid, MisuseError, /does not know the token of HF_TOKEN/, "hf_x");
    await refusedAs(() => refused(403, ""), FailureError, /answers 403/);
    await refusedAs(() => new Response("<html>"), FailureError, /does not answer as the Hub does/);
    await refusedAs(() => Response.json({ sha: "../../x" }), FailureError, /does not answer as the Hub does/);
    const elsewhere = { status: 302, headers: { Location: "file:///etc/hosts" } };
    await refusedAs(() => new Response(null, elsewhere), FailureError, /leads to no address that can be asked/);
    hub.mishap = () => null;
    await failing(fetchPolicy({ ...main, revision: "v9" }, { settings }), MisuseError, /has no revision "v9"/);
    hub.mishap = ({ path }) =>
      path.includes("/tree/") ? Response.json([{ type: "file", path: "config.json", size: 1, oid: "../../x" }]) : null;
    await failing(fetchPolicy(main, { settings }), FailureError, /does not answer as the Hub does/);
  }));

Deno.test("fetchPolicy() works from the cache without the Hub, else says what to fetch and where to put it", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const offline = { ...settings, offline: true };
    const place = join(cache, "models--tiny--model");
    await failing(
      fetchPolicy(main, { settings: offline }),
      MisuseError,
      /HF_HUB_OFFLINE is set … .*hf download tiny\/model` and/,
    );
    await failing(
      fetchPolicy({ ...main, revision: "v1" }, { settings, cacheOnly: true }),
      MisuseError,
      /nothing is fetched unasked … `deno task doctor --policy tiny\/model@v1` fetches it/,
    );
    equal(hub.requests.length, 0);
    await fetched(hub, settings, seen);
    const asked = hub.requests.length,
      expected = { folder: join(place, "snapshots", hub.commit), commit: hub.commit, files: wanted };
    deepEqual(await fetchPolicy(main, { settings: offline }), expected);
    equal(hub.requests.length, asked);
    await hub[Symbol.asyncDispose]();
    for (const revision of ["main", hub.commit]) {
      const told: FetchProgress[] = [];
      deepEqual(await fetchPolicy({ ...main, revision }, { settings, report: (one) => told.push(one) }), expected);
      match(
        notes(told).join(),
        /^the connection to the Hub failed .*\(Connection refused.*\); using commit c0ffee000000 of tiny\/model from the cache$/,
      );
    }
    await failing(
      fetchPolicy({ ...main, revision: "v1" }, { settings }),
      FailureError,
      /failed.*Connection refused.*, and the cache does not/,
    );
  }));

Deno.test("the token goes to the endpoint's own port alone, and into no file, message or progress", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const token = "hf_VerySecret0123456789", secret = { ...settings, token };
    await fetched(hub, secret, seen);
    deepEqual(
      new Set(hub.requests.filter(({ host }) => host === "hub").map(({ authorization }) => authorization)),
      new Set([`Bearer ${token}`]),
    );
    ok(hub.requests.some(isStorage));
    deepEqual(new Set(hub.requests.filter(isStorage).map(({ authorization }) => authorization)), new Set([null]));
    const texts = [...await filesBelow(cache)].flat();
    hub.mishap = ({ authorization }) => refused(418, "Odd", `you sent ${authorization}`);
    await rejects(fetchPolicy(main, { settings: secret }), (error: unknown) => texts.push(String(error)) > 0);
    texts.push(JSON.stringify(seen));
    for (const text of texts) doesNotMatch(text, /VerySecret/);
  }));

Deno.test("hubSettings() reads what Python's tools read, and quotes no secret", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(home, "token"), "hf_file\n");
    const of = (more: Record<string, string>) => hubSettings({ HF_HOME: home, ...more });
    deepEqual([of({}).endpoint, of({}).token, of({}).offline, of({}).timeout], [
      "https://huggingface.co",
      "hf_file",
      false,
      10_000,
    ]);
    equal(of({ HF_TOKEN: " hf_own\n" }).token, "hf_own");
    equal(of({ HF_TOKEN: "hf_own", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }).token, null);
    equal(of({ HF_HOME: join(home, "none") }).token, null);
    equal(of({ HF_TOKEN_PATH: join(home, "none") }).token, null);
    equal(of({ HF_ENDPOINT: "https://mirror.example/hub/" }).endpoint, "https://mirror.example/hub");
    deepEqual([of({ HF_HUB_OFFLINE: "YES" }).offline, of({ HF_HUB_OFFLINE: "0" }).offline], [true, false]);
    equal(of({ HF_HUB_DOWNLOAD_TIMEOUT: "2.5" }).timeout, 2500);
    const wrong = [{ HF_ENDPOINT: "https://me:secret@x.y" }, { HF_ENDPOINT: "secret" }, {
      HF_TOKEN: "hf_secret\nX: y",
    }];
    for (const one of wrong) {
      throws(() => of(one), (error: unknown) => error instanceof MisuseError && !error.message.includes("secret"));
    }
    throws(() => of({ HF_HUB_DOWNLOAD_TIMEOUT: "soon" }), MisuseError);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("fetchPolicy() copies where links are not to be had, and looks into the copies", () =>
  withHub(files, async (hub, { settings, seen }) => {
    const copies = { ...settings, symlinks: false };
    const { folder } = await fetched(hub, copies, seen), path = join(folder, "model.safetensors");
    equal(Deno.lstatSync(path).isFile, true);
    await Deno.writeFile(path, blob(300_000, 2));
    await fetched(hub, copies, seen);
  }));

Deno.test("fetchPolicy() goes on from what another process left, and begins anew where that was damaged", () =>
  withHub(files, async (hub, { cache, settings, seen }) => {
    const blobs = join(cache, "models--tiny--model", "blobs"), part = join(blobs, `${sha256(weights)}.incomplete`);
    await Deno.mkdir(blobs, { recursive: true });
    await Deno.writeFile(part, weights.slice(0, 200_000));
    await fetched(hub, settings, seen);
    for (const left of [blob(200_000, 9), blob(300_000, 9), blob(400_000, 9), weights]) {
      await Deno.remove(join(blobs, sha256(weights)));
      await Deno.writeFile(part, left);
      await fetched(hub, settings, seen);
    }
    const ranges = hub.requests.filter(isStorage).filter(({ path }) => path.includes("model")).map(({ range }) =>
      range
    );
    deepEqual(ranges, ["bytes=200000-", "bytes=200000-", null, null, null]);
    await checkCache(cache);
  }));

Deno.test("fetchPolicy() follows a repository that was renamed, with the token", () =>
  withHub(files, async (hub, { settings }) => {
    hub.mishap = ({ path }) => {
      const renamed = path.replace("old/name", "tiny/model");
      return renamed === path ? null : new Response(null, { status: 307, headers: { Location: renamed } });
    };
    const token = "hf_x",
      found = await fetchPolicy({ ...main, name: "old/name" }, { settings: { ...settings, token } });
    deepEqual(found.files, wanted);
    ok(hub.requests.every(({ host, authorization }) => authorization === (host === "hub" ? `Bearer ${token}` : null)));
  }));

Deno.test({
  name: "fetchPolicy() says that the disk is full, and goes on when it no longer is",
  ignore: Deno.build.os !== "linux", // /dev/full
  fn: () =>
    withHub(files, async (hub, { cache, settings, seen }) => {
      const part = join(cache, "models--tiny--model", "blobs", `${sha256(weights)}.incomplete`);
      await Deno.mkdir(join(part, ".."), { recursive: true });
      await Deno.symlink("/dev/full", part);
      await failing(
        fetchPolicy(main, { settings }),
        FailureError,
        /Cannot write ".*incomplete": the disk is full … free space/,
      );
      await Deno.remove(part);
      await fetched(hub, settings, seen);
      await checkCache(cache);
    }),
});

Deno.test("fetchPolicy() needs room on the disk before it fetches weights", () => {
  return withHub(files, async (hub, { settings }) => {
    hub.mishap = ({ path }) => {
      if (!path.includes("/tree/")) return null;
      const entry = (file: string) => ({
        type: "file",
        path: file,
        size: hub.files.get(file)?.length,
        oid: hub.digestOf(file),
      });
      const huge = {
        type: "file",
        path: "model.safetensors",
        size: 2 ** 50,
        oid: "0".repeat(40),
        lfs: { oid: "0".repeat(64), size: 2 ** 50 },
      };
      return Response.json([...["config.json", "tokenizer.json", "tokenizer_config.json"].map(entry), huge]);
    };
    await failing(
      fetchPolicy(main, { settings }),
      FailureError,
      /\d+ MB are to come, and ".*" has \d+ MB free … free space, or .* HF_HUB_CACHE/,
    );
    deepEqual(hub.fetched, ["config.json"]);
  });
});

const adapters = join(import.meta.dirname!, "../../fixtures/adapters/qwen3-q-v");
const adapterFiles = (changes: Record<string, unknown>) => {
  const config = JSON.parse(Deno.readTextFileSync(join(adapters, "adapter_config.json")));
  return new Map([
    ["README.md", bytes("# An adapter")],
    ["adapter_config.json", bytes(JSON.stringify({ ...config, ...changes }))],
    ["adapter_model.safetensors", Deno.readFileSync(join(adapters, "adapter_model.safetensors"))],
    ["tokenizer.json", bytes("{}")],
    ["training_args.bin", blob(3000)],
  ]);
};

Deno.test("findPolicy() takes a repository that holds an adapter, and finds the policy that it adapts", () =>
  withHub(adapterFiles({ base_model_name_or_path: "embedded" }), async (hub, { cache, settings }) => {
    const glimpsed = await glimpsePolicy("tiny/model", { settings }), { files } = hub;
    const [config, weights] = ["adapter_config.json", "adapter_model.safetensors"].map((name) => files.get(name)!);
    equal(glimpsed.bytes, config!.length + weights!.length);
    deepEqual([glimpsed.name, glimpsed.base], [`tiny/model@${hub.commit}`, "embedded"]);
    await glimpsed[Symbol.asyncDispose]();
    deepEqual(hub.fetched, ["adapter_config.json"]);

    const found = await findPolicy("tiny/model", { settings }), own = await findPolicy("embedded");
    deepEqual([found.name, found.label, found.base], [`tiny/model@${hub.commit}`, "model", "embedded"]);
    deepEqual([found.folder, found.merged], [
      own.folder,
      join(cache, "models--tiny--model", "snapshots", hub.commit),
    ]);
    deepEqual(found.files, {
      ...own.files,
      "adapter_config.json": sha256(config!),
      "adapter_model.safetensors": sha256(weights!),
    });
    deepEqual(hub.fetched.slice(1), ["adapter_config.json", "adapter_model.safetensors"]);
    const asked = hub.requests.length;
    deepEqual(await findPolicy(found.name, { settings, cacheOnly: true }), found);
    equal(hub.requests.length, asked);
    await checkCache(cache);
  }));

Deno.test("fetchPolicy() refuses an adapter that is not plain before it fetches its weights, and one without", async () => {
  await withHub(adapterFiles({ use_dora: true }), async (hub, { settings }) => {
    await failing(fetchPolicy(main, { settings }), MisuseError, /"use_dora" is true …/);
    deepEqual(hub.fetched, ["adapter_config.json"]);
  });
  const pickled = new Map([...adapterFiles({})].filter(([path]) => path !== "adapter_model.safetensors"));
  await withHub(pickled, async (hub, { settings }) => {
    await failing(fetchPolicy(main, { settings }), MisuseError, /has adapter_config\.json and no adapter_model\.saf/);
    deepEqual(hub.fetched, []);
  });
});

Deno.test("findPolicy() fetches the policy that an adapter in a folder adapts, at its revision", () =>
  withHub(files, async (hub, { cache, settings }) => {
    const folder = join(cache, "adapter");
    await Deno.mkdir(folder);
    for (const [name, content] of adapterFiles({ base_model_name_or_path: "tiny/model", revision: "v1" })) {
      if (name.startsWith("adapter")) await Deno.writeFile(join(folder, name), content);
    }
    await failing(
      findPolicy(folder, { settings, cacheOnly: true }),
      MisuseError,
      /does not hold all of revision v1, .*doctor --policy tiny\/model@v1.*; "base_model_name_or_path" of .* names it/,
    );
    const found = await findPolicy(folder, { settings });
    deepEqual([found.name, found.merged, found.base], [folder, folder, `tiny/model@${hub.commit}`]);
    deepEqual(Object.keys(found.files).sort(), ["adapter_config.json", "adapter_model.safetensors", ...wanted].sort());
    deepEqual(await findPolicy(folder, { settings, cacheOnly: true }, found.base), found); // as its plan recorded it
  }));
