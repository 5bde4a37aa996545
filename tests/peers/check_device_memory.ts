// Whether what is large stays on the device, and whether it is given back: GRPO steps of one shape on WebGPU, with the
// real sampler, learner and optimizer, of a tiny policy or of an adapter to it. It prints this process's memory as steps
// go by, which on a software driver holds the device's as well, the bytes that runs were fed from the host and gave back
// to it beside those of the weights and caches, and every copy that ONNX Runtime put into the graphs that ran, with its
// bytes: its most talkative log names them, which is why a second process, this program again, runs one step. It exits
// with 1 where memory grows by more than a stated bound or what crosses includes weights or caches. It needs no Python.

import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Precision } from "../../harness/base/device_names.ts";
import { byteSize } from "../../harness/cli/format.ts";
import { type Dtype, type Graph, reachable } from "../../harness/graph/ir.ts";
import { lower } from "../../harness/graph/lower.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { initialWeights } from "../../harness/model/layout.ts";
import { DEVICE_FACTS, parsePrecision } from "../../harness/runtime/devices.ts";
import {
  type AnyTensor,
  type AnyTensors,
  DeviceTensor,
  LocalRuntime,
  type RunOptions,
  type Session,
} from "../../harness/runtime/session.ts";
import { FixedStep } from "./fixed_step.ts";

/** A tiny policy: what is asked is where tensors are and whether they go, not how large they are. */
const config = parseModelConfig({
  ...{ architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", rms_norm_eps: 1e-5 },
  ...{ vocab_size: 64, hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1 },
  ...{ intermediate_size: 64, max_position_embeddings: 64, tie_word_embeddings: true },
}, "tiny shape");
const SIZES = { prompts: 2, completions: 2, promptTokens: 12, tokens: 5, microBatch: 2, threads: 1 };

/** What begins the line that names a graph in the log. */
const LOADED = "matchbox graph ";

/** Bytes by the name of the tensor. */
type Traffic = Record<string, number>;

/** Counts what runs are fed from the host, and what they give back to it. */
class CountingRuntime extends LocalRuntime {
  fed: Traffic = {};
  returned: Traffic = {};

  override async load(graph: Graph, stay: readonly string[] = [], precision?: Precision): Promise<Session> {
    if (this.options.verbose) console.error(LOADED + JSON.stringify(describe(graph, precision)));
    const session = await super.load(graph, stay, precision);
    return {
      run: async (feeds: AnyTensors, options?: RunOptions) => {
        count(feeds, this.fed);
        const results = await session.run(feeds, options); // resident tensors go up by runs of DeviceMemory's own
        count(results, this.returned);
        return results;
      },
      dispose: () => session.dispose(),
    };
  }
}

function count(tensors: Readonly<Record<string, AnyTensor>>, into: Traffic): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!(tensor instanceof DeviceTensor) && tensor.data.length > 0) {
      into[name] = (into[name] ?? 0) + tensor.data.byteLength;
    }
  }
}

const ITEM: Readonly<Record<Dtype, number>> = { float32: 4, float16: 2, int32: 4, int64: 8, bool: 1 };

/** What the log's names stand for: operator and bytes of every tensor of a graph, as the encoder calls them. */
interface Described {
  /** Its first outputs, which tell it from others. */
  readonly graph: string;
  readonly tensors: Readonly<Record<string, { readonly made: string; readonly bytes: number | null }>>;
}

function describe(graph: Graph, precision?: Precision): Described {
  const lowered = lower(graph, DEVICE_FACTS.webgpu.target, { ...precision && { precision }, halfInputs: true });
  const names = new Map([...lowered.inputs, ...lowered.outputs].map(([name, value]) => [value, name]));
  const tensors = reachable(lowered.outputs.values()).flatMap(({ id, op, outputs }) =>
    outputs.map((value, i) => {
      const bytes = value.shape.reduce<number | null>(
        (product, size) => product === null || size === "?" ? null : product * size,
        ITEM[value.dtype],
      );
      return [names.get(value) ?? `%${id}.${i}`, { made: op, bytes }] as const;
    })
  );
  return { graph: [...graph.outputs.keys()].slice(0, 2).join(", "), tensors: Object.fromEntries(tensors) };
}

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "1000" },
    rank: { type: "string" },
    precision: { type: "string" },
    bound: { type: "string", default: "16" },
    log: { type: "boolean", default: false },
  },
});
const steps = Number(values.steps), bound = Number(values.bound) * 2 ** 20;
const rank = values.rank === undefined ? null : Number(values.rank), precision = parsePrecision(values.precision);

