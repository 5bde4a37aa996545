// The page of one entry: who and what, where it ran, what was verified, its rows, and how to check and download it. The
// full report stands beside it where it was built; this page is made from entry.json alone.

import type { LeaderboardEntry } from "../../records/leaderboard_entry.ts";
import { styleText } from "../../records/task_text.ts";
import { type Html, html, type Part } from "../html.ts";
import { plural, UNKNOWN } from "../numbers.ts";
import { type BoardGroup, budgetText, grouped } from "./board.ts";
import { foreignText, joined, pageText, shortText } from "./page_frame.ts";
import { rowsTable, verifiedText } from "./rows_table.ts";

/** What the page links to; names of files beside it. */
export interface EntryFiles {
  readonly bundle: string;
  readonly report: string | null;
}

/** entries/<id>/index.html. @param group the one that the entry belongs to */
export function entryPage(entry: LeaderboardEntry, group: BoardGroup, { bundle, report }: EntryFiles): string {
  const { id, about, rows } = entry, own = group.rows.filter((row) => row.entry === entry);
  const others = own.length < group.rows.length;
  const among = others
    ? `Tiers are among the ${group.rows.length} rows of the group that this entry belongs to.`
    : "No other entry has the same task, questions, initial policy and budget: tiers are among these rows.";
  const body = html`
    <p><a href="../../index.html#${group.id}">← Leaderboard</a></p>
    ${header(entry, { bundle, report })}
    <main>
      ${section("Rows", [html`<p class="quiet">${among}</p>`, rowsTable(group, { rows: own, pageOf: null })])}
      ${section("What was verified", verifiedList(entry))}
      ${section("Where it comes from", [facts(origin(entry)), configDetails(entry)])}
      ${section("Check it yourself", html`<pre>${commands(bundle)}</pre>`)}
    </main>
    <footer>
      <p>Entry <span class="mono">${id}</span></p>
    </footer>
  `;
  return pageText({
    title: `${about.name} · Matchbox leaderboard`,
    description: `${shortText(entry.group.task)}, ${plural(rows.length, "arm")}, ${verifiedText(entry.verified)}`,
    body,
    script: null,
  });
}

function section(title: string, content: Part): Html {
  return html`<section class="facts"><h2>${title}</h2>${content}</section>`;
}

function header({ about: { name, note, link }, group, policy, rows }: LeaderboardEntry, files: EntryFiles): Html {
  const what = [
    foreignText(group.task + styleText(group)),
    foreignText(policy),
    budgetText(group),
    plural(rows.length, "arm"),
  ];
  const links = [
    files.report !== null && html`<li><a href="${files.report}">Report</a></li>`,
    html`<li><a href="${files.bundle}" download>Records with all completions</a></li>`,
    link !== null && html`<li><a href="${link}" rel="nofollow noopener noreferrer">${foreignText(link, 120)}</a></li>`,
  ];
  return html`
    <header>
      <h1>${foreignText(name)}</h1>
      <p class="quiet">${joined(what, " · ")}</p>
      ${note !== null && html`<p>${foreignText(note, 2000)}</p>`}
      <ul class="links">${links}</ul>
    </header>
  `;
}

/** What a reader types to see the same. */
function commands(bundle: string): string {
  return `deno task leaderboard add ${bundle} --board checked\ndeno task report ${bundle}`;
}

function origin(
  { group, policy, profile, devices, cpus, made, bundle }: LeaderboardEntry,
): (readonly [string, Part])[] {
  const { task, taskVersion, questions } = group,
    list = (names: readonly string[]) => joined(names.map((name) => foreignText(name)), ", ");
  const mono = (content: Part) => html`<span class="mono">${content}</span>`;
  return [
    ["task", [
      foreignText(`${task}, version ${taskVersion}${styleText(group)}`),
      `, ${grouped(questions)} test questions`,
    ]],
    ["policy", foreignText(policy)],
    ["profile", foreignText(profile)],
    ["device", list(devices)],
    ["processor", cpus.length > 0 ? list(cpus) : UNKNOWN],
    ["begun", foreignText(made.startedAt)],
    ["Matchbox", list(made.matchbox)],
    ["commit", made.gitCommits.length > 0 ? mono(list(made.gitCommits)) : UNKNOWN],
    ["plan", mono(made.plan)],
    ["bundle", mono(bundle)],
  ];
}

function configDetails({ config }: LeaderboardEntry): Html {
  const fields = Object.entries(config).flatMap(([group, fields]) =>
    Object.entries(fields).map(([name, value]): [string, Part] => [
      `${group}.${name}`,
      html`<span class="mono">${foreignText(String(value))}</span>`,
    ])
  );
  return html`<details><summary>Config, before the arms' own fields</summary>${facts(fields)}</details>`;
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
