/**
 * Matchbox as a library: matched reinforcement-learning experiments on tiny language models, on stock ONNX Runtime.
 *
 * ```ts
 * import { answerText, defaultConfig, overrideConfig, planExperiment, readResults, runExperiment, studyOf } from "./mod.ts";
 *
 * const config = overrideConfig(defaultConfig, { rl: { updates: 60 } }, "my experiment");
 * const plan = await planExperiment({ task: "arithmetic", arms: ["grpo", "memory-r+"], seeds: [0, 1, 2], config });
 * await runExperiment(plan);
 * const study = studyOf(await readResults(plan.out));
 * console.log(answerText(study));
 * ```
 *
 * The nouns are in harness/contract.ts, in the order in which data flows. Results are files; the readers below check
 * them against the schemas in results/schema. Statistics are plain functions of scores [runs][items].
 *
 * @module
 */

export type * from "./harness/contract.ts";
export { FailureError, MisuseError } from "./harness/base/errors.ts";
export { type Config, type ConfigField, configFields, type ConfigInput, parseConfig } from "./harness/config.ts";
export { applySettings, defaultConfig, overrideConfig, overrideFields } from "./harness/config_options.ts";
export { defineArm } from "./harness/arms/define_arm.ts";
export { arms, findArm } from "./harness/arms/registry.ts";
export type { FetchOptions, FetchProgress } from "./harness/model/hub/fetch_policy.ts";
export { EpisodicMemory } from "./harness/memory/episodic_memory.ts";
export { defineTask } from "./tasks/define_task.ts";
export { findTask, tasks } from "./tasks/registry.ts";
export { promptNames, styleTask } from "./tasks/style_task.ts";
export { findProfile, type Profile, profiles } from "./harness/experiment/profiles.ts";
export { type ExperimentOptions, type ExperimentPlan, planExperiment } from "./harness/experiment/plan.ts";
export {
  type ExperimentProgress,
  type ExperimentResult,
  runExperiment,
  type RunOptions,
} from "./harness/experiment/run_experiment.ts";
export { type EvaluationOptions, type EvaluationPlan, planEvaluation } from "./harness/experiment/evaluation_plan.ts";
export {
  type EvaluationProgress,
  type EvaluationResult,
  type EvaluationRun,
  runEvaluation,
} from "./harness/experiment/run_evaluation.ts";
export { proveMatch, type ProvenCell } from "./harness/records/match.ts";
export {
  type Bundle,
  type BundleOptions,
  bundleText,
  fromBundle,
  readBundle,
  toBundle,
} from "./harness/records/bundle.ts";
export {
  type Answer,
  type CellResults,
  readResults,
  type ReadResultsOptions,
  type Results,
  type Said,
} from "./harness/records/results.ts";
export {
  type EvaluationMeasures,
  type EvaluationSample,
  type MatchboxEvaluation,
  readEvaluation,
} from "./harness/records/evaluation_record.ts";
export { type PlanRecord, readPlan } from "./harness/records/plan_schema.ts";
export type { ArmSummary, CellEntry, CellRecord, ExperimentRecord, Matching } from "./harness/records/schema.ts";
export {
  outcomeDigest,
  readCellRecord,
  readExperiment,
  readSamples,
  readSteps,
  stepChain,
} from "./harness/records/store.ts";
export { type ArmStudy, type Comparison, type Conclusion, type Study, studyOf } from "./harness/stats/study.ts";
export type { Estimate } from "./harness/stats/estimate.ts";
export { differences, type Pairing, pairScores, type Scores, type Unpaired } from "./harness/stats/scores.ts";
export { type TwoWay, twoWay, twoWayInterval, twoWayP } from "./harness/stats/two_way.ts";
export { cautiousP } from "./harness/stats/cautious_test.ts";
export { signFlip } from "./harness/stats/sign_flip.ts";
export { mcnemar } from "./harness/stats/mcnemar.ts";
export { holm } from "./harness/stats/holm.ts";
export { wilson } from "./harness/stats/wilson.ts";
export { bootstrap } from "./harness/stats/bootstrap.ts";
export { majAtK, passAtK } from "./harness/stats/pass_at_k.ts";
export { bestOfN } from "./harness/stats/best_of_n.ts";
export {
  compareEvaluations,
  type EvaluationDifference,
  measuresOf,
  type SampledQuestion,
} from "./harness/stats/evaluation_measures.ts";
export { planPower, type PowerPlan, type PowerQuestion } from "./harness/stats/power.ts";
export { answerText } from "./harness/report/answer.ts";
export { writeReport } from "./harness/report/write_report.ts";
export { type CompareOptions, compareResults } from "./harness/report/compare/compare_results.ts";
export type { GateReport } from "./harness/report/compare/gate_report.ts";
export type { Verdict } from "./harness/stats/verdict.ts";
