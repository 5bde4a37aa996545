// Arms and tasks from a user's own files: whatever a file exports that is an arm (defineArm) or a task (defineTask),
// usable by its name beside those of Matchbox. A name of Matchbox cannot be taken: a record says no more than the name.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { defineArm } from "../arms/define_arm.ts";
import { arms, findArm } from "../arms/registry.ts";
import { sha256 } from "../base/digest.ts";
import { MisuseError } from "../base/errors.ts";
import { isObject, type JsonObject, readTextFile } from "../base/json_file.ts";
import type { Arm, Task, TaskStyle } from "../contract.ts";
import { defineTask } from "../../tasks/define_task.ts";
import { findTask, tasks } from "../../tasks/registry.ts";
import { styleTask } from "../../tasks/style_task.ts";

/** What a file exports. */
export interface LoadedFile<T> {
  /** Absolute. */
  readonly path: string;
  /** SHA-256 of its text; files that it imports are not part of it. */
  readonly digest: string;
  readonly exports: readonly T[];
}

/** The arms that a file exports. @throws MisuseError where it cannot be imported, has none, or takes a known name */
export async function loadArmFile(path: string): Promise<LoadedFile<Arm>> {
  return await load(path, "--arm-file", "arm", arms, isArm, defineArm);
}

/** The tasks that a file exports. @throws MisuseError as {@linkcode loadArmFile} does */
export async function loadTaskFile(path: string): Promise<LoadedFile<Task>> {
  return await load(path, "--task-file", "task", tasks, isTask, defineTask);
}

/** The arm of that name, or its variant, from a file or, without one, from Matchbox. @throws MisuseError */
export async function loadArm(name: string, file: string | null): Promise<Arm> {
  return findArm(name, file === null ? arms : (await loadArmFile(file)).exports);
}

/** The task of that name in that style, from a file or, without one, from Matchbox. @throws MisuseError */
export async function loadTask(name: string, file: string | null, style: TaskStyle = {}): Promise<Task> {
  const own = file === null ? undefined : (await loadTaskFile(file)).exports.find((task) => task.name === name);
  return styleTask(own ?? findTask(name), style);
}

async function load<T extends { readonly name: string }>(
  file: string,
  flag: string,
  noun: string,
  known: readonly T[],
  is: (value: unknown) => value is T,
  define: (value: T) => T,
): Promise<LoadedFile<T>> {
  const path = resolve(file), cannot = `Cannot use ${flag} ${file}: `;
  let text: string, module: unknown;
  try {
    text = await readTextFile(path);
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new MisuseError(`${cannot}it cannot be imported (${error instanceof Error ? error.message : error})`, {
      cause: error,
    });
  }
  const exports = [...new Set(Object.values(Object(module)))].filter(is).map(define);
  if (exports.length === 0) {
    throw new MisuseError(`${cannot}it exports no ${noun} … export what ${define.name} returns`);
  }
  for (const [i, { name }] of exports.entries()) {
    if (known.some((one) => one.name === name)) {
      throw new MisuseError(`${cannot}the ${noun} "${name}" is one of Matchbox itself … rename yours`);
    }
    if (exports.findIndex((other) => other.name === name) !== i) {
      throw new MisuseError(`${cannot}it exports two ${noun}s named "${name}" … rename one`);
    }
  }
  return { path, digest: sha256(text), exports };
}

/** What looks like one is taken for one, and checked by its maker. */
function isArm(value: unknown): value is Arm {
  return hasAll(value, ["name", "trains", "overrides"]);
}

function isTask(value: unknown): value is Task {
  return hasAll(value, ["name", "load", "prompt", "grade"]);
}

function hasAll(value: unknown, keys: readonly string[]): value is JsonObject {
  return isObject(value) && keys.every((key) => key in value);
}
