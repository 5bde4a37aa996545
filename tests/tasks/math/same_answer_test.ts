import { deepEqual, equal, ok } from "node:assert/strict";
import { sameAnswer } from "../../../tasks/math/same_answer.ts";

/** Gold and answer that are the same; what the normaliser, fractions and shapes decide. */
const spelled: readonly (readonly [string, string])[] = [
  ["1,080", "1080"],
  ["10,\\!080", "10{,}080"],
  ["11,\\! 111,\\! 111,\\! 100", "11111111100"],
  ["58,500", "58500."],
  ["\\$32,\\!348", "$32348$"],
  ["\\$18.90", "18.9 dollars"],
  ["\\$18.90", "\\$18.9"],
  ["5.4 \\text{ cents}", "5.4"],
  ["15\\mbox{ cm}^2", "15 square centimeters"],
  ["864 \\mbox{ inches}^2", "864\\text{ in}^2"],
  ["\\frac{270}7\\text{ degrees}", "\\frac{270}{7}^\\circ"],
  ["90^\\circ", "90"],
  ["90^{\\circ}", "90°"],
  ["80\\%", "80"],
  ["0.5", "50\\%"],
  ["\\frac{14}{3}", "\\dfrac{14}{3}"],
  ["\\frac43", "\\tfrac{4}{3}"],
  ["\\frac 59", "5/9"],
  ["\\frac9{19}", "\\boxed{\\frac{9}{19}}"],
  ["-\\frac{35}{9}", "\\frac{-35}{9}"],
  ["-\\frac{35}{9}", "-35/9"],
  ["\\frac{1}{2}", "0.5"],
  [".35625", "0.35625"],
  ["1.25", "\\frac54"],
  [".0000672", "6.72 \\times 10^{-5}"],
  ["1\\frac{4}{5}", "\\frac{9}{5}"],
  ["137 \\frac{1}{2}", "137.5"],
  ["137 \\frac{1}{2}", "137 1/2"],
  ["\\frac13", "0.\\overline{3}"],
  ["\\frac16", "0.1\\overline{6}"],
  ["x=5", "5"],
  ["5", "x = 5"],
  ["y = 2x + 3", "y=2x+3"],
  ["x \\in [-2,7]", "[-2, 7]"],
  ["1,-2", "-2, 1"],
  ["-2 \\text{ or } -12", "-12, -2"],
  ["3, 5, 7", "\\{7,5,3\\}"],
  ["(3,4]", "\\left(3, 4\\right]"],
  ["\\left(\\frac{3}{5},\\frac{8}{3}\\right]", "(0.6, 8/3]"],
  ["(0,9) \\cup (9,36)", "(9,36)\\cup(0,9)"],
  ["(-\\infty, 0]", "(-\\infty,0]"],
  ["(6,31,-1)", "( 6, 31, -1 )."],
  [
    "\\begin{pmatrix} -1/3 \\\\ 2/3 \\\\ 5/3 \\end{pmatrix}",
    "\\begin{bmatrix}-\\frac13\\\\ \\frac23\\\\ \\frac53\\end{bmatrix}",
  ],
  ["\\begin{pmatrix} -1 & 0 \\\\ 0 & -1 \\end{pmatrix}", "\\begin{pmatrix}-1&0\\\\0&-1\\end{pmatrix}"],
  ["4210_{5}", "4210_5"],
  ["\\text{Evelyn}", "evelyn"],
  ["\\text{(C)}", "C"],
  ["\\text{(C)}", "(C)"],
  ["\\text{even}", "\\textbf{Even}"],
  ["3:1", "3 : 1"],
  ["\\sqrt{16}", "4"],
  ["2^{10}", "1024"],
  ["\\binom{5}{2}", "10"],
  ["5!", "120"],
];

