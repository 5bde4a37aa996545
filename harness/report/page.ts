// The report: results in, one HTML page out, which needs nothing else. A pure function: the same records give the same
// bytes. Its policy forbids every connection and every script but its own, by their digests.

import type { Results } from "../records/results.ts";
import { type Study, studyOf } from "../stats/study.ts";
import type { ChartSpec, Section } from "./chart_spec.ts";
import { documentText, type Html, html, inlineScript, inlineStyle, jsonScript } from "./html.ts";
import type { PageAssets } from "./page_assets.ts";
import { packQuestions } from "./questions.ts";
import { rewardWarnings } from "./reward_warnings.ts";
import { armsTable } from "./sections/arms_table.ts";
import { cost } from "./sections/cost.ts";
import { drawnSamples } from "./sections/drawn_samples.ts";
import { learningCurves } from "./sections/learning_curves.ts";
import { pairedDifferences } from "./sections/paired_differences.ts";
import { performanceProfiles } from "./sections/performance_profiles.ts";
import { matchProof, reproduce } from "./sections/provenance.ts";
import { facts, question, titleOf } from "./sections/question.ts";
import { questionBrowser } from "./sections/question_browser.ts";
import { tuned } from "./sections/tuned.ts";
import { lengthsAndCollapses, memoryGauges, optimizer, rewardParts } from "./sections/training.ts";
import { verdict } from "./sections/verdict.ts";
import { warnings } from "./sections/warnings.ts";
import { unite } from "./unite.ts";
import { swatch, type View, viewOf } from "./view.ts";
import { visibleText } from "./visible_text.ts";

/**
 * The page.
 * @param study of the united parts, where it was made before
 * @throws MisuseError for results that cannot be united
 */
export function pageText(parts: readonly Results[], assets: PageAssets, study?: Study): string {
  const results = unite(parts), view = viewOf(parts, results, study ?? studyOf(results));
  const alerts = warnings(view, rewardWarnings(results.cells, view.study.margin));
  const exploratory = [
    armsTable(view),
    learningCurves(view),
    pairedDifferences(view),
    rewardParts(view),
    lengthsAndCollapses(view),
    memoryGauges(view),
    performanceProfiles(view),
    ...drawnSamples(view),
    optimizer(view),
    cost(view),
    questionBrowser(view, packQuestions(view)),
  ];
  const provenance = [...tuned(view), matchProof(view), reproduce(view)];
  const charts = exploratory.flatMap((section) => section.charts);
  return documentText(shell(
    titleOf(view),
    assets,
    html`
      <nav class="contents" aria-label="Contents">
        <details open>
          <summary>Contents</summary>
          <ol>
      <li><a href="#answer">Answer</a></li>
      ${alerts.length > 0 && html`<li><a href="#warnings">Warnings</a></li>`}
      ${exploratory.map(link)}
      ${provenance.map(link)}
          </ol>
        </details>
      </nav>
      <main id="main" tabindex="-1">
      <header><p class="eyebrow">Matchbox report</p><h1>${titleOf(view)}</h1>${question(view)}</header>
      <section id="answer" aria-labelledby="answer-title"><h2 id="answer-title">Answer</h2>${verdict(view)}${facts(
        view,
      )}</section>
      ${alerts.length > 0 && html`<section id="warnings" aria-labelledby="warnings-title">
<h2 id="warnings-title">Warnings</h2>${alerts}</section>`}
      <section class="part" aria-labelledby="exploratory-title"><h2 id="exploratory-title">Exploratory</h2>
      <p class="lead">All that follows was not registered: it explains and suggests, and it proves nothing by itself.</p>
      ${armChooser(view)}
      ${exploratory.map(sectionOf)}
      </section>
      <section class="part" aria-labelledby="provenance-title"><h2 id="provenance-title">Provenance</h2>
      ${provenance.map(sectionOf)}
      </section>
      </main>
      ${jsonScript("charts", chartData(view, charts))}
    `,
  ));
}

function link({ id, title }: Section): Html {
  return html`<li><a href="#${id}">${title}</a></li>`;
}

function sectionOf({ id, title, body }: Section): Html {
  return html`
    <section id="${id}"
      aria-labelledby="${id}-title"><h3 id="${id}-title">${title}</h3>${body}</section>
  `;
}

/** The legend of all charts, by which a reader chooses the arms that are drawn in colour. */
function armChooser({ arms }: View): Html {
  return html`
    <form class="arms" id="arms" aria-label="Arms in charts and questions">
      <p><b>Arms shown</b> <button type="button" data-arms="all">all</button> <button type="button" data-arms="none">none</button></p>
      <div class="chips">${arms.map(({ name, look, shown }, i) =>
        html`
          <label
            class="chip"><input type="checkbox" name="arm" value="${i}" ${shown && html`checked`}>${swatch(
              look,
            )}<bdi>${name}</bdi></label>
        `
      )}</div>
    </form>
  `;
}

/** What client/charts.js reads. */
function chartData({ arms }: View, charts: readonly ChartSpec[]): object {
  return { arms: arms.map(({ name, look }) => ({ name: visibleText(name), ...look })), charts };
}

function shell(title: string, { style, theme, library, scripts }: PageAssets, body: Html): Html {
  const css = inlineStyle(style), early = inlineScript(theme, "classic"), chart = inlineScript(library, "classic");
  const late = scripts.map((script) => inlineScript(script));
  const policy = [
    "default-src 'none'",
    `script-src ${[early, chart, ...late].map(({ source }) => source).join(" ")}`,
    `style-src ${css.source}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`
    <html lang="en">
      <head><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">
    <meta name="generator" content="Matchbox">
    <title>${title} – Matchbox report</title><link rel="icon" href="data:,">
    ${css.element}
    ${early.element}
      </head>
      <body>
    <a class="skip" href="#main">Skip to the report</a>
    <header><button type="button" class="theme" id="theme" aria-pressed="false" hidden>Dark theme</button></header>
    ${body}
    ${chart.element}
    ${late.map(({ element }) => element)}
      </body>
    </html>
  `;
}
