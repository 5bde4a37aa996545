// How many answers became what, in the form that records have: `timeout` only where it occurred, so that records from
// before it was told apart keep their bytes.

import type { GradeStatus, StatusCounts } from "../contract.ts";

/** The counts of these statuses. */
export function statusCounts(statuses: readonly GradeStatus[]): StatusCounts {
  const count = (status: GradeStatus) => statuses.filter((one) => one === status).length;
  const timeout = count("timeout");
  return {
    correct: count("correct"),
    wrong: count("wrong"),
    unparseable: count("unparseable"),
    truncated: count("truncated"),
    ...(timeout > 0 ? { timeout } : {}),
  };
}
