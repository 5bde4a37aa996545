import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import type { EvaluationSample } from "../../harness/records/evaluation_record.ts";
import {
  compareEvaluations,
  type MeasureOptions,
  measuresOf,
  type SampledQuestion,
} from "../../harness/stats/evaluation_measures.ts";
import { majAtK, passAtK } from "../../harness/stats/pass_at_k.ts";
import { wilson } from "../../harness/stats/wilson.ts";
import { fakeSample } from "../fakes/evaluation_sample.ts";
import { near } from "./near.ts";

const options: MeasureOptions = { correctness: "correctness", maxTokens: 20 };
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function questionOf(
  place: number,
  greedy: Partial<EvaluationSample>,
  drawn: readonly Partial<EvaluationSample>[],
): SampledQuestion {
  const samples = drawn.map((one, i) => fakeSample(place, i + 1, one));
  return { greedy: fakeSample(place, 0, greedy), drawn: samples, votes: samples.map(({ extracted }) => extracted) };
}

const right = { status: "correct" } as const;

Deno.test("measuresOf() of two questions is what a person works out", () => {
  const questions = [
    questionOf(0, { ...right, tokens: 8, firstCorrect: 6, reflections: 1 }, [
      { ...right, logProbability: -1, tokens: 10, firstCorrect: 5, rewards: { correctness: 1, format: 0 } },
      { logProbability: -9, tokens: 10, extracted: "7", rewards: { correctness: 0, format: 1 }, reflections: 2 },
    ]),
    questionOf(1, { status: "truncated", extracted: null, tokens: 20, truncated: true, firstCorrect: 4 }, [
      { status: "unparseable", extracted: null, tokens: 6, logProbability: -1 },
      {
        ...right,
        tokens: 16,
        firstCorrect: 4,
        correctAt: [8],
        logProbability: -32,
        rewards: { correctness: 1, format: 1 },
      },
    ]),
  ];
  const { greedy, sampled, atK, atBudget } = measuresOf(questions, options);
  deepEqual(greedy.accuracy, wilson(1, 2));
  equal(sampled.accuracy.value, 0.5);
  deepEqual(greedy.statuses, { correct: 1, truncated: 1 });
  deepEqual(sampled.statuses, { correct: 2, wrong: 1, unparseable: 1 });
  deepEqual([greedy.truncated, sampled.truncated], [0.5, 0]);
  deepEqual(sampled.rewards, { correctness: 0.5, format: 0.625 });

  deepEqual(atK.map(({ k }) => k), [1, 2]);
  for (const measure of ["pass", "majority", "likeliest", "bestFormat"] as const) equal(atK[0]![measure].value, 0.5);
  equal(atK[1]!.pass.value, 1);
  equal(atK[1]!.majority.value, 0.75); // a tie of two by lot, and one vote against none
  equal(atK[1]!.likeliest.value, 0.5); // -0.1 against -0.9 a token: right; -1/6 against -2: not
  equal(atK[1]!.bestFormat.value, 0.5); // 0 against 1: wrong; 0.5 against 1: right

  // Cut after 8 tokens: the greedy one of 8 is whole; of the drawn only that of 16 tokens was right by then.
  deepEqual(atBudget.map(({ tokens }) => tokens), [8, 16, 20]);
  deepEqual(atBudget.map(({ greedy }) => greedy.value), [0.5, 0.5, 0.5]);
  deepEqual(atBudget.map(({ sampled }) => sampled.value), [0.25, 0.5, 0.5]);

  const { all, correct, wrong } = sampled.length;
  deepEqual([all?.mean.value, all?.median, all?.p95, all?.completions], [10.5, 10, 16, 4]);
  deepEqual([correct?.mean.value, correct?.median, correct?.p95], [13, 10, 16]);
  deepEqual([wrong?.mean.value, wrong?.completions], [8, 2]);
  equal(sampled.firstCorrect?.value, 4.5);
  equal(sampled.waste?.value, (5 / 10 + 12 / 16) / 2);
  equal(sampled.lost?.value, 0);
  equal(greedy.waste?.value, 2 / 8);
  equal(greedy.lost?.value, 1);
  deepEqual([greedy.reflections.value, sampled.reflections.value], [0.5, 0.5]);
});

