// How an arithmetic problem is told: a closed vocabulary, one sentence an operation, in the order of the operations.
// A change of words, or of their order, changes every question: raise the version in arithmetic.ts with it.

import type { Prng } from "../harness/base/prng.ts";

const women = ["Ana", "Emma", "Eva", "Ivy", "Lea", "Lucy", "Mia", "Nina", "Ruth", "Zoe"];
const men = ["Ben", "Finn", "Hugo", "Jack", "Leo", "Max", "Omar", "Paul", "Sam", "Tom"];

/** What is counted; later sentences say only the first word. */
const objects = [
  ...["apples", "balls", "books", "buttons", "candles", "cards", "coins", "cookies", "dollars", "eggs", "flowers"],
  ...["marbles", "pears", "pens", "shells", "stamps", "tickets"],
  ...["bags of rice", "boxes of tea", "jars of honey", "liters of milk", "meters of rope"],
];

const openings = ["{name} has {n} {things} at home.", "{name} starts the day with {n} {things}."];
const connectors = ["then", "later", "next"];
const closings = ["How many {things} does {name} have now?", "How many {things} does {name} have in the end?"];

/** Sentences of each operation; `only` ties one to an operand that it says in a word. */
const sentences: Readonly<Record<Operation, readonly { readonly only?: number; readonly text: string }[]>> = {
  "+": [
    { text: "{she} buys {n} more {short}" },
    { text: "{she} finds {n} more {short}" },
    { text: "{other} gives {her} {n} more {short}" },
  ],
  "-": [
    { text: "{she} gives {n} {short} to {other}" },
    { text: "{she} sells {n} {short} at the market" },
    { text: "{she} uses {n} of the {short}" },
  ],
  "*": [
    { text: "{she} has {n} times as many {short} as before" },
    { only: 2, text: "the number of {short} doubles" },
    { only: 3, text: "the number of {short} triples" },
  ],
  "/": [
    { text: "{she} keeps one of {n} equal parts" },
    { only: 2, text: "{she} keeps only half of the {short}" },
  ],
};

/** The four operations, as they are written in a solution. */
export type Operation = "+" | "-" | "*" | "/";

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Tells the chain start, steps[0], steps[1], … as a question. Names, objects and sentences are drawn. */
export function tell(
  start: number,
  steps: readonly { readonly operation: Operation; readonly operand: number }[],
  random: Prng,
): string {
  const female = random.int(2) === 0;
  const name = random.pick(female ? women : men);
  const other = random.pick([...women, ...men].filter((candidate) => candidate !== name));
  const things = random.pick(objects);
  const words: Readonly<Record<string, string>> = {
    name,
    other,
    things,
    short: things.split(" ")[0]!,
    she: female ? "she" : "he",
    her: female ? "her" : "him",
  };
  const fill = (text: string, n: number) => text.replace(/\{(\w+)\}/g, (_, key: string) => words[key] ?? String(n));
  const told = steps.map(({ operation, operand }, i) => {
    const { text } = random.pick(sentences[operation].filter(({ only }) => only === undefined || only === operand));
    return capitalised(fill(i === 0 ? text : `${random.pick(connectors)} ${text}`, operand)) + ".";
  });
  return [fill(random.pick(openings), start), ...told, fill(random.pick(closings), 0)].join(" ");
}

/** Every word that a question can hold, sorted; digits and the marks "." and "?" are not words. */
export const questionWords: readonly string[] = [
  ...new Set(
    [
      ...[...women, ...men, ...objects, ...openings, ...connectors.map(capitalised), ...closings],
      ...Object.values(sentences).flat().map(({ text }) => text),
      ...["she", "he", "She", "He", "The", "her", "him"],
    ].join(" ").replace(/\{\w+\}|[.?]/g, " ").split(/\s+/).filter((word) => word !== ""),
  ),
].sort();
