import { deepEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { MisuseError } from "../../harness/base/errors.ts";
import { readConfigFile } from "../../harness/cli/config_file.ts";

Deno.test("readConfigFile() reads YAML and JSON, and names file and line of what is neither", async () => {
  const folder = await Deno.makeTempDir();
  const read = async (text: string) => {
    await Deno.writeTextFile(join(folder, "run.yaml"), text);
    return await readConfigFile(join(folder, "run.yaml"));
  };
  const refused = (work: Promise<unknown>, pattern: RegExp) =>
    rejects(work, (error: unknown) => error instanceof MisuseError && pattern.test(error.message));

  deepEqual(await read("# short\nrl:\n  learningRate: 1e-5\n  loss: dapo\n"), {
    rl: { learningRate: 1e-5, loss: "dapo" },
  });
  deepEqual(await read('{"rl": {"updates": 3}}'), { rl: { updates: 3 } });
  await refused(read("rl:\n  updates: 3\n  updates: 4\n"), /run\.yaml", line 3, column 3: .*unique/);
  await refused(read("rl:\n  - [1\n"), /run\.yaml", line \d/);
  await refused(read("rl: !secret 3\n"), /run\.yaml", line 1, column 5: .*!secret/);
  await refused(readConfigFile(join(folder, "none.yaml")), /none\.yaml": there is no such file/);
  await Deno.remove(folder, { recursive: true });
});
