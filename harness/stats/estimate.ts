// A number with how sure it is.

/** A value and the interval around it. */
export interface Estimate {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** Nominal coverage of the interval, e.g. 0.95. */
  readonly level: number;
  /** How the interval was made, in a few words. */
  readonly method: string;
  /** What must be known to read it, e.g. that one seed says nothing of others; null: nothing. */
  readonly note: string | null;
}