/** Many questions at random. */
function randomQuestions(seed: number, n: number, k: number): SampledQuestion[] {
  const random = stream(seed, "evaluation measures test");
  return Array.from({ length: n }, (_, place) => {
    const one = (): Partial<EvaluationSample> => {
      const tokens = 1 + random.int(20), status = random.pick(["correct", "wrong", "unparseable"] as const);
      const extracted = status === "unparseable" ? null : status === "correct" ? "1" : `${2 + random.int(2)}`;
      return {
        status,
        extracted,
        tokens,
        logProbability: -tokens * (1 + random.int(4)),
        firstCorrect: status === "correct" || random.int(3) === 0 ? random.int(tokens + 1) : null,
        reflections: random.int(3),
        correctAt: [8, 16].filter((budget) => budget < tokens && random.int(2) === 0),
      };
    };
    return questionOf(place, one(), Array.from({ length: k }, one));
  });
}

Deno.test("measuresOf() agrees with naive loops, and its intervals hold the values", () => {
  const questions = randomQuestions(1, 40, 6), { sampled, atK, atBudget } = measuresOf(questions, options);
  deepEqual(atK.map(({ k }) => k), [1, 2, 4, 6]);
  for (const { k, pass, majority } of atK) {
    near(
      pass.value,
      mean(questions.map(({ drawn }) => passAtK(6, drawn.filter((s) => s.status === "correct").length, k))),
    );
    near(majority.value, mean(questions.map(({ votes }) => majAtK(votes, "1", k))));
    ok(pass.lower <= pass.value && pass.value <= pass.upper && pass.lower < pass.upper);
  }
  for (const { tokens, sampled } of atBudget) {
    near(
      sampled.value,
      mean(
        questions.flatMap(({ drawn }) =>
          drawn.map((s) => s.tokens <= tokens ? Number(s.status === "correct") : Number(s.correctAt.includes(tokens)))
        ),
      ),
    );
  }
  const correct = questions.flatMap(({ drawn }) => drawn).filter(({ status }) => status === "correct");
  near(sampled.waste!.value, mean(correct.map(({ tokens, firstCorrect }) => 1 - firstCorrect! / tokens)));
  near(sampled.length.correct!.mean.value, mean(correct.map(({ tokens }) => tokens)));
  ok(sampled.waste!.lower < sampled.waste!.value && sampled.waste!.value < sampled.waste!.upper);
});

Deno.test("measuresOf() says nothing of what there is none of", () => {
  const wrong = measuresOf([questionOf(0, {}, [{}]), questionOf(1, {}, [{}])], options).greedy;
  deepEqual([wrong.length.correct, wrong.waste, wrong.firstCorrect], [null, null, null]);
  const best = measuresOf([questionOf(0, right, [right])], options).sampled;
  deepEqual([best.length.wrong, best.lost], [null, null]);
});

Deno.test("measuresOf() counts a vote right by who voted first for it, and not by gold", () => {
  const question = questionOf(0, {}, [{ extracted: "2" }, { ...right, extracted: "1.0" }, {
    ...right,
    extracted: "1",
  }]);
  const apart = measuresOf([question], options).atK.at(-1)!.majority.value;
  near(apart, 2 / 3); // three answers, each by lot, two of them right
  const merged = { ...question, votes: ["2", "1.0", "1.0"] };
  equal(measuresOf([merged], options).atK.at(-1)!.majority.value, 1);
});

Deno.test("compareEvaluations() pairs by question: equal policies differ by nothing, and signs follow the second", () => {
  const a = randomQuestions(1, 30, 4), b = randomQuestions(2, 30, 4);
  for (const { a: x, b: y, difference, p } of compareEvaluations(a, a, options)) {
    deepEqual([y - x, difference.value, difference.lower, difference.upper], [0, 0, 0, 0]);
    equal(p ?? 1, 1);
  }
  const [measuresA, measuresB] = [measuresOf(a, options), measuresOf(b, options)];
  const found = new Map(compareEvaluations(a, b, options).map((one) => [one.name, one]));
  const accuracy = found.get("greedy accuracy")!;
  near(accuracy.difference.value, measuresB.greedy.accuracy.value - measuresA.greedy.accuracy.value);
  ok(accuracy.p !== null && accuracy.p > 0);
  near(found.get("maj@4")!.a, measuresA.atK.at(-1)!.majority.value);
  near(found.get("maj@4")!.b, measuresB.atK.at(-1)!.majority.value);
  equal(found.get("maj@4")!.p, null);
  near(found.get("sampled length")!.b, measuresB.sampled.length.all!.mean.value);
});

Deno.test("compareEvaluations() and measuresOf() refuse what does not fit together", () => {
  const some = randomQuestions(1, 3, 2);
  throws(() => measuresOf([], options), /Cannot measure/);
  throws(() => measuresOf([some[0]!, questionOf(1, {}, [{}])], options), /Cannot measure/);
  throws(() => compareEvaluations(some, some.slice(1), options), /Cannot compare evaluations/);
  throws(() => compareEvaluations(some, randomQuestions(1, 3, 3), options), /Cannot compare evaluations/);
});
