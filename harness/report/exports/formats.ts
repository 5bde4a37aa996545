// The formats by name, in the order in which they are shown.

import { csv } from "./csv.ts";
import { everyEvalEver } from "./every_eval_ever.ts";
import type { ExportFormat } from "./export_format.ts";
import { hfEvalResults } from "./hf_eval_results.ts";
import { jsonl } from "./jsonl.ts";
import { lmEval } from "./lm_eval.ts";
import { tensorboard } from "./tensorboard.ts";
import { trackio } from "./trackio.ts";

/** All formats. */
export const formats: readonly ExportFormat[] = [
  csv,
  jsonl,
  everyEvalEver,
  hfEvalResults,
  lmEval,
  tensorboard,
  trackio,
];
