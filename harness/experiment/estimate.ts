// What a plan will take, told before it runs: parameters, memory, disk, time. Memory is counted from shapes; time is
// measured on this machine at the policy's own widths, in seconds of work. Completions count with the length that is
// expected of them, by default the cap: then all of it is "at most". Nothing is written and no weights are read.

import { existsSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { FailureError, MisuseError } from "../base/errors.ts";
import { freeBytes } from "../base/free_bytes.ts";
import type { Config } from "../config.ts";
import type { Arm, ItemSource, TaskItem } from "../contract.ts";
import { parameterLayout } from "../model/layout.ts";
import { type PolicyTokenizer, readTokenizer } from "../model/tokenizer.ts";
import type { Probe, Speed, TrainingSpeed } from "../rl/calibrate.ts";
import type { CalibrateAnswer } from "../rl/calibrate_worker.ts";
import { type CellBytes, cellBytes, type CellSetting, warmUpBytes } from "../rl/cell_bytes.ts";
import type { CompletionShape } from "../rl/learner.ts";
import { QuestionOrder } from "../rl/question_order.ts";
import type { SequenceShape } from "../rl/train_graph.ts";
import type { WarmUp } from "../rl/warm_up.ts";
import {
  type PromptLengths,
  type Shard,
  type WarmUpWork,
  warmUpWork,
  type Workload,
  workloadOf,
} from "../rl/workload.ts";
import { isLarge, passesKept } from "../runtime/choose.ts";
import { checkpointBytes } from "./disk_space.ts";
import type { ExperimentPlan } from "./plan.ts";
import type { PlannedCell } from "./plan_cells.ts";
import type { GlimpsedPolicy } from "./policies.ts";

/** What the cells of an arm take, each. */
export interface ArmEstimate {
  readonly arm: string;
  readonly cells: number;
  readonly updates: number;
  /** Seconds of one update, and of it those of the rollouts. */
  readonly stepSeconds: number;
  readonly rolloutSeconds: number;
  /** Of one validation, and of one test, its drawn samples included. */
  readonly validationSeconds: number;
  readonly testSeconds: number;
  readonly cellSeconds: number;
  readonly memory: CellBytes;
}

/** What an experiment takes. */
export interface Estimate {
  readonly parameters: { readonly trained: number; readonly frozen: number };
  /** Tokens that are expected of a completion; `atMost` where that is the cap. */
  readonly completionTokens: number;
  readonly atMost: boolean;
  /** Tokens of prompts: of the middle one, and of the longest of those that were looked at. */
  readonly promptTokens: { readonly median: number; readonly longest: number };
  readonly jobs: number;
  readonly threads: number;
  /** Of the supervised updates before any arm. */
  readonly warmUpSeconds: number;
  readonly warmUpMemory: number;
  readonly arms: readonly ArmEstimate[];
  /** Of the whole experiment. */
  readonly seconds: number;
  /** Bytes at the peak of all that runs side by side, and what this machine has. */
  readonly memory: number;
  readonly machineMemory: number;
  /** Bytes of checkpoints, what is free for them, and what would be fetched before. */
  readonly disk: number;
  readonly freeDisk: number | null;
  readonly download: number;
  /** Seconds that measuring took. */
  readonly calibration: number;
}

/** Questions of each split whose prompts are looked at. */
const LOOKED_AT = 256;
/** Seconds of a cell beside what is counted: the process, its packages, the policy's files. */
const START_SECONDS = 1.5;
/** Bytes of the process that runs the cells. */
const PARENT_BYTES = 150 * 2 ** 20;

/**
 * @param expected tokens of a completion; null: the cap
 * @param measure how fast this machine is while so many are at work
 * @throws MisuseError where a prompt is longer than the config allows, or the device is not there
 */
export async function estimateExperiment(
  plan: ExperimentPlan,
  policy: GlimpsedPolicy,
  expected: number | null,
  measure: (probe: Probe, count: number) => Promise<Speed> = measureOnThreads,
): Promise<Estimate> {
  const { model, jobs, threads } = plan, layout = parameterLayout(model), large = isLarge(layout.size);
  const adapter = plan.record.policy.adapter ?? null;
  const cells = [...plan.tuning, ...plan.cells], prompts = await promptsOf(plan, policy);
  const works = await Promise.all(cells.map(async (cell) => {
    const arm = armOf(plan, cell), { config } = cell.spec;
    const count = (lengths: PromptLengths, tokens: number | null) =>
      workloadOf(model, layout, config, arm, lengths, tokens);
    const setting: CellSetting = {
      model,
      layout,
      adapter,
      config,
      trains: arm.trains,
      embeds: await embeds(arm, config),
      threads,
    };
    return {
      arm: arm.name,
      setting,
      usual: count(prompts.usual(config.rl.questions), expected),
      heaviest: count(prompts.longest(config.rl.questions), null),
    };
  }));

  // One cell stands for all; the others are told from it by their tokens.
  const { setting, usual } = works.find(({ usual }) => usual.updates > 0) ?? works[0]!;
  const shards = [mostOf(usual.rollout), mostOf(usual.validation)].filter((shard) => shard !== null);
  const pass = usual.updates > 0 ? mostOf(usual.passes) : null;
  const warming = plan.warmUp && warmUpWork(model, layout, plan.warmUp.warmUp.questions, prompts.demonstrations);
  const begun = performance.now(), { device } = cells[0]!.spec;
  const probe: Probe = {
    ...{ model, rl: setting.config.rl, adapter, device, threads, tokens: usual.tokens, shards, pass },
    warmUp: warming && mostOf(warming.passes),
  };
  const measured: Measured = { probe, speed: await measure(probe, large ? jobs : jobs * threads) };
  const calibration = (performance.now() - begun) / 1000;

  const arms: ArmEstimate[] = [], side = large ? 1 : threads;
  for (const [arm, same] of Map.groupBy(works, ({ arm }) => arm)) {
    const { usual, heaviest, setting } = same[0]!, times = timesOf(usual, setting, measured, side);
    arms.push({
      arm,
      cells: same.length,
      updates: usual.updates,
      ...times,
      memory: cellBytes(setting, heaviest, usual),
    });
  }
  const warmUpSeconds = warmUpTime(plan, warming, measured, side);
  const warmUpMemory = warming ? warmUpBytes({ model, layout, threads }, warming) : 0;
  const all = arms.reduce((sum, { cells, cellSeconds }) => sum + cells * cellSeconds, 0);
  return {
    parameters: { trained: plan.trained, frozen: adapter ? plan.floats : 0 },
    completionTokens: Math.min(expected ?? Infinity, setting.config.rl.maxCompletionTokens),
    atMost: (expected ?? Infinity) >= setting.config.rl.maxCompletionTokens,
    promptTokens: prompts.tokens,
    ...{ jobs, threads, warmUpSeconds, warmUpMemory, arms },
    seconds: warmUpSeconds + Math.max(all / jobs, ...arms.map(({ cellSeconds }) => cellSeconds)),
    memory: PARENT_BYTES + Math.max(warmUpMemory, jobs * Math.max(...arms.map(({ memory }) => memory.total))),
    machineMemory: totalmem(),
    disk: checkpointBytes(plan, cells),
    freeDisk: freeBytes(nearestFolder(plan.out)),
    download: policy.bytes,
    calibration,
  };
}

const armOf = ({ arms }: ExperimentPlan, { spec }: PlannedCell): Arm => arms.find(({ name }) => name === spec.arm)!;

/** Whether an arm's shaper asks for the policy's vectors. */
async function embeds({ shaper }: Arm, config: Config): Promise<boolean> {
  if (!shaper || config.memory.embedder !== "policy") return false;
  let asked = false;
  const policyEmbedder = () => {
    asked = true;
    return Promise.reject(new Error("this is only asked"));
  };
  await Promise.resolve(shaper({ seed: 0, config, policyEmbedder })).catch(() => {});
  return asked;
}

/** Lengths of the prompts that a plan asks first: of the usual ones spread over all lengths, and of the longest. */
async function promptsOf({ task, cells, config, warmUp }: ExperimentPlan, policy: GlimpsedPolicy) {
  const { spec } = cells[0]!, { splits } = await task.load(spec.taskOptions), { rl, evaluation } = config;
  const tokenizer = await tokenizerOf(policy);
  const lengthOf = (item: TaskItem) => {
    if (!tokenizer) return rl.maxPromptTokens;
    const { length } = tokenizer.chat(task.prompt(item)).tokens;
    if (length <= rl.maxPromptTokens) return length;
    throw new MisuseError(
      `Cannot ask "${item.id}": its prompt has ${length} tokens and rl.maxPromptTokens is ${rl.maxPromptTokens}; ` +
        `raise it with --set rl.maxPromptTokens=${length}`,
    );
  };
  const order = new QuestionOrder(splits.train, spec.seed);
  const asked = rl.tokens > 0 ? LOOKED_AT : Math.max(1, Math.min(LOOKED_AT, rl.updates * rl.questions));
  const inTurn = Array.from({ length: asked }, (_, place) => lengthOf(order.at(place)));
  const train = inTurn.toSorted((a, b) => a - b);
  const mostTokens = rl.maxPromptTokens + rl.maxCompletionTokens;
  /** Tokens of a demonstration of the warm-up, end of sequence included; none where its completion is too long. */
  const shown = (item: TaskItem) => {
    if (!tokenizer) return [mostTokens];
    const { length } = tokenizer.encode(task.answer(item, item.gold, item.solution));
    return length < rl.maxCompletionTokens ? [lengthOf(item) + length + 1] : [];
  };
  const demonstrations = ({ updates, questions }: WarmUp) => {
    const count = Math.max(questions, Math.min(LOOKED_AT, updates * questions));
    const fitting = Array.from({ length: count }, (_, place) => shown(order.at(place))).flat();
    return Array.from({ length: count }, (_, i) => fitting[i % fitting.length] ?? mostTokens);
  };
  const first = (items: ItemSource, n: number) => {
    const known = Array.from({ length: Math.min(n, items.size, LOOKED_AT) }, (_, i) => lengthOf(items.item(i)));
    return Array.from({ length: Math.min(n, items.size) }, (_, i) => known[i % known.length]!);
  };
  const validation = first(splits.validation, evaluation.validationItems);
  const test = first(splits.test, evaluation.testItems);
  const top = (lengths: readonly number[]) => lengths.map(() => Math.max(...lengths));
  const spread = (n: number) => Array.from({ length: n }, (_, i) => train[Math.floor((i + 0.5) / n * train.length)]!);
  return {
    demonstrations: warmUp ? demonstrations(warmUp.warmUp) : [],
    tokens: { median: train[train.length >> 1]!, longest: Math.max(train.at(-1)!, ...validation, ...test) },
    usual: (questions: number): PromptLengths => ({ train: spread(questions), order: inTurn, validation, test }),
    longest: (questions: number): PromptLengths => ({
      train: new Array<number>(questions).fill(train.at(-1)!),
      validation: top(validation),
      test: top(test),
    }),
  };
}

/** Null for a folder without one: prompts then count with their cap. */
async function tokenizerOf({ folder, model }: GlimpsedPolicy): Promise<PolicyTokenizer | null> {
  if (!existsSync(join(folder, "tokenizer.json"))) return null;
  return await readTokenizer(folder, model, model.eosTokenIds);
}

/** What was measured, and at what. */
interface Measured {
  readonly probe: Probe;
  readonly speed: Speed;
}

/** Measures on so many threads at once, as the cells will run, and takes the mean. */
async function measureOnThreads(probe: Probe, count: number): Promise<Speed> {
  const speeds = await Promise.all(Array.from({ length: count }, () => measureOnThread(probe)));
  const mean = (of: (speed: Speed) => number) => speeds.reduce((sum, speed) => sum + of(speed), 0) / count;
  const training = (of: (speed: Speed) => TrainingSpeed): TrainingSpeed => ({
    pass: mean((speed) => of(speed).pass),
    reference: mean((speed) => of(speed).reference),
    add: mean((speed) => of(speed).add),
    step: mean((speed) => of(speed).step),
    session: mean((speed) => of(speed).session),
  });
  return {
    prefill: mean(({ prefill }) => prefill),
    shardSessions: mean(({ shardSessions }) => shardSessions),
    decode: probe.shards.map((_, i) => mean(({ decode }) => decode[i]!)),
    training: training(({ training }) => training),
    warmUp: training(({ warmUp }) => warmUp),
  };
}

function measureOnThread(probe: Probe): Promise<Speed> {
  const worker = new Worker(new URL("../rl/calibrate_worker.ts", import.meta.url), { type: "module" });
  return new Promise<Speed>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<CalibrateAnswer>) => {
      if ("speed" in data) resolve(data.speed);
      else reject(new (data.misuse ? MisuseError : FailureError)(data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new FailureError(`Cannot measure this machine: ${event.message} … see \`deno task doctor\``));
    };
    worker.postMessage(probe);
  }).finally(() => worker.terminate());
}

