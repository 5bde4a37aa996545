import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { exploreLexical, jaccard, trigrams } from "../../harness/arms/explore_lexical.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { at, group, named, randomSteps, shaperOf } from "./groups.ts";

Deno.test("trigrams() are three words, numbers or other characters in a row, in lower case", () => {
  deepEqual([...trigrams("Now 12+7 = now")], ["now 12 +", "12 + 7", "+ 7 =", "7 = now"]);
  deepEqual([...trigrams("a b a b a")], ["a b a", "b a b"]);
});

Deno.test("trigrams() of a shorter text are the text", () => {
  deepEqual([...trigrams("one two")], ["one two"]);
  deepEqual([...trigrams("one")], ["one"]);
});

Deno.test("jaccard() is the shared share", () => {
  equal(jaccard(new Set(["a", "b"]), new Set(["a", "b"])), 1);
  equal(jaccard(new Set(["a"]), new Set(["b"])), 0);
  equal(jaccard(new Set(["a", "b", "c"]), new Set(["c", "d"])), 0.25);
});

Deno.test("explore-lexical is 1 - the mean similarity to the last 50 completions before the step", async () => {
  const steps = randomSteps(stream(9, "lexical"), 9), shaper = await shaperOf(exploreLexical);
  const seen: string[] = [];
  for (const [step, groups] of steps.entries()) {
    const shaped = await shaper.shape(at(step, groups));
    const past = seen.slice(-50);
    groups.forEach(({ completions }, g) => {
      const { raw } = named(shaped[g]!, "lexical");
      completions.forEach(({ text }, i) => {
        const words = /step \d+ of work/.exec(text)?.[0];
        if (words === undefined || past.length === 0) return equal(raw[i], null);
        // "step 3 of" and "3 of work" are shared by equal texts only.
        const mean = past.reduce((sum, one) => sum + (one === words ? 1 : 0), 0) / past.length;
        ok(Math.abs(raw[i]! - (1 - mean)) < 1e-12, `${raw[i]} ${1 - mean}`);
      });
    });
    seen.push(
      ...groups.flatMap(({ completions }) =>
        completions.flatMap(({ text }) => /step \d+ of work/.exec(text)?.slice(0, 1) ?? [])
      ),
    );
  }
  equal(shaper.gauges?.()["lexical.history"], 50);
});

Deno.test("explore-lexical sees no completion of its own step", async () => {
  const shaper = await shaperOf(exploreLexical);
  const twins = group("q", [{ text: "one two three four", correct: true }, {
    text: "one two three four",
    correct: true,
  }]);
  deepEqual((await shaper.shape(at(0, [twins, twins]))).map((bonuses) => bonuses[0]!.raw), [[null, null], [
    null,
    null,
  ]]);
  deepEqual((await shaper.shape(at(1, [twins])))[0]![0]!.raw, [0, 0]);
});

Deno.test("explore-lexical refuses a history that is none", async () => {
  const shaper = await shaperOf(exploreLexical), saved = shaper.save?.() ?? {};
  for (const text of ["", "{}", "[1]", "nonsense"]) {
    const damaged = { ...saved, "lexical.history": new TextEncoder().encode(text) };
    await rejects(async () => await shaper.load?.(damaged), FailureError);
  }
});
