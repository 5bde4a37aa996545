// The weights that a cell trained as a policy of their own: a Hugging Face folder, which bench and Python's transformers
// take; of a cell that trained an adapter, the adapter as PEFT takes it, or such a folder with it merged in. They come from
// a checkpoint that fits the cell's records; config, tokenizer and chat template come from the folder of the policy that
// the training began with, which must be the one that the plan names.

import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import type { Outcome } from "../contract.ts";
import { writeAdapter } from "../model/adapter_folder.ts";
import { parameterLayout, type Weights } from "../model/layout.ts";
import { adapterLayout } from "../model/lora.ts";
import { weightsDigest, writePolicy } from "../model/policy.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import { type CellResults, readResults, type Results } from "../records/results.ts";
import { checkpointSteps, readCheckpoint } from "../rl/checkpoint.ts";
import { checkAdapterExport, mergedPolicy } from "./export_adapter.ts";
import { modelCard } from "./model_card.ts";
import { findPolicy, type FoundPolicy } from "./policies.ts";
import { namedArms } from "./settle_plan.ts";
import { foreignCheckpoint } from "./verify_cell.ts";

/** Which weights, and where to. */
export interface PolicyExport {
  /** "arm/seed" or "arm/seed-n". */
  readonly cell: string;
  /** The new folder; an empty one may be there. */
  readonly out: string;
  /** Updates done when the weights were the wanted ones; null: those that were evaluated. @default null */
  readonly step?: number | null;
  /** Where the policy that was trained lies now; null: where it did. @default null */
  readonly policy?: string | null;
  /** Number format of the weights; BF16 rounds to nearest, ties to even. @default "F32" */
  readonly dtype?: "F32" | "BF16";
  /** Of an adapter: the whole policy, with the adapter merged into it. @default false */
  readonly merged?: boolean;
}

/** What was written. */
export interface ExportedPolicy {
  readonly step: number;
  /** SHA-256 of the weights in float32, see weightsDigest. */
  readonly weights: string;
  readonly parameters: number;
  /** Whether they are an adapter's. */
  readonly adapter: boolean;
}

/**
 * Writes a cell's weights as a policy.
 * @param folder of the experiment
 * @throws MisuseError where there is no such cell, checkpoint or policy, or the folder holds something; FailureError
 * where files are damaged, do not fit together, or cannot be written
 */
export async function exportPolicy(folder: string, options: PolicyExport): Promise<ExportedPolicy> {
  const { out, policy = null, dtype = "F32", merged = false } = options;
  checkEmpty(out);
  const results = await readResults(folder), { experiment } = results;
  const { plan, cell, outcome } = findTrained(results, options.cell), { record } = cell;
  const steps = cell.steps ?? [], name = `${record.arm}/${record.seed}`;
  const place = join(folder, cell.entry.folder, "checkpoints");
  const step = chooseStep(await checkpointSteps(place), outcome, name, options.step ?? null);
  const { adapter } = plan.policy, base = checkAdapterExport(name, plan, merged);
  const found = await findTrainedPolicy(plan, policy);

  const checkpoint = await readCheckpoint(place, step), [problem] = foreignCheckpoint(checkpoint, steps, outcome);
  const bytes = checkpoint.sections["weights"];
  const layout = adapter ? adapterLayout(found.model, adapter) : parameterLayout(found.model);
  if (problem !== undefined || bytes?.length !== 4 * layout.size) {
    const why = problem ?? `its weights have ${bytes?.length ?? 0} bytes, the policy's ${4 * layout.size}`;
    throw new FailureError(`Cannot trust the checkpoint of ${name} after ${step} updates: ${why} … run the cell again`);
  }
  const trained: Weights = { layout, data: new Float32Array(bytes.buffer) };
  const weights = adapter && merged ? await mergedPolicy(folder, { plan, outcome, found, trained }) : trained;
  const digest = weightsDigest(weights);
  const summary = namedArms(plan).find((arm) => arm.name === record.arm)?.summary ?? "";
  const card = modelCard({
    plan,
    summary,
    record,
    outcome,
    command: experiment.command,
    step,
    weights: digest,
    dtype: dtype === "F32" ? "float32" : "bfloat16",
    merged,
  });
  try {
    await mkdir(out, { recursive: true }).catch((error) => {
      throw fileError("create the folder", out, error);
    });
    await writeFileAtomic(join(out, "README.md"), card);
    if (base) await writeAdapter(out, { options: base.adapter, weights, base }, { dtype });
    else await writePolicy(out, { config: found.model, weights, companions: found.folder }, { dtype });
  } catch (error) {
    await rm(out, { recursive: true, force: true }).catch(() => {}); // the first failure is the one to report
    throw error;
  }
  return { step, weights: digest, parameters: weights.layout.size, adapter: base !== null };
}

