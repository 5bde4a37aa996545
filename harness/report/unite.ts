// Several results as one: the first gives the plan, and the cells of the others stand beside its own as if they had been
// added later, so that whatever is said of them is exploratory. Cells that cannot be compared are refused: another task,
// other data, another policy, or a match proof that does not hold.

import { MisuseError } from "../base/errors.ts";
import { proveMatch } from "../records/match.ts";
import type { CellResults, Results } from "../records/results.ts";

/**
 * The union; of one alone, that one.
 * @throws MisuseError for an arm and seed that come twice, an arm that is defined in two ways, or cells that do not match
 */
export function unite(parts: readonly Results[]): Results {
  const [first, ...others] = parts;
  if (!first) throw new MisuseError("Cannot unite results: none were given … name at least one");
  if (others.length === 0) return first;
  for (const other of others) checkSame(first, other);
  checkOnce(parts);
  const added = 1 + Math.max(0, ...first.cells.map(({ entry }) => entry.amendment));
  const cells = [...first.cells, ...others.flatMap(({ cells }) => cells.map((cell) => amended(cell, added)))];
  const finished = cells.flatMap(({ entry: { arm, seed, status }, record }) =>
    status === "finished" && record?.outcome ? [{ arm, seed, outcome: record.outcome }] : []
  );
  const match = proveMatch(finished, first.plan?.claim.against ?? null);
  if (!match.matched) {
    throw new MisuseError(
      `Cannot unite ${namesOf(parts)}: ${match.problems[0]} … give results of the same task, policy and config`,
    );
  }
  const arms = new Map(parts.flatMap(({ experiment }) => experiment.arms.map((arm) => [arm.name, arm])));
  return {
    origin: first.origin,
    plan: first.plan,
    experiment: {
      ...first.experiment,
      arms: [...arms.values()],
      seeds: [...new Set(parts.flatMap(({ experiment }) => experiment.seeds))].sort((a, b) => a - b),
      cells: cells.map(({ entry }) => entry),
      seconds: parts.reduce((sum, { experiment }) => sum + experiment.seconds, 0),
      match,
      summary: [], // means over cells are studyOf's business
    },
    cells,
  };
}

function amended({ entry, ...rest }: CellResults, amendment: number): CellResults {
  return { entry: { ...entry, amendment }, ...rest };
}

function checkSame(first: Results, other: Results): void {
  const refuse = (what: string) =>
    new MisuseError(`Cannot unite ${namesOf([first, other])}: ${what} … report them one by one`);
  const [a, b] = [first.experiment.task, other.experiment.task];
  if (a.name !== b.name || a.version !== b.version) {
    throw refuse(`their tasks are "${a.name}" version ${a.version} and "${b.name}" version ${b.version}`);
  }
  if (a.data !== b.data) throw refuse(`the data of task "${a.name}" differ`);
  for (const { name, overrides } of other.experiment.arms) {
    const same = first.experiment.arms.find((arm) => arm.name === name);
    if (same && sortedText(same.overrides) !== sortedText(overrides)) {
      throw refuse(`arm "${name}" is not defined alike`);
    }
  }
}

function checkOnce(parts: readonly Results[]): void {
  const seen = new Map<string, string>();
  for (const { origin, cells } of parts) {
    for (const { entry: { arm, seed } } of cells) {
      const key = JSON.stringify([arm, seed]), other = seen.get(key);
      if (other !== undefined) {
        throw new MisuseError(
          `Cannot unite results: arm "${arm}" with seed ${seed} is in "${other}" and in "${origin}" … leave one of them out`,
        );
      }
      seen.set(key, origin);
    }
  }
}

const sortedText = (fields: object) => JSON.stringify(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1));
const namesOf = (parts: readonly Results[]) => parts.map(({ origin }) => `"${origin}"`).join(" and ");
