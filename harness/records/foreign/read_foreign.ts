// Which tool's per-sample results lie at a path, if any, and the reader for them. A folder holds several files of one
// kind: tasks, or runs of the same task.

import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { MisuseError } from "../../base/errors.ts";
import type { ForeignSamples } from "./foreign_samples.ts";
import { readInspect } from "./read_inspect.ts";
import { readLmEval } from "./read_lm_eval.ts";

/** Per-sample files of another tool. */
export interface ForeignFiles {
  readonly tool: "lm-evaluation-harness" | "inspect_ai";
  readonly files: readonly string[];
}

/** The files at a path, or null where they are not of another tool. @throws MisuseError for inspect_ai's zipped format */
export function findForeign(path: string): ForeignFiles | null {
  if (!existsSync(path)) return null;
  if (!statSync(path).isDirectory()) {
    const tool = toolOf(path);
    return tool && { tool, files: [path] };
  }
  if (existsSync(join(path, "experiment.json"))) return null;
  const names = readdirSync(path).filter((name) => /\.(jsonl?|eval)$/.test(name)).sort().map((name) =>
    join(path, name)
  );
  const samples = names.filter((name) => /(^|[\\/])samples_[^\\/]*\.jsonl$/.test(name));
  if (samples.length > 0) return { tool: "lm-evaluation-harness", files: samples };
  const logs = names.filter((name) => !name.endsWith(".jsonl") && toolOf(name) === "inspect_ai");
  return logs.length > 0 ? { tool: "inspect_ai", files: logs } : null;
}

/** The samples in the files. @param metric which score; null: the only one */
export function readForeign(
  origin: string,
  { tool, files }: ForeignFiles,
  metric: string | null,
): Promise<ForeignSamples> {
  return tool === "inspect_ai" ? readInspect(origin, files, metric) : readLmEval(origin, files, metric);
}

/** inspect_ai's logs are told by their first keys; a file of Matchbox names its kind. */
function toolOf(path: string): ForeignFiles["tool"] | null {
  if (path.endsWith(".jsonl")) return "lm-evaluation-harness";
  if (path.endsWith(".eval")) {
    throw new MisuseError(
      `Cannot read "${path}": it is inspect_ai's zipped format … convert it: inspect log convert --to json "${path}" --output-dir logs`,
    );
  }
  if (!path.endsWith(".json")) return null;
  const head = headOf(path);
  return /"eval"\s*:\s*\{/.test(head) && /"status"\s*:/.test(head) && !/"matchbox\./.test(head) ? "inspect_ai" : null;
}

function headOf(path: string): string {
  const bytes = new Uint8Array(65_536), file = openSync(path, "r");
  try {
    return new TextDecoder().decode(bytes.subarray(0, readSync(file, bytes)));
  } finally {
    closeSync(file);
  }
}
