import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../harness/cli/main.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

Deno.test("pretrain refuses an unknown recipe, a bad number and a folder that holds a policy, with exit code 2", async () => {
  const folder = await Deno.makeTempDir();
  const policy = await makePolicyFolder(folder);
  const original = console.error;
  const errors: string[] = [];
  console.error = (text: unknown) => errors.push(String(text));
  try {
    const out = join(folder, "new");
    const cases = [["embeded", "--out", out], ["--seed", "x", "--out", out], ["--threads", "0"], ["--out", policy]];
    for (const args of cases) equal(await main(["pretrain", ...args]), 2, args.join(" "));
  } finally {
    console.error = original;
    await Deno.remove(folder, { recursive: true });
  }
  match(errors[0] ?? "", /policy "embeded".*did you mean "embedded"/);
  match(errors[1] ?? "", /--seed x: it must be an integer of at least 0/);
  match(errors[2] ?? "", /--threads 0/);
  match(errors[3] ?? "", /already holds a policy/);
});
