// Numbers of threads, jobs and the like from the command line.

import { MisuseError } from "../base/errors.ts";

/** A reader of integers of at least `least` for the flag. It throws MisuseError for anything else. */
export function parseCount(flag: string, least = 1): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    throw new MisuseError(`Cannot use ${flag} ${text}: it must be an integer of at least ${least}`);
  };
}