const shardTokens = ({ prompts, promptLength }: Shard) => prompts * promptLength;
const shardRows = ({ prompts, group }: Shard) => prompts * group;
const passTokens = ({ prompts, promptLength, length, group }: CompletionShape) =>
  prompts * (promptLength + length * group);
const sumOf = <T>(items: readonly T[], of: (item: T) => number) => items.reduce((sum, item) => sum + of(item), 0);

/** Seconds of an arm's work. @param side runs that go side by side */
function timesOf(
  work: Workload,
  { config: { rl }, embeds, layout }: CellSetting,
  { probe, speed }: Measured,
  side: number,
) {
  const fixed = isLarge(layout.size) ? 0.5 : 0; // weights are read for however few rows
  const [rolled, evaluated = rolled] = probe.shards, [first = 0, second = first] = speed.decode;
  const generation = (shards: readonly Shard[], shard: Shard | undefined, decode: number) => {
    if (!shard || !rolled) return 0;
    const prefill = speed.prefill * sumOf(shards, shardTokens) / shardTokens(rolled);
    const rows = sumOf(shards, shardRows) / shardRows(shard);
    return shared(shards.length, side) * (prefill + decode * rows * (fixed + (1 - fixed) * work.alive));
  };
  const large = isLarge(layout.size), shardChanges = large ? work.shardChanges : 0; // a small model keeps many
  const rolloutSeconds = work.draws * generation(work.rollout, rolled, first) + shardChanges * speed.shardSessions;
  const passes = work.passes.length, size = probe.pass ? sumOf(work.passes, passTokens) / passTokens(probe.pass) : 0;
  const training = trainingTime({ passes, size, changes: sessionsMade(work, large, side), side }, speed.training);
  // Vectors of all completions, by half of the layers, forwards: a third of what a pass takes for a token.
  const embedding = embeds ? shared(passes, side) * size * speed.training.pass / 6 : 0;
  const stepSeconds = work.updates > 0 ? rolloutSeconds + rl.updatesPerBatch * training + embedding : 0;
  const validationSeconds = generation(work.validation, evaluated, second);
  const testSeconds = generation(work.test, evaluated, second) + generation(work.sampled, rolled, first);
  return {
    stepSeconds,
    rolloutSeconds: work.updates > 0 ? rolloutSeconds : 0,
    validationSeconds,
    testSeconds,
    cellSeconds: START_SECONDS + work.updates * stepSeconds + work.validations * validationSeconds +
      work.tests * testSeconds,
  };
}

