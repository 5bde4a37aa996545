// What messages say of a task's files.

import type { DataFile } from "../harness/contract.ts";

/** Where a file comes from: "src/data/test.jsonl of github.com/org/name at 0123456789ab". */
export function originText({ host, repository, revision, source }: DataFile): string {
  const place = host === "github" ? "github.com" : "huggingface.co/datasets";
  return `${source} of ${place}/${repository} at ${revision.slice(0, 12)}`;
}

/** The file and where it comes from. */
export function namedFile(file: DataFile): string {
  return `${file.path} (${originText(file)})`;
}
