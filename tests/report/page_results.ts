// Results with steps and answers for tests of the page: a reference arm, one with a memory and one that learns to please.

import type { StepRecord } from "../../harness/contract.ts";
import type { Answer, CellResults, Results } from "../../harness/records/results.ts";
import { fakeResults } from "../fakes/results.ts";
import { fakeStep } from "../fakes/records.ts";

/** A step of a run: rewards that rise to `reward`, a memory that grows if there is one. */
export function risingStep(step: number, { reward = 1, memory = false, steps = 10 } = {}): StepRecord {
  const share = step / steps;
  return {
    ...fakeStep(step),
    rewards: {
      total: { mean: reward * share, std: 0.5 },
      correctness: { mean: 0.1 + 0.2 * share, std: 0.3 },
      format: { mean: 0.5, std: 0 },
      ...(memory ? { bonus: { mean: 0.1 * share, std: 0 }, "bonus.raw": { mean: -share, std: 0 } } : {}),
    },
    completionLength: 20 + step,
    zeroVarianceTotal: share / 2,
    loss: 1e-8 * step,
    entropy: 1 - share / 2,
    gauges: memory ? { "memory.successKeys": 3 * step, "memory.exploitHits": Math.min(1, step / 2) } : {},
    tokens: { prompt: 100, completion: 200 + step },
  };
}

/** Three arms with two seeds and eight questions each: "plain", "remembers", which is better, and "pleases". */
export function pageResults(): Results {
  const right = (count: number) => Array.from({ length: 8 }, (_, i) => i < count ? 1 : 0);
  const results = fakeResults({
    scores: {
      plain: [right(3), right(4)],
      remembers: [right(7), right(8)],
      pleases: [right(0), right(0)],
    },
  });
  return withCells(results, (cell) => ({
    ...cell,
    steps: Array.from(
      { length: 10 },
      (_, i) =>
        risingStep(i + 1, { memory: cell.entry.arm === "remembers", reward: cell.entry.arm === "pleases" ? 3 : 1 }),
    ),
  }));
}

/** The results with each cell changed. */
export function withCells(results: Results, change: (cell: CellResults) => CellResults): Results {
  const cells = results.cells.map(change);
  return { ...results, experiment: { ...results.experiment, cells: cells.map(({ entry }) => entry) }, cells };
}

/** The results with every answer changed. */
export function withAnswers(results: Results, change: (answer: Answer, place: number) => Answer): Results {
  return withCells(results, (cell) => ({ ...cell, answers: cell.answers?.map(change) ?? null }));
}

/** Texts that try to become more than text. */
export const HOSTILE = [
  '</script><script>globalThis.broken = "script"</script>',
  "<img src=x onerror=\"globalThis.broken = 'image'\">",
  '"><svg onload="globalThis.broken = 1">',
  "nul \0, escape \u001b[31m, delete \u007f, bell \u0007",
  "override \u202egnp.exe\u202c, zero\u200bwidth, tag \u{e0041}",
  "line\u2028and paragraph\u2029 separators, lone \ud800 surrogate",
  "x".repeat(1 << 20),
  "<!-- --> ]]> {{constructor}} ${globalThis.broken = 2}",
] as const;

/** The page's results with hostile arm names, questions and completions. */
export function hostileResults(): Results {
  const results = pageResults();
  const nameOf = (arm: string) => arm === "pleases" ? `p${HOSTILE[0]}${HOSTILE[4]}` : arm;
  const renamed = withCells(results, (cell) => ({ ...cell, entry: { ...cell.entry, arm: nameOf(cell.entry.arm) } }));
  const plan = results.plan && {
    ...results.plan,
    claim: { ...results.plan.claim, family: results.plan.claim.family.map(nameOf) },
  };
  const arms = results.experiment.arms.map((arm) => ({ ...arm, name: nameOf(arm.name) }));
  return withAnswers({ ...renamed, plan, experiment: { ...renamed.experiment, arms } }, (answer, place) => ({
    ...answer,
    question: `${answer.question} ${HOSTILE[place % HOSTILE.length]}`,
    gold: HOSTILE[(place + 1) % 6] ?? "",
    said: answer.said && { ...answer.said, completion: HOSTILE[place % HOSTILE.length] ?? "", extracted: HOSTILE[1] },
  }));
}
