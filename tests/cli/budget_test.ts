import { deepEqual, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import { budgetSettings } from "../../harness/cli/budget.ts";

Deno.test("budgetSettings() sets one budget and leaves none of the other", () => {
  deepEqual(budgetSettings(undefined, ["rl.updates=3"]), []);
  deepEqual(budgetSettings("updates=120", ["rl.questions=3"]), ["rl.updates=120", "rl.tokens=0"]);
  deepEqual(budgetSettings(" tokens = 250000 ", []), ["rl.tokens=250000"]);
});

Deno.test("budgetSettings() refuses what is no budget, and a second one", () => {
  for (const text of ["", "120", "updates", "updates=0", "tokens=1e5", "updates=-1", "hours=2"]) {
    throws(() => budgetSettings(text, []), MisuseError);
  }
  throws(() => budgetSettings("updates=3", ["rl.updates=4"]), /--budget updates=3 with --set rl\.updates=4/);
  throws(() => budgetSettings("tokens=3", [" rl.updates =4"]), /both set the budget/);
});