/** Those that take the computer algebra system. */
const derived: readonly (readonly [string, string])[] = [
  ["\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"],
  ["11\\sqrt2", "\\sqrt{242}"],
  ["70 \\sqrt{2}", "70\\sqrt{2}"],
  ["1 \\pm \\sqrt{19}", "1-\\sqrt{19}, 1+\\sqrt{19}"],
  ["\\{1\\pm\\sqrt{5},-2\\}", "\\{-2, 1-\\sqrt5, 1+\\sqrt5\\}"],
  ["\\left( 3, \\frac{\\pi}{2} \\right)", "(3, \\pi/2)"],
  ["18+2\\pi", "2(\\pi + 9)"],
  ["6 - 5i", "-5i+6"],
  ["\\frac{1}{1+i}", "\\frac{1-i}{2}"],
  ["\\cot x", "\\frac{\\cos x}{\\sin x}"],
  ["x^3+3x-6", "x(x^2+3)-6"],
  ["(a+5)(b+2)", "ab+2a+5b+10"],
  ["\\frac{11+9a}{20}", "\\frac{11}{20}+\\frac{9}{20}a"],
  ["5x - 7y + 11z + 4 = 0", "7y - 5x - 11z - 4 = 0"],
  ["s^2 \\le 8r^2", "8r^2 \\ge s^2"],
  ["\\sqrt[4]{8}", "2^{3/4}"],
  ["\\tan 15^\\circ", "2-\\sqrt{3}"],
  ["2 \\sin 5x \\cos x", "\\sin 6x + \\sin 4x"],
  ["\\log_2 6", "1 + \\log_2 3"],
  ["\\frac{20000}{\\pi}", "20000/\\pi"],
  ["10p^3 \\sqrt{3p}", "10\\sqrt{3p^7}"],
];

/** Gold and a wrong answer that looks like it, is near it, or would be right under a careless reading. */
const adversarial: readonly (readonly [string, string])[] = [
  // near numbers
  ["\\frac13", "0.333333333333"],
  ["\\frac23", "0.6667"],
  ["\\pi", "3.14159265358979323846264338327950288419716939937510"],
  ["\\pi", "\\frac{355}{113}"],
  ["\\pi", "\\frac{22}{7}"],
  ["\\sqrt{2}", "1.41421356237309504880168872420969807856967187537694"],
  ["\\sqrt{2}", "\\frac{665857}{470832}"],
  ["e", "2.718281828459045"],
  ["1", "0.99999999999999999999"],
  ["0", "10^{-30}"],
  ["9007199254740993", "9007199254740992"],
  ["10^{40}", "10^{40}+1"],
  ["262537412640768744", "e^{\\pi\\sqrt{163}}"],
  ["\\frac{1+\\sqrt5}{2}", "1.618033988749895"],
  ["\\sqrt{2}+\\sqrt{3}", "\\sqrt{5}"],
  ["\\sqrt{10}", "\\pi"],
  // digits and signs
  ["\\frac{1}{2}", "\\frac{1}{2}1"],
  ["\\frac{1}{2}", "\\frac{2}{1}"],
  ["5", "-5"],
  ["-5", "5"],
  ["\\frac12", "12"],
  ["12", "1 2"],
  ["1\\frac{4}{5}", "\\frac{4}{5}"],
  ["1\\frac{4}{5}", "14/5"],
  ["2\\sqrt{3}", "\\sqrt{6}"],
  ["2\\sqrt{3}", "23"],
  ["\\sqrt{20}", "\\sqrt{2}0"],
  ["x^{10}", "x^{1}0"],
  ["x^2", "x^21"],
  ["x^2", "2x"],
  ["3^2", "32"],
  ["1.08", "1,08"],
  ["1080", "1.080"],
  ["1,080", "1, 080"],
  ["\\sqrt[3]{8}", "3\\sqrt{8}"],
  // functions of variables
  ["\\sqrt{x^2}", "x"],
  ["|x|", "x"],
  ["2\\ln x", "\\ln x^3"],
  ["\\ln x^2", "2 \\ln x"],
  ["\\sin 2x", "2\\sin x"],
  ["\\sin^2 x", "\\sin x^2"],
  ["(x+1)^2", "x^2+1"],
  ["(x+1)^2", "x^2+2x+1.0000001"],
  ["\\frac{x}{x+1}", "\\frac{1}{2}"],
  ["x+y", "x-y"],
  ["xy", "x+y"],
  ["x", "X"],
  ["2k+2", "2n+2"],
  ["x_1", "x_2"],
  ["e^x", "x^e"],
  ["a^{-1}", "-a"],
  ["\\frac{a}{b+c}", "a/b+c"],
  ["f(2)", "2f"],
  // kinds of brackets, order, multiplicity
  ["(3,4]", "[3,4]"],
  ["(3,4]", "(3,4)"],
  ["(3,4)", "(4,3)"],
  ["(1,2)", "\\{1,2\\}"],
  ["(2,4)", "2,4"],
  ["(2,\\infty)", "(2,-\\infty)"],
  ["(-\\infty,2)\\cup(3,\\infty)", "(-\\infty,3)\\cup(2,\\infty)"],
  ["(0,9) \\cup (9,36)", "(0,36)"],
  ["1,2", "1,2,2"],
  ["1,1,2", "1,2,2"],
  ["1,2", "1"],
  ["3 \\pm 2 \\sqrt{2}", "3+2\\sqrt{2}"],
  ["3 + 2 \\sqrt{2}", "3\\pm 2\\sqrt{2}"],
  ["(1,2,3)", "(1,2)"],
  ["\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 1 & 2 \\end{pmatrix}"],
  ["\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 2 \\\\ 1 \\end{pmatrix}"],
  ["3:1", "1:3"],
  // units, bases, names, words
  ["5.4 \\text{ cents}", "\\$5.4"],
  ["15\\mbox{ cm}^2", "15\\mbox{ cm}^3"],
  ["15\\mbox{ cm}^2", "15 cm"],
  ["90^\\circ", "90\\%"],
  ["90^\\circ", "\\frac{\\pi}{2}"],
  ["0.5", "0.5\\%"],
  ["50", "0.5"],
  ["52_8", "52_9"],
  ["52_8", "52"],
  ["52_8", "42"],
  ["x=5", "y=5"],
  ["y = 2x + 3", "x = 2y + 3"],
  ["y = -2x", "y = 2x"],
  ["x \\in [-2,7]", "[-7,2]"],
  ["x < 3", "x \\le 3"],
  ["x < 3", "x > 3"],
  ["s^2 \\le 8r^2", "s^2 \\ge 8r^2"],
  ["5x - 7y = 4", "5x + 7y = 4"],
  ["\\text{(C)}", "\\text{(D)}"],
  ["\\text{Evelyn}", "Evelyn and Navin"],
  ["\\text{even}", "\\text{not even}"],
  ["\\text{east}", "west"],
  // imaginary
  ["6 - 5i", "6 + 5i"],
  ["6 - 5i", "5 - 6i"],
  ["i", "1"],
  ["i", "-i"],
  ["\\sqrt{-4}", "2"],
  // not an answer, or several at once
  ["5", ""],
  ["5", "5 or 6"],
  ["5", "5, 6"],
  ["5", "\\boxed{6}"],
  ["5", "?"],
  ["5", "5 5"],
  ["5", "(5, 5)"],
  ["5", "5x"],
  ["5", "4 = 5"],
];

