// Where two expressions are compared as functions: fixed points with 24 digits after the point, drawn by hash, so that no
// answer short enough to be graded can be made to agree at all of them alone. Of eight points the first is positive in
// all variables, the second negative, the others mixed. And a float64 evaluation, quick enough to refuse most wrong
// answers without the engine: it only ever refuses.

import { sha256 } from "../../harness/base/digest.ts";
import { type Expression, number } from "./expression.ts";
import { rational } from "./rational.ts";

export const pointCount = 8;

const constants: Readonly<Record<string, number>> = { Pi: Math.PI, ExponentialE: Math.E };

/** Names of an expression's variables. */
export function variablesOf(expression: Expression): Set<string> {
  if (expression.kind === "number") return new Set();
  if (expression.kind === "apply") return new Set(expression.args.flatMap((argument) => [...variablesOf(argument)]));
  return new Set(expression.name in constants || expression.name === "ImaginaryUnit" ? [] : [expression.name]);
}

/** Whether the imaginary unit occurs. */
export function isComplex(expression: Expression): boolean {
  if (expression.kind === "apply") return expression.args.some(isComplex);
  return expression.kind === "symbol" && expression.name === "ImaginaryUnit";
}

/** The value of a variable at a point: between 0.2 and 4.2 in size. */
function coordinate(point: number, name: string): Expression & { kind: "number" } {
  const hash = sha256(`matchbox ${point} ${name}`);
  const digits = BigInt("0x" + hash.slice(0, 24)) * (4n * 10n ** 24n) / 16n ** 24n + 2n * 10n ** 23n;
  const negative = point === 1 || (point > 1 && parseInt(hash.at(-1)!, 16) % 2 === 1);
  const value = number(rational(negative ? -digits : digits, 10n ** 24n));
  return value as Expression & { kind: "number" };
}

/** The expression with numbers for its variables. */
export function atPoint(expression: Expression, point: number): Expression {
  if (expression.kind === "number") return expression;
  if (expression.kind === "apply") {
    return { ...expression, args: expression.args.map((argument) => atPoint(argument, point)) };
  }
  return variablesOf(expression).size === 0 ? expression : coordinate(point, expression.name);
}

/** Its value in float64; NaN where that is not real or not known. */
export function approximate(expression: Expression): number {
  if (expression.kind === "number") return Number(expression.value.n) / Number(expression.value.d);
  if (expression.kind === "symbol") return constants[expression.name] ?? NaN;
  const [a = NaN, b = NaN, ...rest] = expression.args.map(approximate);
  switch (expression.op) {
    case "Add":
      return rest.reduce((x, y) => x + y, a + b);
    case "Multiply":
      return a * b;
    case "Negate":
      return -a;
    case "Divide":
      return a / b;
    case "Power":
      return a ** b;
    case "Sqrt":
      return Math.sqrt(a);
    case "Abs":
      return Math.abs(a);
    case "Ln":
      return Math.log(a);
    case "Log":
      return Math.log(a) / Math.log(b);
    case "Sin":
      return Math.sin(a);
    case "Cos":
      return Math.cos(a);
    case "Tan":
      return Math.tan(a);
    case "Cot":
      return 1 / Math.tan(a);
    case "Sec":
      return 1 / Math.cos(a);
    case "Csc":
      return 1 / Math.sin(a);
    case "Root":
      return a < 0 && b % 2 === 1 ? -((-a) ** (1 / b)) : a ** (1 / b);
    default:
      return NaN;
  }
}

/** Whether float64 already tells two real expressions apart, by more than its errors at that size. */
export function clearlyDiffer(a: Expression, b: Expression): boolean {
  if (isComplex(a) || isComplex(b)) return false;
  const constant = variablesOf(a).size + variablesOf(b).size === 0;
  return Array.from({ length: constant ? 1 : pointCount }, (_, point) => point).some((point) => {
    const x = approximate(atPoint(a, point)), y = approximate(atPoint(b, point));
    return Number.isFinite(x) && Number.isFinite(y) &&
      Math.abs(x - y) > 1e-6 * Math.max(1e-6, Math.abs(x), Math.abs(y));
  });
}
