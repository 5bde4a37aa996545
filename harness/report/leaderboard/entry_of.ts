// What follows from an experiment's results for a leaderboard: entry.json without what its maker says. Numbers are the
// study's; nothing is computed here that a report would compute otherwise.

import { sha256 } from "../../base/digest.ts";
import { FailureError } from "../../base/errors.ts";
import {
  type LeaderboardAbout,
  type LeaderboardEntry,
  leaderboardEntrySchema,
  type LeaderboardGroup,
  type LeaderboardRow,
  type Verified,
} from "../../records/leaderboard_entry.ts";
import type { PlanRecord } from "../../records/plan_schema.ts";
import type { Results } from "../../records/results.ts";
import { check } from "../../records/store.ts";
import { recordedStyle } from "../../records/task_text.ts";
import { type ArmStudy, type Study, studyOf } from "../../stats/study.ts";

/** Digits of the bundle's digest that make an entry's id. */
const ID_DIGITS = 16;

/** The id of an entry: it depends on what the bundle holds and on nothing else. */
export function entryId(bundleDigest: string): string {
  return bundleDigest.slice(0, ID_DIGITS);
}

/** Equal for the same runs, whatever was packed around them. */
export function cellsDigest({ experiment }: Results): string {
  return sha256(...experiment.cells.map(({ digest }) => digest ?? "").sort());
}

/**
 * The entry of results that were verified.
 * @param bundle digest of their bundle
 * @throws FailureError for results that a row cannot be made of
 */
export function entryOf(
  results: Results,
  bundle: string,
  about: LeaderboardAbout,
  verified: Verified,
): LeaderboardEntry {
  const { plan, experiment, cells } = results, study = studyOf(results);
  if (plan === null) throw new FailureError(`Cannot enter "${results.origin}": it has no plan`);
  const distinct = (values: readonly (string | null | undefined)[]) =>
    [...new Set(values.filter((value) => value != null))].sort();
  const environments = cells.map(({ record }) => record?.environment);
  const entry: LeaderboardEntry = {
    version: 1,
    kind: "matchbox.leaderboard-entry",
    id: entryId(bundle),
    bundle,
    cells: cellsDigest(results),
    about,
    group: groupOf(results, plan),
    policy: plan.policy.name,
    profile: plan.profile,
    devices: distinct(environments.map((environment) => environment?.device ?? plan.device)),
    cpus: distinct(environments.map((environment) => environment?.cpu)),
    made: {
      startedAt: experiment.startedAt,
      matchbox: distinct([plan.matchbox, ...environments.map((environment) => environment?.matchbox)]),
      gitCommits: distinct(
        environments.map((environment) =>
          environment?.gitCommit && `${environment.gitCommit}${environment.gitDirty ? " with changes" : ""}`
        ),
      ),
      plan: plan.digest,
    },
    config: plan.config,
    rows: study.arms.map((arm) => rowOf(arm, study)),
    verified,
  };
  return check(leaderboardEntrySchema, entry, "the entry");
}

function groupOf({ cells, origin }: Results, plan: PlanRecord): LeaderboardGroup {
  const outcome = cells[0]?.record?.outcome, { metric, checkpoint } = plan.claim;
  const mode = metric === "passAtSamples" ? "sample" : "greedy";
  const evaluation = outcome?.evaluations.findLast((one) => one.split === "test" && one.mode === mode);
  if (!outcome || !evaluation) {
    throw new FailureError(`Cannot enter "${origin}": its first cell has no ${mode} evaluation on test questions`);
  }
  const { data, items, weights, template } = outcome.match;
  const whole = (key: "updates" | "tokens" | "questions" | "completions" | "maxCompletionTokens") => {
    const value = plan.config["rl"]?.[key];
    if (typeof value === "number") return value;
    throw new FailureError(`Cannot enter "${origin}": the plan's config has no number rl.${key}`);
  };
  return {
    task: plan.task.name,
    taskVersion: plan.task.version,
    data,
    items,
    questions: evaluation.n,
    weights,
    template,
    ...recordedStyle(plan.task),
    metric,
    samples: evaluation.samples,
    checkpoint,
    budget: {
      updates: whole("tokens") > 0 ? 0 : whole("updates"),
      tokens: whole("tokens"),
      questions: whole("questions"),
      completions: whole("completions"),
      maxCompletionTokens: whole("maxCompletionTokens"),
    },
  };
}

function rowOf(arm: ArmStudy, { against, comparisons }: Study): LeaderboardRow {
  const { score, scores } = arm;
  if (score === null || !Number.isFinite(score.lower) || !Number.isFinite(score.upper)) {
    throw new FailureError(
      `Cannot enter arm ${JSON.stringify(arm.arm)}: ${arm.seeds.length} seeds on ${scores.items.length} questions ` +
        "give no interval",
    );
  }
  const compared = comparisons.find((one) => one.arm === arm.arm && one.against === against);
  return {
    arm: arm.arm,
    summary: arm.summary,
    reference: arm.arm === against,
    added: arm.added,
    score,
    before: arm.before,
    seeds: arm.seeds,
    runs: rightAndWrong(scores.values),
    difference: compared
      ? {
        against: compared.against,
        registered: compared.registered,
        seeds: compared.seeds.length,
        effect: compared.effect,
        adjustedP: compared.adjustedP,
        conclusion: compared.conclusion,
      }
      : null,
    updates: arm.updates,
    tokens: arm.tokens,
    seconds: arm.seconds,
    collapsed: new Set(arm.collapses.map(({ seed }) => seed)).size,
  };
}

/** A letter a question; null where there is one score a run, because sampled answers were not kept. */
function rightAndWrong(runs: readonly Float64Array[]): string[] | null {
  const plain = runs.every((run) => run.length > 1 && run.every((value) => value === 0 || value === 1));
  return plain ? runs.map((run) => Array.from(run, (value) => value === 1 ? "1" : "0").join("")) : null;
}
