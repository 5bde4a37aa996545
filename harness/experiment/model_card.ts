// The README.md of exported weights: a model card as the Hugging Face Hub reads it, with the results as model-index. All
// of it is said by plan and records, so equal records give equal cards; what weights nothing was asked of scored is not
// said. Accuracies are in points of 100. The front matter's values are JSON, which YAML takes as it is.
// Source: https://huggingface.co/docs/hub/model-cards, and "model-index" in the Hub's modelcard.md.

import { shellWord } from "../base/shell_word.ts";
import { visibleText } from "../base/visible_text.ts";
import type { EvaluationRecord, Outcome } from "../contract.ts";
import { adapterText } from "../records/adapter_text.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import type { CellRecord } from "../records/schema.ts";
import { styleText } from "../records/task_text.ts";
import { inMarkdown } from "../report/compare/escape.ts";

/** What a card is made from. */
export interface CardSource {
  readonly plan: PlanRecord;
  /** What the arm is, in a sentence. */
  readonly summary: string;
  readonly record: CellRecord;
  readonly outcome: Outcome;
  /** That ran the experiment, from "bench" on. */
  readonly command: readonly string[];
  /** Updates done when the weights were these. */
  readonly step: number;
  /** SHA-256 of the weights in float32. */
  readonly weights: string;
  readonly dtype: "float32" | "bfloat16";
  /** An adapter was merged into the policy's weights; otherwise these are what was trained. @default false */
  readonly merged?: boolean;
}

const points = (share: number) => Number((100 * share).toPrecision(12));
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const how = ({ mode, samples }: EvaluationRecord) => mode === "greedy" ? "greedy" : `${samples} at temperature 1`;

/** The card, newline at its end. */
export function modelCard(source: CardSource): string {
  const { plan, summary, record: { task, arm, seed, config }, outcome, command, step, weights, dtype } = source;
  const { tokens } = outcome;
  const lastPart = (name: string) => name.split(/[\\/]/).findLast((part) => part !== "") ?? ""; // not where it lay
  const policy = lastPart(plan.policy.name), { base } = plan.policy;
  const adapted = base === undefined ? "" : ` (an adapter, merged into ${inMarkdown(lastPart(base))})`;
  const name = `${task.name}-${policy}-${arm}-seed-${seed}`;
  const evaluations = outcome.evaluations.filter((one) => one.step === step);
  const trained = `${inMarkdown(task.name)} (version ${task.version}${styleText(task)})`;
  const { adapter } = plan.policy, alone = adapter !== undefined && source.merged !== true;
  return `---
library_name: ${alone ? "peft" : "transformers"}
pipeline_tag: text-generation
tags: ["matchbox","reinforcement-learning"]
${modelIndex(name, source, evaluations.filter(({ split }) => split === "test"))}---

# ${inMarkdown(name)}

The policy ${inMarkdown(policy)}${adapted}, trained on the task ${trained} by the arm ${
    inMarkdown(arm)
  } with seed ${seed} and
Matchbox ${inMarkdown(plan.matchbox)}. The arm: ${inMarkdown(summary)}.
${adapter ? `${adapterSentence(adapter, alone)}\n` : ""}${which(source)} They are stored as ${dtype}.

## Results

${evaluations.length === 0 ? "Nothing was asked of these weights." : resultTable(evaluations, outcome)}

## How it was trained

${
    warmUpLine(plan)
  }${outcome.updates} updates asked ${outcome.asked.count} questions and took ${tokens.prompt} prompt tokens and ${tokens.completion} completion tokens.
The experiment was run by

    ${command.length > 0 ? visibleText(["deno", "task", ...command].map(shellWord).join(" ")) : "a program"}

and its cell ${inMarkdown(`${arm}/${seed}`)} has the config

${fieldLines(config)}

## Digests

| what                        | SHA-256 |
| --------------------------- | ------- |
| these weights, in float32   | \`${weights}\` |
| weights before training     | \`${outcome.match.weights}\` |
| weights after all updates   | \`${outcome.finalWeights}\` |
| data of the task            | \`${task.data}\` |
| plan                        | \`${plan.digest}\` |
| outcome of the cell         | \`${source.record.digest}\` |

Weights are digested as float32, little-endian, tensor after tensor in Matchbox's order.
`;
}

/** What was trained, where it is an adapter, and whether these weights are that alone. */
function adapterSentence(adapter: NonNullable<PlanRecord["policy"]["adapter"]>, alone: boolean): string {
  const what = inMarkdown(adapterText(adapter));
  return alone ? `This is ${what}, for PEFT.` : `What was trained is ${what}; it is merged into these weights.`;
}

/** A line for each field, as --set takes it. */
function fieldLines(config: CellRecord["config"]): string {
  const lines = Object.entries(config).flatMap(([group, fields]) =>
    Object.entries(fields).map(([name, value]) => `    ${visibleText(`${group}.${name}=${value}`)}`)
  );
  return lines.join("\n");
}

function warmUpLine({ policy: { warmUp } }: PlanRecord): string {
  if (!warmUp) return "";
  const { updates, questions, learningRate } = warmUp;
  return `A supervised warm-up came first: ${updates} updates of ${questions} demonstrations of the task's answer layout, at a
learning rate of up to ${learningRate}. "Before training" means after it.
`;
}

/** Which weights of the cell these are. */
function which({ outcome, step }: CardSource): string {
  if (step !== outcome.evaluatedStep) {
    return `These are the weights after ${step} updates, not those that were evaluated.`;
  }
  if (step === outcome.updates) return "These are the weights after the last update.";
  return `These are the weights after ${step} updates, the best on validation questions.`;
}

/** Nothing where no test question was asked. */
function modelIndex(name: string, { record, outcome }: CardSource, tests: readonly EvaluationRecord[]): string {
  if (tests.length === 0) return "";
  const { task } = record, text = (value: string) => JSON.stringify(visibleText(value));
  const metrics = tests.map((one) => {
    const greedy = one.mode === "greedy", value = points(greedy ? one.accuracy : one.passAtSamples);
    const label = greedy ? "accuracy" : `pass@${one.samples}`;
    return `          - type: ${text(greedy ? "accuracy" : "pass@k")}
            name: ${text(`${label} in points of 100, ${how(one)}, ${one.n} questions`)}
            value: ${value}
`;
  });
  return `model-index:
  - name: ${text(name)}
    results:
      - task:
          type: text-generation
          name: ${text(task.name)}
        dataset:
          type: ${text(task.name)}
          name: ${text(`${task.name} of Matchbox, version ${task.version}${styleText(task)}`)}
          split: test
          revision: ${text(outcome.match.data)}
        metrics:
${metrics.join("")}`;
}

function resultTable(evaluations: readonly EvaluationRecord[], outcome: Outcome): string {
  const rows = evaluations.map((one) => {
    const { split, mode, n, samples } = one;
    const before = outcome.evaluations.find((other) =>
      other.step === 0 && other.split === split && other.mode === mode
    );
    const shown = (value: (record: EvaluationRecord) => number) =>
      `${before ? `${percent(value(before))} -> ` : ""}${percent(value(one))}`;
    const pass = samples > 1 ? shown(({ passAtSamples }) => passAtSamples) : "";
    return `| ${split} | ${n} | ${how(one)} | ${shown(({ accuracy }) => accuracy)} | ${pass} |`;
  });
  return `Before training, and with these weights:

| questions | n | completions of each | accuracy | a correct one among them |
| --------- | - | ------------------- | -------- | ------------------------ |
${rows.join("\n")}`;
}
