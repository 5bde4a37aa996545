// What of a completion an arm remembers and compares: its reasoning, as the released code of Memory-R+ does, or all of
// it. The layout is that of the tasks' system prompt; a completion without it is taken as it stands.

import type { Config } from "../config.ts";

/** The text between the last <reasoning> and the next </reasoning>, or the whole; null where that is blank. */
export function rememberedText(completion: string, part: Config["memory"]["response"]): string | null {
  const start = completion.lastIndexOf("<reasoning>");
  const end = completion.indexOf("</reasoning>", start);
  const tagged = part === "reasoning" && start >= 0 && end >= 0;
  const reasoning = tagged ? completion.slice(start + "<reasoning>".length, end).trim() : "";
  return reasoning || completion.trim() || null;
}
