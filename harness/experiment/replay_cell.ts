// Runs some updates of a finished cell again, from one of its checkpoints or from the start, and compares all that they
// say and all that they leave: step records without timing, evaluations, and the next checkpoint to the byte. The cell's
// own files are only read. Only cells that the processor computed are replayed: another device's bits need not recur.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../base/digest.ts";
import { isObject, parseJson } from "../base/json_file.ts";
import type { Arm, CellEvent, Environment, Task, TaskOptions } from "../contract.ts";
import type { AdapterOptions } from "../model/lora.ts";
import { readPolicy } from "../model/policy.ts";
import { differences } from "../records/differences.ts";
import { checkpointSteps, readCheckpoint, writeCheckpoint } from "../rl/checkpoint.ts";
import { trainCell } from "../rl/train.ts";
import { environment } from "../runtime/environment.ts";
import type { ReadCell } from "./verify_cell.ts";

/** What a cell is run with beside what its record says. */
export interface ReplaySources {
  readonly task: Task;
  readonly taskOptions: TaskOptions;
  readonly arm: Arm;
  /** Folder of the policy, and of an adapter that is merged into it. */
  readonly policy: string;
  readonly merged?: string | undefined;
  /** What was trained in place of its weights. */
  readonly adapter?: AdapterOptions | undefined;
}

/** Updates that are replayed: those after `from`, up to `to`. */
export interface ReplayRange {
  readonly from: number;
  readonly to: number;
}

/** Updates that are replayed where no checkpoint says how many. */
const FEW = 3;

/**
 * Where a replay begins and ends: between the two neighbouring checkpoints that are closest (the end of training counts
 * as one), or a few updates from the start.
 * @param updates how many; null: up to the next checkpoint
 */
export function replayRange(checkpoints: readonly number[], end: number, updates: number | null): ReplayRange {
  const stops = [...new Set([...checkpoints.filter((step) => step < end), end])];
  const gaps = stops.slice(1).map((to, i) => ({ from: stops[i]!, to }));
  const closest = gaps.reduce<ReplayRange | null>(
    (best, gap) => best && best.to - best.from <= gap.to - gap.from ? best : gap,
    null,
  );
  const { from, to } = closest ?? { from: 0, to: Math.min(FEW, end) };
  return { from, to: updates === null ? to : Math.min(end, from + updates) };
}

/** Replays a range of a cell. @returns what differs */
export async function replayCell(cell: ReadCell, sources: ReplaySources, { from, to }: ReplayRange): Promise<string[]> {
  const { record, outcome, config, steps } = cell, own = join(cell.folder, "checkpoints");
  const scratch = await mkdtemp(join(tmpdir(), "matchbox-replay-"));
  try {
    if (from > 0) await writeCheckpoint(scratch, from, (await readCheckpoint(own, from)).sections);
    const problems: string[] = [], stop = new AbortController();
    let done = from;
    const compare = (event: CellEvent) => {
      if (event.type === "warning") problems.push(event.message);
      if (event.type === "evaluation") {
        const { step, split, mode } = event.record;
        const same = outcome.evaluations.find((one) => one.step === step && one.split === split && one.mode === mode);
        problems.push(...differences(event.record, same, `evaluation after ${step} on ${split} questions`));
      }
      if (event.type !== "step" || stop.signal.aborted) return;
      const { timing: _, ...found } = event.record, line = steps[event.record.step - 1];
      const { timing: __, ...expected } = line ?? event.record;
      problems.push(...differences(found, expected, `step ${event.record.step}`));
      done = event.record.step;
      if (done >= to || problems.length > 0) stop.abort();
    };
    const { task, taskOptions, arm, adapter } = sources, { seed } = record;
    await trainCell(
      {
        task,
        taskOptions,
        policy: await readPolicy(sources.policy, sources.merged),
        adapter,
        arm,
        seed,
        config,
        device: "cpu",
        threads: record.environment?.threads ?? 1,
        matched: { config: outcome.match.config, places: 1 },
        checkpoints: { folder: scratch, every: to, keep: 1 },
        resumeAt: from,
        validationOnly: !outcome.evaluations.some(({ split }) => split === "test"),
      },
      compare,
      stop.signal,
    );
    if (problems.length === 0 && done < to) problems.push(`it ended after ${done} updates`);
    if (problems.length === 0) problems.push(...await wrongState(cell, scratch, to));
    return problems.length === 0 ? [] : [...problems, ...await otherPlace(record.environment)];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The state after the last replayed update, against the cell's own checkpoint and its final weights. */
async function wrongState({ folder, outcome }: ReadCell, scratch: string, step: number): Promise<string[]> {
  const { sections: found } = await readCheckpoint(scratch, step), own = join(folder, "checkpoints");
  const progress = parseJson(new TextDecoder().decode(found["progress"]), scratch);
  const first = isObject(progress) ? progress["firstRollouts"] : null;
  const problems = differences(first, outcome.match.firstRollouts, "first rollouts");
  if (step === outcome.updates) {
    problems.push(...differences(sha256(found["weights"]!), outcome.finalWeights, "the digest of the final weights"));
  }
  if (!(await checkpointSteps(own)).includes(step)) return problems;
  const { sections: expected } = await readCheckpoint(own, step);
  const digests = (sections: typeof found) =>
    Object.fromEntries(Object.entries(sections).map(([name, bytes]) => [name, sha256(bytes)]));
  return [...problems, ...differences(digests(found), digests(expected), `checkpoint ${step}`)];
}

/** Why nothing is replayed that ran on a device other than the processor. */
export function unrepeatable(device: string): string {
  return `it ran on ${device}, where sums may be taken in another order each time … GPU results are compared statistically`;
}

/** Where the replay runs elsewhere than the first run: then other bits need not mean that anything was changed. */
export async function otherPlace(there: Environment | null): Promise<string[]> {
  if (!there) return [];
  const here = await environment("cpu", 1);
  const place = ({ matchbox, onnxruntime, arch, cpu }: Environment) => ({ matchbox, onnxruntime, arch, cpu });
  return differences(place(here), place(there), "for the same bits, this place");
}
