// `bench`, `doctor` and `verify` with a policy of the Hub, as their users run them, against one on loopback: a fetch that
// Ctrl-C ends and the next run goes on with, two processes that want the same, and all of it again when the Hub is gone.

import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../harness/base/digest.ts";
import { embeddedPolicies } from "../../harness/experiment/plan.ts";
import { readPlan } from "../../harness/records/plan_schema.ts";
import { readExperiment } from "../../harness/records/store.ts";
import { cut, FakeHub, filesBelow, ranged } from "../fakes/hub.ts";

const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const embedded = fileURLToPath(embeddedPolicies["embedded"]!);
const files = new Map(
  [...Deno.readDirSync(embedded)].map(({ name }) => [name, Deno.readFileSync(join(embedded, name))] as const),
);
const weights = files.get("model.safetensors")!;
const token = "hf_VerySecret0123456789";

const small = [
  "rl.updates=1",
  "rl.questions=2",
  "evaluation.validationItems=4",
  "evaluation.testItems=4",
  "rl.warmup=0",
];
const bench = ["bench", "--policy=tiny/model", "--profile=smoke", "--arms=grpo", "--jobs=1", "--threads=1"].concat(
  small.map((one) => `--set=${one}`),
);

/** Runs the program; `heard` gets standard error as it comes. */
function start(
  folder: string,
  environment: Record<string, string>,
  args: readonly string[],
  heard = (_: string) => {},
) {
  const home = { HF_HOME: join(folder, "home"), HF_HUB_CACHE: join(folder, "home", "hub"), HF_HUB_OFFLINE: "0" };
  const env = { NO_COLOR: "1", NO_PROXY: "127.0.0.1", HF_TOKEN: token, ...home, ...environment };
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, ...args],
    cwd: folder,
    env,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const read = async (stream: ReadableStream<Uint8Array>, tell: (text: string) => void) => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of stream) {
      const piece = decoder.decode(bytes, { stream: true });
      text += piece;
      tell(piece);
    }
    return text;
  };
  const ended = Promise.all([process.status, read(process.stdout, () => {}), read(process.stderr, heard)]).then((
    [{ code, signal }, stdout, stderr],
  ) => ({ code, signal, stdout, stderr }));
  return { process, ended };
}

