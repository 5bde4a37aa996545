// One writer for a folder, also where the other one is another process, and until that one dies.

import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { FailureError } from "../../harness/base/errors.ts";
import { holderOf, isTransient, lockFolder } from "../../harness/experiment/folder_lock.ts";

const module = new URL("../../harness/experiment/folder_lock.ts", import.meta.url);

Deno.test("lockFolder() takes a folder once, until it is released", async () => {
  const folder = await Deno.makeTempDir();
  const lock = lockFolder(folder);
  equal(lockFolder(folder), null);
  if (Deno.build.os !== "windows") equal(holderOf(folder), `process ${Deno.pid}`);
  lock?.release();
  lockFolder(folder)?.release();
  throws(() => lockFolder(join(folder, "none")), FailureError);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("lockFolder() takes over from a process that was killed, and clears its temporary files", async () => {
  const folder = await Deno.makeTempDir();
  const temporary = join(folder, ".record.json.7-0.tmp"), kept = join(folder, "record.json");
  const program = `import { lockFolder } from ${JSON.stringify(module.href)};
    console.log(lockFolder(${JSON.stringify(folder)}) !== null);
    for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));`;
  const args = ["eval", program];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  equal(new TextDecoder().decode((await reader.read()).value), "true\n");
  for (const path of [temporary, kept]) await Deno.writeTextFile(path, "half");
  equal(lockFolder(folder), null);
  if (Deno.build.os !== "windows") equal(holderOf(folder), `process ${child.pid}`);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  const lock = lockFolder(folder);
  equal(lock !== null, true);
  deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [".lock", "record.json"]);
  lock?.release();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("isTransient() knows locks and temporary files from a user's own", () => {
  deepEqual([".lock", ".plan.json.12-3.tmp"].map(isTransient), [true, true]);
  deepEqual(["plan.json", "notes.tmp", ".hidden"].map(isTransient), [false, false, false]);
});
