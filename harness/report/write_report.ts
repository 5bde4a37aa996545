// A report on disk: what `report` and the end of every bench write.

import { writeFileAtomic } from "../base/atomic_file.ts";
import { readResults, type Results } from "../records/results.ts";
import { type Study, studyOf } from "../stats/study.ts";
import { pageAssets } from "./page_assets.ts";
import { pageText } from "./page.ts";
import { unite } from "./unite.ts";

/**
 * The page of the results at these paths, written to a file.
 * @returns what the page says
 * @throws MisuseError for results that cannot be united; FailureError for what cannot be read or written
 */
export async function writeReport(paths: readonly string[], out: string): Promise<Study> {
  const parts: Results[] = [];
  for (const path of paths) parts.push(await readResults(path));
  const study = studyOf(unite(parts));
  await writeFileAtomic(out, pageText(parts, await pageAssets(), study));
  return study;
}
