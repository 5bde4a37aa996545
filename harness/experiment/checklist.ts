// What `verify` has looked at: one item a check, told as it comes. A check returns what is wrong; what a reader of files
// throws because a file is damaged is wrong as well. What cannot be checked is said, never passed over.

import { FailureError, MisuseError } from "../base/errors.ts";

/** One check. */
export interface CheckedItem {
  /** The file, relative to the verified folder. */
  readonly place: string;
  /** What of it was checked. */
  readonly what: string;
  readonly state: "ok" | "failed" | "skipped";
  /** What is wrong, or why it was skipped; empty where all is well. */
  readonly reasons: readonly string[];
}

/** The checks of one run. */
export class Checklist {
  readonly items: CheckedItem[] = [];

  constructor(private readonly tell: (item: CheckedItem) => void) {}

  /**
   * Does a check: `work` says what is wrong.
   * @returns whether nothing is. Only defects of Matchbox are thrown
   */
  async check(
    place: string,
    what: string,
    work: () => readonly string[] | Promise<readonly string[]>,
  ): Promise<boolean> {
    let reasons: readonly string[];
    try {
      reasons = await work();
    } catch (error) {
      if (!(error instanceof FailureError || error instanceof MisuseError)) throw error;
      reasons = [error.message];
    }
    this.#add({ place, what, state: reasons.length === 0 ? "ok" : "failed", reasons });
    return reasons.length === 0;
  }

  /** Reads what later checks need. @returns null where that failed, which is then an item */
  async read<T>(place: string, what: string, work: () => Promise<T>): Promise<T | null> {
    const read: T[] = [];
    await this.check(place, what, async () => {
      read.push(await work());
      return [];
    });
    return read[0] ?? null;
  }

  /** Says that something cannot be checked. */
  skip(place: string, what: string, reason: string): void {
    this.#add({ place, what, state: "skipped", reasons: [reason] });
  }

  get failed(): boolean {
    return this.items.some(({ state }) => state === "failed");
  }

  #add(item: CheckedItem): void {
    this.items.push(item);
    this.tell(item);
  }
}
