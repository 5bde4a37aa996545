// The test of a mean paired difference that families of comparisons can rest on: the larger of the two-way p and of
// Student's over the seeds. The two-way p takes many degrees of freedom from the questions where the seeds look alike by
// chance, which with few seeds happens too often for the small p that Holm's correction over many arms asks for: in A/A
// trials on 22 arms a family had a false alarm in 9 % with four seeds a side, and in 17 % with three (calibrate.ts).

import { studentCdf } from "./distributions.ts";
import { type TwoWay, twoWayP } from "./two_way.ts";

/** Two-sided p of the mean being 0. */
export function cautiousP(effects: TwoWay): number {
  return Math.max(twoWayP(effects), seedsP(effects));
}

/**
 * Student's p over the seeds' mean differences, whose variance is at least the residual's; 0, which decides nothing, for
 * one seed and for seeds that are all alike.
 */
function seedsP({ mean, runs, items, components: { run, residual } }: TwoWay): number {
  const error = Math.sqrt(run / runs + residual / (runs * items));
  return runs < 2 || error === 0 ? 0 : 2 * studentCdf(-Math.abs(mean) / error, runs - 1);
}
