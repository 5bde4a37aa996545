// chart.js as one script: the package's own UMD file, read from where Deno keeps the package, its pointer to a source map
// left out. The only file that reads the package; drawing itself is client/charts.js.

import { readTextFile } from "../base/json_file.ts";
import { fileURLToPath } from "node:url";

/** The text of the library, which defines the global `Chart`. @throws FailureError where the package is not installed */
export async function chartLibrary(): Promise<string> {
  const file = new URL("chart.umd.min.js", import.meta.resolve("chart.js"));
  return (await readTextFile(fileURLToPath(file))).replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
}
