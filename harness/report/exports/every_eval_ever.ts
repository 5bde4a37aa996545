// Every Eval Ever, schema version 0.3: a record of what a model scored and, beside it, its answers, laid out as the
// datastore wants them. Each cell's weights are a model of their own, so each cell has its own record. Where records do
// not say something (the prompt around a question, prompt tokens of an answer), nothing is said. Identifiers are made
// from digests, so that equal records have equal ones.
// Source: https://github.com/evaleval/every_eval_ever, every_eval_ever/schemas (0.3.0)

import { sha256 } from "../../base/digest.ts";
import type { EvaluationRecord } from "../../contract.ts";
import type { Answer, Said } from "../../records/results.ts";
import { recordedStyle } from "../../records/task_text.ts";
import { wilson } from "../../stats/wilson.ts";
import { endOf, type ExportedCell, type ExportFormat, folderNames, lacksCells, lastOn } from "./export_format.ts";

const SCHEMA_VERSION = "0.3.0";

/** data/<collection>/<organization>/<model>/<uuid>.json, and <uuid>_samples.jsonl where texts were kept. */
export const everyEvalEver: ExportFormat = {
  name: "every-eval-ever",
  summary: "records of Every Eval Ever, schema version 0.3, one a cell, with its answers where texts were kept",
  lacks: lacksCells,
  *files({ cells, options: { organization } }) {
    for (const cell of cells) {
      const identity = identityOf(cell, organization), { folder, uuid } = identity;
      const samples = samplesOf(cell, identity);
      const place = `${folder}/${uuid}_samples.jsonl`;
      if (samples) yield { path: place, content: [samples.text] };
      const details = samples && {
        format: "jsonl",
        file_path: place,
        hash_algorithm: "sha256",
        checksum: sha256(samples.text),
        total_rows: samples.rows,
      };
      const record = recordOf(cell, identity, organization);
      const text = JSON.stringify({ ...record, ...(details && { detailed_evaluation_results: details }) }, null, 2);
      yield { path: `${folder}/${uuid}.json`, content: [`${text}\n`] };
    }
  },
};

/** What ties a cell's two files together. */
interface Identity {
  readonly task: string;
  readonly folder: string;
  readonly uuid: string;
  readonly modelId: string;
  readonly evaluationId: string;
}

function identityOf({ policy, folder, record }: ExportedCell, organization: string): Identity {
  const plain = (name: string) => folderNames([name]).get(name) ?? name;
  const collection = `matchbox_${plain(record.task.name)}`;
  const modelId = `${plain(organization)}/${plain(policy)}-${folder.replace("/", "-")}`;
  return {
    task: record.task.name,
    folder: `data/${collection}/${modelId}`,
    uuid: uuidOf(sha256(modelId, collection, record.digest ?? "")),
    modelId,
    evaluationId: `${collection}/${modelId}/${Math.round(endOf(record))}`,
  };
}

