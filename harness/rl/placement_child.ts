// The program that loads one graph of a policy on a device while ONNX Runtime logs where it places each node. The shapes
// are small: which operators there are does not depend on them.

import { join } from "node:path";
import process from "node:process";
import { readJsonFile } from "../base/json_file.ts";
import { defaultConfig } from "../config_options.ts";
import { operatorOf } from "../graph/encode.ts";
import { type Graph, reachable } from "../graph/ir.ts";
import { lower } from "../graph/lower.ts";
import { parseModelConfig } from "../model/config.ts";
import { parameterLayout } from "../model/layout.ts";
import { DEVICE_FACTS } from "../runtime/devices.ts";
import { LocalRuntime } from "../runtime/session.ts";
import { decodeGraph, type DecodeOptions, prefillGraph } from "./decode_graph.ts";
import type { PlacementTask } from "./placement.ts";
import { adamwGraph } from "./optimizer.ts";
import { stayingDecodeGraph } from "./staying_decode_graph.ts";
import { decodeProducts } from "./run_shapes.ts";
import { trainGraph } from "./train_graph.ts";

const { graph: name, device, index, policy }: PlacementTask = JSON.parse(process.argv[2] ?? ""); // placement.ts wrote it
const path = join(policy, "config.json"), config = parseModelConfig(await readJsonFile(path), path);
const layout = parameterLayout(config), shape = { prompts: 2, promptLength: 16, group: 4 }, length = 32;
const runtime = new LocalRuntime({ device, index, threads: 1, verbose: true }), stays = runtime.memory !== null;
const staying = stays ? { tokens: 2, capacity: length, precision: "float32" as const } : null;
const sampling: DecodeOptions = {
  ...{ config, layout, length, ...shape, endTokens: [0], staying },
  products: stays ? "rows" : decodeProducts(layout),
  sampling: { greedy: false, temperature: 1, topK: 0, topP: 1 },
};
const graphs: Record<PlacementTask["graph"], () => Graph> = {
  prefill: () => prefillGraph(sampling),
  decode: () => staying ? stayingDecodeGraph(sampling, staying) : decodeGraph(sampling),
  train: () =>
    trainGraph({
      ...{ config, layout, length, temperature: 1, kept: false },
      shape: { kind: "completions", ...shape, length: 8 },
      objective: { kind: "policy-gradient", clipLow: 0.2, clipHigh: 0.2, klBeta: 0.1 },
    }),
  update: () => adamwGraph(defaultConfig.rl),
};

/** What is no node of the encoded model. */
const NO_NODES = new Set(["Input", "Constant", "Parameter"]);

const graph = graphs[name](), lowered = lower(graph, DEVICE_FACTS[device].target), ops: Record<string, number> = {};
for (const { op } of reachable(lowered.outputs.values())) {
  if (!NO_NODES.has(op)) ops[operatorOf(op)] = (ops[operatorOf(op)] ?? 0) + 1;
}
await runtime.load(graph);
console.log(JSON.stringify({ ops }));
process.exit(0); // a driver's threads may not end
