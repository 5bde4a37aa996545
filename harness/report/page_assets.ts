// What every page carries with it: the style, our scripts as they lie in client/, and the library that draws charts.

import { fileURLToPath } from "node:url";
import { readTextFile } from "../base/json_file.ts";
import { chartLibrary } from "./chart_library.ts";

/** Texts that a page inlines. */
export interface PageAssets {
  readonly style: string;
  /** Runs before anything is shown. */
  readonly theme: string;
  readonly library: string;
  /** Modules that run once the page is there. */
  readonly scripts: readonly string[];
}

/** Reads them. @throws FailureError for what is missing */
export async function pageAssets(): Promise<PageAssets> {
  const read = (name: string) => readTextFile(fileURLToPath(new URL(name, import.meta.url)));
  const [style, theme, charts, questions, library] = await Promise.all([
    read("page.css"),
    read("client/theme.js"),
    read("client/charts.js"),
    read("client/questions.js"),
    chartLibrary(),
  ]);
  return { style, theme, library, scripts: [charts, questions] };
}
