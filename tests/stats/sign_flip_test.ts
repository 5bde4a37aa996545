import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { stream } from "../../harness/base/prng.ts";
import { signFlip } from "../../harness/stats/sign_flip.ts";

/** By every choice of signs. */
function naive(differences: number[]): number {
  const sum = (signs: number) => differences.reduce((all, value, i) => all + (signs >> i & 1 ? value : -value), 0);
  const observed = Math.abs(sum(-1)), all = 2 ** differences.length;
  return Array.from({ length: all }, (_, signs) => Math.abs(sum(signs)) >= observed - 1e-9).filter(Boolean).length /
    all;
}

Deno.test("signFlip() counts the signs that give a sum as large", () => {
  // scipy 1.17.1: permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
  deepEqual(signFlip([1.2, -0.3, 0.8, 0.5, 2.1, 0.9]), { p: 0.0625, smallest: 2 / 64, exact: true });
  const prng = stream(1, "test");
  for (let n = 1; n <= 11; n++) {
    const differences = Array.from({ length: n }, () => Math.round(40 * prng.normal() + 15) / 512);
    equal(signFlip(differences).p, naive(differences));
  }
});

Deno.test("signFlip() reaches no p below 2 / 2^n", () => {
  deepEqual([1, 2, 3, 5].map((n) => signFlip(Array.from({ length: n }, (_, i) => i + 1))), [
    { p: 1, smallest: 1, exact: true },
    { p: 0.5, smallest: 0.5, exact: true },
    { p: 0.25, smallest: 0.25, exact: true },
    { p: 0.0625, smallest: 0.0625, exact: true },
  ]);
});

Deno.test("signFlip() gives 1 for differences that are all 0, and for none", () => {
  equal(signFlip([0, 0, 0]).p, 1);
  deepEqual(signFlip([]), { p: 1, smallest: 1, exact: true });
});

Deno.test("signFlip() counts a difference of 0 as one that has no sign", () => {
  equal(signFlip([1, 2, 3, 0]).p, 0.25); // as [1, 2, 3]
});

Deno.test("signFlip() sees ties that rounding would hide", () => {
  equal(signFlip([0.1, 0.2, -0.3]).p, 1); // 0.1 + 0.2 - 0.3 is not 0 in doubles
  equal(signFlip([0.3, 0.1, 0.2, 0.6, 0.6]).p, naive([3, 1, 2, 6, 6]));
});

Deno.test("signFlip() is exact with 20 pairs and draws above that, near the exact p and the same for the same seed", () => {
  const twenty = Array.from({ length: 20 }, (_, i) => i - 7.3);
  const exact = signFlip(twenty);
  ok(exact.exact && exact.smallest === 2 / 2 ** 20);
  const drawn = signFlip([...twenty, 0]); // a 0 does not change p
  ok(!drawn.exact && drawn.smallest === 1e-5);
  ok(Math.abs(drawn.p - exact.p) < 4 * Math.sqrt(exact.p / 99_999), `${drawn.p} is not near ${exact.p}`);
  deepEqual(signFlip([...twenty, 0], { seed: 0 }), drawn);
  ok(signFlip([...twenty, 0], { seed: 1 }).p !== drawn.p);
});

Deno.test("signFlip() draws signs for more than 32 pairs, all of them", () => {
  const differences = Array.from({ length: 40 }, (_, i) => i < 32 ? 0 : 1); // 8 that matter, beyond the first word
  const { p } = signFlip(differences);
  ok(Math.abs(p - 2 / 256) < 0.001, `${p} is not near 2 / 2^8`);
});

Deno.test("signFlip() refuses NaN", () => {
  throws(() => signFlip([1, NaN]), { name: "RangeError", message: /difference 1 is NaN/ });
});
