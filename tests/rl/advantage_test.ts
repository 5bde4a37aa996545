import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { FailureError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { advantages, batchAdvantages, hasVariance } from "../../harness/rl/advantage.ts";

const modes = ["std", "mean", "leave-one-out"] as const;

function close(actual: Float64Array, expected: readonly number[]) {
  strictEqual(actual.length, expected.length);
  for (const [i, value] of expected.entries()) ok(Math.abs(actual[i]! - value) < 1e-12, `${actual} is not ${expected}`);
}

Deno.test("advantages() of a hand-computed group", () => {
  const rewards = [1, 0, 0, 3]; // mean 1, squared deviations 0 + 1 + 1 + 4, sample std sqrt(6 / 3)
  close(advantages(rewards, "mean", 1e-4), [0, -1, -1, 2]);
  close(advantages(rewards, "leave-one-out", 1e-4), [0, -4 / 3, -4 / 3, 8 / 3]);
  const scale = Math.SQRT2 + 1e-4;
  close(advantages(rewards, "std", 1e-4), [0, -1 / scale, -1 / scale, 2 / scale]);
});

Deno.test('advantages() "std" divides by torch.std of the group, which is the sample\'s', () => {
  // torch.tensor([0., 1.]).std() is 0.7071, its population value 0.5.
  close(advantages([0, 1], "std", 0), [-Math.SQRT1_2, Math.SQRT1_2]);
});

Deno.test('advantages() "leave-one-out" is each reward less the mean of the others', () => {
  const random = stream(0, "advantage test");
  for (let size = 2; size < 10; size++) {
    const rewards = Array.from({ length: size }, () => random.normal());
    const expected = rewards.map((reward, i) => {
      const others = rewards.filter((_, j) => j !== i);
      return reward - others.reduce((sum, other) => sum + other, 0) / others.length;
    });
    close(advantages(rewards, "leave-one-out", 0), expected);
  }
});

Deno.test("advantages() are zero when all rewards in a group are equal", () => {
  for (const mode of modes) {
    for (const rewards of [[], [2], [0, 0], [0.1, 0.1, 0.1], Array(8).fill(2.645)]) {
      deepStrictEqual(advantages(rewards, mode, 0), new Float64Array(rewards.length));
      strictEqual(hasVariance(rewards), false);
    }
  }
});

Deno.test("advantages() are zero when rewards differ by rounding only", () => {
  const rewards = [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1, 0.6, 0.6];
  ok(rewards[0] !== rewards[1], "the sums do differ");
  for (const mode of modes) deepStrictEqual(advantages(rewards, mode, 0), new Float64Array(4));
  strictEqual(hasVariance(rewards), false);
});

Deno.test("advantages() see the smallest difference that a reward makes, one character's 0.001", () => {
  strictEqual(hasVariance([2.5, 2.5, 2.499]), true);
  const [first, , last] = advantages([2.5, 2.5, 2.499], "std", 1e-4);
  ok(first! > 0 && last! < 0);
});

Deno.test("advantages() refuse rewards that are not finite, also where the others are equal", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const mode of modes) {
      throws(
        () => advantages([1, bad, 1], mode, 1e-4),
        (error: Error) =>
          error instanceof FailureError && error.message.includes("completion 2 of 3") &&
          error.message.includes(String(bad)),
      );
    }
    throws(() => hasVariance([bad]), FailureError);
  }
});

Deno.test('batchAdvantages() "decoupled" scales each reward on its own, adds them up, and scales over the batch', () => {
  const std = (values: readonly number[]) => { // by hand: the sample's, as torch has it
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return values.map((value) => (value - mean) / Math.sqrt(squares / (values.length - 1)));
  };
  const groups = [[[1, 0, 0], [0.5, 0.5, 0]], [[0, 0, 0], [0, 2, 1]]];
  const sums = groups.map((parts) =>
    [0, 1, 2].map((i) =>
      parts.reduce((sum, part) => sum + (part.every((value) => value === part[0]) ? 0 : std(part)[i]!), 0)
    )
  );
  const expected = std(sums.flat());
  const rewards = groups.map((parts) => ({ parts, totals: [0, 1, 2].map((i) => parts[0]![i]! + parts[1]![i]!) }));
  close(Float64Array.from(batchAdvantages(rewards, "decoupled", 0).flatMap((group) => [...group])), expected);
  // A reward that is a hundred times as large counts no more than the other.
  const larger = rewards.map(({ parts: [first, second], totals }) => ({
    parts: [first!.map((value) => value * 100), second!],
    totals,
  }));
  const scaled = batchAdvantages(larger, "decoupled", 0).flatMap((group) => [...group]);
  close(Float64Array.from(scaled), expected);
});

Deno.test("batchAdvantages() of the other modes are those of each group's totals", () => {
  const groups = [[1, 0, 0, 3], [2, 2, 2, 2]].map((totals) => ({ parts: [], totals }));
  for (const mode of modes) {
    const expected = groups.map(({ totals }) => advantages(totals, mode, 1e-4));
    deepStrictEqual(batchAdvantages(groups, mode, 1e-4), expected);
  }
});
