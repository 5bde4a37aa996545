import { deepEqual, equal } from "node:assert/strict";
import { exactValue, rational } from "../../../tasks/math/rational.ts";
import { parseExpression } from "../../../tasks/math/expression.ts";
import { approximate } from "../../../tasks/math/sample_points.ts";

const valueOf = (text: string) => {
  const expression = parseExpression(text);
  const value = expression === null ? null : exactValue(expression);
  return value === null ? null : `${value.n}/${value.d}`;
};

Deno.test("parseExpression() and exactValue() work out fractions exactly", () => {
  const cases: Readonly<Record<string, string>> = {
    "12": "12/1",
    "-0.50": "-1/2",
    ".5+.25": "3/4",
    "1,234,567": "1234567/1",
    "\\frac12+\\frac13": "5/6",
    "\\frac{1}{29,322,216}": "1/29322216",
    "2-3-4": "-5/1",
    "2/3/4": "1/6",
    "2*3^2": "18/1",
    "-2^2": "-4/1",
    "(-2)^2": "4/1",
    "2^{-3}": "1/8",
    "2^-3": "1/8",
    "8^{1/3}": "2/1",
    "(4/9)^{3/2}": "8/27",
    "\\sqrt{\\frac{9}{16}}": "3/4",
    "\\sqrt[3]{-27}": "-3/1",
    "0.\\overline{142857}": "1/7",
    "1.2\\overline{3}": "37/30",
    "|3-5|": "2/1",
    "4!": "24/1",
    "\\binom{4}{2}": "6/1",
    "2(3)(4)": "24/1",
    "1 1/2": "3/2",
    "-1\\frac12": "-3/2",
    "3 \\cdot 10^{-2}": "3/100",
  };
  for (const [text, value] of Object.entries(cases)) equal(valueOf(text), value, text);
});

Deno.test("parseExpression() refuses what has no reading, or two", () => {
  const texts = [
    ..."|1+|2 3|1/2x|\\frac{1}{2}1|x2|2\\frac{5}{3}|f(2)|x^2^3|1..2|1.2.3|\\unknown|\\sqrt|(1|1)|{1|\\sin^{-1} x|a=b|1,2|1,23"
      .split("|").slice(1),
    "",
    "5\\overline{3}",
    "\\frac{1}",
    "(".repeat(100) + "1" + ")".repeat(100),
  ];
  deepEqual(texts.filter((text) => parseExpression(text) !== null), []);
});

Deno.test("parseExpression() reads functions and constants as float64 does", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["2\\pi", 2 * Math.PI],
    ["\\frac\\pi2", Math.PI / 2],
    ["sqrt(2)", Math.SQRT2],
    ["\\sin 2\\pi/8", Math.sin(2 * Math.PI) / 8],
    ["\\sin(\\pi/6)", 0.5],
    ["\\cos^2 1", Math.cos(1) ** 2],
    ["\\sin 2 \\cos 3", Math.sin(2) * Math.cos(3)],
    ["\\sin 30^\\circ", 0.5],
    ["\\log 1000", 3],
    ["\\log_2 8", 3],
    ["\\ln e", 1],
    ["e^2", Math.E ** 2],
  ];
  for (const [text, value] of cases) {
    const found = approximate(parseExpression(text) ?? { kind: "symbol", name: "none" });
    equal(Math.abs(found - value) < 1e-9, true, `${text}: ${found}`);
  }
});

Deno.test("rational() is in lowest terms, and arithmetic on it is that of small fractions by hand", () => {
  deepEqual(rational(6n, -4n), { n: -3n, d: 2n });
  deepEqual(rational(0n, 5n), { n: 0n, d: 1n });
  for (let n = -6; n <= 6; n++) {
    for (let d = 1; d <= 6; d++) {
      const { n: top, d: bottom } = rational(BigInt(n), BigInt(d));
      equal(Number(top) / Number(bottom), n / d);
    }
  }
});
