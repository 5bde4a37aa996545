// `bench … --dry-run`: what the experiment would take, and nothing else. The estimate is harness/experiment/estimate.ts;
// here it becomes text.

import { MisuseError } from "../base/errors.ts";
import type { FetchOptions } from "../model/hub/fetch_policy.ts";
import type { ArmEstimate, Estimate } from "../experiment/estimate.ts";
import { type ExperimentOptions, type ExperimentPlan, planExperiment } from "../experiment/plan.ts";
import { type GlimpsedPolicy, glimpsePolicy } from "../experiment/policies.ts";
import { adapterText } from "../records/adapter_text.ts";
import { alignColumns, byteSize, duration, quantity } from "./format.ts";

/** What is said beside the experiment. */
export interface DryRunOptions {
  /** Tokens that are expected of a completion; null: the cap. */
  readonly expected: number | null;
  /** The estimate as JSON in the last line of standard output. */
  readonly json: boolean;
}

/** Prints what an experiment would take. Nothing is run or written, and no weights are fetched. */
export async function dryRun(asked: ExperimentOptions, { expected, json }: DryRunOptions): Promise<number> {
  let policy: GlimpsedPolicy | null = null;
  const find = async (name: string, fetching?: FetchOptions) => policy = await glimpsePolicy(name, fetching);
  try {
    const plan = await planExperiment({ ...asked, find }), { device } = plan.record;
    if (plan.said !== null) console.error(plan.said);
    if (device !== "cpu") {
      throw new MisuseError(
        `Cannot estimate for --device ${device}: how memory and time grow is known of the CPU alone … ` +
          "leave --device out, or run a few updates on it with --budget updates=3",
      );
    }
    const { estimateExperiment } = await import("../experiment/estimate.ts"); // onnxruntime-node comes with it
    const estimate = await estimateExperiment(plan, policy!, expected), print = json ? console.error : console.log;
    print(estimateText(plan, estimate));
    if (json) {
      console.log(JSON.stringify({ dryRun: true, task: plan.task.name, policy: plan.record.policy.name, ...estimate }));
    }
    return 0;
  } finally {
    await (policy as GlimpsedPolicy | null)?.[Symbol.asyncDispose]();
  }
}

/** The estimate as a person reads it. */
export function estimateText({ task, record }: ExperimentPlan, estimate: Estimate): string {
  const { parameters: { trained, frozen }, promptTokens, jobs, threads, arms, download } = estimate;
  const most = estimate.atMost ? "at most " : "", cells = arms.reduce((sum, { cells }) => sum + cells, 0);
  const { adapter } = record.policy;
  const heaviest = arms.reduce((one, other) => other.memory.total > one.memory.total ? other : one);
  const fits = estimate.memory > estimate.machineMemory ? ": more than this machine has" : " are here";
  const room = estimate.freeDisk !== null && estimate.disk > estimate.freeDisk ? ": more than is free" : " are free";
  const rows = [
    ["task", `${task.name}, prompts of ${promptTokens.median} tokens, the longest looked at ${promptTokens.longest}`],
    [
      "policy",
      `${record.policy.name}, ${quantity(trained + frozen)} parameters: ${quantity(trained)} trained, ${
        quantity(frozen)
      } frozen`,
    ],
    ...(adapter ? [["trained", adapterText(adapter)]] : []),
    ["cells", `${cells}, of them ${jobs} side by side with ${threads === 1 ? "1 thread" : `${threads} threads`} each`],
    [
      "completions",
      `${estimate.completionTokens} tokens each${
        estimate.atMost ? ", the cap: times are the most it takes" : ", as expected"
      }`,
    ],
    ["memory", `${byteSize(estimate.memory)} (${byteSize(estimate.machineMemory)}${fits})`],
    ["  of a cell", memoryText(heaviest)],
    [
      "disk",
      `${byteSize(estimate.disk)} of checkpoints${
        estimate.freeDisk === null ? "" : ` (${byteSize(estimate.freeDisk)}${room})`
      }`,
    ],
    ...(estimate.warmUpSeconds > 0
      ? [[
        "warm-up",
        `${duration(estimate.warmUpSeconds)} and ${byteSize(estimate.warmUpMemory)} of memory, before all cells`,
      ]]
      : []),
    ...(download > 0 ? [["download", byteSize(download)]] : []),
    [
      "time",
      `${most}${duration(estimate.seconds)} for all, on this machine as it is now (measured for ${
        estimate.calibration.toFixed(1)
      } s)`,
    ],
  ];
  const head = ["arm", "cells", "updates", "update", "rollout of it", "validation", "test", "cell", "memory"];
  const body = arms.map((arm) => [
    ...[arm.arm, `${arm.cells}`, `${arm.updates}`, seconds(arm.stepSeconds), seconds(arm.rolloutSeconds)],
    ...[seconds(arm.validationSeconds), seconds(arm.testSeconds), duration(arm.cellSeconds)],
    byteSize(arm.memory.total),
  ]);
  return `Dry run: nothing was run or written, and no weights were fetched\n\n${alignColumns(rows, 2)}\n\n${
    alignColumns([head, [], ...body])
  }`;
}

function memoryText(
  { memory: { total, process, weights, adapter, optimizer, copies, gradients, passes, decoding, embedding } }:
    ArmEstimate,
): string {
  const parts = { weights, adapter, optimizer, copies, gradients, passes, decoding, embedding, process };
  const named = Object.entries(parts).filter(([, bytes]) => bytes > 0).map(([name, bytes]) =>
    `${name} ${byteSize(bytes)}`
  );
  return `${byteSize(total)}: ${named.join(", ")}`;
}

const seconds = (value: number): string => value >= 100 ? duration(value) : `${value.toPrecision(2)} s`;
