// What every page of the leaderboard's site shares: head, style, and a policy by which a browser loads nothing else.

import { documentText, type Html, html, inlineScript, inlineStyle, type Part } from "../html.ts";
import theme from "../client/theme.js" with { type: "text" };
import shared from "../theme.css" with { type: "text" };
import style from "./page.css" with { type: "text" };

/** A page. */
export interface PageParts {
  readonly title: string;
  readonly description: string;
  readonly body: Part;
  /** Runs at the end of the page; null: the page has no script. */
  readonly script: string | null;
}

/** The page as the text of its file. */
export function pageText({ title, description, body, script }: PageParts): string {
  const look = inlineStyle(shared + style), early = inlineScript(theme, "classic");
  const late = script === null ? [] : [inlineScript(script)];
  const policy = [
    "default-src 'none'",
    `style-src ${look.source}`,
    `script-src ${[early, ...late].map(({ source }) => source).join(" ")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return documentText(html`
    <html lang="en">
      <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="referrer" content="no-referrer">
    <meta name="description" content="${description}">
    <title>${title}</title>
    <link rel="icon" href="data:,">
    ${look.element}
    ${early.element}
      </head>
      <body>
    <button type="button" class="theme" id="theme" aria-pressed="false" hidden>Dark</button>
    ${body}
    ${late.map(({ element }) => element)}
      </body>
    </html>
  `);
}

/** Letters of a name that a table shows. */
const NAME_LETTERS = 80;

/** A text of others, cut where it would fill the page. */
export function shortText(text: string, letters = NAME_LETTERS): string {
  if (text.length <= letters) return text;
  return `${text.slice(0, letters).toWellFormed()}… (${text.length} characters)`;
}

/** A text of others, kept apart from the direction of the text around it. */
export function foreignText(text: string, letters = NAME_LETTERS): Html {
  return html`<bdi>${shortText(text, letters)}</bdi>`;
}

/** Parts with a separator between them. */
export function joined(parts: readonly Part[], separator: Part): Part[] {
  return parts.flatMap((part, i) => i === 0 ? [part] : [separator, part]);
}
