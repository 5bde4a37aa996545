// The page of one entry: who and what, where it ran, what was verified, its rows, and how to check and download it. The
// full report stands beside it where it was built; this page is made from entry.json alone.

import type { LeaderboardEntry } from "../../records/leaderboard_entry.ts";
import { type Html, html, type Part } from "../html.ts";
import { plural } from "../numbers.ts";
import { type BoardGroup, budgetText, grouped } from "./board.ts";
import { foreignText, joined, pageText } from "./page_frame.ts";
import { rowsTable, verifiedText } from "./rows_table.ts";

/** What the page links to; names of files beside it. */
export interface EntryFiles {
  readonly bundle: string;
  readonly report: string | null;
}

/** entries/<id>/index.html. @param group the one that the entry belongs to */
export function entryPage(entry: LeaderboardEntry, group: BoardGroup, { bundle, report }: EntryFiles): string {
  const { id, about, policy, made, rows, verified } = entry, { task, taskVersion, questions } = entry.group;
  const own = group.rows.filter((row) => row.entry === entry), others = group.rows.length - own.length;
  const body = html`
    <p><a href="../../index.html#${group.id}">← Leaderboard</a></p>
    <header>
    <h1>${foreignText(about.name)}</h1>
    <p class="quiet">${foreignText(task)} · ${foreignText(policy)} · ${budgetText(entry.group)} · ${plural(
      rows.length,
      "arm",
    )}</p>
    ${about.note !== null && html`<p>${foreignText(about.note, 2000)}</p>`}
    <ul class="links">
    ${report !== null && html`<li><a href="${report}">Report</a></li>`}
    <li><a href="${bundle}" download>Records with all completions</a></li>
    ${about.link !== null &&
      html`<li><a href="${about.link}" rel="nofollow noopener noreferrer">${foreignText(about.link, 120)}</a></li>`}
    </ul>
    </header>
    <main>
      <section class="facts"><h2>Rows</h2>
    <p class="quiet">${others === 0
      ? "No other entry has the same task, questions, initial policy and budget: tiers are among these rows."
      : `Tiers are among the ${group.rows.length} rows of the group that this entry belongs to.`}</p>
    ${rowsTable(group, { rows: own, pageOf: null })}
      </section>
      <section class="facts"><h2>What was verified</h2>
    ${verifiedList(entry)}
      </section>
      <section class="facts"><h2>Where it comes from</h2>
    ${facts([
      ["task", html`${foreignText(task)}, version ${taskVersion}, ${grouped(questions)} test questions`],
      ["policy", foreignText(policy)],
      ["profile", foreignText(entry.profile)],
      ["device", joined(entry.devices.map((device) => foreignText(device)), ", ")],
      ["processor", joined(entry.cpus.map((cpu) => foreignText(cpu)), ", ")],
      ["begun", foreignText(made.startedAt)],
      ["Matchbox", joined(made.matchbox.map((version) => foreignText(version)), ", ")],
      ["commit", html`<span class="mono">${joined(made.gitCommits.map((commit) => foreignText(commit)), ", ")}</span>`],
      ["plan", html`<span class="mono">${made.plan}</span>`],
      ["bundle", html`<span class="mono">${entry.bundle}</span>`],
    ])}
    <details><summary>Config, before the arms' own fields</summary>
    ${facts(configFields(entry))}
    </details>
      </section>
      <section class="facts">
        <h2>Check it yourself</h2>
        <pre>${`deno task leaderboard check
deno task report ${bundle}`}</pre>
      </section>
    </main>
    <footer>
      <p>Entry <span class="mono">${id}</span></p>
    </footer>
  `;
  return pageText({
    title: `${about.name} · Matchbox leaderboard`,
    description: `${task}, ${plural(rows.length, "arm")}, ${verifiedText(verified)}`,
    body,
    script: null,
  });
}

function verifiedList({ verified: { answers, gold, scores } }: LeaderboardEntry): Html {
  const items: Part[] = [
    "Digests of the plan, every record, every cell's answers and the bundle hold.",
    "All cells that the plan names are there, finished, and share weights, data, prompt, questions and random streams.",
    `${grouped(answers)} completions were graded again, each with the same verdict.`,
    scores
      ? "The scores are made of those answers."
      : "Not verified: the scores are of sampled answers, which are not kept.",
    gold
      ? "Questions and gold answers are the task's own."
      : "Not verified: whether questions and gold answers are the task's own; its data was not at hand.",
    html`Not verified: that training gave these completions. <code>deno task verify</code> on the results' folder replays updates.`,
  ];
  return html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

function facts(pairs: readonly (readonly [name: string, value: Part])[]): Html {
  return html`<dl>${
    pairs.map(([name, value]) =>
      html`
        <dt>${name}</dt>
        <dd>${value}</dd>
      `
    )
  }</dl>`;
}

function configFields({ config }: LeaderboardEntry): [string, Part][] {
  return Object.entries(config).flatMap(([group, fields]) =>
    Object.entries(fields).map(([name, value]): [string, Part] => [
      `${group}.${name}`,
      html`<span class="mono">${foreignText(String(value))}</span>`,
    ])
  );
}
