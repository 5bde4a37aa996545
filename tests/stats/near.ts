// Equality of numbers but for rounding, for oracles that were computed elsewhere.

import { ok } from "node:assert/strict";

/** Whether two numbers agree to `digits` significant ones; a zero must be met to 10^-digits. */
export function near(actual: number, expected: number, digits = 12): void {
  const off = Math.abs(actual - expected) / (expected === 0 ? 1 : Math.abs(expected));
  ok(off <= 10 ** -digits, `${actual} is not ${expected} to ${digits} digits`);
}
