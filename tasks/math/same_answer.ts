// Whether an answer is the gold answer. First the spelling, then the kind of answer, then exact fractions, then float64 to
// refuse what is clearly something else, and only for what is left, the computer algebra system (engine.ts).
//
// When in doubt it says "undecided", which graders count as wrong: a right answer may be refused, a wrong one must not
// pass. A unit, a percent sign or a name that only one of the two carries is forgiven (the question says which is meant),
// with one exception: a bare gold is met by "50%" only where the question speaks of percent, or by its value, 1/2.

import { type Answer, parseAnswer, plainWords } from "./answer.ts";
import { Engine, type Verdict } from "./engine.ts";
import { apply, type Expression, number } from "./expression.ts";
import { exactValue, rational, sameRational } from "./rational.ts";
import { clearlyDiffer } from "./sample_points.ts";

const engine = new Engine();

/** Decides about two expressions that neither fractions nor float64 tell apart. */
export type Decide = (a: Expression, b: Expression) => Verdict;

/** By the algebra system: undecided where it does not know, in time or at all. */
export const askEngine: Decide = (a, b) => engine.compare(a, b);

/**
 * @param question the question that was asked: whether it speaks of an order or of percent decides what is forgiven
 * @param decide what decides about two expressions that neither fractions nor float64 tell apart
 */
export function sameAnswer(
  gold: string,
  answer: string,
  question = "",
  decide: Decide = askEngine,
): Verdict {
  const inOrder = /\border\b/i.test(question), percent = /percent|%/i.test(question);
  return same(parseAnswer(gold), parseAnswer(answer), { inOrder, percent, decide });
}

interface Ways {
  /** Lists are asked for in an order. */
  readonly inOrder: boolean;
  readonly percent: boolean;
  readonly decide: Decide;
}

/** All must be equal; one that differs decides. */
function all(verdicts: Iterable<Verdict>): Verdict {
  let result: Verdict = "equal";
  for (const verdict of verdicts) {
    if (verdict === "different") return "different";
    if (verdict === "undecided") result = "undecided";
  }
  return result;
}

function same(a: Answer, b: Answer, ways: Ways): Verdict {
  if (a.text === b.text) return a.text === "" ? "undecided" : "equal";
  if (a.name !== null && b.name !== null && a.name !== b.name) return "different";
  const pairs = function* (left: readonly Answer[], right: readonly Answer[]) {
    for (const [i, item] of left.entries()) yield same(item, right[i]!, ways);
  };
  switch (a.kind) {
    case "words":
      return a.words !== "" && a.words === plainWords(b.text) ? "equal" : "different";
    case "value":
      return b.kind === "value" ? sameValue(a, b, ways) : b.kind === "unread" ? "undecided" : "different";
    case "based":
      return b.kind === "based" && a.digits === b.digits && a.base === b.base ? "equal" : "different";
    case "list":
      if (b.kind !== "list" || a.items.length !== b.items.length) return "different";
      return ways.inOrder ? all(pairs(a.items, b.items)) : matched(a.items, b.items, ways);
    case "union":
      return b.kind === "union" && a.items.length === b.items.length ? matched(a.items, b.items, ways) : "different";
    case "tuple":
      if (b.kind !== "tuple" || a.brackets !== b.brackets || a.items.length !== b.items.length) return "different";
      return all(pairs(a.items, b.items));
    case "matrix": {
      if (b.kind !== "matrix" || a.rows.length !== b.rows.length) return "different";
      const { rows } = b;
      if (a.rows.some((row, i) => row.length !== rows[i]?.length)) return "different";
      return all(pairs(a.rows.flat(), rows.flat()));
    }
    case "relation":
      return b.kind === "relation" ? sameRelation(a, b, ways) : "different";
    case "unread":
      return "undecided";
  }
}

/** Each item of one has a partner of its own in the other. */
function matched(left: readonly Answer[], right: readonly Answer[], ways: Ways): Verdict {
  const free = [...right];
  let result: Verdict = "equal";
  for (const item of left) {
    const verdicts = free.map((other) => same(item, other, ways));
    const partner = verdicts.indexOf("equal");
    if (partner >= 0) free.splice(partner, 1);
    else if (verdicts.includes("undecided")) result = "undecided";
    else return "different";
  }
  return result;
}

type Value = Answer & { readonly kind: "value" };

function sameValue(a: Value, b: Value, ways: Ways): Verdict {
  if (a.unit !== null && b.unit !== null && a.unit !== b.unit) return "different";
  if (a.unit === null && b.unit === "%" && !ways.percent) {
    return sameExpression(a.value, apply("Divide", b.value, number(rational(100n))), ways);
  }
  return sameExpression(a.value, b.value, ways);
}

function sameExpression(a: Expression, b: Expression, { decide }: Ways): Verdict {
  const x = exactValue(a), y = exactValue(b);
  if (x !== null && y !== null) return sameRational(x, y) ? "equal" : "different";
  return clearlyDiffer(a, b) ? "different" : decide(a, b);
}

type Relation = Answer & { readonly kind: "relation" };

const mirrored: Readonly<Record<string, string>> = {
  "=": "=",
  "<": ">",
  ">": "<",
  "\\le": "\\ge",
  "\\ge": "\\le",
  "\\ne": "\\ne",
};

/** The same sides, or the sides exchanged; two equations also if one side less the other is the same, or its negative. */
function sameRelation(a: Relation, b: Relation, ways: Ways): Verdict {
  const verdicts: Verdict[] = [];
  if (a.relation === b.relation) verdicts.push(all([same(a.left, b.left, ways), same(a.right, b.right, ways)]));
  if (mirrored[a.relation] === b.relation) {
    verdicts.push(all([same(a.left, b.right, ways), same(a.right, b.left, ways)]));
  }
  const difference = ({ left, right }: Relation) =>
    left.kind === "value" && right.kind === "value" ? apply("Add", left.value, apply("Negate", right.value)) : null;
  const x = difference(a), y = difference(b);
  if (!verdicts.includes("equal") && a.relation === "=" && b.relation === "=" && x !== null && y !== null) {
    verdicts.push(sameExpression(x, y, ways), sameExpression(x, apply("Negate", y), ways));
  }
  if (verdicts.includes("equal")) return "equal";
  return verdicts.includes("undecided") ? "undecided" : "different";
}
