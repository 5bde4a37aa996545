// The questions with what each arm answered, side by side. The page carries them packed (questions.ts); the browser's
// part is client/questions.js, which fills what is empty here.

import type { Section } from "../chart_spec.ts";
import { absent } from "../elements.ts";
import { bytesScript, html } from "../html.ts";
import { plural } from "../numbers.ts";
import type { PackedQuestions } from "../questions.ts";
import type { View } from "../view.ts";

/** The browser of questions. */
export function questionBrowser(view: View, packed: PackedQuestions | null): Section {
  const { study, arms } = view;
  const seeds = [
    ...new Set(arms.flatMap(({ cells }) => cells.flatMap(({ answers, entry }) => answers ? [entry.seed] : []))),
  ]
    .sort((a, b) => a - b);
  const timeouts = arms.some(({ study }) => study.statuses?.timeout);
  const choices = (chosen: string | null) =>
    arms.map(({ name }, i) => html`<option value="${i}" ${name === chosen && html`selected`}>${name}</option>`);
  const one = study.comparisons[0]?.arm ?? arms.find(({ name }) => name !== study.against)?.name ?? null;
  const body = packed === null
    ? absent("Answers were not kept in these records, so there is nothing to browse.")
    : html`
      <p class="lead">${plural(
        packed.count,
        "test question",
      )}, the final evaluation's answers of the arms that are chosen for the
      charts. ${!packed.said && "What was said was left out of these records; whether it was right was kept."}</p>
      <form class="filters" id="filters" aria-label="Filters of the questions">
        <label>Seed <select name="seed">${seeds.map((seed) => html`<option>${seed}</option>`)}</select></label>
        <label>Who is right <select name="right">
      <option value="">any</option>
      <option value="one">one of two: the first, not the second</option>
      <option value="other">one of two: the second, not the first</option>
      <option value="differ">some of the chosen arms, not all</option>
      <option value="all">all chosen arms</option>
      <option value="none">none of the chosen arms</option>
      </select></label>
        <label>First <select name="first">${choices(one)}</select></label>
        <label>Second <select name="second">${choices(study.against)}</select></label>
        <label>Some answer is <select name="status">
      <option value="">any</option>
      <option value="c">correct</option>
      <option value="w">wrong</option>
      <option value="u">unparseable</option>
      <option value="t">truncated</option>
      ${timeouts && html`<option value="o">undecided in time</option>`}
      </select></label>
        <label
          class="search">Text <input type="search" name="text" placeholder="in questions and completions" autocomplete="off" spellcheck="false"></label>
      </form>
      <p id="found" class="found" role="status" aria-live="polite">The questions are shown by a script, which has not run.</p>
      <p
        class="keys">Keys: <kbd>j</kbd> and <kbd>k</kbd> go to the next and the previous question, <kbd>Enter</kbd> opens it.</p>
      <ol class="questions" id="questions"></ol>
      <button type="button" id="more" hidden>Show more questions</button>
      ${bytesScript("question-index", packed.index)}${packed.pieces.map((piece, i) =>
        bytesScript(`question-piece-${i}`, piece)
      )}
    `;
  return { id: "questions-browser", title: "Questions and answers", body, charts: [] };
}
