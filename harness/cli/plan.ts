// `plan`: how many seeds and questions it takes to see an effect. What paired differences vary with is taken from results
// (--from) or stated; the arithmetic is harness/stats/power.ts. Differences that were measured with a large effect vary
// more between questions than those of a small one, so a plan for less than was seen is on the safe side.

import type { Command } from "commander";
import { FailureError, MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { type CellResults, readResults, type Results } from "../records/results.ts";
import { ALL_ITEMS, cellScores, isFinished } from "../stats/cell_scores.ts";
import { detectable, planPower, powerOf } from "../stats/power.ts";
import { differences, pairScores } from "../stats/scores.ts";
import { type TwoWay, twoWay } from "../stats/two_way.ts";
import { visiblePage, visibleText } from "../base/visible_text.ts";
import { alignColumns, duration, percent, quantity } from "./format.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `plan`, as commander hands them over. Effects and deviations are in points, shares in [0, 1]. */
interface PlanFlags {
  readonly effect: number;
  readonly power: number;
  readonly level: number;
  readonly seeds?: readonly number[];
  readonly items?: readonly number[];
  readonly arms?: number;
  readonly from?: string;
  readonly arm?: string;
  readonly against?: string;
  readonly accuracy?: number;
  readonly changed?: number;
  readonly seedSd?: number;
  readonly itemSd?: number;
  readonly json?: boolean;
}

/**
 * What is assumed where nothing is stated: medians over the eight trained arms of baselines/arithmetic/embedded.json whose
 * paired difference from GRPO is below five points, 8 seeds and 512 questions each.
 */
const measured = { accuracy: 0.67, independent: 0.09, seedSd: 1.3, itemSd: 9 };

/** Numbers of questions in the table, and the one of the answer where no results say it. */
const usualItems = [128, 256, 512, 1024, 2048], answeredItems = 512;

/** More questions than this are no plan. */
const mostItems = 1_000_000;

/** Adds the command to the program; `done` takes the exit code. */
export function addPlan(program: Command, done: (exitCode: number) => void): void {
  program.command("plan")
    .description("How many seeds and questions it takes to see an effect between two arms.")
    .requiredOption(
      "--effect <points>",
      "least difference that shall be seen, in points of 100",
      number("--effect", 0, 100),
    )
    .option("--power <share>", "chance to see it", number("--power", 0, 1), 0.8)
    .option("--level <share>", "level of the two-sided interval", number("--level", 0, 1), 0.95)
    .option("--seeds <list>", "numbers of seeds in the table (default: 3,5,8,10,15,20,30)", counts("--seeds", 2))
    .option("--items <list>", "numbers of questions; the first is that of the answer", counts("--items", 2))
    .option("--arms <n>", "arms that are compared with one, for Holm (default: the plan's, or 1)", parseCount("--arms"))
    .option("--from <results>", "an experiment's folder or a bundle: what differences vary with is measured there")
    .option("--arm <name>", "with --from: the arm (default: the plan's first)")
    .option("--against <name>", "with --from: the arm that it is compared with (default: the plan's)")
    .option(
      "--accuracy <share>",
      `of both arms, without --from (default: ${measured.accuracy})`,
      number("--accuracy", 0, 1),
    )
    .option(
      "--changed <share>",
      "questions that only one of both answers right (default: from --accuracy)",
      number("--changed", 0, 1),
    )
    .option(
      "--seed-sd <points>",
      `of the difference, over seeds (default: ${measured.seedSd})`,
      number("--seed-sd", 0, 100, true),
    )
    .option(
      "--item-sd <points>",
      `of the difference, over questions (default: ${measured.itemSd})`,
      number("--item-sd", 0, 100, true),
    )
    .option("--json", "the plan as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Differences are paired by seed and question, so only what changes between the arms counts. Without --from and --changed,
the arms differ on ${percent(measured.independent)} of the questions on which independent answers of that accuracy would
differ, 2 p (1 - p). The defaults are medians of baselines/arithmetic/embedded.json; other tasks and longer training differ.

Examples:
  deno task plan --effect 2
  deno task plan --effect 2 --power 0.8 --from baselines/arithmetic/embedded.json
  deno task plan --effect 2 --from baselines/arithmetic/embedded.json --arm memory-r --against grpo --arms 3
  deno task plan --effect 1 --accuracy 0.5 --seed-sd 3 --item-sd 10 --seeds 5,10,20 --items 1319
`,
    )
    .action(async (flags: PlanFlags) => done(await run(flags)));
}

/** What differences vary with, and what is known beside it. */
interface Basis {
  /** One sentence on where it is from. */
  readonly words: string;
  readonly components: TwoWay["components"];
  /** Of the results; null where there are none. */
  readonly seeds: number | null;
  readonly items: number;
  /** Whether other numbers of questions can be told: the answers were kept. */
  readonly byItem: boolean;
  readonly arms: number;
  /** What a seed of both arms takes. */
  readonly cost: { readonly tokens: number; readonly seconds: number } | null;
}

async function run(flags: PlanFlags): Promise<number> {
  checkFlags(flags);
  const { from } = flags;
  const basis = from === undefined ? stated(flags) : measure(await readResults(from, { steps: false }), flags);
  if (!basis.byItem && flags.items !== undefined) {
    throw new MisuseError("Cannot plan with --items: the answers were not kept … give the folder that bench wrote");
  }
  const plan = planOf(basis, flags);
  const print = flags.json ? console.error : console.log;
  print(visiblePage([...plan.answer, "", plan.basis, "", tableText(plan)].join("\n")));
  if (flags.json) console.log(JSON.stringify({ ...plan, answer: plan.answer.join(" ") }));
  return 0;
}

type Plan = ReturnType<typeof planOf>;

/** What is asked, answered. */
function planOf(basis: Basis, { effect, power, level, ...flags }: PlanFlags) {
  const { components, byItem } = basis, arms = flags.arms ?? basis.arms, alarm = round(1 - level);
  const items = flags.items?.[0] ?? basis.items;
  const columns = flags.items ?? (byItem ? [...new Set([...usualItems, items])].sort((a, b) => a - b) : [items]);
  const counted = (items: number) => byItem ? items : 1; // without answers a seed has one score, questions and all
  const question = { components, effect: effect / 100, power, ...(flags.seeds ? { seeds: flags.seeds } : {}) };
  const { rows, ...limits } = planPower({ ...question, level: alarm, items: columns.map(counted) });
  const neededAt = (level: number) => planPower({ ...question, level, items: [counted(items)] }).rows[0]!.seedsNeeded;
  const seedsNeeded = neededAt(alarm), family = arms === 1 ? null : { arms, seedsNeeded: neededAt(alarm / arms) };
  const table = rows[0]!.powers.map(({ seeds }, row) => ({
    seeds,
    cells: rows.map(({ powers }, column) => ({
      items: columns[column]!,
      power: powers[row]!.power,
      detectable: points(powers[row]!.detectable),
    })),
    itemsNeeded: byItem ? itemsNeeded((n) => powerOf(components, effect / 100, seeds, n, alarm) >= power) : null,
  }));
  const seen = basis.seeds && detectable(components, basis.seeds, counted(basis.items), { power, level: alarm });
  const cost = costOf(basis, family ? family.seedsNeeded : seedsNeeded);
  const answer: string[] = [];
  if (seedsNeeded !== null) {
    const aim = `an effect of ${effect} points with ${share(power)} power`;
    answer.push(`${seedsNeeded} seeds with ${items} questions see ${aim} (two-sided, ${share(level)} level).`);
  } else {
    const remedy = byItem && limits.itemsNeeded !== null ? `: it takes at least ${limits.itemsNeeded} questions` : "";
    answer.push(`With ${items} questions no number of seeds up to ${limits.mostSeeds} suffices${remedy}.`);
  }
  if (family && seedsNeeded !== null) {
    const most = family.seedsNeeded === null ? "no number of seeds suffices" : `${family.seedsNeeded} seeds`;
    answer.push(`As one of ${arms} arms, by the strictest step of Holm's correction: ${most}.`);
  }
  if (seen !== null) answer.push(`The ${basis.seeds} seeds of these results see ${points(seen)} points.`);
  if (cost) {
    const sum = `${quantity(cost.tokens)} training tokens and ${duration(cost.seconds)} of one process`;
    answer.push(`At what these cells took, ${cost.seeds} seeds of both arms come to ${sum}.`);
  }
  return {
    ...{ effect, power, level, items, seedsNeeded, family, detectable: points(seen), cost, basis: basis.words },
    seedSd: deviation(components.run),
    itemSd: deviation(components.item),
    residualSd: deviation(components.residual),
    ...{ table, answer },
  };
}

function costOf({ cost }: Basis, seeds: number | null) {
  if (!cost || seeds === null) return null;
  return { seeds, tokens: Math.round(seeds * cost.tokens), seconds: round(seeds * cost.seconds) };
}

function tableText({ table, power }: Plan): string {
  const byItem = table.some(({ itemsNeeded }) => itemsNeeded !== null);
  const cell = ({ power, detectable }: Plan["table"][number]["cells"][number]) =>
    `${power >= 0.995 ? "> 99" : (100 * power).toFixed(0)} % (${detectable?.toFixed(1) ?? "-"})`;
  const header = [
    "seeds",
    ...table[0]!.cells.map(({ items }) => `${items} questions`),
    ...(byItem ? [`questions for ${share(power)}`] : []),
  ];
  const rows = table.map(({ seeds, cells, itemsNeeded }) => [
    String(seeds),
    ...cells.map(cell),
    ...(byItem ? [itemsNeeded === null ? "none suffice" : String(itemsNeeded)] : []),
  ]);
  const caption = `Power; in brackets the effect that is seen with ${share(power)}, in points.`;
  return `${caption}\n${alignColumns([header, [], ...rows], 0)}`;
}

/** The components that were stated, the others as measured in the baseline. */
function stated({ accuracy = measured.accuracy, changed, seedSd, itemSd, items = [] }: PlanFlags): Basis {
  const differs = changed ?? measured.independent * 2 * accuracy * (1 - accuracy);
  const [seed, item] = [seedSd ?? measured.seedSd, itemSd ?? measured.itemSd];
  const run = (seed / 100) ** 2, between = (item / 100) ** 2;
  if (run + between > differs) {
    throw new MisuseError(
      `Cannot plan: seeds and questions that deviate by ${seed} and ${item} points need more than ${
        percent(differs)
      } ` +
        "of the questions to change … state a larger --changed, or less deviation",
    );
  }
  const given = [accuracy === measured.accuracy, changed === undefined, seedSd === undefined, itemSd === undefined];
  const words = given.every(Boolean) ? "Assumed, as measured in baselines/arithmetic/embedded.json" : "Stated";
  return {
    words: `${words}: ${percent(differs)} of the questions change between the arms, ` +
      `and the difference deviates by ${seed} points over seeds and ${item} over questions.`,
    components: { run, item: between, residual: differs - run - between },
    seeds: null,
    items: items[0] ?? answeredItems,
    byItem: true,
    arms: 1,
    cost: null,
  };
}

/** The components of the paired differences of two arms. */
function measure(results: Results, flags: PlanFlags): Basis {
  const { plan, origin, cells } = results, metric = plan?.claim.metric ?? "accuracy";
  const names = [...new Set(cells.map(({ entry }) => entry.arm))];
  const against = named("--against", flags.against ?? plan?.claim.against ?? null, names, origin);
  const first = plan?.claim.family.find((name) => name !== against) ?? null;
  const arm = named("--arm", flags.arm ?? first, names, origin);
  if (arm === against) throw new MisuseError(`Cannot compare ${visibleText(arm)} with itself … name two arms`);
  const cellsOf = (name: string) => cells.filter((cell) => cell.entry.arm === name && isFinished(cell));
  const [ours, theirs] = [cellsOf(arm), cellsOf(against)];
  const paired = differences(pairScores(cellScores(ours, metric), cellScores(theirs, metric)));
  if (paired.length < 2 || paired[0]!.length === 0) {
    throw new FailureError(
      `Cannot measure what ${visibleText(arm)} - ${
        visibleText(against)
      } varies with: "${origin}" has ${paired.length} seeds and ` +
        `${paired[0]?.length ?? 0} questions that both finished … it takes two seeds`,
    );
  }
  const { components, mean, runs, items } = twoWay(paired);
  const byItem = items > 1 || cellScores(ours, metric).items[0] !== ALL_ITEMS;
  const n = byItem ? items : ours[0]!.entry.n ?? 1;
  const parts = byItem
    ? `it deviates by ${deviation(components.run)} points over seeds, ${deviation(components.item)} over questions`
    : `it deviates by ${
      deviation(components.run)
    } points over seeds; the answers were not kept, so questions stay as many`;
  return {
    words:
      `Measured in ${origin}: ${arm} - ${against} is ${(100 * mean).toFixed(1)} points over ${runs} seeds and ${n} ` +
      `questions; ${parts}.`,
    components,
    seeds: runs,
    items: n,
    byItem,
    arms: plan?.claim.family.length || 1,
    cost: { tokens: meanOf(ours, "tokens") + meanOf(theirs, "tokens"), seconds: secondsOf(ours) + secondsOf(theirs) },
  };
}

const meanOf = (cells: readonly CellResults[], field: "tokens" | "seconds") =>
  cells.reduce((sum, { entry }) => sum + (entry[field] ?? 0), 0) / cells.length;
const secondsOf = (cells: readonly CellResults[]) => meanOf(cells, "seconds");

function named(flag: string, name: string | null, names: readonly string[], origin: string): string {
  if (name !== null && names.includes(name)) return name;
  const what = name === null
    ? "no plan names one"
    : `"${origin}" has no arm "${visibleText(name)}"${visibleText(suggest(name, names))}`;
  const known = names.map((name) => visibleText(name)).join(", ");
  throw new MisuseError(`Cannot tell which arm is meant: ${what} … use ${flag} with one of ${known}`);
}

function checkFlags(flags: PlanFlags): void {
  const refuse = (given: string[], why: string) => {
    if (given.length > 0) throw new MisuseError(`Cannot use ${given.join(", ")}: ${why}`);
  };
  const given = (names: Readonly<Record<string, unknown>>) =>
    Object.keys(names).filter((name) => names[name] !== undefined);
  const { from, arm, against, accuracy, changed, seedSd, itemSd } = flags;
  const assumed = { "--accuracy": accuracy, "--changed": changed, "--seed-sd": seedSd, "--item-sd": itemSd };
  if (from === undefined) refuse(given({ "--arm": arm, "--against": against }), "it needs --from");
  else refuse(given(assumed), "with --from it is measured");
  if (flags.power <= round(1 - flags.level)) {
    refuse(["--power"], "it must be above 1 - level, the chance of a false alarm");
  }
}

/** The least number of questions that suffices; null where none does. */
function itemsNeeded(suffices: (items: number) => boolean): number | null {
  if (!suffices(mostItems)) return null;
  let low = 1, high = mostItems; // high suffices, low does not
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (suffices(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** A reader of numbers between two, both excluded, or the lower one included. */
function number(flag: string, low: number, high: number, included = false): (text: string) => number {
  return (text) => {
    const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
    if ((included ? value >= low : value > low) && value < high) return value;
    throw new MisuseError(
      `Cannot use ${flag} ${text}: it must be a number ${included ? "from" : "above"} ${low} and below ${high}`,
    );
  };
}

/** A reader of "3,5,8". */
function counts(flag: string, least: number): (text: string) => readonly number[] {
  return (text) => [...new Set(text.split(",").map(parseCount(flag, least)))];
}

/** Without what rounding left: 1 - 0.95 is 0.05. */
const round = (value: number) => Number(value.toPrecision(12));
const points = (value: number | null) => value === null ? null : Number((100 * value).toFixed(2));
const deviation = (variance: number) => Number((100 * Math.sqrt(variance)).toFixed(2));
const share = (value: number) => `${round(100 * value)} %`;
