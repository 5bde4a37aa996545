// `samples`: the final answers to the test questions, filtered, page by page, the arms' completions of a question under
// each other.

import { FailureError, MisuseError } from "../../base/errors.ts";
import { suggest } from "../../base/suggest.ts";
import type { GradeStatus } from "../../contract.ts";
import type { Answer, Results } from "../../records/results.ts";
import { armOf, cellOf, type Exploration, wholeNumber } from "./exploration.ts";
import { visibleLines, visibleText } from "../../base/visible_text.ts";

/** Which answers are shown. */
export interface SampleFilter {
  readonly arm: string | null;
  readonly seed: number | null;
  /** One of these; none: any. */
  readonly statuses: readonly GradeStatus[];
  /** Questions that this arm answered right, with the same seed, and ... */
  readonly only: string | null;
  /** ... this one did not; null: no other arm did. */
  readonly not: string | null;
  readonly id: string | null;
  /** Anywhere in question, gold answer or completion; case does not matter. */
  readonly text: string | null;
  /** Those drawn at temperature 1 too, not the greedy ones alone. */
  readonly drawn: boolean;
  readonly page: number;
  /** Answers on a page. */
  readonly per: number;
  /** Whole completions. */
  readonly full: boolean;
}

const STATUSES: readonly GradeStatus[] = ["correct", "wrong", "unparseable", "truncated", "timeout"];
const KEYS = ["arm", "seed", "only", "not", "id", "text", "page", "per"] as const;
type Key = typeof KEYS[number];

/** Reads `[arm] [seed] [key=value …] [@option …]`. @throws MisuseError for what is none of these */
export function sampleFilter(words: readonly string[], options: ReadonlySet<string>): SampleFilter {
  const given = new Map<Key, string>();
  const set = (key: Key, value: string) => {
    if (given.has(key)) throw new MisuseError(`Cannot filter samples: ${key} is given twice … give it once`);
    given.set(key, value);
  };
  for (const word of words) {
    const at = word.indexOf("="), key = KEYS.find((one) => at > 0 && one === word.slice(0, at));
    if (key) set(key, word.slice(at + 1));
    else if (/^\d+$/.test(word)) set("seed", word);
    else if (given.has("arm")) {
      throw new MisuseError(
        `Cannot filter samples by "${visibleText(word, 60)}": it must be one of ` +
          `${KEYS.map((one) => `${one}=`).join(", ")}${
            suggest(word.split("=")[0] ?? "", KEYS)
          } … or quote it as text="…"`,
      );
    } else set("arm", word);
  }
  const text = (key: Key) => given.get(key) ?? null;
  const number = (key: Key, least: number) => given.has(key) ? wholeNumber(key, given.get(key) ?? "", least) : null;
  if (given.has("not") && !given.has("only")) throw new MisuseError("Cannot use not= alone: it belongs to only=");
  return {
    arm: text("arm"),
    seed: number("seed", 0),
    statuses: STATUSES.filter((status) => options.has(status)),
    only: text("only"),
    not: text("not"),
    id: text("id"),
    text: text("text"),
    drawn: options.has("drawn"),
    page: number("page", 1) ?? 1,
    per: number("per", 1) ?? 10,
    full: options.has("full"),
  };
}

/** An answer and whose it is. */
interface Given {
  readonly arm: string;
  readonly seed: number;
  readonly answer: Answer;
}

/** A page of answers. @throws MisuseError for an arm, seed or page that is not there, FailureError where none were kept */
export function samplesText(exploration: Exploration, filter: SampleFilter): string {
  const { results } = exploration, { page, per, full } = filter;
  for (const arm of [filter.arm, filter.only, filter.not]) if (arm !== null) armOf(exploration, arm);
  if (filter.arm !== null && filter.seed !== null) cellOf(exploration, filter.arm, filter.seed);
  const kept = results.cells.some(({ answers }) => answers !== null && answers.length > 0);
  if (!kept) {
    throw new FailureError(
      "Cannot show samples: these results kept none, or no cell has finished … explore the folder that bench wrote",
    );
  }
  const found = select(results, filter), pages = Math.max(1, Math.ceil(found.length / per));
  if (found.length === 0) return "No answer is so: widen the filter";
  if (page > pages) throw new MisuseError(`Cannot show page ${page}: there are ${pages}`);
  const from = (page - 1) * per, shown = found.slice(from, from + per);
  const last = from + shown.length, rest = last < found.length ? `; go on with page=${page + 1}` : "";
  return [
    ...shown.flatMap((one, i) => [
      ...(one.answer.id === shown[i - 1]?.answer.id ? [] : questionLines(one.answer, i > 0)),
      ...answerLines(one, full),
    ]),
    "",
    `Answers ${from + 1} to ${last} of ${found.length}${rest}`,
  ].join("\n");
}