/** Collects garbage: V8 does not know what native memory a few hundred bytes of its own hold, and waits for many. */
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Steps, and after each what it moved. */
async function run(count: number, verbose: boolean, after: (step: number, runtime: CountingRuntime) => void) {
  const runtime = new CountingRuntime({ device: "webgpu", threads: 1, precision, verbose });
  const stepper = await FixedStep.create(runtime, config, initialWeights(config, 0), { ...SIZES, rank });
  for (let step = 1; step <= count; step++) {
    [runtime.fed, runtime.returned] = [{}, {}];
    await stepper.update(await stepper.rollOut(step));
    after(step, runtime);
  }
  [runtime.fed, runtime.returned] = [{}, {}];
  await stepper.finish(); // a process that ends while a driver's threads work may crash
}

/** The copies in the graphs of one step, from the log of another process. */
function findCopies(): { graph: string; copy: string; made: string; bytes: number | null }[] {
  const folder = mkdtempSync(join(tmpdir(), "matchbox-log-")), path = join(folder, "log");
  try {
    const same = [...rank === null ? [] : ["--rank", `${rank}`], "--precision", precision];
    const args = ["run", "-A", "--no-check", import.meta.filename!, "--log", ...same];
    const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", openSync(path, "w")] });
    if (status !== 0) throw new Error(`Cannot read a log: the process that writes it ended with ${status}`);
    let loaded: Described | null = null;
    return readFileSync(path, "utf8").split("\n").flatMap((line) => {
      if (line.startsWith(LOADED)) loaded = JSON.parse(line.slice(LOADED.length));
      const [, way, name] = /Add (Memcpy\w+) (?:after|before) (\S+) for/.exec(line) ?? [];
      if (!loaded || !way || !name) return [];
      const { made, bytes } = loaded.tensors[name] ?? { made: "unknown", bytes: null };
      return [{ graph: loaded.graph, copy: `${way} ${name}`, made, bytes }];
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const total = (traffic: Traffic) => Object.values(traffic).reduce((a, b) => a + b, 0);
const list = (traffic: Traffic) => Object.entries(traffic).map(([name, bytes]) => `${name} ${bytes}`).join(", ");

/** Names of weights, gradients, moments and caches, and of what DeviceMemory copies. */
const LARGE =
  /^(tensor|copy|model\.|lm_head|gradient|first|second|new|weights|merged|grown|prompt[KV]|[kv]\.|[wab]$|sum$)/;

async function main(): Promise<void> {
  const { layers, kvHeads, headDim } = config, weights = initialWeights(config, 0);
  const positions = SIZES.prompts * 16 + SIZES.prompts * SIZES.completions * (SIZES.tokens - 1);
  const large = { weights: 4 * weights.data.length, caches: 8 * positions * layers * kvHeads * headDim };
  const held: number[] = [], traffic: { fed: Traffic; returned: Traffic }[] = [], start = performance.now();
  let most = 0;
  await run(steps, false, (step, { fed, returned }) => {
    traffic[Math.min(step, 2) - 1] = { fed, returned }; // the first step's, and the last's
    most = Math.max(most, process.memoryUsage().rss);
    if (step % Math.ceil(steps / 10) !== 0) return;
    collect();
    held.push(process.memoryUsage().rss);
    console.log(`step ${step}: ${byteSize(held.at(-1)!)} resident, at most ${byteSize(most)} since the last line`);
    most = 0;
  });
  console.log(`${((performance.now() - start) / steps).toFixed(0)} ms a step\n`);

  const { fed, returned } = traffic.at(-1)!,
    crossing = [fed, returned].flatMap((part) => Object.keys(part)).filter((name) => LARGE.test(name));
  console.log(`weights ${large.weights} bytes, moments ${2 * large.weights}, caches of a rollout ${large.caches}`);
  console.log(
    `first step: ${total(traffic[0]!.fed)} bytes fed from the host, ${total(traffic[0]!.returned)} given back`,
  );
  console.log(`last step: ${total(fed)} bytes fed from the host: ${list(fed)}`);
  console.log(`last step: ${total(returned)} bytes given back: ${list(returned)}\n`);
  console.log("copies inside of graphs, as ONNX Runtime placed them:");
  for (const { graph, copy, made, bytes } of findCopies()) {
    console.log(`  ${graph}: ${copy} (${made}), ${bytes ?? "?"} bytes`);
  }

  const growth = held.at(-1)! - held[0]!;
  console.log(
    `\nfrom step ${Math.ceil(steps / 10)} to ${steps}: ${(growth / 2 ** 20).toFixed(1)} MiB more; ` +
      `at most ${bound / 2 ** 20} are allowed`,
  );
  if (crossing.length > 0) console.log(`Weights, gradients or caches cross: ${crossing.join(", ")}`);
  process.exit(growth > bound || crossing.length > 0 ? 1 : 0); // a driver's threads may not end by themselves
}

if (!values.log) await main();
await run(1, true, () => {});
process.exit(0);
