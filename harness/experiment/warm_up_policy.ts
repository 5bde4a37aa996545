// The supervised warm-up of an experiment, before its cells: the folder "warmup" beside them. Its policy is a Hugging Face
// folder, which every cell begins with; warmup.json, written last, says that it is whole and what it came to. A process of
// its own does the work, with checkpoints, and the same command goes on where it was interrupted.

import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import { SCHEMA_VERSION, type WarmUpRecord, warmUpRecordSchema } from "../records/schema.ts";
import { check, readWarmUpRecord, recordText } from "../records/store.ts";
import { type WarmUpEvent, warmUpEventSchema, type WarmUpSpec } from "./protocol.ts";
import { runWorker, type Stops } from "./worker_process.ts";

const FOLDER = "warmup", PROGRAM = new URL("./warm_up_worker.ts", import.meta.url);

/** Where the warmed policy of the experiment in `out` lies. */
export function warmedFolder(out: string): string {
  return join(out, FOLDER, "policy");
}

/** The spec of an experiment's warm-up. */
export function warmUpSpec(
  out: string,
  { every, config, ...work }:
    & Omit<WarmUpSpec, "folder" | "checkpoints" | "caps">
    & { readonly every: number; readonly config: Config },
): WarmUpSpec {
  const folder = join(out, FOLDER), { maxPromptTokens, maxCompletionTokens } = config.rl;
  const checkpoints = { folder: join(folder, "checkpoints"), every, keep: 1 };
  return { ...work, folder, checkpoints, caps: { maxPromptTokens, maxCompletionTokens } };
}

/** What the warm-up of the experiment in `out` came to; null where it has not finished. @throws FailureError */
export async function readWarmUp(out: string): Promise<WarmUpRecord | null> {
  const path = join(out, FOLDER, "warmup.json");
  return existsSync(path) ? await readWarmUpRecord(path) : null;
}

/**
 * Warms the experiment's policy up, unless that was done before.
 * @param plan its digest
 * @returns false where it was stopped before its end
 * @throws MisuseError or FailureError for what ended it otherwise
 */
export async function warmUpPolicy(
  out: string,
  spec: WarmUpSpec,
  plan: string,
  { report, ...stops }: Stops & { readonly report: (event: WarmUpEvent) => void },
): Promise<boolean> {
  const forget = () => rm(spec.checkpoints.folder, { recursive: true, force: true });
  if (await readWarmUp(out)) {
    await forget(); // a kill may have come between the record and this
    return true;
  }
  await mkdir(spec.folder, { recursive: true }).catch((error) => {
    throw fileError("create the folder", spec.folder, error);
  });
  let end: Extract<WarmUpEvent, { type: "warmed" | "failed" }> | null = null;
  const { code, signal, log } = await runWorker(
    { program: PROGRAM, events: warmUpEventSchema },
    spec,
    stops,
    (event) => {
      if (event.type === "warmed" || event.type === "failed") end = event;
      report(event);
      return Promise.resolve();
    },
  );
  const ended = end as Extract<WarmUpEvent, { type: "warmed" | "failed" }> | null; // set in the callback
  if (ended?.type === "failed") throw new (ended.misuse ? MisuseError : FailureError)(ended.message);
  if (!ended) {
    if (stops.stop.aborted || stops.kill.aborted) return false;
    const how = signal ? `was killed by ${signal}` : `ended with exit code ${code}`;
    throw new FailureError(`Cannot warm the policy up: its process ${how} … its last words: ${log.slice(-500).trim()}`);
  }
  const { type: _, ...result } = ended, { warmUp } = spec;
  const record = { schemaVersion: SCHEMA_VERSION, kind: "matchbox.warmup", plan, ...warmUp, ...result };
  const path = join(spec.folder, "warmup.json");
  await writeFileAtomic(path, recordText(check(warmUpRecordSchema, record, path)));
  await forget();
  return true;
}
