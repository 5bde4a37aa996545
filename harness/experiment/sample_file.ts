// The samples.jsonl of an evaluation that is being drawn: each sample is appended as a whole line when it comes, so that
// whatever ends the run leaves what was done; at the end the lines are written anew in their order, so that the file does
// not tell how often the run was interrupted.

import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../base/atomic_file.ts";
import {
  evaluationLine,
  type EvaluationSample,
  evaluationSampleSchema,
  inSetOrder,
} from "../records/evaluation_record.ts";

export const SAMPLES_FILE = "samples.jsonl";

const keyOf = (place: number, sample: number) => `${place} ${sample}`;

/** The samples of a folder. */
export class SampleFile {
  readonly #samples = new Map<string, EvaluationSample>();
  readonly #path: string;
  #file: number | null = null;
  /** Whether the file is what {@linkcode settle} would write. */
  #settled = false;

  private constructor(folder: string) {
    this.#path = join(folder, SAMPLES_FILE);
  }

  /** Reads the lines that are whole, up to the first that is not: what a killed run left of it. @throws FailureError */
  static async open(folder: string): Promise<SampleFile> {
    const file = new SampleFile(folder);
    if (!existsSync(file.#path)) return file;
    const bytes = await readFile(file.#path).catch((error) => {
      throw fileError("read", file.#path, error);
    });
    const text = new TextDecoder().decode(bytes);
    for (const line of text.split("\n").slice(0, -1)) {
      const sample = evaluationSampleSchema.safeParse(jsonOrNull(line)).data;
      if (!sample) break;
      file.#samples.set(keyOf(sample.place, sample.sample), sample);
    }
    file.#settled = text === file.#text();
    return file;
  }

  has(place: number, sample: number): boolean {
    return this.#samples.has(keyOf(place, sample));
  }

  /** Those of the first n questions with at most k drawn ones each, in order. */
  view(n: number, k: number): EvaluationSample[] {
    return inSetOrder([...this.#samples.values()].filter(({ place, sample }) => place < n && sample <= k));
  }

  /** Appends a sample that was not there. @throws FailureError */
  async add(sample: EvaluationSample): Promise<void> {
    if (this.has(sample.place, sample.sample)) return;
    if (this.#file === null) await this.settle(); // no line may follow a broken one
    this.#samples.set(keyOf(sample.place, sample.sample), sample);
    this.#settled = false;
    try {
      this.#file ??= openSync(this.#path, "a");
      writeFileSync(this.#file, evaluationLine(sample));
    } catch (error) {
      throw fileError("write to", this.#path, error);
    }
  }

  /** Writes all lines in order, unless they stand there so. @throws FailureError */
  async settle(): Promise<void> {
    this.close();
    if (!this.#settled) await writeFileAtomic(this.#path, this.#text());
    this.#settled = true;
  }

  #text(): string {
    return inSetOrder([...this.#samples.values()]).map(evaluationLine).join("");
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
