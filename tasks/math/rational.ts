// Exact rational numbers on BigInt, and the exact value of an expression where it has one. Nothing is rounded: 1.25 is
// 5/4 and no decimal is 1/3. What would not stay rational, or would grow past all use, has no value here.

import type { Expression } from "./expression.ts";

/** A fraction in lowest terms with a positive denominator. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

/** Powers and factorials stay below this many binary digits, about. */
const largestBits = 100_000;

const bitsOf = (n: bigint) => n.toString(16).length * 4;

/** n / d in lowest terms. @throws RangeError for d = 0 */
export function rational(n: bigint, d = 1n): Rational {
  if (d === 0n) throw new RangeError("Cannot make a fraction: its denominator is 0");
  let a = n < 0n ? -n : n, b = d < 0n ? -d : d;
  while (b !== 0n) [a, b] = [b, a % b];
  const divisor = d < 0n ? -a : a;
  return { n: n / divisor, d: d / divisor };
}

/** The value of a decimal such as "12", "1.25" or ".5", whatever the commas. */
export function parseDecimal(text: string): Rational {
  const [whole = "", fraction = ""] = text.replaceAll(",", "").split(".");
  return rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}

/** Whether two fractions are the same number. */
export function sameRational(a: Rational, b: Rational): boolean {
  return a.n === b.n && a.d === b.d;
}

const whole = ({ n, d }: Rational) => d === 1n ? n : null;

/** The whole root of a whole number, null where there is none. */
function wholeRoot(n: bigint, degree: bigint): bigint | null {
  if (n < 0n) {
    const root = degree % 2n === 1n ? wholeRoot(-n, degree) : null;
    return root === null ? null : -root;
  }
  let low = 0n, high = 1n << BigInt(Math.ceil(bitsOf(n) / Number(degree)) + 1);
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (middle ** degree <= n) low = middle;
    else high = middle - 1n;
  }
  return low ** degree === n ? low : null;
}

function root(x: Rational, degree: bigint): Rational | null {
  if (degree < 2n || degree > 64n || bitsOf(x.n) + bitsOf(x.d) > largestBits) return null;
  const n = wholeRoot(x.n, degree), d = wholeRoot(x.d, degree);
  return n === null || d === null ? null : rational(n, d);
}

function power(x: Rational, exponent: Rational): Rational | null {
  const e = whole(exponent);
  if (e === null) {
    const base = root(x, exponent.d);
    return x.n < 0n || base === null ? null : power(base, rational(exponent.n));
  }
  if (x.n === 0n && e <= 0n) return null;
  const size = e < 0n ? -e : e;
  if (size > largestBits || BigInt(bitsOf(x.n) + bitsOf(x.d)) * size > largestBits) return null;
  return e < 0n ? rational(x.d ** size, x.n ** size) : rational(x.n ** size, x.d ** size);
}

function factorial(x: Rational): bigint | null {
  const n = whole(x);
  if (n === null || n < 0n || n > 1000n) return null;
  let product = 1n;
  for (let i = 2n; i <= n; i++) product *= i;
  return product;
}

function binomial(n: Rational, k: Rational): Rational | null {
  const a = factorial(n), b = factorial(k);
  const c = a === null || b === null ? null : factorial(rational(n.n - k.n));
  return a === null || b === null || c === null ? null : rational(a, b * c);
}

/** The exact value of an expression; null where it is not seen to be rational. */
export function exactValue(expression: Expression): Rational | null {
  if (expression.kind === "number") return expression.value;
  if (expression.kind === "symbol") return null;
  const values: Rational[] = [];
  for (const argument of expression.args) {
    const value = exactValue(argument);
    if (value === null) return null;
    if (bitsOf(value.n) + bitsOf(value.d) > 2 * largestBits) return null;
    values.push(value);
  }
  const [a = rational(0n), b = rational(2n)] = values;
  switch (expression.op) {
    case "Add":
      return values.reduce((x, y) => rational(x.n * y.d + y.n * x.d, x.d * y.d));
    case "Multiply":
      return values.reduce((x, y) => rational(x.n * y.n, x.d * y.d));
    case "Negate":
      return { n: -a.n, d: a.d };
    case "Divide":
      return b.n === 0n ? null : rational(a.n * b.d, a.d * b.n);
    case "Power":
      return power(a, b);
    case "Sqrt":
      return root(a, 2n);
    case "Root":
      return b.d === 1n ? root(a, b.n) : null;
    case "Abs":
      return a.n < 0n ? { n: -a.n, d: a.d } : a;
    case "Factorial": {
      const value = factorial(a);
      return value === null ? null : rational(value);
    }
    case "Binomial":
      return binomial(a, b);
    default:
      return null;
  }
}