Deno.test("sameAnswer() sees through spelling, and asks no computer algebra system for it", () => {
  const never = () => {
    throw new Error("asked");
  };
  for (const [gold, answer] of spelled) {
    equal(sameAnswer(gold, answer, "", never), "equal", `${gold} | ${answer}`);
    equal(sameAnswer(gold, gold, "", never), "equal", gold);
  }
});

Deno.test("sameAnswer() finds what takes algebra", () => {
  for (const [gold, answer] of derived) {
    equal(sameAnswer(gold, answer), "equal", `${gold} | ${answer}`);
    equal(sameAnswer(answer, gold), "equal", `${answer} | ${gold}`);
  }
});

Deno.test("sameAnswer() accepts no wrong answer of the adversarial set, in either direction, twice the same", () => {
  ok(adversarial.length >= 60, `${adversarial.length}`);
  const verdicts = () => adversarial.flatMap(([gold, answer]) => [sameAnswer(gold, answer), sameAnswer(answer, gold)]);
  const first = verdicts();
  const accepted = first.flatMap((verdict, i) => {
    const [gold = "", answer = ""] = adversarial[i >> 1] ?? [];
    // A unit that only the gold answer carries is forgiven; the other direction of these pairs is such a case.
    return verdict === "equal" ? [`${gold} | ${answer} | ${i % 2 === 0 ? "as written" : "exchanged"}`] : [];
  });
  deepEqual(accepted, ["0.5 | 0.5\\% | exchanged"]);
  deepEqual(verdicts(), first);
});

Deno.test("sameAnswer() takes the question's word for an order and for percent", () => {
  equal(sameAnswer("3, 5, 7", "7, 5, 3", "List them."), "equal");
  equal(sameAnswer("3, 5, 7", "7, 5, 3", "List them in increasing order."), "different");
  equal(sameAnswer("80", "80\\%", "How many apples?"), "different");
  equal(sameAnswer("80", "80\\%", "What percent of the apples?"), "equal");
});

Deno.test("sameAnswer() refuses what would take too long without trying", () => {
  for (
    const answer of [
      "9^{9^{9}}",
      "9^{9^{9^{9}}}",
      "(10^9)!",
      "1".repeat(5000),
      "(".repeat(500),
      "x^{10^9}",
      "\\sqrt{".repeat(90),
    ]
  ) {
    const start = performance.now();
    ok(sameAnswer("5x", answer) !== "equal", answer.slice(0, 20));
    ok(sameAnswer("9^{9^{8}}", answer) !== "equal", answer.slice(0, 20));
    ok(performance.now() - start < 2000, `${answer.slice(0, 20)} took ${performance.now() - start} ms`);
  }
});
