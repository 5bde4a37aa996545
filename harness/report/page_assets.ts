// What every page carries with it: the style, our scripts as they lie in client/, and the library that draws charts.

import { chartLibrary } from "./chart_library.ts";
import charts from "./client/charts.js" with { type: "text" };
import questions from "./client/questions.js" with { type: "text" };
import theme from "./client/theme.js" with { type: "text" };
import style from "./page.css" with { type: "text" };
import shared from "./theme.css" with { type: "text" };

/** Texts that a page inlines. */
export interface PageAssets {
  readonly style: string;
  /** Runs before anything is shown. */
  readonly theme: string;
  readonly library: string;
  /** Modules that run once the page is there. */
  readonly scripts: readonly string[];
}

/** All of them. @throws FailureError where the library of charts is missing */
export async function pageAssets(): Promise<PageAssets> {
  return { style: shared + style, theme, library: await chartLibrary(), scripts: [charts, questions] };
}
