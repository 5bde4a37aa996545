// Arms and tasks from files: what is found in them, and what is refused.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { sha256 } from "../../harness/base/digest.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import { loadArm, loadArmFile, loadTask, loadTaskFile } from "../../harness/experiment/load_files.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await Deno.writeTextFile(path, text);
  return path;
}

const arm = (name: string, more = "") => `{ name: "${name}", summary: "an arm", trains: true, overrides: {}, ${more} }`;
const task = (name: string) =>
  `{
  name: "${name}", version: 1, summary: "a task", rewards: ["correctness"], defaults: {},
  load: () => Promise.reject(), prompt: () => [], answer: () => "",
  grade: () => ({ status: "correct", extracted: null, rewards: [1] }),
  example: { item: { id: "a", question: "b", gold: "c" }, completion: "d" },
}`;

const refused = (loading: Promise<unknown>, pattern: RegExp) =>
  rejects(loading, (error: unknown) => {
    if (!(error instanceof MisuseError)) throw error;
    match(error.message, pattern);
    return true;
  });

Deno.test("loadArmFile() finds named exports and the default one, and leaves the rest", async () => {
  const text = `export const one = ${arm("one")}; export default ${
    arm("two")
  }; export const count = 3; export { one as same };`;
  const path = await file("arms.ts", text), loaded = await loadArmFile(path);
  deepEqual(loaded.exports.map(({ name }) => name).sort(), ["one", "two"]);
  deepEqual([loaded.path, loaded.digest], [path, sha256(text)]);
  equal((await loadArm("two", path)).name, "two");
  equal((await loadArm("two:loss=dapo", path)).name, "two:loss=dapo");
  equal((await loadArm("grpo", null)).name, "grpo");
  await refused(loadArm("tow", path), /did you mean "two"/);
});

Deno.test("loadTaskFile() finds tasks", async () => {
  const path = await file("tasks.ts", `export const mine = ${task("mine")};`);
  deepEqual((await loadTaskFile(path)).exports.map(({ name }) => name), ["mine"]);
  equal((await loadTask("mine", path)).name, "mine");
  equal((await loadTask("arithmetic", path)).name, "arithmetic");
});

Deno.test("loadArmFile() and loadTaskFile() refuse files without any, with two of a name, or with a known name", async () => {
  const none = await file("none.ts", "export const count = 3;");
  await refused(loadArmFile(none), /--arm-file .*none\.ts: it exports no arm … export what defineArm returns/);
  await refused(loadTaskFile(none), /--task-file .*none\.ts: it exports no task … export what defineTask returns/);
  const broken = await file("broken.ts", "export const = 3;");
  await refused(loadArmFile(broken), /broken\.ts: it cannot be imported \(/);
  await refused(loadArmFile(join(folder, "missing.ts")), /missing\.ts: it cannot be imported \(.*no such file/);
  const thrown = await file("thrown.ts", `throw new Error("not today");`);
  await refused(loadArmFile(thrown), /cannot be imported \(not today\)/);
  const known = await file("known.ts", `export const grpo = ${arm("grpo")};`);
  await refused(loadArmFile(known), /the arm "grpo" is one of Matchbox itself … rename yours/);
  const twice = await file("twice.ts", `export const a = ${arm("x")}; export const b = ${arm("x")};`);
  await refused(loadArmFile(twice), /it exports two arms named "x"/);
  const bad = await file("bad.ts", `export const a = ${arm("x", "shaper: 3")};`);
  await refused(loadArmFile(bad), /shaper is 3, must be a function/);
});
