// How a recorded task asked and graded, as data and in words: "gsm8k version 1, prompt plain, graded leniently".

import type { TaskStyle } from "../contract.ts";

/** What a record says of its task. */
export interface NamedTask extends TaskStyle {
  readonly name: string;
  readonly version: number;
}

/** The style that a record names, its keys in one order and present only where they say something. */
export function recordedStyle({ prompt, grading }: TaskStyle): TaskStyle {
  return { ...(prompt === undefined ? {} : { prompt }), ...(grading === undefined ? {} : { grading }) };
}

/** ", prompt plain, graded leniently"; empty where the task asked and graded in its first way. */
export function styleText({ prompt, grading }: TaskStyle): string {
  return `${prompt === undefined ? "" : `, prompt ${prompt}`}${grading === undefined ? "" : ", graded leniently"}`;
}

/** Name, version and style. */
export function taskText({ name, version, ...style }: NamedTask): string {
  return `${name} version ${version}${styleText(style)}`;
}
