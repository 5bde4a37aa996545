// diversity() against naive loops over sets of text, and by hand.

import { deepEqual, ok } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { diversity } from "../../harness/rl/diversity.ts";

const tokens = (...ids: number[]) => Int32Array.from(ids);

/** The same by its definition, with bigrams as text. */
function naive(groups: readonly (readonly Int32Array[])[]) {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const bigrams = (ids: Int32Array) => [...ids].slice(1).map((id, t) => `${ids[t]} ${id}`);
  const jaccard = (a: Set<string>, b: Set<string>) =>
    a.size + b.size === 0 ? 1 : a.intersection(b).size / a.union(b).size;
  return {
    distinct: mean(groups.map((group) => {
      const all = group.flatMap(bigrams);
      return all.length === 0 ? 0 : new Set(all).size / all.length;
    })),
    similarity: mean(groups.map((group) => {
      const sets = group.map((ids) => new Set(bigrams(ids)));
      return mean(sets.flatMap((a, i) => sets.slice(i + 1).map((b) => jaccard(a, b))));
    })),
  };
}

function close(actual: ReturnType<typeof naive>, expected: ReturnType<typeof naive>): void {
  for (const name of ["distinct", "similarity"] as const) {
    ok(Math.abs(actual[name] - expected[name]) < 1e-12, `${name}: ${actual[name]}, expected ${expected[name]}`);
  }
}

Deno.test("diversity() of a hand-computed group", () => {
  // bigrams 12 23 | 12 24 | 55 55: 4 different of 6; similarities 1/3, 0, 0
  close(diversity([[tokens(1, 2, 3), tokens(1, 2, 4), tokens(5, 5, 5)]]), { distinct: 4 / 6, similarity: 1 / 9 });
});

Deno.test("diversity() of equal texts is 1 / G distinct and similarity 1, of a repeating one less distinct", () => {
  const text = tokens(7, 8, 9, 10), again = tokens(3, 3, 3, 3, 3);
  deepEqual(diversity([[text, text, text, text]]), { distinct: 1 / 4, similarity: 1 });
  deepEqual(diversity([[again, again]]), { distinct: 1 / 8, similarity: 1 });
});

Deno.test("diversity() of completions without a bigram is none, and they differ from those with one", () => {
  deepEqual(diversity([[tokens(2), tokens(2)]]), { distinct: 0, similarity: 1 });
  deepEqual(diversity([[tokens(), tokens(4, 5)]]), { distinct: 1, similarity: 0 });
});

Deno.test("diversity() tells token ids of a large vocabulary apart", () => {
  const large = 2 ** 26 - 1;
  deepEqual(diversity([[tokens(0, large), tokens(1, 0)]]), { distinct: 1, similarity: 0 });
});

Deno.test("diversity() equals naive loops, whatever the lengths", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = stream(seed, "diversity test");
    const groups = Array.from(
      { length: 1 + random.int(4) },
      () =>
        Array.from(
          { length: 2 + random.int(7) },
          () => Int32Array.from({ length: random.int(30) }, () => random.int(2 + seed)),
        ),
    );
    close(diversity(groups), naive(groups));
  }
});
