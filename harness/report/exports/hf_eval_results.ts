// Evaluation results as model repositories on the Hugging Face Hub hold them: .eval_results/*.yaml, a folder a cell, for
// each cell's weights are a model of their own. The value is in points of 100. The Hub shows a result only for a dataset
// that is a benchmark there, so dataset and task must be named; a variant of a result has a file of its own; nothing here
// makes a result "verified".
// Source: https://huggingface.co/docs/hub/eval-results

import { stringify } from "yaml";
import type { EvaluationRecord } from "../../contract.ts";
import { taskText } from "../../records/task_text.ts";
import { endOf, type ExportedCell, type ExportFormat, lacksCells, lastOn } from "./export_format.ts";

/** <arm>/seed-<seed>/.eval_results/<dataset>.yaml, and <dataset>_sampled.yaml */
export const hfEvalResults: ExportFormat = {
  name: "hf-eval-results",
  summary: ".eval_results/*.yaml for model repositories on the Hugging Face Hub, a folder a cell; needs --dataset",
  lacks(source) {
    const { dataset, datasetTask } = source.options;
    if (dataset === null || datasetTask === null) {
      return "it does not say which benchmark of the Hub this is … give --dataset owner/name and --dataset-task id";
    }
    return lacksCells(source);
  },
  *files({ cells, options: { dataset, datasetTask } }) {
    for (const cell of cells) {
      for (const mode of ["greedy", "sample"] as const) {
        const evaluation = lastOn(cell.outcome, mode);
        if (!evaluation) continue;
        const entry = {
          dataset: { id: dataset, task_id: datasetTask },
          value: Number((100 * (mode === "greedy" ? evaluation.accuracy : evaluation.passAtSamples)).toPrecision(12)),
          date: new Date(1000 * endOf(cell.record)).toISOString(),
          notes: notesOf(cell, evaluation),
        };
        // Quotes keep PyYAML from reading a date, or "no", as something else than text.
        const content = stringify([entry], {
          defaultStringType: "QUOTE_DOUBLE",
          defaultKeyType: "PLAIN",
          lineWidth: 0,
        });
        const name = `${dataset?.replaceAll("/", "_")}${mode === "sample" ? "_sampled" : ""}.yaml`;
        yield { path: `${cell.folder}/.eval_results/${name}`, content: [content] };
      }
    }
  },
};

function notesOf({ record }: ExportedCell, { mode, n, samples }: EvaluationRecord): string {
  const how = mode === "greedy" ? "greedy" : `pass@${samples} at temperature 1`;
  const { task, arm, seed, environment } = record;
  const version = environment ? ` ${environment.matchbox}` : "";
  return `${how}, ${n} questions of ${taskText(task)}; arm ${arm}, seed ${seed}; Matchbox${version}`;
}
