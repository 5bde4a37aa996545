// `compare`: two arms, paired by seed and question, by the same statistics as the report's.

import type { Answer, CellResults } from "../../records/results.ts";
import { compareArms } from "../../stats/compare_arms.ts";
import type { Comparison, Conclusion } from "../../stats/study.ts";
import { alignColumns, percent, points } from "../format.ts";
import { MisuseError } from "../../base/errors.ts";
import { armOf, type Exploration, metricNames, pText } from "./exploration.ts";
import { visibleText } from "../../base/visible_text.ts";

/** Questions that are named on each side. */
const NAMED = 5;

const words: Readonly<Record<Conclusion, string>> = {
  better: "better",
  worse: "worse",
  same: "no difference that matters",
  undecided: "undecided",
};

/** The first arm against the second. @throws MisuseError where there is no such arm, or nothing to pair */
export function compareText(exploration: Exploration, a: string | undefined, b: string | undefined): string {
  const { study, results } = exploration;
  const first = armOf(exploration, a), second = armOf(exploration, b ?? study.against ?? undefined);
  if (first === second) throw new MisuseError(`Cannot compare ${visibleText(first.arm)} with itself: name another arm`);
  const pair = results.cells.filter(({ entry }) => entry.arm === first.arm || entry.arm === second.arm);
  const planned = study.comparisons.find(({ arm, against, registered }) =>
    registered && arm === first.arm && against === second.arm
  );
  const { metric, margin } = study;
  const found = planned ?? compareArms({ cells: pair, metric, margin, against: second.arm, family: [] })[0];
  if (!found) {
    throw new MisuseError(
      `Cannot compare ${visibleText(first.arm)} with ${visibleText(second.arm)}: ` +
        "no seed is finished in both … wait for one, or see list",
    );
  }
  const notMatched = study.matched ? [] : ["The cells are not matched: a difference may have other causes"];
  return [
    ...notMatched,
    ...verdict(found, margin, metricNames[metric]),
    "",
    seedTable(found, first.scores, second.scores),
    "",
    ...questionText(found, pair),
    ...unpairedText(found),
  ].join("\n");
}

function verdict(found: Comparison, margin: number, metric: string): string[] {
  const { arm, against, seeds, items, registered, effect, p, adjustedP, signFlip, improvement, detectable } = found;
  const on = items > 1 ? `${items} questions` : "whole evaluations: answers were not kept";
  const note = [effect.method, effect.note ?? ""].filter(Boolean).join("; ");
  const corrected = registered ? `${pText(adjustedP)} after Holm's correction` : "exploratory, not corrected";
  const { value, lower, upper } = improvement, beats = [value, lower, upper].map((one) => one.toFixed(2));
  return [
    visibleText(
      `${arm} against ${against}: ${metric}, ${seeds.length === 1 ? "1 seed" : `${seeds.length} seeds`}, ${on}`,
    ),
    `${words[found.conclusion]}: ${points(effect.value)} points (${Math.round(100 * effect.level)} % interval ` +
    `${points(effect.lower)} to ${points(effect.upper)}; ${Number((100 * margin).toFixed(2))} points matter)`,
    `${pText(p)} (${note}); ${corrected}`,
    `sign-flip ${pText(signFlip.p)}; the smallest that these seeds can reach is ${signFlip.smallest.toPrecision(2)}`,
    visibleText(`a run of ${arm} beats one of ${against} with probability ${beats[0]} [${beats[1]}, ${beats[2]}]`),
    detectable === null
      ? "what effect would be seen cannot be told from one seed"
      : `an effect of ${(100 * detectable).toFixed(1)} points would be seen with 80 % power`,
    ...(found.area ? [`area under the learning curve: ${points(found.area.value)} points`] : []),
  ];
}

type Scores = { readonly seeds: readonly number[]; readonly values: readonly Float64Array[] };

function seedTable({ arm, against, differences }: Comparison, a: Scores, b: Scores): string {
  const meanOf = ({ seeds, values }: Scores, seed: number) => {
    const run = values[seeds.indexOf(seed)];
    return run ? percent(run.reduce((sum, value) => sum + value, 0) / run.length) : "";
  };
  return alignColumns([
    ["seed", visibleText(arm), visibleText(against), "difference"],
    [],
    ...differences.map(({ seed, difference }) => [String(seed), meanOf(a, seed), meanOf(b, seed), points(difference)]),
  ]);
}

function questionText({ arm, against, questions, seeds }: Comparison, cells: readonly CellResults[]): string[] {
  if (questions === null) return ["Who wins on which question cannot be told: answers were not kept"];
  const { onlyArm, onlyAgainst, p } = questions, [a, b] = [arm, against].map((name) => visibleText(name));
  const gains = questionGains(cells, arm, seeds);
  const named = (sign: 1 | -1) =>
    gains.filter(({ gain }) => sign * gain > 0)
      .sort((x, y) => sign * (y.gain - x.gain)) // stable: the order of the questions
      .slice(0, NAMED)
      .map(({ id, question, right, other }) => [
        `  ${visibleText(id, 60)}`,
        `${right} : ${other}`,
        visibleText(question, 90),
      ]);
  const table = (title: string, rows: string[][]) => rows.length === 0 ? [] : [title, alignColumns(rows, 3)];
  return [
    `Right in most seeds: ${onlyArm} questions by ${a} alone, ${onlyAgainst} by ${b} alone (McNemar ${pText(p)})`,
    ...table(`${a} ahead (seeds that are right, ${a} : ${b}):`, named(1)),
    ...table(`${b} ahead (likewise):`, named(-1)),
  ];
}

interface QuestionGain {
  readonly id: string;
  readonly question: string;
  /** Seeds that are right, of the arm and of the other. */
  readonly right: number;
  readonly other: number;
  readonly gain: number;
}

/** How often each question was answered right by greedy decoding, in the seeds that both arms have. */
function questionGains(cells: readonly CellResults[], arm: string, seeds: readonly number[]): QuestionGain[] {
  const found = new Map<string, { question: string; right: number; other: number }>();
  for (const { entry, answers } of cells) {
    if (!seeds.includes(entry.seed)) continue;
    for (const { id, question, status, sample } of answers ?? []) {
      if (sample > 0) continue;
      const counts = found.get(id) ?? { question, right: 0, other: 0 };
      counts[entry.arm === arm ? "right" : "other"] += isRight(status);
      found.set(id, counts);
    }
  }
  return [...found].map(([id, counts]) => ({ id, ...counts, gain: counts.right - counts.other }));
}

const isRight = (status: Answer["status"]) => status === "correct" ? 1 : 0;

function unpairedText({ unpaired, arm, against }: Comparison): string[] {
  if (unpaired.length === 0) return [];
  const shown = unpaired.slice(0, 10).map(({ kind, side, seed, item, reason }) => {
    const who = visibleText(side === "a" ? arm : against),
      which = kind === "seed" ? `seed ${seed}` : visibleText(item ?? "", 60);
    return `  ${who}, ${which}: ${visibleText(reason, 200)}`;
  });
  const more = unpaired.length - shown.length;
  return [
    "",
    `Left out, for want of a partner: ${unpaired.length}`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}