/** Question by question in the order in which they were asked, then by seed, then by arm. */
function select({ cells }: Results, filter: SampleFilter): Given[] {
  const { arm, seed, statuses, only, not, id, text, drawn } = filter;
  const all = cells.flatMap(({ entry, answers }) =>
    (answers ?? []).map((answer) => ({ arm: entry.arm, seed: entry.seed, answer }))
  );
  const decided = only === null ? null : decidedBy(all, only, not);
  const involved = only !== null && not !== null ? [only, not] : null;
  const needle = text?.toLowerCase() ?? "";
  const found = all.filter((one) =>
    (arm === null || one.arm === arm) && (seed === null || one.seed === seed) &&
    (drawn || one.answer.sample === 0) &&
    (statuses.length === 0 || statuses.includes(one.answer.status)) &&
    (id === null || one.answer.id === id) &&
    (decided === null || decided.has(`${one.seed} ${one.answer.id}`)) &&
    (involved === null || involved.includes(one.arm)) &&
    (needle === "" || textsOf(one.answer).some((part) => part.toLowerCase().includes(needle)))
  );
  const place = new Map<string, number>();
  for (const { answer } of all) if (!place.has(answer.id)) place.set(answer.id, place.size);
  const at = ({ answer }: Given) => place.get(answer.id) ?? 0;
  return found.sort((a, b) => at(a) - at(b) || a.seed - b.seed); // stable: arms in the experiment's order
}

function textsOf({ question, gold, said }: Answer): string[] {
  return [question, gold, ...(said ? [said.completion, said.extracted ?? ""] : [])];
}

/** Seeds and ids of questions that the arm answered right and the other, or every other that answered, did not. */
function decidedBy(all: readonly Given[], only: string, not: string | null): ReadonlySet<string> {
  const greedy = all.filter(({ answer }) => answer.sample === 0);
  const others = new Map<string, boolean>(); // whether another arm is right, where one answered
  for (const { arm, seed, answer } of greedy) {
    if (arm === only || not !== null && arm !== not) continue;
    const key = `${seed} ${answer.id}`;
    others.set(key, others.get(key) === true || answer.status === "correct");
  }
  return new Set(
    greedy.filter(({ arm, answer }) => arm === only && answer.status === "correct")
      .map(({ seed, answer }) => `${seed} ${answer.id}`)
      .filter((key) => others.get(key) === false),
  );
}

function questionLines({ id, question, gold }: Answer, gap: boolean): string[] {
  return [
    ...(gap ? [""] : []),
    `${visibleText(id, 100)}: gold answer ${visibleText(gold, 100)}`,
    ...visibleLines(question, 8, 500).map((line) => `  ${line}`),
  ];
}

function answerLines({ arm, seed, answer: { sample, status, said } }: Given, full: boolean): string[] {
  const which = sample === 0 ? "" : `, draw ${sample}`, title = `  ${visibleText(arm)} seed ${seed}${which}: ${status}`;
  if (said === null) return [`${title} (its text was not kept)`];
  const { completion, extracted, tokens } = said;
  const answered = extracted === null ? "no answer found" : `answered ${visibleText(extracted, 100)}`;
  const lines = visibleLines(completion.replace(/\n+$/, ""), full ? 1000 : 12, full ? 10_000 : 200);
  return [`${title}, ${answered} (${tokens} tokens)`, ...lines.map((line) => `    | ${line}`)];
}
