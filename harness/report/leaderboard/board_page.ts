// The leaderboard's page: groups of comparable rows, and apart from them what papers claim. All of it is in the HTML, so
// that it is a plain table without scripts; page.js adds sorting, filters and deep links.

import { styleText } from "../../records/task_text.ts";
import { type Html, html, type Part } from "../html.ts";
import { percent, plural, UNKNOWN } from "../numbers.ts";
import type { ClaimedTable, Paper } from "../../records/papers.ts";
import { type Board, type BoardGroup, budgetText, grouped } from "./board.ts";
import script from "./page.js" with { type: "text" };
import { foreignText, joined, pageText, shortText } from "./page_frame.ts";
import { rowsTable, verifiedText } from "./rows_table.ts";

/** index.html. */
export function boardPage(board: Board): string {
  const { groups, papers } = board;
  const sections = groups.length === 0
    ? html`
      <section>
        <p>There is no entry yet.</p>
      </section>
    `
    : groups.map(groupSection);
  return pageText({
    title: "Matchbox leaderboard",
    description: "Matched reinforcement-learning experiments on tiny language models, with intervals and tiers.",
    body: [
      html`<a class="skip" href="#rows">To the rows</a>`,
      header(board),
      html`<main id="rows">${sections}</main>`,
      papers.length > 0 && claimsSection(papers),
      html`
        <footer>
          <p>${PROMISE}</p>
        </footer>
      `,
    ],
    script,
  });
}

const MEANING =
  "Rows are compared within a group alone: the same task, questions, initial policy and budget. The best of a " +
  "tier is known to be worse than the best of the tier before; order within a tier could be chance. Scores " +
  "are means over seeds and questions with a 95 % interval; the bars of a group share one scale.";

const PROMISE =
  "An entry is a bundle of records with every completion. Each was checked before it was taken up: digests " +
  "of plan, records and answers, all planned cells present and matched, every completion graded again. No training was " +
  "repeated.";

function header(board: Board): Html {
  const { groups, entries, papers } = board, rows = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const counts = `${entries.length} ${entries.length === 1 ? "entry" : "entries"}, ${plural(rows, "row")}`;
  const claims = papers.length > 0 && html`<li><a href="#claims">Claimed in papers</a></li>`;
  const what =
    "What reinforcement-learning arms did with tiny language models, measured from records that anyone can check";
  return html`
    <header>
      <p class="eyebrow">Matchbox</p>
      <h1>Leaderboard</h1>
      <p>${what}: ${counts} in ${plural(groups.length, "group")}.</p>
      <p class="quiet">${MEANING}</p>
      <ul class="links">
        <li><a href="leaderboard.json">leaderboard.json</a></li>
        <li><a href="leaderboard.csv">leaderboard.csv</a></li>
        ${claims}
      </ul>
      ${filtersForm(board)}
    </header>
  `;
}

function groupSection(group: BoardGroup): Html {
  const { id, group: { task, samples, questions, checkpoint, budget }, policies, rows } = group;
  const seeds = rows.map(({ row }) => row.seeds.length), low = Math.min(...seeds), high = Math.max(...seeds);
  const how = samples === 1 ? "greedy accuracy" : `right at least once in ${samples} samples`;
  const names = policies.map((policy) => shortText(policy));
  const facts = [
    `${grouped(questions)} test questions, ${how}, ${checkpoint} checkpoint`,
    `${budget.questions} × ${budget.completions} completions an update, up to ${budget.maxCompletionTokens} tokens`,
    `${low === high ? low : `${low} to ${high}`} seeds`,
    `before training ${percent(rows[0]?.row.before ?? null)}`,
  ];
  const title = joined(
    [
      foreignText(task + styleText(group.group)),
      ...names.map((name) => html`<bdi>${name}</bdi>`),
      budgetText(group.group),
    ],
    " · ",
  );
  const data = { task: shortText(task), policy: names.join("\n"), budget: budgetText(group.group) };
  return html`
    <section class="group" id="${id}" aria-labelledby="${id}-name" data-task="${data.task}"
      data-policy="${data.policy}" data-budget="${data.budget}">
      <h2 id="${id}-name">${title}</h2>
      <p class="quiet">${facts.join(" · ")}</p>
      ${rowsTable(group, { rows, pageOf: ({ entry }) => `entries/${entry.id}/index.html` })}
    </section>
  `;
}

/** What rows are filtered by, as page.js has it. */
const FILTERS = ["task", "policy", "budget", "arm", "device", "verified"] as const;