function checkEmpty(out: string): void {
  if (!existsSync(out)) return;
  const state = statSync(out).isDirectory() ? readdirSync(out)[0] : null;
  if (state === undefined) return;
  const what = state === null ? "it is a file" : `it holds ${state}`;
  throw new MisuseError(`Cannot write a policy to "${out}": ${what} … choose a new folder with --out`);
}

interface TrainedCell {
  readonly plan: PlanRecord;
  readonly cell: CellResults & { readonly record: NonNullable<CellResults["record"]> };
  readonly outcome: Outcome;
}

function findTrained({ origin, plan, cells }: Results, wanted: string): TrainedCell {
  const refuse = (why: string) => new MisuseError(`Cannot export the weights of cell "${wanted}": ${why}`);
  if (plan === null) throw refuse(`"${origin}" has no plan; schema version 1 had none`);
  const name = wanted.replace(/\/seed-(\d+)$/, "/$1"), names = cells.map(({ entry }) => `${entry.arm}/${entry.seed}`);
  const cell = cells[names.indexOf(name)];
  if (!cell) throw refuse(`the cells are ${names.join(", ")}${suggest(name, names)}`);
  const { record, entry: { status } } = cell, outcome = record?.outcome;
  if (!record || !outcome || status !== "finished") {
    throw refuse(`it is ${status} … run the same bench command again, which goes on with it`);
  }
  if (outcome.updates === 0) throw refuse("it was not trained: its weights are those of the policy that it began with");
  return { plan, cell: { ...cell, record }, outcome };
}

/** The wanted checkpoint, or that of the weights that were evaluated. */
function chooseStep(there: readonly number[], outcome: Outcome, cell: string, wanted: number | null): number {
  const step = wanted ?? outcome.evaluatedStep;
  if (there.includes(step)) return step;
  const refuse = (why: string) =>
    new MisuseError(`Cannot export the weights of cell "${cell}" after ${step} updates: ${why}`);
  if (there.length === 0) {
    throw refuse(
      "there is no checkpoint … run bench with --keep 1 or more and another --out; bundles hold records alone",
    );
  }
  if (step === 0) {
    throw refuse(`they are those that it began with … choose other ones with --step: ${there.join(", ")}`);
  }
  throw refuse(`the checkpoints are those after ${there.join(", ")} … choose one of them with --step`);
}

/** The policy that the cells began with: the same files, to the byte. */
async function findTrainedPolicy(
  { policy: { name, base, files } }: PlanRecord,
  moved: string | null,
): Promise<FoundPolicy> {
  const remedy = "say where the policy that was trained lies now with --policy";
  const found = await findPolicy(moved ?? name, moved === null ? { cacheOnly: true } : {}, base).catch((error) => {
    if (!(error instanceof MisuseError)) throw error;
    throw new MisuseError(`${error.message}; ${remedy}`, { cause: error });
  });
  const other = Object.keys({ ...files, ...found.files }).filter((file) => files[file] !== found.files[file]);
  if (other.length === 0) return found;
  throw new MisuseError(
    `Cannot use policy "${moved ?? name}": ${other.join(", ")} ${
      other.length === 1 ? "is" : "are"
    } not what was trained with … ${remedy}`,
  );
}
