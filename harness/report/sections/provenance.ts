// Where the numbers come from: what the cells prove of each other, where they ran, and how to make them again.

import { shellWord } from "../../base/shell_word.ts";
import type { Accelerator, Environment, MatchProof } from "../../contract.ts";
import type { Results } from "../../records/results.ts";
import type { Section } from "../chart_spec.ts";
import { absent, reading, table } from "../elements.ts";
import { type Html, html, type Part } from "../html.ts";
import { bytes, plural } from "../numbers.ts";
import type { View } from "../view.ts";

const PROOFS = {
  weights: "initial weights",
  data: "task data",
  template: "prompt template",
  items: "evaluated questions",
  config: "config before the arms' fields",
  order: "question order, by seed",
  streams: "random streams",
} as const satisfies Partial<Record<keyof MatchProof, string>>;

/** The match proof and the environment. */
export function matchProof({ results, study }: View): Section {
  const outcomes = results.cells.flatMap(({ record, entry }) =>
    entry.status === "finished" && record?.outcome ? [{ seed: entry.seed, match: record.outcome.match }] : []
  );
  const distinct = (name: keyof typeof PROOFS) => [...new Set(outcomes.map(({ match }) => match[name]))];
  const rows = Object.entries(PROOFS).map(([name, what]): Part[] => {
    const values = distinct(name as keyof typeof PROOFS); // the keys are those of PROOFS
    return [
      what,
      values.length,
      html`${values.map((value) => html`<code>${value}</code>`)}`,
    ];
  });
  const seeds = new Set(outcomes.map(({ seed }) => seed)).size;
  return {
    id: "match",
    title: "Match proof and environment",
    charts: [],
    body: html`<p>${
      study.matched
        ? html`All ${
          plural(outcomes.length, "finished cell")
        } began alike: same weights, data, prompts, questions, config and
random streams; with the same seed, the same questions in the same order and the same first rollouts.`
        : html`<b>The finished cells do not match:</b> ${study.problems.join("; ")}.`
    }</p>
${
      outcomes.length === 0
        ? absent("No cell has finished.")
        : table("Digests that the cells took of what they were given", [
          { head: "what" },
          { head: "different", number: true },
          { head: "SHA-256" },
        ], [{ head: null, rows }])
    }
${environments(results)}
${
      reading(
        html`One digest in a row means that all cells have the same; the question order has one a seed (here ${seeds}).`,
      )
    }`,
  };
}

function environments({ cells }: Results): Html {
  const found = Map.groupBy(
    cells.flatMap(({ record }) => record?.environment ? [record.environment] : []),
    (environment) => JSON.stringify(environment),
  );
  if (found.size === 0) return absent("The environment was not recorded.");
  const groups = [...found.values()].flatMap(([environment, ...same]) =>
    environment
      ? [{ head: found.size > 1 ? plural(1 + same.length, "cell") : null, rows: environmentRows(environment) }]
      : []
  );
  return table("Where the cells ran", [{ head: "what" }, { head: "value" }], groups);
}

function environmentRows(environment: Environment): Part[][] {
  const {
    matchbox,
    deno,
    onnxruntime,
    os,
    arch,
    cpu,
    vectors,
    cores,
    memoryBytes,
    device,
    accelerator,
    precision,
    threads,
    gitCommit,
    gitDirty,
  } = environment;
  return [
    ["Matchbox", matchbox],
    ["commit", gitCommit === null ? "not recorded" : html`<code>${gitCommit}</code>${gitDirty && " with changes"}`],
    ["Deno", deno],
    ["ONNX Runtime", onnxruntime],
    ["system", `${os} ${arch}`],
    ["processor", `${cpu}, ${plural(cores, "core")}${vectors ? `, ${vectors.join(" ")}` : ""}`],
    ["memory", bytes(memoryBytes)],
    ["device", `${device}, ${plural(threads, "thread")} a cell`],
    ...(accelerator ? acceleratorRows(accelerator) : []),
    ...(precision ? [["precision", precision]] : []),
  ];
}

function acceleratorRows({ provider, adapter, driver, index }: Accelerator): Part[][] {
  return [
    ["accelerator", html`<bdi>${adapter ?? "not recorded"}</bdi>${index !== null && `, index ${index}`}`],
    ["provider", `${provider}${driver === null ? "" : `, driver ${driver}`}`],
  ];
}

/** What a rerun gives back. */
function repeatable({ device }: Results["experiment"]): string {
  if (device !== "cpu") {
    return `Computed on ${device}, results are compared statistically, not bit for bit: sums may be taken in another order each
time, and the same command reproduces the conclusion.`;
  }
  return `On the same kind of machine the same command gives the same digests, to the bit. Elsewhere rounding differs, and
what is reproduced is the conclusion.`;
}

/** Commands and digests. */
export function reproduce({ parts, results }: View): Section {
  return {
    id: "reproduce",
    title: "How to reproduce",
    charts: [],
    body: html`${
      parts.map(({ plan, experiment }, i) =>
        html`${parts.length > 1 && html`<h4>Results ${i + 1}${i === 0 ? ", which give the plan" : ", added"}</h4>`}
<pre class="command" tabindex="0"><code>deno task ${experiment.command.map(shellWord).join(" ")}</code></pre>
${
          table("What it must be given", [{ head: "what" }, { head: "SHA-256" }], [{
            head: null,
            rows: [
              ["plan", html`<code>${experiment.plan}</code>`],
              [`data of task ${experiment.task.name}`, html`<code>${experiment.task.data}</code>`],
              ...Object.entries(plan?.policy.files ?? {}).map(([name, digest]) => [
                html`policy, <bdi>${name}</bdi>`,
                html`<code>${digest}</code>`,
              ]),
              ...(plan?.arms ?? []).flatMap(({ name, file }) =>
                file === null ? [] : [[html`file of arm <bdi>${name}</bdi>`, html`<code>${file}</code>`]]
              ),
            ],
          }])
        }${plan && html`<p>${plan.claim.stopping}.</p>`}`
      )
    }
<details class="data"><summary>Digests of the cells</summary>${
      table("A cell's digest is that of all that a rerun on the same kind of machine reproduces", [
        { head: "cell" },
        { head: "SHA-256" },
      ], [{
        head: null,
        rows: parts.flatMap(({ cells }) =>
          cells.map(({ entry: { arm, seed, digest, status } }) => [
            html`<bdi>${arm}</bdi> seed ${seed}`,
            digest === null ? status : html`<code>${digest}</code>`,
          ])
        ),
      }])
    }</details>
${
      reading(
        html`${repeatable(results.experiment)}`,
        html`<code>deno task verify RESULTS</code> derives all of it again from the files, and replays some updates.`,
      )
    }`,
  };
}
