// What the commands of the shell look at, and how they find an arm or a cell in it.

import { MisuseError } from "../../base/errors.ts";
import { suggest } from "../../base/suggest.ts";
import type { CellResults, Results } from "../../records/results.ts";
import type { ArmStudy, Study } from "../../stats/study.ts";
import { visibleText } from "../../base/visible_text.ts";

/** Results and their analysis. */
export interface Exploration {
  readonly results: Results;
  readonly study: Study;
}

/** How text is laid out. */
export interface Display {
  /** Characters in a line. */
  readonly width: number;
  /** False where only ASCII is sure to be drawn. */
  readonly unicode: boolean;
}

/** Names of the metrics, in words. */
export const metricNames = { accuracy: "test accuracy", passAtSamples: "pass@k on test questions" } as const;

/** @throws MisuseError where there is no such arm */
export function armOf({ study }: Exploration, name: string | undefined): ArmStudy {
  const names = study.arms.map(({ arm }) => arm), found = study.arms.find(({ arm }) => arm === name);
  if (found) return found;
  const known = names.map((one) => visibleText(one)).join(", ");
  throw new MisuseError(
    name === undefined
      ? `Cannot choose an arm: none is named … give one of ${known}`
      : `Cannot find arm "${visibleText(name, 100)}": the arms are ${known}${suggest(name, names)}`,
  );
}

/** @throws MisuseError where the arm has no cell with that seed */
export function cellOf({ results }: Exploration, arm: string, seed: number): CellResults {
  const cells = results.cells.filter(({ entry }) => entry.arm === arm);
  const found = cells.find(({ entry }) => entry.seed === seed);
  if (found) return found;
  const seeds = cells.map(({ entry }) => entry.seed).join(", ");
  throw new MisuseError(`Cannot find seed ${seed} of ${visibleText(arm)}: its seeds are ${seeds}`);
}

/** A number of the line. @throws MisuseError for anything but a whole number */
export function wholeNumber(what: string, text: string, least = 0): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new MisuseError(`Cannot use ${what} "${visibleText(text, 40)}": it must be an integer of at least ${least}`);
}

/** "0.042", "< 0.001" */
export function probability(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** "p = 0.042", "p < 0.001" */
export function pText(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
}
