// Experiments for the gate's tests: those of tests/fakes/results.ts with a machine and an untrained score, changed as a
// test says, their digests taken again.

import { sha256 } from "../../harness/base/digest.ts";
import type { Environment, Outcome } from "../../harness/contract.ts";
import type { CellResults, Results } from "../../harness/records/results.ts";
import type { CellRecord } from "../../harness/records/schema.ts";
import { outcomeDigest } from "../../harness/records/store.ts";
import { fakeResults } from "../fakes/results.ts";

/** The machine that both ran on, unless a test says otherwise. */
export const machine: Environment = {
  matchbox: "0.3.0",
  deno: "2.9.6",
  onnxruntime: "1.30.0",
  os: "Linux",
  arch: "x64",
  cpu: "Quick 9000",
  vectors: null,
  cores: 2,
  memoryBytes: 2 ** 33,
  device: "cpu",
  threads: 1,
  gitCommit: "0123456789abcdef",
  gitDirty: false,
};

/** n answers of which so many are right, spread over the questions by the seed. */
export function answers(right: number, n: number, seed = 0): number[] {
  return Array.from({ length: n }, (_, i) => (i * 7 + seed * 3) % n < right ? 1 : 0);
}

/** What a test changes. */
export interface GateChanges {
  readonly environment?: Partial<Environment>;
  readonly record?: (record: CellRecord) => CellRecord;
  readonly outcome?: (outcome: Outcome, arm: string, seed: number) => Outcome;
}

/** Finished results: right answers of each seed by arm, on n questions. */
export function gateResults(
  right: Readonly<Record<string, readonly number[]>>,
  n = 64,
  changes: GateChanges = {},
): Results {
  const scores = Object.fromEntries(
    Object.entries(right).map(([arm, seeds]) => [arm, seeds.map((count, seed) => answers(count, n, seed))]),
  );
  return changeResults(fakeResults({ scores }), changes);
}

/** The results with changes, whole again: digests fit. */
export function changeResults(results: Results, { environment, record, outcome }: GateChanges): Results {
  return mapCells(results, (cell) => {
    if (!cell.record?.outcome) return cell;
    const changed = record ? record(cell.record) : cell.record, { arm, seed } = cell.entry;
    // The fake outcome of an arm and seed is the same whatever was answered; a real one is not.
    const said = sha256(JSON.stringify(cell.answers?.map(({ status }) => status)));
    const before = { ...changed.outcome!, samples: said, finalWeights: sha256(`${said} ${arm} ${seed}`) };
    const after = outcome ? outcome(before, arm, seed) : before, digest = outcomeDigest(after);
    return {
      ...cell,
      entry: { ...cell.entry, digest },
      record: {
        ...changed,
        outcome: after,
        digest,
        environment: { ...machine, ...changed.environment, ...environment },
      },
    };
  });
}

/** The results with other cells. */
export function mapCells(results: Results, change: (cell: CellResults) => CellResults): Results {
  const cells = results.cells.map(change);
  return { ...results, cells, experiment: { ...results.experiment, cells: cells.map(({ entry }) => entry) } };
}