/** Digits of a digest in the form that version 4 of UUIDs has (RFC 9562, 5.4). */
function uuidOf(hex: string): string {
  const variant = (parseInt(hex[16]!, 16) & 3 | 8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return [...parts, hex.slice(20, 32)].join("-");
}

function recordOf(
  { model, policy, record, outcome }: ExportedCell,
  { evaluationId, modelId }: Identity,
  organization: string,
) {
  const { arm, seed, environment, timing } = record, end = endOf(record);
  const evaluations = [lastOn(outcome, "greedy"), lastOn(outcome, "sample")].filter((one) => one !== undefined);
  return {
    schema_version: SCHEMA_VERSION,
    evaluation_id: evaluationId,
    evaluation_timestamp: new Date(1000 * end).toISOString(),
    retrieved_timestamp: String(Math.round(end)),
    source_metadata: {
      source_name: "Matchbox",
      source_type: "evaluation_run",
      source_organization_name: organization,
      evaluator_relationship: "first_party",
    },
    eval_library: { name: "matchbox", version: environment?.matchbox ?? "unknown" },
    model_info: {
      name: model,
      id: modelId,
      developer: organization,
      inference_platform: "local",
      ...(environment && { inference_engine: { name: "onnxruntime", version: environment.onnxruntime } }),
      additional_details: {
        deployment_type: "self_deployed",
        model_availability: "unknown",
        policy,
        arm,
        seed: String(seed),
        updates: String(outcome.updates),
        training_tokens: String(outcome.tokens.prompt + outcome.tokens.completion),
        final_weights_sha256: outcome.finalWeights,
        started_at: timing.startedAt,
      },
    },
    evaluation_results: evaluations.map((evaluation) => resultOf(record, evaluation)),
  };
}

const resultId = ({ mode }: Pick<EvaluationRecord, "mode">) => mode === "greedy" ? "accuracy" : "pass_at_k";

function resultOf({ task, config }: ExportedCell["record"], evaluation: EvaluationRecord) {
  const { mode, n, samples, accuracy, passAtSamples, statuses, step } = evaluation, greedy = mode === "greedy";
  const score = greedy ? accuracy : passAtSamples, interval = wilson(Math.round(score * n), n);
  const cap = config.rl?.maxCompletionTokens;
  return {
    evaluation_result_id: resultId(evaluation),
    evaluation_name: task.name,
    source_data: {
      dataset_name: task.name,
      source_type: "other",
      additional_details: {
        split: "test",
        questions: String(n),
        version: String(task.version),
        sha256: task.data,
        ...recordedStyle(task),
      },
    },
    metric_config: {
      evaluation_description: greedy
        ? "share of test questions answered correctly, one greedy completion each"
        : `share of test questions with a correct one among ${samples} completions at temperature 1`,
      metric_id: greedy ? "accuracy" : "pass_at_k",
      metric_name: greedy ? "Accuracy" : `pass@${samples}`,
      metric_kind: greedy ? "accuracy" : "pass_rate",
      metric_unit: "proportion",
      ...(greedy ? {} : { metric_parameters: { k: samples } }),
      lower_is_better: false,
      score_type: "continuous",
      min_score: 0,
      max_score: 1,
    },
    score_details: {
      score,
      details: Object.fromEntries(Object.entries(statuses).sort().map(([name, count]) => [name, String(count)])),
      uncertainty: {
        confidence_interval: {
          lower: interval.lower,
          upper: interval.upper,
          confidence_level: interval.level,
          method: "Wilson, over the questions; another seed of training is another model",
        },
        num_samples: n,
      },
    },
    generation_config: {
      generation_args: {
        temperature: greedy ? 0 : 1,
        ...(typeof cap === "number" && cap >= 1 ? { max_tokens: cap } : {}),
      },
      additional_details: { updates_before: String(step) },
    },
  };
}

/** A line for each question and result; null where texts were not kept. */
function samplesOf({ answers }: ExportedCell, identity: Identity): { text: string; rows: number } | null {
  if (answers === null || answers.length === 0) return null;
  const lines: string[] = [];
  for (const [id, all] of Map.groupBy(answers, ({ id }) => id)) {
    for (const [greedy, some] of Map.groupBy(all, ({ sample }) => sample === 0)) {
      const said = some.map(({ said }) => said).filter((one) => one !== null);
      if (said.length < some.length) return null;
      lines.push(`${JSON.stringify(rowOf(id, greedy, some, said, identity))}\n`);
    }
  }
  return { text: lines.join(""), rows: lines.length };
}

function rowOf(id: string, greedy: boolean, answers: readonly Answer[], said: readonly Said[], identity: Identity) {
  const { question, gold } = answers[0]!, correct = answers.some(({ status }) => status === "correct");
  return {
    schema_version: SCHEMA_VERSION,
    evaluation_id: identity.evaluationId,
    model_id: identity.modelId,
    evaluation_name: identity.task,
    evaluation_result_id: resultId({ mode: greedy ? "greedy" : "sample" }),
    sample_id: id,
    sample_hash: sha256((question + gold).toWellFormed()),
    interaction_type: "single_turn",
    input: { raw: question, reference: [gold] },
    output: { raw: said.map(({ completion }) => completion) },
    answer_attribution: said.flatMap(({ extracted }) =>
      extracted === null ? [] : [{
        turn_idx: 0,
        source: "output.raw",
        extracted_value: extracted,
        extraction_method: "custom",
        is_terminal: true,
      }]
    ),
    evaluation: { score: correct ? 1 : 0, is_correct: correct },
    metadata: {
      status: answers.map(({ status }) => status).join(" "),
      completion_tokens: said.map(({ tokens }) => tokens).join(" "),
    },
  };
}
