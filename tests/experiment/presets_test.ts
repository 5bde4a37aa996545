// Presets are names of the Hub and nothing else.

import { equal, match, ok, rejects } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findPolicy } from "../../harness/experiment/policies.ts";
import { presetName, presets, usualPolicy } from "../../harness/experiment/presets.ts";
import { parseHubName } from "../../harness/model/hub/fetch_policy.ts";
import { tasks } from "../../tasks/registry.ts";
import { FakeHub } from "../fakes/hub.ts";

const checkpoint = fileURLToPath(new URL("../fixtures/checkpoints/llama", import.meta.url));

Deno.test("presets are models of the Hub at a whole commit, each once, under names that are no others", () => {
  const names = Object.keys(presets).map(presetName);
  equal(new Set(names).size, names.length);
  for (const [short, { commit, repository }] of Object.entries(presets)) {
    match(commit, /^[0-9a-f]{40}$/);
    match(short, /^[a-z0-9.-]+$/);
    const parsed = parseHubName(presetName(short));
    ok(parsed && JSON.stringify(parsed).includes(repository));
  }
  equal(presetName("embedded"), "embedded");
  equal(presetName("constructor"), "constructor");
});

Deno.test("usualPolicy() is the one that ships for generated tasks, and a preset where data are read", () => {
  for (const task of tasks) ok(usualPolicy(task) in presets || usualPolicy(task) === "embedded");
  equal(usualPolicy(tasks.find(({ name }) => name === "arithmetic")!), "embedded");
  equal(usualPolicy(tasks.find(({ name }) => name === "countdown")!), "embedded");
  equal(usualPolicy(tasks.find(({ name }) => name === "gsm8k")!), "qwen2.5-0.5b");
});

Deno.test("findPolicy() asks the Hub for a preset's commit, and takes a folder of that name before", async () => {
  const folder = await mkdtemp(join(tmpdir(), "presets-")), cwd = process.cwd();
  const { repository, commit } = presets["smollm2-135m"]!;
  const files = readdirSync(checkpoint).map((file) =>
    [file, new Uint8Array(readFileSync(join(checkpoint, file)))] as const
  );
  await using hub = new FakeHub(repository, new Map(files), commit);
  const settings = {
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: join(folder, "cache"),
    HF_HUB_OFFLINE: "0",
    NO_PROXY: "127.0.0.1",
  };
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  process.chdir(folder);
  try {
    equal((await findPolicy("smollm2-135m")).name, `${repository}@${commit}`);
    await cp(checkpoint, join(folder, "smollm2-135m"), { recursive: true });
    equal((await findPolicy("smollm2-135m")).folder, join(process.cwd(), "smollm2-135m"));
    await rejects(findPolicy("smollm2-135n"), /did you mean "smollm2-135m"/);
  } finally {
    process.chdir(cwd);
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(folder, { recursive: true });
  }
});
