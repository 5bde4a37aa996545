// The report of records that may still grow: built when someone asks and the records have changed, kept until then.
// Building takes a core away from the experiment, so that between two builds there is a pause of several times what the
// last one took.

import { FailureError } from "../../base/errors.ts";
import type { Results } from "../../records/results.ts";
import { documentText, html } from "../html.ts";
import type { LiveRecords, LiveState } from "./live_records.ts";

/** A page, and the version of the records that it shows. */
export interface BuiltPage {
  readonly version: string;
  readonly text: string;
}

/** What {@linkcode LiveReport} is made with. */
export interface LiveReportOptions {
  readonly build: (results: Results) => Promise<string>;
  /** Least milliseconds between two looks at the files. @default 1000 */
  readonly lookEvery?: number;
  /** Pause after a build, as a multiple of its time. @default 4 */
  readonly pause?: number;
}

/** Milliseconds of a clock that only runs forwards. */
const now = () => performance.now();

export class LiveReport {
  readonly #build: LiveReportOptions["build"];
  readonly #lookEvery: number;
  readonly #pause: number;
  #looked: { readonly at: number; readonly state: Promise<LiveState> } | null = null;
  #page: BuiltPage | null = null;
  #building: Promise<BuiltPage> | null = null;
  #restUntil = -Infinity;
  #problem: string | null = null;

  constructor(readonly records: LiveRecords, { build, lookEvery = 1000, pause = 4 }: LiveReportOptions) {
    [this.#build, this.#lookEvery, this.#pause] = [build, lookEvery, pause];
  }

  /** Why the newest records cannot be shown; null: they can. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The last page that was built; null before the first. */
  get built(): BuiltPage | null {
    return this.#page;
  }

  /** How far the experiment is. @throws FailureError for records that are damaged or lie elsewhere */
  async state(): Promise<LiveState> {
    if (this.#looked === null || now() - this.#looked.at >= this.#lookEvery) {
      this.#looked = { at: now(), state: this.records.state() };
    }
    return await this.#looked.state;
  }

  /**
   * The page of the records as they are, or, during a pause, as they were; of damaged ones the last that was built.
   * @throws FailureError where there is none
   */
  async page(): Promise<BuiltPage> {
    if (this.#building) return await this.#building;
    this.#building = this.#newest().finally(() => this.#building = null);
    return await this.#building;
  }

  async #newest(): Promise<BuiltPage> {
    try {
      const { version } = await this.state();
      if (this.#page && (this.#page.version === version || now() < this.#restUntil)) return this.#page;
      const begun = now(), results = await this.records.results();
      const text = results ? await this.#build(results) : waitingPage();
      this.#page = { version, text };
      this.#restUntil = now() + this.#pause * (now() - begun);
      this.#problem = null;
      return this.#page;
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      this.#problem = error.message;
      if (this.#page) return this.#page;
      throw error;
    }
  }
}

function waitingPage(): string {
  return documentText(html`
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Nothing is recorded yet – Matchbox report</title>
      </head>
      <body>
        <main>
          <p>Nothing is recorded yet. The report is here as soon as the experiment has begun its first cell.</p>
        </main>
      </body>
    </html>
  `);
}
