// A line of an evaluation's samples, for tests that need one and not its making.

import type { EvaluationSample } from "../../harness/records/evaluation_record.ts";

/** What is not said is of a wrong completion of 10 tokens. */
export function fakeSample(place: number, sample: number, changes: Partial<EvaluationSample> = {}): EvaluationSample {
  const status = changes.status ?? "wrong";
  return {
    id: `q${place}`,
    split: "test",
    sample,
    question: `${place}?`,
    gold: "1",
    completion: "",
    extracted: status === "correct" ? "1" : "2",
    status,
    rewards: { correctness: status === "correct" ? 1 : 0, format: 0.5 },
    tokens: 10,
    place,
    truncated: false,
    logProbability: -5,
    firstCorrect: null,
    reflections: 0,
    correctAt: [],
    ...changes,
  };
}
