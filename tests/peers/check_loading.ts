// Loading a policy of a gigabyte: how much memory its reading takes beside the float32 array that it becomes, how fast it is
// beside reading the same bytes and throwing them away, and how long it takes from the start of a process to the first
// token. Random weights of Qwen2.5-0.5B's shape, in bfloat16 and, with fewer layers, in float32. It needs no Python.
// Each measurement is a process of its own, and they take turns; the files are in the system's cache for all of them.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { readJsonFile } from "../../harness/base/json_file.ts";
import { stream } from "../../harness/base/prng.ts";
import { alignColumns, byteSize } from "../../harness/cli/format.ts";
import { embeddedPolicies } from "../../harness/experiment/policies.ts";
import { type ModelConfig, parseModelConfig } from "../../harness/model/config.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import { readPolicy, writePolicy } from "../../harness/model/policy.ts";
import { readWeights } from "../../harness/model/safetensors.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { runLength } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { chooseRuntime } from "../../harness/runtime/choose.ts";
import { peakMemoryBytes } from "../../harness/runtime/environment.ts";

const embedded = fileURLToPath(embeddedPolicies["embedded"]!);

/** What a process measures. */
interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the process's peak, what came with the work. */
  readonly bytes: number;
}

const qwen = (layers: number): ModelConfig =>
  parseModelConfig({
    ...{ architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", hidden_act: "silu", rms_norm_eps: 1e-6 },
    ...{ rope_theta: 1e6, tie_word_embeddings: true, vocab_size: 151936, hidden_size: 896, num_hidden_layers: layers },
    ...{ num_attention_heads: 14, num_key_value_heads: 2, intermediate_size: 4864, max_position_embeddings: 32768 },
    ...{ eos_token_id: 1, pad_token_id: 0 },
  }, "Qwen2.5-0.5B shape");

async function writeModel(folder: string, config: ModelConfig, dtype: "F32" | "BF16"): Promise<void> {
  const layout = parameterLayout(config), data = new Float32Array(layout.size), random = stream(0, "loading");
  const block = Float32Array.from({ length: 2 ** 18 + 1 }, () => 0.02 * random.normal());
  for (let at = 0; at < data.length; at += block.length) data.set(block.subarray(0, data.length - at), at);
  await writePolicy(folder, { config, weights: { layout, data }, companions: embedded }, { dtype });
}

const WORK: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
  /** The bytes alone. */
  raw: async (folder) => {
    const file = await open(join(folder, "model.safetensors")), piece = new Uint8Array(4 * 2 ** 20);
    while ((await file.read(piece)).bytesRead > 0);
    await file.close();
  },
  weights: async (folder) => {
    const path = join(folder, "config.json");
    return await readWeights(folder, parameterLayout(parseModelConfig(await readJsonFile(path), path)));
  },
  /** The policy, its sessions and a token. */
  ready: async (folder) => {
    const { config, weights, tokenizer } = await readPolicy(folder);
    const runtime = chooseRuntime("cpu", navigator.hardwareConcurrency, weights.layout.size);
    const sampler = new Sampler(runtime, config, tokenizer.eosTokenIds, runLength(64, 32));
    const { tokens } = tokenizer.chat([{ role: "user", content: "What is 2 + 3?" }]);
    await sampler.generate(residentWeights(weights), [tokens], {
      ...{ group: 2, maxTokens: 2, random: (_, sample) => stream(sample, "rollout") },
      sampling: { greedy: false, temperature: 1, topK: 0, topP: 1 },
    });
  },
};

async function measureHere(work: string, folder: string): Promise<Measured> {
  const before = await peakMemoryBytes(), start = performance.now();
  const cpu = process.cpuUsage(), held = await WORK[work]!(folder), seconds = (performance.now() - start) / 1000;
  const bytes = await peakMemoryBytes() - before, { user, system } = process.cpuUsage(cpu);
  if (held === null) throw new Error("what was read must be held until now");
  return { seconds, cpuSeconds: (user + system) / 1e6, bytes };
}

async function measure(work: string, folder: string): Promise<Measured> {
  const args = ["run", "-A", fileURLToPath(import.meta.url), work, folder];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout)) as Measured;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const [work, where] = Deno.args;
if (work !== undefined && where !== undefined) {
  console.log(JSON.stringify(await measureHere(work, where)));
  Deno.exit(0);
}
const parent = mkdtempSync(join(tmpdir(), "matchbox-loading-")), rows: string[][] = [];
try {
  for (const [dtype, layers] of [["BF16", 24], ["F32", 8]] as const) {
    const folder = join(parent, dtype), config = qwen(layers), held = 4 * parameterLayout(config).size;
    await writeModel(folder, config, dtype);
    const file = statSync(join(folder, "model.safetensors")).size, turns: Record<string, Measured[]> = {};
    for (let round = 0; round < 3; round++) {
      for (const name of Object.keys(WORK)) (turns[name] ??= []).push(await measure(name, folder));
    }
    const of = (name: string, field: keyof Measured) => median(turns[name]!.map((one) => one[field]));
    const extra = of("weights", "bytes") - held;
    rows.push([
      `${dtype}, ${byteSize(file)}`,
      byteSize(held),
      byteSize(of("weights", "bytes")),
      `${byteSize(extra)} (${(extra / file).toFixed(2)})`,
      ...["weights", "raw", "ready"].map((name) =>
        `${of(name, "seconds").toFixed(1)} (${of(name, "cpuSeconds").toFixed(1)}) s`
      ),
      byteSize(of("ready", "bytes")),
    ]);
    rmSync(folder, { recursive: true });
  }
} finally {
  rmSync(parent, { recursive: true });
}
const head = [
  "file",
  "as float32",
  "peak",
  "beside it (of the file)",
  "read (CPU)",
  "bytes alone",
  "first token",
  "its peak",
];
console.log(alignColumns([head, [], ...rows]));