Deno.test("bench and doctor fetch a policy of the Hub once, go on after Ctrl-C, and need no Hub afterwards", async () => {
  const folder = await Deno.makeTempDir(), hub = new FakeHub("tiny/model", files);
  const said: string[] = [], online = { HF_ENDPOINT: hub.endpoint, HF_HUB_DOWNLOAD_TIMEOUT: "60" };
  const blobs = join(folder, "home", "hub", "models--tiny--model", "blobs"),
    part = join(blobs, `${sha256(weights)}.incomplete`);
  const ofWeights = ({ host, path }: { readonly host: string; readonly path: string }) =>
    host === "storage" && path.includes("model.safetensors");
  const run = async (environment: Record<string, string>, ...args: string[]) => {
    const { code, stdout, stderr } = await start(folder, environment, args).ended;
    said.push(stdout, stderr);
    return { code, stdout, stderr };
  };
  try {
    hub.mishap = (request, content) =>
      ofWeights(request) && content ? cut(content, request.range, 1_000_000, "stall") : null;
    const doomed = start(folder, online, bench);
    let ended = false;
    doomed.ended.finally(() => ended = true);
    while (!ended && !(await Deno.stat(part).then(({ size }) => size === 1_000_000, () => false))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    equal(ended, false);
    doomed.process.kill("SIGINT");
    const { code, stdout, stderr } = await doomed.ended;
    said.push(stdout, stderr);
    equal(code, 130);
    match(stderr, /^Fetching tiny\/model@c0ffee000000: \d files, \d\.\d MB\n$/);

    let release = () => {};
    const released = new Promise<void>((resolve) => release = resolve);
    const late = setTimeout(() => release(), 30_000); // nobody waits: what is asked for below will show it
    hub.mishap = (request, content) => {
      if (!ofWeights(request) || !content) return null;
      const { status, headers, body } = ranged(content, request.range);
      return new Response(
        new ReadableStream({
          async start(controller) {
            await released; // until the other process waits
            for await (const piece of body ?? []) controller.enqueue(piece);
            controller.close();
          },
        }),
        { status, headers },
      );
    };
    const heard = (text: string) => /another process fetches it; waiting/.test(text) && release();
    const both = [bench, ["doctor", "--policy=tiny/model", "--questions=4"]].map((args) =>
      start(folder, online, args, heard)
    );
    const [first, second] = await Promise.all(both.map(({ ended }) => ended));
    clearTimeout(late);
    said.push(...[first, second].flatMap((one) => [one!.stdout, one!.stderr]));
    deepEqual([first!.code, second!.code], [0, 0], `${first!.stderr}${second!.stderr}`);
    deepEqual(hub.requests.filter(ofWeights).map(({ range }) => range), [null, "bytes=1000000-"]);
    deepEqual([...Deno.readDirSync(blobs)].filter(({ name }) => name.endsWith(".incomplete")), []);
    deepEqual(await Deno.readFile(join(blobs, sha256(weights))), weights);

    const out = join(folder, "results", [...Deno.readDirSync(join(folder, "results"))][0]!.name);
    match(out, /arithmetic-model-smoke-[0-9a-f]{8}$/);
    const { policy } = await readPlan(join(out, "plan.json")), pinned = `tiny/model@${hub.commit}`;
    equal(policy.name, pinned);
    equal(policy.files["model.safetensors"], sha256(weights));
    equal((await readExperiment(join(out, "experiment.json"))).policy, pinned);
    equal(hub.requests.some(({ host, authorization }) => host === "hub" && authorization === `Bearer ${token}`), true);

    await hub[Symbol.asyncDispose]();
    const cached = await run({ HF_HUB_OFFLINE: "1" }, ...bench);
    deepEqual([cached.code, /all cells had finished before/.test(cached.stdout)], [0, true], cached.stderr);
    const gone = await run(online, ...bench, "--seeds=1");
    equal(gone.code, 0, gone.stderr);
    match(gone.stderr, /connection to the Hub failed .*using commit c0ffee000000 of tiny\/model from the cache/);
    const verified = await run({}, "verify", out, "--replay=1");
    deepEqual(
      [verified.code, /policy tiny\/model@c0ffee0+: shape, digests/.test(verified.stdout)],
      [0, true],
      verified.stdout,
    );

    const elsewhere = { HF_HUB_CACHE: join(folder, "empty") };
    const unfetched = await run(elsewhere, "verify", out, "--replay=0");
    deepEqual(
      [
        unfetched.code,
        /skipped policy .*nothing is fetched unasked … `deno task doctor --policy tiny\/model@c0ffee0+` fetches/.test(
          unfetched.stdout,
        ),
      ],
      [0, true],
      unfetched.stdout,
    );
    const none = await run({ ...elsewhere, HF_HUB_OFFLINE: "1" }, ...bench);
    equal(none.code, 2);
    match(
      none.stderr,
      /^error: Cannot find policy "tiny\/model": the cache does not hold all of revision main, and HF_HUB_OFFLINE is set … .*\n$/,
    );

    const kept = await filesBelow(folder);
    ok(kept.size > 10);
    for (const text of [...said, ...[...kept].flat()]) doesNotMatch(text, /VerySecret/);
  } finally {
    await hub[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("doctor fetches the data that a task names, takes them from the cache afterwards, and says what is missing", async () => {
  const folder = await Deno.makeTempDir(), commit = "c0ffee".padEnd(40, "0");
  const row = (name: string, i: number) =>
    JSON.stringify({ question: `${name}: ${i} and ${i}?`, answer: `#### ${2 * i}` });
  const content = (name: string, count: number) =>
    new TextEncoder().encode(Array.from({ length: count }, (_, i) => `${row(name, i)}\n`).join(""));
  const data = new Map([["train", content("train", 200)], ["test", content("test", 20)]]);
  const sources = [...data].map(([name, bytes]) => ({
    ...{
      path: `gsm8k/${name}.jsonl`,
      host: "github",
      repository: "org/code",
      revision: commit,
      source: `${name}.jsonl`,
    },
    ...{ sha256: sha256(bytes), bytes: bytes.length, rows: null, licence: "MIT" },
  }));
  const url = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
  await Deno.writeTextFile(
    join(folder, "small.ts"),
    `import { defineTask } from ${url("mod.ts")}; import { gsm8k } from ${url("tasks/gsm8k.ts")};
     export const small = defineTask({ ...gsm8k, name: "small", sources: ${JSON.stringify(sources)} });`,
  );
  const github = new Map([...data].map(([name, bytes]) => [`org/code/${commit}/${name}.jsonl`, bytes]));
  const hub = new FakeHub("tiny/model", files, commit, "models", github), cache = join(folder, "cache");
  const run = (environment: Record<string, string>) =>
    start(folder, { MATCHBOX_CACHE: cache, MATCHBOX_GITHUB_RAW: `${hub.endpoint}/raw`, ...environment }, [
      ...["doctor", "small", "--task-file", "small.ts", "--no-policy"],
    ]).ended;
  try {
    const first = await run({});
    equal(first.code, 0, first.stderr);
    match(first.stderr, /^Fetching the data of small: 2 files, /);
    match(first.stdout, /^gold answers are right +ok +\d+ items$/m);
    deepEqual(await Deno.readFile(join(cache, "data/gsm8k/train.jsonl")), data.get("train"));
    deepEqual(await run({ HF_HUB_OFFLINE: "1" }), { ...first, stderr: "" });
    const none = await run({ HF_HUB_OFFLINE: "1", MATCHBOX_CACHE: join(folder, "empty") });
    equal(none.code, 2);
    match(
      none.stderr,
      /^error: Cannot find the data of task small: HF_HUB_OFFLINE is set … unset it, or put there train\.jsonl of/,
    );
    equal(hub.requests.every(({ authorization }) => authorization === null), true);
  } finally {
    await hub[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
});
