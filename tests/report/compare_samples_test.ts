import { deepEqual, equal, match } from "node:assert/strict";
import type { ForeignItem, ForeignSamples } from "../../harness/records/foreign/foreign_samples.ts";
import { findForeign, readForeign } from "../../harness/records/foreign/read_foreign.ts";
import { compareSamples } from "../../harness/report/compare/compare_samples.ts";
import { fileURLToPath } from "node:url";
import { root } from "../sources.ts";

const fixture = (name: string, metric: string | null = null) => {
  const path = fileURLToPath(new URL(`tests/fixtures/foreign/${name}`, root));
  return readForeign(path, findForeign(path)!, metric);
};

/** Samples of one task: scores [items][runs]. */
function samples(
  scores: readonly (readonly number[])[],
  change: Partial<ForeignItem> = {},
  task = "t",
): ForeignSamples {
  const items = scores.map((row, i) => ({
    id: String(i),
    question: `q${i}`,
    prompt: null,
    scores: Float64Array.from(row),
    ...change,
  }));
  const runs = scores[0]!.map((_, i) => `run ${i}`);
  return { origin: "x", tool: "tool", made: "x", tasks: [{ task, metric: "acc", runs, items }], notes: [] };
}

Deno.test("compareSamples() tests one run a side by McNemar, and says that no training seeds are in it", async () => {
  const [candidate, baseline] = [
    await fixture("lm_eval_new", "exact_match,strict-match"),
    await fixture("lm_eval_old", "exact_match,strict-match"),
  ];
  const { verdict, arms: [task], notes, tierReason } = compareSamples(candidate, baseline, 0.02);
  equal(verdict, "regress"); // 10 in the baseline alone, 1 in the candidate alone: p = 24 / 2048
  deepEqual([task?.arm, task?.judged?.questions?.onlyBaseline, task?.judged?.questions?.onlyCandidate], [
    "gsm8k",
    10,
    1,
  ]);
  equal(Math.abs(task!.judged!.p - 24 / 2048) < 1e-12, true);
  equal(Math.abs(task!.judged!.effect.value + 9 / 16) < 1e-12, true);
  match(task!.reasons[0]!, /candidate alone 1, in the baseline alone 10: McNemar's exact p 0\.012/);
  match(notes[0]!, /training seeds are not in these files/);
  match(tierReason, /no digests/);
});

Deno.test("compareSamples() pairs epochs as runs, and lists a sample that ended in an error", async () => {
  const [candidate, baseline] = [await fixture("inspect_new.json"), await fixture("inspect_old.json")];
  const { verdict, arms: [task], unpaired, notes } = compareSamples(candidate, baseline, 0.02);
  equal(verdict, "regress");
  deepEqual([task?.judged?.seeds.length, task?.judged?.items, task?.judged?.questions], [2, 11, null]);
  deepEqual(unpaired, ["sums: 1 question without a score in the candidate, left out of both: 12"]);
  match(notes.join("\n"), /runs are paired in their order/);
});

Deno.test("compareSamples() compares tasks one by one, and names those without a partner", () => {
  const both: ForeignSamples = {
    ...samples([[1], [0]]),
    tasks: [...samples([[1], [0]]).tasks, ...samples([[1], [1]], {}, "other").tasks],
  };
  const report = compareSamples(samples([[1], [0]]), both, 0.02);
  deepEqual([report.verdict, report.arms.map(({ arm }) => arm), report.unpaired], [
    "pass",
    ["t"],
    ["other: not in the candidate"],
  ]);
});

Deno.test("compareSamples() compares nothing where questions, tasks, scores or tools are others", () => {
  const problem = (candidate: ForeignSamples, baseline = samples([[1], [0]])) => {
    const { verdict, problems, arms } = compareSamples(candidate, baseline, 0.02);
    deepEqual([verdict, arms], ["not comparable", []]);
    return problems[0] ?? "";
  };
  match(problem(samples([[1], [0]], { question: "other" })), /^t: 2 of 2 items are another question or have another/);
  match(problem(samples([[1], [0]], {}, "u")), /^no task in common: u, in the baseline t$/);
  match(problem({ ...samples([[1]]), tool: "other" }), /^other, in the baseline tool$/);
  const metric = samples([[1], [0]]);
  match(problem({ ...metric, tasks: [{ ...metric.tasks[0]!, metric: "f1" }] }), /^t: f1, in the baseline acc$/);
  const elsewhere = samples([[1]]);
  const moved = { ...elsewhere.tasks[0]!, items: [{ ...elsewhere.tasks[0]!.items[0]!, id: "99" }] };
  match(problem({ ...elsewhere, tasks: [moved] }), /^t: no item in common$/);
});

Deno.test("compareSamples() tells other prompts, and runs and items that one side lacks", () => {
  const { notes, unpaired } = compareSamples(
    samples([[1, 1], [0, 0], [1, 1]], { prompt: "new" }),
    samples([[1], [0]], { prompt: "old" }),
    0.02,
  );
  match(notes.join("\n"), /t: 2 items were asked with another prompt/);
  deepEqual(unpaired, ["t: run 2 of the candidate", "t: 1 question not in the baseline, left out of both: 2"]);
});
