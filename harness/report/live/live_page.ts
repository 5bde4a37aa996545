// The page around a report that may still change: a strip with the state of the experiment above the report, which stands
// in a frame as the bytes that `report` would write. So the report's own policy stays as it is, and its script and ours
// never meet.

import { documentText, html } from "../html.ts";
import script from "./live.js" with { type: "text" };
import style from "./live.css" with { type: "text" };

/** The files of the page. */
export const liveScript = script, liveStyle = style;

/** @param name what is shown */
export function livePage(name: string): string {
  return documentText(html`
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${name} – Matchbox</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/live.css">
        <script type="module" src="/live.js"></script>
      </head>
      <body>
        <header>
          <p id="state">${name}</p>
          <progress id="progress" max="1" value="0" aria-label="Cells finished" hidden></progress>
          <details id="cells" hidden>
            <summary>Running now</summary>
            <table>
              <thead>
                <tr>
                  <th scope="col">cell</th>
                  <th scope="col">updates</th>
                  <th scope="col">reward</th>
                  <th scope="col">length</th>
                </tr>
              </thead>
              <tbody id="running"></tbody>
            </table>
          </details>
          <p id="failed" hidden></p>
          <p id="problem" role="status" hidden></p>
          <p><a href="/report">The report alone</a>
    <span role="status"><button type="button" id="reload" hidden>Newer records are there: show them</button></span></p>
          <noscript><p>Without scripts nothing tells of newer records: load the page again.</p></noscript>
        </header>
        <iframe id="report" src="/report" title="Report"></iframe>
      </body>
    </html>
  `);
}
