// So many cells side by side, one after the other in each lane. A cell that fails is its own business; an error means that
// the folder can no longer be written, and ends all of them.

import { FailureError } from "../base/errors.ts";
import type { Stops } from "./worker_process.ts";

/**
 * Runs every cell until `stop` aborts.
 * @param run is told the lane too, 0 to jobs - 1
 * @throws what a cell threw first in the order of the lanes; a FailureError says how to go on
 */
export async function runQueue<T>(
  cells: readonly T[],
  jobs: number,
  stops: Stops,
  run: (cell: T, stops: Stops, lane: number) => Promise<void>,
): Promise<void> {
  const lost = new AbortController(), queue = cells.values();
  const kill = AbortSignal.any([stops.kill, lost.signal]), stop = AbortSignal.any([stops.stop, kill]);
  const lanes = await Promise.allSettled(Array.from({ length: jobs }, async (_, lane) => {
    for (let next = queue.next(); !next.done && !stop.aborted; next = queue.next()) {
      await run(next.value, { stop, kill }, lane).catch((error) => {
        lost.abort();
        throw error;
      });
    }
  }));
  for (const lane of lanes) {
    if (lane.status === "fulfilled") continue;
    if (!(lane.reason instanceof FailureError)) throw lane.reason;
    throw new FailureError(`${lane.reason.message}; the same command then goes on from what is there`, {
      cause: lane.reason,
    });
  }
}
