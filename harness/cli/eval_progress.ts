// What is shown while an evaluation samples, on standard error: one line that is written over where there is a terminal,
// else a line every few seconds. Time left follows from the pace of this run.

import process from "node:process";
import type { EvaluationProgress } from "../experiment/run_evaluation.ts";
import { duration, percent, quantity } from "./format.ts";

/** Where it is shown. */
export interface EvaluationScreen {
  /** Whether a line can be written over. */
  readonly live: boolean;
  readonly write: (text: string) => void;
  /** Milliseconds. */
  readonly clock: () => number;
}

const standardError: EvaluationScreen = {
  get live() {
    return process.stderr.isTTY === true;
  },
  write: (text) => process.stderr.write(text),
  clock: () => performance.now(),
};

/** Milliseconds between two looks at the same line, and between two lines. */
const PAUSE = { live: 125, lines: 5000 };
const CLEAR = "\r\x1b[K";

/** A display of one evaluation. */
export interface EvaluationDisplay {
  report(progress: EvaluationProgress): void;
  say(text: string): void;
  /** What the process that failed has left to say. */
  readonly log: string;
  /** Leaves the terminal as it was. */
  stop(): void;
}

/** Shows the evaluation of a policy. */
export function evaluationProgress(policy: string, screen: EvaluationScreen = standardError): EvaluationDisplay {
  const { live, write, clock } = screen, clear = live ? CLEAR : "";
  let log = "";
  let total = 0, before = 0, done = 0, greedy = 0, right = 0, tokens = 0, begun = 0, shown = 0;
  const line = () => {
    const seconds = (clock() - begun) / 1000, drawn = done - before;
    const left = drawn > 0 && seconds > 0 ? `, ${duration((total - done) * seconds / drawn)} left` : "";
    const pace = seconds > 0 ? `, ${quantity(tokens / seconds)} tokens/s` : "";
    const accuracy = greedy > 0 ? `, greedy ${percent(right / greedy)} of ${greedy}` : "";
    return `${policy}: ${done} of ${total} completions${left}${accuracy}${pace}`;
  };
  const show = () => {
    shown = clock();
    const room = (process.stderr.columns || 80) - 1;
    write(live ? `${CLEAR}${line().slice(0, room)}` : `${line()}\n`);
  };
  return {
    report(progress) {
      if (progress.type === "begun") {
        [total, before, done] = [progress.samples, progress.there, progress.there];
        begun = shown = clock();
        if (done > 0) write(`${clear}${policy}: ${done} of ${total} completions were there\n`);
      } else if (progress.type === "log") log = progress.text;
      else if (progress.event.type === "phase") {
        if (progress.event.phase === "sampling") begun = clock(); // what loads has no pace
        if (live) write(`${CLEAR}${policy}: ${progress.event.phase}`);
      } else if (progress.event.type === "sample") {
        const { sample } = progress.event;
        done++;
        tokens += sample.tokens;
        if (sample.sample === 0) {
          greedy++;
          if (sample.status === "correct") right++;
        }
      } else if (progress.event.type === "batch") {
        if (clock() - shown >= (live ? PAUSE.live : PAUSE.lines) || done === total) show();
      }
    },
    say: (text) => write(`${clear}${text}\n`),
    get log() {
      return log;
    },
    stop: () => write(clear),
  };
}
