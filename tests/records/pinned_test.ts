import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { readFinished, readPinned, writePinned } from "../../harness/records/pinned.ts";
import { root } from "../sources.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const worker = new URL("../fakes/cell_worker.ts", import.meta.url);

Deno.test("writePinned() keeps an experiment's records, and readPinned() finds what was changed in them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const policy = await makePolicyFolder(folder), out = join(folder, "out"), pinned = join(folder, "kept", "pinned");
    const config = overrideConfig(defaultConfig, { rl: { updates: 3 } }, "test");
    const options = {
      task: "arithmetic",
      policy,
      arms: ["base", "grpo"],
      seeds: [0, 1],
      config,
      out,
      command: ["bench", "--out", out, `--out=${out}`, "--json"],
    };
    await runExperiment(await planExperiment(options), { worker });
    const finished = await readFinished(out);
    deepEqual(finished.experiment.command, ["bench", "--json"]);
    await writePinned(pinned, finished);
    deepEqual(await readPinned(pinned), finished);
    equal([...Deno.readDirSync(pinned)].length, 3);

    const path = join(pinned, "records.jsonl"), text = readFileSync(path, "utf8");
    for (
      const [changed, message] of [
        [text.replace('"accuracy":0.25', '"accuracy":0.75'), /line 1": its outcome does not have the digest/],
        [text.split("\n").slice(1).join("\n"), /3 records for 4 cells/],
        [text.split("\n").toReversed().join("\n"), /the record of base seed 0 is not the one/],
        [text.slice(0, -100), /line 4": the JSON is malformed/],
      ] as const
    ) {
      writeFileSync(path, changed);
      await rejects(readPinned(pinned), (error: Error) => {
        match(error.message, message);
        return error instanceof FailureError;
      });
    }
    const experiment = join(out, "experiment.json");
    writeFileSync(experiment, readFileSync(experiment, "utf8").replace('"status": "finished"', '"status": "failed"'));
    writeFileSync(
      experiment,
      readFileSync(experiment, "utf8").replace(/("seed": 1,[^]*?"status": )"finished"/, '$1"failed"'),
    );
    await rejects(readFinished(out), (error) => error instanceof MisuseError);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Folders below baselines/<task>/ . */
const baselines = [...Deno.readDirSync(new URL("baselines/", root))].filter(({ isDirectory }) => isDirectory)
  .flatMap(({ name }) =>
    [...Deno.readDirSync(new URL(`baselines/${name}/`, root))].map((entry) => ({
      ...entry,
      name: `${name}/${entry.name}`,
    }))
  )
  .filter(({ isDirectory }) => isDirectory);
for (const { name } of baselines) {
  Deno.test(`baselines/${name} reads back, and its cells are matched`, async () => {
    const { experiment } = await readPinned(fileURLToPath(new URL(`baselines/${name}`, root)));
    equal(experiment.status, "finished");
    equal(experiment.match.matched, true);
  });
}
