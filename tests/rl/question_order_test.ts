import { deepStrictEqual, notDeepStrictEqual, strictEqual } from "node:assert/strict";
import type { ItemSource } from "../../harness/contract.ts";
import { QuestionOrder } from "../../harness/rl/question_order.ts";

/** Items whose id is their position. */
const source = (size: number): ItemSource => ({
  size,
  item: (index) => ({ id: `${index}`, question: "", gold: "" }),
});
const ids = (order: QuestionOrder, places: readonly number[]) => places.map((place) => Number(order.at(place).id));
const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

Deno.test("QuestionOrder asks every question once in each epoch, in another order each time", () => {
  const order = new QuestionOrder(source(20), 3), first = ids(order, range(0, 20)), second = ids(order, range(20, 40));
  for (const epoch of [first, second]) deepStrictEqual(epoch.toSorted((a, b) => a - b), range(0, 20));
  notDeepStrictEqual(first, second);
});

Deno.test("QuestionOrder depends on the seed and the place, not on what was asked before", () => {
  const places = [0, 25, 3, 59, 24], whole = ids(new QuestionOrder(source(20), 3), range(0, 60));
  deepStrictEqual(ids(new QuestionOrder(source(20), 3), places), places.map((place) => whole[place]));
  notDeepStrictEqual(ids(new QuestionOrder(source(20), 4), range(0, 60)), whole);
});

Deno.test("QuestionOrder takes an endless source in its own order, far apart for different seeds", () => {
  const at = (seed: number) => ids(new QuestionOrder(source(Infinity), seed), [0, 1, 2]);
  deepStrictEqual(at(0), [0, 1, 2]);
  deepStrictEqual(at(2), [2 ** 21, 2 ** 21 + 1, 2 ** 21 + 2]);
  for (const place of at(123_456_789)) strictEqual(place < 2 ** 32, true, "random streams have 2^32 places");
});
