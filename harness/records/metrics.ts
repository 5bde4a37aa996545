// The numbers that experiment.json reports of a cell and of an arm: what each is and which way is better, so that a
// reader who knows nothing of Matchbox can rank by them. Costs are metrics too: equal accuracy for fewer tokens is better.

import type { Metric } from "./schema.ts";

/** By the names that records use. */
export const METRICS: readonly Metric[] = [
  {
    name: "accuracy",
    direction: "higher",
    unit: "share",
    what: "test questions whose greedy completion is correct; truncated and unparseable ones count as wrong",
  },
  {
    name: "passAtSamples",
    direction: "higher",
    unit: "share",
    what: "test questions with a correct one among `samples` completions drawn at temperature 1",
  },
  { name: "reward", direction: "higher", unit: "points", what: "mean total reward of the greedy completions" },
  { name: "unparseable", direction: "lower", unit: "share", what: "greedy completions in which no answer was found" },
  { name: "truncated", direction: "lower", unit: "share", what: "greedy completions cut off before an answer" },
  { name: "completionLength", direction: "lower", unit: "tokens", what: "mean length of the greedy completions" },
  { name: "tokens", direction: "lower", unit: "tokens", what: "prompt and completion tokens of training" },
  { name: "seconds", direction: "lower", unit: "s", what: "wall-clock time of the cell" },
  { name: "peakMemoryBytes", direction: "lower", unit: "bytes", what: "largest resident memory of the cell's process" },
];
