import { ok, strictEqual, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import { findTask, tasks } from "../../tasks/registry.ts";

Deno.test("findTask() finds every task by its name, and no two tasks share one", () => {
  for (const task of tasks) strictEqual(findTask(task.name), task);
  strictEqual(new Set(tasks.map(({ name }) => name)).size, tasks.length);
});

Deno.test("findTask() refuses an unknown name with the names there are and the nearest one", () => {
  throws(() => findTask("arithmetics"), (error: Error) => {
    ok(error instanceof MisuseError);
    ok(
      error.message.includes("arithmetic, countdown, gsm8k") && error.message.includes('did you mean "arithmetic"'),
      error.message,
    );
    return true;
  });
  throws(() => findTask("chess"), (error: Error) => !error.message.includes("did you mean"));
});
