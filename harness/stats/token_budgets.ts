// The caps at which accuracy is told, in tokens: a geometric list, the same for every completion and policy.

/** 8, 16, 32 … below a number of tokens. */
export function budgetsBelow(tokens: number): number[] {
  const budgets: number[] = [];
  for (let budget = 8; budget < tokens; budget *= 2) budgets.push(budget);
  return budgets;
}
