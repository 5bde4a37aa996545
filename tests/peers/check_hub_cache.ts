// Whether Matchbox and Python's huggingface_hub find in the shared cache what the other fetched. Both fetch from a Hub on
// loopback into fresh caches; the other then looks with no network, and what it finds must have the same bytes. Last, both
// take the same lock: Matchbox must wait for Python's.
//
//     deno run -A tests/peers/check_hub_cache.ts --python .venv/bin/python

import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { Command } from "commander";
import { sha256 } from "../../harness/base/digest.ts";
import { fetchPolicy } from "../../harness/model/hub/fetch_policy.ts";
import { withHub } from "../fakes/hub.ts";
import { tinyCompanions, tinyRaw } from "../model/tiny_policy.ts";

const text = (content: string) => new TextEncoder().encode(content);
const files = new Map([
  ["config.json", text(JSON.stringify(tinyRaw()))],
  ["tokenizer.json", text(tinyCompanions["tokenizer.json"])],
  ["tokenizer_config.json", text(tinyCompanions["tokenizer_config.json"])],
  ["generation_config.json", text("{}")],
  ["model.safetensors", Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) & 255)],
]);
const wanted = [...files.keys()].sort(), main = { name: "tiny/model", revision: "main" };

const { python } = new Command("check_hub_cache").requiredOption("--python <path>", "with huggingface_hub")
  .parse(Deno.args, { from: "user" }).opts<{ python: string }>();

/** Runs Python. @returns the lines that it prints */
async function run(code: string, environment: Readonly<Record<string, string>>): Promise<string[]> {
  const env = {
    HF_HUB_DISABLE_PROGRESS_BARS: "1",
    HF_HUB_DISABLE_XET: "1",
    HF_HUB_DISABLE_TELEMETRY: "1",
    ...environment,
  };
  const { code: exitCode, stdout, stderr } = await new Deno.Command(python, { args: ["-c", code], env }).output();
  equal(exitCode, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n");
}

const download = (only: boolean) =>
  `import huggingface_hub as h; print(h.__version__); ` +
  `print(h.snapshot_download("tiny/model", local_files_only=${only ? "True" : "False"}))`;

await withHub(files, async (hub, { cache, settings }) => {
  const { folder } = await fetchPolicy(main, { settings });
  const [version, found] = await run(download(true), { HF_HUB_CACHE: cache });
  equal(found, folder);
  deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), wanted);
  await run(
    `import huggingface_hub as h; [i] = h.scan_cache_dir().repos; [r] = i.revisions; ` +
      `assert (i.repo_id, r.commit_hash, set(r.refs)) == ("tiny/model", "${hub.commit}", {"main"}), i; ` +
      `assert not h.scan_cache_dir().warnings`,
    { HF_HUB_CACHE: cache },
  );
  console.log(`huggingface_hub ${version} finds what Matchbox fetched, with ${wanted.length} files and no warning`);
});

await withHub(files, async (hub, { cache, settings }) => {
  const [version, folder] = await run(download(false), { HF_HUB_CACHE: cache, HF_ENDPOINT: hub.endpoint });
  const asked = hub.requests.length, found = await fetchPolicy(main, { settings: { ...settings, offline: true } });
  deepEqual([found.folder, [...found.files]], [folder, wanted]);
  await fetchPolicy(main, { settings });
  deepEqual(hub.requests.slice(asked).filter(({ path }) => path.includes("/resolve/")), []);
  for (const [name, content] of files) deepEqual(await Deno.readFile(join(folder!, name)), content, name);
  console.log(`Matchbox finds what huggingface_hub ${version} fetched, offline, and fetches nothing of it again`);
});

await withHub(files, async (hub, { cache, settings }) => {
  const lock = join(cache, ".locks", "models--tiny--model", `${sha256(files.get("model.safetensors")!)}.lock`);
  await Deno.mkdir(join(lock, ".."), { recursive: true });
  const hold = `import sys; from huggingface_hub.utils import WeakFileLock\n` +
    `with WeakFileLock(sys.argv[1]):\n  print("held", flush=True)\n  sys.stdin.read()`;
  const holder = new Deno.Command(python, { args: ["-c", hold, lock], stdin: "piped", stdout: "piped" }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  const notes: string[] = [];
  const fetching = fetchPolicy(main, {
    settings,
    report(one) {
      if (one.type !== "note") return;
      notes.push(one.text);
      setTimeout(() => holder.stdin.close(), 300);
    },
  });
  await fetching;
  deepEqual(notes, ["another process fetches it; waiting"]);
  await reader.cancel();
  ok((await holder.status).success);
  equal(hub.fetched.length, wanted.length);
  console.log("Matchbox waits for a lock that huggingface_hub holds");
});
