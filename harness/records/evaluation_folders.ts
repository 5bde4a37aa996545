// Which folder holds evaluations on their own: what `eval` wrote of one policy, or of several side by side. Commands that
// want an experiment say so by this.

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export const EVALUATION_FILE = "evaluation.json";

/** Places of the evaluations: "" for the folder itself, else its folders, if each holds one; none otherwise. */
export function evaluationsIn(folder: string): string[] {
  const holdsOne = (place: string) => existsSync(join(folder, place, EVALUATION_FILE));
  if (holdsOne("")) return [""];
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const places = inside.map(({ name }) => name).sort();
  return places.every(holdsOne) ? places : [];
}

/** What to tell whoever takes a folder of evaluations for an experiment's; null: it is none. */
export function evaluationHint(folder: string): string | null {
  const { length } = evaluationsIn(folder);
  if (length === 0) return null;
  const what = length === 1 ? "an evaluation on its own" : `${length} evaluations on their own`;
  return `it is what \`deno task eval\` wrote, ${what} and no experiment … the same \`eval\` command prints it again, ` +
    `\`deno task verify ${folder}\` checks it`;
}
