// What is shown while a policy or data are fetched, on standard error: one line that is written over where there is a terminal,
// else a line when it begins and one when it is done. Both say what makes it take longer.

import process from "node:process";
import type { FetchProgress } from "../model/hub/fetch_policy.ts";
import { byteSize, duration } from "./format.ts";

/** Where it is shown. */
export interface FetchScreen {
  /** Whether a line can be written over. */
  readonly live: boolean;
  readonly write: (text: string) => void;
  /** Milliseconds. */
  readonly clock: () => number;
}

const standardError: FetchScreen = {
  get live() {
    return process.stderr.isTTY === true;
  },
  write: (text) => process.stderr.write(text),
  clock: () => performance.now(),
};

/** Milliseconds between two looks at the same line. */
const PAUSE = 125;
const CLEAR = "\r\x1b[K";

/** A listener for what is fetched. */
export function fetchProgress({ live, write, clock }: FetchScreen = standardError): (progress: FetchProgress) => void {
  let what = "", files = 0, begun = 0, shown = -Infinity;
  const clear = live ? CLEAR : "";
  return (progress) => {
    const now = clock();
    if (progress.type === "begin") {
      ({ what, files } = progress);
      begun = now;
      if (!live) write(`Fetching ${what}: ${filesText(files)}, ${byteSize(progress.bytes)}\n`);
    } else if (progress.type === "note") write(`${clear}${progress.text}\n`);
    else if (progress.type === "end") {
      write(`${clear}Fetched ${what}: ${filesText(files)} in ${duration((now - begun) / 1000)}\n`);
    } else if (live && progress.bytes > 0 && now - shown >= PAUSE) {
      shown = now;
      const { done, bytes } = progress, speed = done / Math.max(1, now - begun) * 1000;
      const left = speed > 0 ? `, ${duration((bytes - done) / speed)} left` : "";
      const room = (process.stderr.columns || 80) - 1;
      const line = `Fetching ${what}: ${byteSize(done)} of ${byteSize(bytes)}, ${byteSize(speed)}/s${left}`;
      write(`${clear}${line.slice(0, room)}`);
    }
  };
}

function filesText(files: number): string {
  return files === 1 ? "1 file" : `${files} files`;
}
