// Which operators of the sampler's and the trainer's graphs run on a device, and which fall back to the CPU with copies to
// and fro. ONNX Runtime says so in its most talkative log while it loads a graph; a process of its own
// (placement_child.ts) loads one, this reads the log.

import { FailureError } from "../base/errors.ts";
import { type Device, DEVICE_FACTS } from "../runtime/devices.ts";

/** The graphs that are looked at: reading prompts, drawing tokens, a pass of training, the optimizer's step. */
export const GRAPHS = ["prefill", "decode", "train", "update"] as const;

/** What the process is told. */
export interface PlacementTask {
  readonly graph: typeof GRAPHS[number];
  readonly device: Device;
  readonly index: number | null;
  /** Folder of the policy. */
  readonly policy: string;
}

/** How often an operator occurs. */
export type OpCounts = Readonly<Record<string, number>>;

/** Where the nodes of a graph lie, bodies of loops included. */
export interface Placement {
  readonly graph: string;
  readonly nodes: number;
  readonly device: OpCounts;
  /** Those that fell back to the CPU. */
  readonly cpu: OpCounts;
  /** Copies between the two that were put in. */
  readonly copies: number;
}

/** Looks at a graph. @throws FailureError where it cannot be loaded on the device */
export async function placementOf(task: PlacementTask): Promise<Placement> {
  const program = new URL("./placement_child.ts", import.meta.url).href;
  const args = ["run", "--allow-all", "--quiet", program, JSON.stringify(task)];
  const options = { args, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  const [said, log] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  const line = said!.split("\n").find((line) => line.startsWith('{"ops":'));
  if (line !== undefined) return readPlacement(task, JSON.parse(line).ops, log!);
  const word = log!.split("\n").findLast((line) => /error/i.test(line))?.trim() ?? "it gave no reason";
  throw new FailureError(
    `Cannot load the ${task.graph} graph on ${task.device}: ${word} … try \`deno task doctor\` first`,
  );
}

/**
 * Reads the log.
 * @param ops all of the graph: where none fell back the log has their number alone
 */
export function readPlacement(
  { graph, device }: Pick<PlacementTask, "graph" | "device">,
  ops: OpCounts,
  log: string,
): Placement {
  const found = new Map<string, Record<string, number>>();
  let place: Record<string, number> | null = null, copies = 0;
  for (const line of log.split("\n")) {
    const [, said = null] = /VerifyEachNodeIsAssignedToAnEp\] (.*)$/.exec(line) ?? [];
    if (said === null) continue;
    const [, all, provider] = /(All nodes|Node\(s\)) placed on \[(\w+)\]/.exec(said) ?? [];
    if (provider !== undefined) {
      found.set(provider, place = all === "All nodes" ? { ...ops } : found.get(provider) ?? {});
    }
    const [, op] = /^ {2}(\w+) \(/.exec(said) ?? [];
    if (op === undefined || !place) continue;
    if (/^Memcpy/.test(op)) copies++;
    else place[op] = (place[op] ?? 0) + 1;
  }
  if (found.size === 0) {
    throw new FailureError(`Cannot tell where the ${graph} graph runs: ONNX Runtime's log does not say`);
  }
  const of = (name: Device) => found.get(DEVICE_FACTS[name].placement) ?? {}, cpu = device === "cpu" ? {} : of("cpu");
  const nodes = [of(device), cpu].flatMap((ops) => Object.values(ops)).reduce((sum, n) => sum + n, 0);
  return { graph, nodes, device: of(device), cpu, copies };
}
