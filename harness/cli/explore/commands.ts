// The commands of the shell as a table: what each is called, takes and answers. No terminal is known here.

import { compareText } from "./compare.ts";
import { type Display, type Exploration, wholeNumber } from "./exploration.ts";
import { listText } from "./list.ts";
import { type EmbedQuestion, neighbourRequest, neighboursText } from "./neighbours.ts";
import { plotText } from "./plot.ts";
import { sampleFilter, samplesText } from "./samples.ts";
import { showText } from "./show.ts";

/** A command. */
export interface ShellCommand {
  readonly description: string;
  /** What may follow the name, as help shows it. */
  readonly usage: string;
  /** The largest number of words that may follow. */
  readonly most: number;
  /** What stands after an @, with its meaning. */
  readonly options: Readonly<Record<string, string>>;
  readonly examples: readonly string[];
  /** The text to print. @throws MisuseError, FailureError */
  answer(words: readonly string[], options: ReadonlySet<string>): string | Promise<string>;
}

/** The commands by name. @param display asked each time: a terminal's width changes */
export function shellCommands(
  exploration: Exploration,
  display: () => Display,
  embed: EmbedQuestion,
): Readonly<Record<string, ShellCommand>> {
  const charset = (options: ReadonlySet<string>): Display => {
    const { width, unicode } = display();
    return { width, unicode: options.has("unicode") || unicode && !options.has("ascii") };
  };
  return {
    list: {
      description: "arms with scores, differences and tiers",
      usage: "",
      most: 0,
      options: { cells: "a line for each cell" },
      examples: ["list", "list @cells"],
      answer: (_, options) => listText(exploration, options.has("cells")),
    },
    show: {
      description: "an arm or one of its cells: numbers, curve, collapses, config fields that differ",
      usage: "<arm> [seed]",
      most: 2,
      options: {},
      examples: ["show memory-r+", "show memory-r+ 1"],
      answer: ([arm, seed]) => showText(exploration, arm, seed === undefined ? null : wholeNumber("seed", seed)),
    },
    compare: {
      description: "an arm against another, paired: effect, interval, p, seeds, who wins on which questions",
      usage: "<arm> [other arm; else the plan's]",
      most: 2,
      options: {},
      examples: ["compare memory-r+", "compare memory-r+ grpo"],
      answer: ([arm, against]) => compareText(exploration, arm, against),
    },
    samples: {
      description: "answers to the test questions; only= and not=: where the one arm is right and the other is not",
      usage: "[arm] [seed] [only=arm] [not=arm] [text=...] [id=...] [page=n] [per=n]",
      most: Infinity,
      options: {
        correct: "answers that are right",
        wrong: "that are wrong (of several such options, any)",
        unparseable: "without an answer in them",
        truncated: "cut off at the length cap",
        timeout: "left undecided by the grader",
        drawn: "those drawn at temperature 1 too",
        full: "whole completions",
      },
      examples: ["samples memory-r+ 0 @wrong", "samples only=memory-r+ not=grpo", 'samples text="how many" page=2'],
      answer: (words, options) => samplesText(exploration, sampleFilter(words, options)),
    },
    neighbours: {
      description: "what a memory holds near a question: the id of a test question, or a text",
      usage: "<question> [arm] [seed] [count=n]",
      most: 4,
      options: {},
      examples: ['neighbours "How many apples are left?" memory-r+ 0'],
      answer: (words) => neighboursText(exploration, neighbourRequest(words), embed),
    },
    plot: {
      description: "a chart over the updates, mean over seeds; without a metric, the names of all",
      usage: "[metric] [arm ...]",
      most: Infinity,
      options: { ascii: "letters and dashes only", unicode: "braille dots (for one arm) and box lines" },
      examples: ["plot accuracy", "plot correctness grpo memory-r+", "plot completionLength grpo @unicode"],
      answer: ([metric, ...arms], options) => plotText(exploration, metric, arms, charset(options)),
    },
  };
}
