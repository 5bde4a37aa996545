// The questions and their answers as the page carries them: an index that filters need (texts of the questions, a letter
// for each answer's status) and pieces that hold what was said, some questions each. Both are deflated; the browser
// unpacks a piece when it is looked at. A completion that several cells gave is kept once. Every text is made visible
// here already, and is shown as text there.

import { deflateRawSync } from "node:zlib";
import type { GradeStatus } from "../contract.ts";
import type { Answer, CellResults } from "../records/results.ts";
import type { View } from "./view.ts";
import { visibleText } from "./visible_text.ts";

/** A piece is closed when its JSON is longer than this. */
const PIECE_LENGTH = 1 << 20;

/** The letter of a status; "-" where there is no answer. */
export const LETTERS: Readonly<Record<GradeStatus, string>> = {
  correct: "c",
  wrong: "w",
  unparseable: "u",
  truncated: "t",
  timeout: "o",
};

/** What the browser has of all questions from the start. */
export interface QuestionIndex {
  /** Cells by place of the arm in the page's list, and seed. */
  readonly cells: readonly (readonly [arm: number, seed: number])[];
  readonly questions: readonly (readonly [id: string, question: string, gold: string])[];
  /** One text a cell, one letter a question: of the greedy answer. */
  readonly statuses: readonly string[];
  /** The question with which each piece begins. */
  readonly pieces: readonly number[];
  /** Names of the rewards in {@linkcode PackedSaid}. */
  readonly rewards: readonly string[];
}

/** A completion: its text, the answer found in it, tokens, and rewards in the index's order. */
export type PackedSaid = readonly [
  completion: string,
  extracted: string | null,
  tokens: number,
  rewards: readonly number[],
];

/** Of one question: distinct completions, and each cell's answers as pairs of a status letter and a place among them. */
export type PackedQuestion = readonly [
  said: readonly PackedSaid[],
  answers: readonly (readonly (readonly [letter: string, place: number])[])[],
];

/** The index and the pieces, deflated; null where no answers were kept. */
export interface PackedQuestions {
  readonly index: Uint8Array;
  readonly pieces: readonly Uint8Array[];
  readonly count: number;
  /** Whether what was said was kept, beside whether it was right. */
  readonly said: boolean;
}

/** Packs the answers of all cells. */
export function packQuestions({ arms }: View): PackedQuestions | null {
  const cells = arms.flatMap(({ cells }, arm) => cells.filter(({ answers }) => answers).map((cell) => ({ cell, arm })));
  const byCell = cells.map(({ cell }) => Map.groupBy(cell.answers ?? [], ({ id }) => id));
  const first = new Map<string, Answer>();
  for (const answers of byCell) {
    for (const [id, [answer]] of answers) if (answer && !first.has(id)) first.set(id, answer);
  }
  if (first.size === 0) return null;
  const rewards = rewardsOf(cells.map(({ cell }) => cell));
  const pieces: Uint8Array[] = [], starts: number[] = [];
  let open: string[] = [], length = 0, said = false;
  const close = () => {
    if (open.length > 0) pieces.push(deflated(`[${open.join(",")}]`));
    [open, length] = [[], 0];
  };
  for (const [place, id] of [...first.keys()].entries()) {
    const packed = packQuestion(byCell.map((answers) => answers.get(id) ?? []), rewards);
    if (open.length === 0) starts.push(place);
    open.push(JSON.stringify(packed));
    length += open.at(-1)?.length ?? 0;
    said ||= packed[0].length > 0;
    if (length > PIECE_LENGTH) close();
  }
  close();
  const index: QuestionIndex = {
    cells: cells.map(({ arm, cell }) => [arm, cell.entry.seed]),
    questions: [...first.values()].map(({ id, question, gold }) =>
      [id, question, gold].map(visibleText) as [string, string, string]
    ), // three in, three out
    statuses: byCell.map((answers) => [...first.keys()].map((id) => letterOf(answers.get(id))).join("")),
    pieces: starts,
    rewards: rewards.map(visibleText),
  };
  return { index: deflated(JSON.stringify(index)), pieces, count: first.size, said };
}

/** Names of rewards, in the order in which answers have them. */
function rewardsOf(cells: readonly CellResults[]): string[] {
  return [...new Set(cells.flatMap(({ answers }) => Object.keys(answers?.[0]?.said?.rewards ?? {})))];
}

function letterOf(answers: readonly Answer[] | undefined): string {
  const greedy = answers?.find(({ sample }) => sample === 0);
  return greedy ? LETTERS[greedy.status] : "-";
}

function packQuestion(byCell: readonly (readonly Answer[])[], rewards: readonly string[]): PackedQuestion {
  const places = new Map<string, number>(), said: PackedSaid[] = [];
  const placeOf = (answer: Answer): number => {
    if (!answer.said) return -1;
    const { completion, extracted, tokens, rewards: paid } = answer.said;
    const one: PackedSaid = [
      visibleText(completion),
      extracted === null ? null : visibleText(extracted),
      tokens,
      rewards.map((name) => paid[name] ?? 0),
    ];
    const key = JSON.stringify(one), place = places.get(key) ?? said.push(one) - 1;
    places.set(key, place);
    return place;
  };
  const answers = byCell.map((of) =>
    of.toSorted((a, b) => a.sample - b.sample).map((answer) => [LETTERS[answer.status], placeOf(answer)] as const)
  );
  return [said, answers];
}

function deflated(text: string): Uint8Array {
  return deflateRawSync(text);
}
