// The expressions of the numbers game: whole numbers, + - * / and brackets, no sign in front, nothing implied. Read by
// recursive descent and worked out in exact fractions; text of a model is never evaluated by JavaScript.

import { type Rational, rational } from "./math/rational.ts";

/** What an expression comes to, and the numbers in it as they stand. */
export interface CountdownExpression {
  /** Null where it divides by zero. */
  readonly value: Rational | null;
  readonly numbers: readonly number[];
}

const longest = 200;

/** The expression that a text writes; null where it is anything else. */
export function parseCountdown(text: string): CountdownExpression | null {
  const tokens = text.length > longest ? null : text.trim().match(/\d+|[-+*/()]|\S/g);
  if (tokens === null) return null;
  const numbers: number[] = [];
  let at = 0, readable = true;

  const combine = (a: Rational | null, operation: string, b: Rational | null): Rational | null => {
    if (a === null || b === null) return null;
    if (operation === "+") return rational(a.n * b.d + b.n * a.d, a.d * b.d);
    if (operation === "-") return rational(a.n * b.d - b.n * a.d, a.d * b.d);
    if (operation === "*") return rational(a.n * b.n, a.d * b.d);
    return b.n === 0n ? null : rational(a.n * b.d, a.d * b.n);
  };
  const chain = (operations: string, part: () => Rational | null): Rational | null => {
    let value = part();
    while (readable && at < tokens.length && operations.includes(tokens[at]!)) {
      value = combine(value, tokens[at++]!, part());
    }
    return value;
  };
  const sum = (): Rational | null => chain("+-", () => chain("*/", atom));
  const atom = (): Rational | null => {
    const token = tokens[at++] ?? "";
    if (/^\d+$/.test(token)) {
      numbers.push(Number(token));
      return rational(BigInt(token));
    }
    const value = token === "(" ? sum() : null;
    if (token !== "(" || tokens[at++] !== ")") readable = false;
    return value;
  };

  const value = sum();
  return readable && at === tokens.length ? { value, numbers } : null;
}
