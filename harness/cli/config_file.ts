// Reads a config file, YAML or JSON (which is YAML); the ONLY import of yaml. What the keys mean is not its business.

import { LineCounter, parseDocument } from "yaml";
import { FailureError, MisuseError } from "../base/errors.ts";
import { readTextFile } from "../base/json_file.ts";

/** The value in a config file. @throws MisuseError naming the file, and the line where it is malformed */
export async function readConfigFile(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (error instanceof FailureError) throw new MisuseError(`${error.message} given with --config`, { cause: error });
    throw error;
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    throw new MisuseError(
      `Cannot read "${path}", line ${line}, column ${col}: it is neither YAML nor JSON (${problem.message})`,
    );
  }
  return document.toJS();
}