/** Share of the work that is done one after the other, by so many side by side. */
const shared = (count: number, side: number): number => count === 0 ? 1 : Math.ceil(count / side) / count;

/** Sessions that a step makes: for each change of shape, or, of a small model, where more shapes occur than are kept. */
const sessionsMade = (
  { passes, passShapes, passChanges }: Pick<WarmUpWork, "passShapes" | "passChanges"> & { passes: readonly unknown[] },
  large: boolean,
  threads: number,
): number => large ? passChanges : passes.length * Math.max(0, 1 - passesKept(threads) / passShapes);

/** Seconds of an optimizer step on so many passes, which are `size` of the one that was measured. */
function trainingTime(
  { passes, size, changes, side }: Readonly<Record<"passes" | "size" | "changes" | "side", number>>,
  { pass, reference, add, step, session }: TrainingSpeed,
): number {
  return shared(passes, side) * size * (pass + reference) + (passes - 1) * add + step + changes * session;
}

/** Seconds of the warm-up. */
function warmUpTime(
  { warmUp, floats }: ExperimentPlan,
  work: WarmUpWork | null,
  { probe, speed }: Measured,
  side: number,
): number {
  if (!warmUp || !work || !probe.warmUp) return 0;
  const { passes } = work, rows = ({ length, batch }: SequenceShape) => length * batch;
  const size = sumOf(passes, rows) / rows(probe.warmUp), changes = sessionsMade(work, isLarge(floats), side);
  const each = trainingTime({ passes: passes.length, size, changes, side }, speed.warmUp);
  return START_SECONDS + warmUp.warmUp.updates * each;
}

/** The shape that occurs most often. */
function mostOf<T>(shapes: readonly T[]): T | null {
  const groups = [...Map.groupBy(shapes, (shape) => JSON.stringify(shape)).values()];
  return groups.reduce<readonly T[]>((most, group) => group.length > most.length ? group : most, [])[0] ?? null;
}

/** The folder itself, or the nearest above it that exists. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}