function filtersForm({ groups, entries }: Board): Html {
  const rows = groups.flatMap((group) => group.rows);
  const of = {
    task: groups.map(({ group }) => group.task),
    policy: groups.flatMap(({ policies }) => policies),
    budget: groups.map(({ group }) => budgetText(group)),
    arm: rows.map(({ row }) => row.arm),
    device: entries.flatMap(({ devices }) => devices),
    verified: entries.map(({ verified }) => verifiedText(verified)),
  };
  const names = {
    task: "Task",
    policy: "Policy",
    budget: "Budget",
    arm: "Arm",
    device: "Device",
    verified: "Verified",
  };
  const select = (name: (typeof FILTERS)[number]) => {
    const values = [...new Set(of[name].map((value) => shortText(value)))].sort();
    const options = values.map((value) => html`<option value="${value}">${value}</option>`);
    return html`
      <label>${names[name]}
        <select name="${name}" autocomplete="off"><option value="">all</option>${options}</select>
      </label>
    `;
  };
  return html`
    <details class="filters" hidden>
      <summary>Filter</summary>
      <form aria-label="Filters">
        <label>Find <input type="search" name="find" autocomplete="off" placeholder="arm or entry"></label>
        ${FILTERS.map(select)}
        <button type="reset">Reset</button>
        <output aria-live="polite"></output>
      </form>
    </details>
  `;
}

function claimsSection(papers: readonly Paper[]): Html {
  return html`<section class="claims" id="claims" aria-labelledby="claims-name">
<h2 id="claims-name">Claimed in papers</h2>
<p class="quiet">Numbers that papers report, for orientation. None of them was measured here, and none may be ranked
against a row above: models, data, budgets and scoring differ.</p>
${papers.map(paperHtml)}
</section>`;
}

function paperHtml({ id, title, authors, year, url, edition, evidence, caveats, tables }: Paper): Html {
  const marks = Object.entries(evidence).map(([mark, how]) => html`<li>[${mark}] ${foreignText(how, 500)}</li>`);
  const known = caveats.map((caveat) => html`<li>${foreignText(caveat, 2000)}</li>`);
  const address = html`<a href="${url}" rel="noopener noreferrer">${foreignText(url, 500)}</a>`;
  return html`
    <article aria-labelledby="paper-${id}">
      <h3 id="paper-${id}">${foreignText(title, 300)}</h3>
      <p class="quiet">${foreignText(authors.join(", "), 500)}, ${year}. ${address}. ${foreignText(edition, 500)}.</p>
      <details class="reading" open>
        <summary>What to know before using these numbers</summary>
        <ul>${known}${marks}</ul>
      </details>
      ${tables.map(claimedTable)}
    </article>
  `;
}

function claimedTable({ title, source, setting, caveats, columns, rows }: ClaimedTable): Html {
  const named = rows.some(({ model }) => model !== null);
  const digits = columns.map((_, i) => rows.every(({ values }) => Number.isInteger(values[i]?.value ?? 0)) ? 0 : 1);
  const heads = columns.map(({ test, checkpoint, unit, evidence }) => {
    const lines = [
      foreignText(test, 100),
      checkpoint && `${checkpoint} checkpoint`,
      `${unit} [${evidence.join(", ")}]`,
    ];
    return html`<th scope="col" class="n">${joined(lines.filter((line) => line !== null), html`<br>`)}</th>`;
  });
  const body = rows.map(({ model, arm, values }) => {
    const cells = values.map((claimed, i) =>
      html`<td class="n">${claimed === null ? UNKNOWN : claimedHtml(claimed, digits[i] ?? 1)}</td>`
    );
    const first = named && html`<td>${foreignText(model ?? UNKNOWN)}</td>`;
    return html`<tr>${first}<th scope="row">${foreignText(arm)}</th>${cells}</tr>`;
  });
  const from = html`<a href="${source.url}" rel="noopener noreferrer">${foreignText(source.where, 300)}</a>`;
  const notes = [...caveats, ...notesOf(rows)].map((caveat) => html`<li>${foreignText(caveat, 2000)}</li>`);
  return html`
    <section>
      <h3>${foreignText(title, 300)}</h3>
      <span class="claimed">claimed in a paper, not measured here</span>
      <p class="quiet">${from}: ${foreignText(setting, 1000)}. ± is the standard deviation over seeds.</p>
      <div class="scroll" role="region" aria-label="${shortText(title)}" tabindex="0">
        <table>
          <thead>
            <tr>${named && html`<th scope="col">Model</th>`}<th scope="col">Arm</th>${heads}</tr>
          </thead>
          <tbody>${body}</tbody>
        </table>
      </div>
      <ul>${notes}</ul>
    </section>
  `;
}

type Claimed = NonNullable<ClaimedTable["rows"][number]["values"][number]>;

/** @param digits after the point, as the column has them in the paper */
function claimedHtml({ value, std, note }: Claimed, digits: number): Part {
  const spread = std === undefined ? "" : ` ± ${std.toFixed(digits)}`;
  return [
    value.toFixed(digits),
    html`<span class="quiet">${spread}</span>`,
    note === undefined ? null : html`<sup title="${note}">*</sup>`,
  ];
}

/** Notes of single numbers, below the table: a title alone does not reach a finger or a printer. */
function notesOf(rows: ClaimedTable["rows"]): string[] {
  return rows.flatMap(({ model, arm, values }) =>
    values.flatMap((claimed) =>
      claimed?.note === undefined
        ? []
        : [`* ${[model, arm].filter((name) => name !== null).join(", ")}: ${claimed.value}: ${claimed.note}`]
    )
  );
}
