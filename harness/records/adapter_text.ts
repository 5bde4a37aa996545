// An adapter in words, as reports and model cards say it.

import type { PlanRecord } from "./plan_schema.ts";

/** "a LoRA adapter of rank 16 and alpha 32 to q_proj and v_proj" */
export function adapterText({ rank, alpha, targets }: NonNullable<PlanRecord["policy"]["adapter"]>): string {
  const listed = [targets.slice(0, -1).join(", "), targets.at(-1)].filter(Boolean).join(" and ");
  return `a LoRA adapter of rank ${rank} and alpha ${alpha} to ${listed}`;
}
