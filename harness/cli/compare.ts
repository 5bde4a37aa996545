// `compare <candidate> --baseline <file>`: the regression gate. It reads, hands over to harness/report/compare, prints in
// the asked format and turns the verdict into an exit code; `--calibrate` measures how often that verdict is wrong.

import type { Command } from "commander";
import { writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { findForeign, readForeign } from "../records/foreign/read_foreign.ts";
import { readResults, type Results } from "../records/results.ts";
import { metricOf } from "../report/compare/comparable.ts";
import { compareResults, type Tier } from "../report/compare/compare_results.ts";
import { compareSamples } from "../report/compare/compare_samples.ts";
import { gateJson } from "../report/compare/gate_json.ts";
import { gateJunit } from "../report/compare/gate_junit.ts";
import { gateMarkdown } from "../report/compare/gate_markdown.ts";
import { EXIT_CODES, type GateReport } from "../report/compare/gate_report.ts";
import { calibrate } from "../stats/calibrate.ts";
import { cellScores } from "../stats/cell_scores.ts";
import { calibrationText, compareText } from "./compare_text.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `compare`, as commander hands them over. */
interface CompareFlags {
  readonly baseline?: string;
  readonly margin: number;
  readonly tier: string;
  readonly format: string;
  readonly metric?: string;
  readonly out?: string;
  readonly calibrate?: boolean;
  readonly trials: number;
  readonly seed: number;
}

const tiers: readonly Tier[] = ["auto", "exact", "statistical"];

const formats: Readonly<Record<string, (report: GateReport) => string>> = {
  text: compareText,
  markdown: gateMarkdown,
  json: gateJson,
  junit: gateJunit,
};

/** Adds the command to the program; `done` takes the exit code. */
export function addCompare(program: Command, done: (exitCode: number) => void): void {
  program.command("compare")
    .description("The verdict over a candidate against a baseline: pass, regress, underpowered or not comparable.")
    .argument("[candidate]", "results of bench: a folder or a bundle; or another tool's samples")
    .option("--baseline <path>", "what it is compared with: a bundle, a folder, or the same tool's samples")
    .option("--margin <points>", "least drop that matters, in percentage points", parseMargin, 2)
    .option("--tier <name>", "auto, exact (same bytes) or statistical", "auto")
    .option("--format <name>", Object.keys(formats).join(", "), "text")
    .option("--metric <name>", "of another tool's samples: which score, where there are several")
    .option("--out <file>", "write there instead of to standard output")
    .option("--calibrate", "measure the gate on the baseline alone: false alarms, and drops that it finds")
    .option("--trials <n>", "trials of --calibrate", parseCount("--trials"), 1000)
    .option("--seed <n>", "random seed of --calibrate", parseCount("--seed", 0), 0)
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Arms are compared one by one, paired by seed and question. An arm passes if the 95 % interval of the effect (candidate -
baseline) lies above -margin; it regresses if the drop is real (p < 0.05 after Holm's correction over the arms) and at
least the margin; otherwise the comparison is underpowered. One seed of a trained arm decides nothing unless all its
answers are the same. The worst arm is the verdict. Not comparable are another task, prompt, questions, weights, budget
or setting, and an untrained policy that scores otherwise than in the baseline: then the grader changed.
Where all shared cells are the same bytes they pass by that alone (tier exact). Where they are not, auto decides by
statistics; --tier exact calls it a regression, and asks for the baseline's kind of machine and for the processor: a GPU's
results are compared statistically.
Samples made elsewhere: lm-evaluation-harness's --log_samples (samples_*.jsonl) and inspect_ai's logs (.json), two files
or two folders of them; a folder holds tasks, or several runs of one.
Exit code: 0 pass, 1 regress, 2 the command or a file was wrong, 3 underpowered, 4 not comparable.

Examples:
  deno task compare baselines/arithmetic/quick.json --baseline baselines/arithmetic/quick.json
  deno task compare results/candidate --baseline baselines/arithmetic/quick.json --margin 5
  deno task compare results/candidate --baseline baselines/arithmetic/smoke.json --tier exact --format junit --out gate.xml
  deno task compare --calibrate --baseline baselines/arithmetic/quick.json --trials 100
  deno task compare new/samples_gsm8k.jsonl --baseline old/samples_gsm8k.jsonl --metric exact_match,strict-match
  deno task compare new.json --baseline old.json --format markdown
`,
    )
    .action(async (candidate: string | undefined, flags: CompareFlags) => done(await run(candidate, flags)));
}

async function run(candidate: string | undefined, flags: CompareFlags): Promise<number> {
  const { baseline, out } = flags, format = formatOf(flags.format), tier = tierOf(flags.tier);
  if (baseline === undefined) throw new MisuseError("Cannot compare: with what … give --baseline a file or a folder");
  if (flags.calibrate) {
    if (candidate !== undefined) {
      throw new MisuseError(`Cannot use "${candidate}" with --calibrate: it looks at the baseline alone`);
    }
    if (flags.format !== "text") {
      throw new MisuseError(`Cannot use --format ${flags.format} with --calibrate: it is text`);
    }
    await give(await asMisuse(() => calibrated(baseline, flags)), out);
    return 0;
  }
  if (candidate === undefined) throw new MisuseError("Cannot compare: what … give the candidate's results");
  const report = await asMisuse(() => compared(candidate, baseline, { ...flags, tier }));
  await give(format(report), out);
  return EXIT_CODES[report.verdict];
}

type Settled = Omit<CompareFlags, "tier"> & { readonly tier: Tier };

async function compared(candidate: string, baseline: string, { margin, tier, metric }: Settled): Promise<GateReport> {
  const share = margin / 100, [ours, theirs] = [findForeign(candidate), findForeign(baseline)];
  if (ours === null && theirs === null) {
    if (metric !== undefined) {
      throw new MisuseError("Cannot use --metric: results of Matchbox are compared by what their plan claims");
    }
    const [a, b] = [await readResults(candidate, { steps: false }), await readResults(baseline, { steps: false })];
    return compareResults(a, b, { margin: share, tier });
  }
  if (ours === null || theirs === null) {
    const [own, other, foreign] = ours ? [baseline, candidate, ours] : [candidate, baseline, theirs];
    throw new MisuseError(
      `Cannot compare: "${other}" holds samples of ${foreign?.tool}, "${own}" does not … give two of one kind`,
    );
  }
  if (tier === "exact") {
    throw new MisuseError("Cannot use --tier exact: samples made elsewhere have no digests of a run");
  }
  const wanted = metric ?? null;
  return compareSamples(
    await readForeign(candidate, ours, wanted),
    await readForeign(baseline, theirs, wanted),
    share,
  );
}

async function calibrated(baseline: string, { margin, trials, seed }: CompareFlags): Promise<string> {
  const results = await readResults(baseline, { steps: false }), arms = armScores(results);
  if (!arms.some(({ scores }) => scores.seeds.length > 1)) {
    throw new MisuseError(`Cannot calibrate: no arm of "${baseline}" has two finished cells to tell apart`);
  }
  const share = margin / 100,
    drops = [1, 2, 4, 8].map((times) => times * share).filter((drop) => drop > 0 && drop <= 1);
  const calibration = calibrate(arms, { trials, seed, margin: share, drops });
  return calibrationText(calibration, share);
}

function armScores(results: Results) {
  const metric = metricOf(results);
  return [...Map.groupBy(results.cells, ({ entry }) => entry.arm)]
    .map(([arm, cells]) => ({ arm, scores: cellScores(cells, metric) }));
}

/** A file that cannot be read is no regression: exit code 2. */
async function asMisuse<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof FailureError ? new MisuseError(error.message, { cause: error }) : error;
  }
}

async function give(text: string, out: string | undefined): Promise<void> {
  if (out === undefined) console.log(text.trimEnd());
  else await asMisuse(() => writeFileAtomic(out, text));
}

function formatOf(name: string): (report: GateReport) => string {
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format) return format;
  const names = Object.keys(formats);
  throw new MisuseError(`Cannot use --format ${name}: the formats are ${names.join(", ")}${suggest(name, names)}`);
}

function tierOf(name: string): Tier {
  const tier = tiers.find((one) => one === name);
  if (tier) return tier;
  throw new MisuseError(`Cannot use --tier ${name}: the tiers are ${tiers.join(", ")}${suggest(name, tiers)}`);
}

function parseMargin(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) <= 100) return Number(text);
  throw new MisuseError(`Cannot use --margin ${text}: it must be a number of percentage points from 0 to 100`);
}
