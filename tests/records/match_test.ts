// The match proof, on records that differ in one thing at a time.

import { deepEqual, equal } from "node:assert/strict";
import type { MatchProof, Outcome } from "../../harness/contract.ts";
import { proveMatch, type ProvenCell } from "../../harness/records/match.ts";
import { fakeOutcome } from "../fakes/records.ts";

function cell(arm: string, seed: number, proof: Partial<MatchProof> = {}, more: Partial<Outcome> = {}): ProvenCell {
  const outcome = fakeOutcome([], arm, seed);
  return { arm, seed, outcome: { ...outcome, match: { ...outcome.match, ...proof }, ...more } };
}

Deno.test("proveMatch() calls equal cells matched, of whatever arms and seeds", () => {
  const cells = [cell("grpo", 0), cell("rloo", 0), cell("grpo", 1), cell("rloo", 1)];
  deepEqual(proveMatch(cells, "grpo"), { matched: true, cells: 4, problems: [], uneven: [] });
  equal(proveMatch([], null).matched, true);
});

Deno.test("proveMatch() names the two cells and what they do not share", () => {
  const problem = (proof: Partial<MatchProof>, seed = 0) =>
    proveMatch([cell("grpo", 0), cell("rloo", seed, proof), cell("gdpo", 0)], "grpo").problems;
  const differ = (what: string, seed = 0) => [`rloo seed ${seed} and grpo seed 0 differ in ${what}`];
  deepEqual(problem({ weights: "other" }, 1), differ("initial weights", 1));
  deepEqual(problem({ data: "other" }, 1), differ("task data", 1));
  deepEqual(problem({ template: "other" }), differ("prompt template"));
  deepEqual(problem({ items: "other" }), differ("evaluated questions"));
  deepEqual(problem({ streams: "other" }), differ("random streams"));
  deepEqual(problem({ config: "other" }), differ("config before the arm's fields"));
  deepEqual(problem({ order: "other" }), differ("question order"));
  deepEqual(problem({ order: "other" }, 1), []); // each seed has an order of its own
});

Deno.test("proveMatch() compares first rollouts of one seed wherever both cells have one", () => {
  const matched = (firstRollouts: string[][], seed = 0) =>
    proveMatch([cell("grpo", 0), cell("rloo", seed, { firstRollouts })], "grpo").matched;
  equal(matched([["0 a", "0 b", "0 more"]]), true); // fewer questions, more samples
  equal(matched([]), true);
  equal(matched([["0 a", "0 x"]]), false);
  equal(matched([["0 a"], ["0 c"], ["0 e"]]), true);
  equal(matched([["1 a", "1 b"]], 1), true);
});

Deno.test("proveMatch() lists arms that ended with other updates or tokens, and calls them matched", () => {
  const tokens = (completion: number) => ({ tokens: { prompt: 0, completion } });
  const { matched, uneven } = proveMatch([
    cell("base", 0, {}, { updates: 0, ...tokens(0) }),
    cell("grpo", 0, {}, tokens(1000)),
    cell("rloo", 0, {}, tokens(1090)),
    cell("early", 0, {}, { updates: 7, ...tokens(1000) }),
    cell("thirsty", 0, {}, tokens(1500)),
  ], "grpo");
  equal(matched, true);
  deepEqual(uneven, [
    "early used 7 updates and 100 % of grpo's tokens (10 updates)",
    "thirsty used 10 updates and 150 % of grpo's tokens (10 updates)",
  ]);
});

Deno.test("proveMatch() calls it a problem, not a difference, where a cell of schema version 1 does not say something", () => {
  const silent = cell("rloo", 0, { template: "unknown", order: "unknown" });
  deepEqual(proveMatch([cell("grpo", 0), silent, cell("gdpo", 0)], "grpo").problems, [
    "rloo seed 0 does not say its prompt template (schema version 1)",
    "rloo seed 0 does not say its question order (schema version 1)",
  ]);
  equal(proveMatch([silent], null).matched, false);
});
