// Experiments on a worker without a model: the files, the accidents, the interruption.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
import { type ExperimentProgress, runExperiment, type RunOptions } from "../../harness/experiment/run_experiment.ts";
import { readCellRecord, readExperiment, readSamples, readSteps } from "../../harness/records/store.ts";
import { accidents } from "../fakes/cell_worker.ts";
import { proberOf } from "../fakes/devices.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const worker = new URL("../fakes/cell_worker.ts", import.meta.url);
const config = overrideConfig(defaultConfig, { rl: { updates: 5 }, evaluation: { samples: 4 } }, "test");

/** Runs in a folder of its own and hands it over before it is removed. */
async function experiment(
  options: Partial<ExperimentOptions>,
  use: (out: string, run: (more?: RunOptions) => ReturnType<typeof runExperiment>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const policy = await makePolicyFolder(folder);
    const out = join(folder, "made", "out");
    const base = { task: "arithmetic", policy, arms: ["grpo"], seeds: [0], config, out };
    const plan = await planExperiment({ ...base, ...options });
    await use(plan.out, (more) => runExperiment(plan, { worker, ...more }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("runExperiment() writes records that read back, validate and repeat", async () => {
  const digests: (string | null)[][] = [];
  for (const jobs of [1, 3]) {
    await experiment({ arms: ["base", "grpo"], seeds: [0, 1], jobs }, async (out, run) => {
      const events: ExperimentProgress[] = [];
      const { record } = await run({ report: (progress) => events.push(progress) });
      deepEqual(await readExperiment(join(out, "experiment.json")), record);
      equal(record.status, "finished");
      digests.push(record.cells.map((cell) => cell.digest));
      equal(events.filter((event) => event.type === "ended").length, 4);
      for (const { arm, folder, digest, accuracy } of record.cells) {
        const cell = await readCellRecord(join(out, folder, "record.json"));
        deepEqual([cell.status, cell.digest, cell.failure], ["finished", digest, null]);
        equal((await readSteps(join(out, folder, "steps.jsonl"))).length, arm === "base" ? 0 : 5);
        equal((await readSamples(join(out, folder, "samples.jsonl"))).length, 1280); // 256 greedy, 1024 drawn
        equal(accuracy?.gain, arm === "base" ? 0 : 0.25);
      }
      validateFolder(out, record.cells.map((cell) => cell.folder));
    });
  }
  deepEqual(digests[0], digests[1]);
  equal(new Set(digests[0]).size, 4);
});

Deno.test("runExperiment() spreads cells over the indexes that were asked for; records name device, driver, precision", async () => {
  const probe = proberOf({ cuda: { name: "NVIDIA H100", count: 4 } });
  await experiment({ seeds: [0, 1, 2, 3, 4, 5], jobs: 4, device: "cuda:3,1", probe }, async (out, run) => {
    const { record } = await run();
    deepEqual([record.status, record.device], ["finished", "cuda"]);
    const found = await Promise.all(record.cells.map(({ folder }) => readCellRecord(join(out, folder, "record.json"))));
    for (const { environment } of found) {
      const { index, ...accelerator } = environment?.accelerator ?? { index: null };
      deepEqual(accelerator, { provider: "cuda", adapter: "NVIDIA H100", driver: "1.2.3" });
      equal(environment?.precision, "float32");
      equal(index === 1 || index === 3, true);
    }
    const indexes = found.map(({ environment }) => environment?.accelerator?.index);
    deepEqual(indexes.slice(0, 4).sort(), [1, 1, 3, 3]); // the first cell of each lane
    validateFolder(out, record.cells.map((cell) => cell.folder));
  });
  await experiment({}, async (out, run) => {
    const { record: { cells } } = await run();
    const { environment } = await readCellRecord(join(out, cells[0]!.folder, "record.json"));
    deepEqual([Object.hasOwn(environment!, "accelerator"), Object.hasOwn(environment!, "precision")], [false, false]);
  });
});

Deno.test("runExperiment() in float16 says so in the plan, to its cells and in their records; float32 nowhere", async () => {
  const probe = proberOf({ webgpu: { name: "A card" } });
  for (const precision of ["float16", "float32"] as const) {
    await experiment({ device: "webgpu", precision, probe }, async (out, run) => {
      const { record: { cells } } = await run(), half = precision === "float16";
      const plan = JSON.parse(await Deno.readTextFile(join(out, "plan.json")));
      equal(plan.precision, half ? "float16" : undefined);
      const { environment } = await readCellRecord(join(out, cells[0]!.folder, "record.json"));
      equal(environment?.precision, precision);
      validateFolder(out, cells.map((cell) => cell.folder));
    });
  }
});

function validateFolder(out: string, cells: readonly string[]): void {
  const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
  const check = (schema: string, path: string, lines: boolean) => {
    const schemaFile = new URL(`../../results/schema/${schema}.schema.json`, import.meta.url);
    const validate = ajv.compile(JSON.parse(Deno.readTextFileSync(schemaFile)));
    const text = Deno.readTextFileSync(join(out, path));
    for (const part of lines ? text.split("\n").filter(Boolean) : [text]) {
      equal(validate(JSON.parse(part)), true, `${path}: ${JSON.stringify(validate.errors)}`);
    }
  };
  check("experiment", "experiment.json", false);
  for (const cell of cells) {
    check("record", join(cell, "record.json"), false);
    check("step", join(cell, "steps.jsonl"), true);
    check("sample", join(cell, "samples.jsonl"), true);
  }
}

Deno.test("runExperiment() finishes the other cells when one fails, and says why it failed", async () => {
  const { fails, misused, killed, garbled, crashes } = accidents;
  await experiment({ seeds: [fails, misused, killed, garbled, crashes, 1], jobs: 2 }, async (out, run) => {
    const { record, results } = await run();
    equal(record.status, "failed");
    deepEqual(record.cells.map((cell) => cell.status), [...Array(5).fill("failed"), "finished"]);
    const failure = (seed: number) => record.cells.find((cell) => cell.seed === seed)?.failure ?? "";
    equal(failure(fails), "Cannot update at step 3: the loss is NaN");
    match(failure(misused), /prompt is too long/);
    if (Deno.build.os !== "windows") {
      match(failure(killed), /killed by SIGKILL, most likely for want of memory .*--jobs/);
    }
    match(failure(garbled), /Cannot read an event of a worker's process: record\.step/);
    match(failure(crashes), /exit code 134.*--debug/);
    const logOf = (seed: number) => results.find((result) => result.record.seed === seed)?.log ?? "";
    match(logOf(crashes), /a native library says hello[^]*free\(\): invalid pointer/);
    match(logOf(fails), /FailureError[^]*cell_worker\.ts/);
    deepEqual(results.filter((result) => result.misuse).map((result) => result.record.seed), [misused]);

    const cell = await readCellRecord(join(out, "grpo", `seed-${fails}`, "record.json"));
    deepEqual([cell.outcome, cell.digest, cell.partial?.updates], [null, null, 3]);
    equal(cell.partial?.evaluations.length, 2); // greedy and sampled, before the first update
    equal((await readSteps(join(out, "grpo", `seed-${fails}`, "steps.jsonl"))).length, 3);
    validateFolder(out, record.cells.map((cell) => cell.folder));
  });
});

Deno.test("runExperiment() lets cells finish their update when it is to stop, and ends the deaf ones when it must", async () => {
  const { slow, frozen } = accidents;
  await experiment({ seeds: [0, slow, frozen, 1], jobs: 2, config: defaultConfig }, async (out, run) => {
    const stop = new AbortController(), kill = new AbortController();
    const steps = new Map<number, number>();
    const { record } = await run({
      signal: stop.signal,
      kill: kill.signal,
      report: ({ cell, ...progress }) => {
        if (progress.type === "event" && progress.event.type === "step") {
          steps.set(cell.spec.seed, progress.event.record.step);
        }
        if (progress.type === "ended" && cell.spec.seed === slow) kill.abort();
        if ((steps.get(slow) ?? 0) >= 2 && (steps.get(frozen) ?? 0) >= 2) stop.abort();
      },
    });
    equal(record.status, "interrupted");
    deepEqual(record.cells.map((cell) => cell.status), ["finished", "interrupted", "interrupted", "pending"]);
    deepEqual(await readExperiment(join(out, "experiment.json")), record);
    const cell = await readCellRecord(join(out, "grpo", `seed-${slow}`, "record.json"));
    deepEqual([cell.status, cell.failure], ["interrupted", null]);
    const done = (await readSteps(join(out, "grpo", `seed-${slow}`, "steps.jsonl"))).length;
    equal(cell.partial?.updates, done);
    const checkpoint = `step-${String(done).padStart(6, "0")}.checkpoint`;
    equal(existsSync(join(out, "grpo", `seed-${slow}`, "checkpoints", checkpoint)), true);
  });
});

Deno.test("runExperiment() refuses a folder that cannot be written, holds something else, or is in use", async () => {
  await experiment({}, async (out, run) => {
    const refused = (pattern: RegExp) =>
      rejects(run(), (error: unknown) => error instanceof MisuseError && pattern.test(error.message));
    await Deno.mkdir(join(out, ".."));
    await Deno.writeTextFile(out, "a file where the folder should be");
    await refused(/Cannot write to ".*out"/);
    await Deno.remove(out);
    await Deno.mkdir(out);
    await Deno.writeTextFile(join(out, "thesis.txt"), "mine");
    await refused(/it holds thesis\.txt and no plan\.json … choose another folder with --out/);
    await Deno.remove(join(out, "thesis.txt"));
    const first = run();
    await refused(new RegExp(`process ${Deno.pid} is writing there … wait`));
    equal((await first).record.status, "finished");
  });
});

for (const lost of ["the experiment's", "a cell's"]) {
  Deno.test(`runExperiment() stops every cell when ${lost} folder is lost in mid-run`, async () => {
    await experiment({ seeds: [accidents.frozen, accidents.slow], jobs: 2 }, async (out, run) => {
      const folder = lost === "a cell's" ? join(out, "grpo", `seed-${accidents.slow}`) : out;
      const report = ({ type, cell }: ExperimentProgress) => {
        if (type === "event" && cell.spec.seed === accidents.slow && existsSync(folder)) {
          Deno.removeSync(folder, { recursive: true });
        }
      };
      await rejects(
        run({ report }),
        (error: unknown) =>
          error instanceof FailureError && error.message.includes(folder) &&
          /Cannot (write|create)[^]*the same command then goes on from what is there$/.test(error.message),
      );
    });
  });
}

/** A file system that is soon full; null where this user may mount none. */
async function smallDisk(kilobytes: number): Promise<string | null> {
  if (Deno.build.os !== "linux") return null;
  const folder = await Deno.makeTempDir();
  const args = ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder];
  const { success } = await new Deno.Command("mount", { args, stderr: "null" }).output().catch(() => ({
    success: false,
  }));
  return success ? folder : null;
}

Deno.test("runExperiment() on a disk that fills up says so, and goes on once there is room", async (t) => {
  const disk = await smallDisk(600);
  await t.step({
    name: "on a small file system",
    ignore: disk === null, // only root may mount one
    fn: async () => {
      if (disk === null) return;
      const mount = (...args: string[]) => new Deno.Command(args[0]!, { args: args.slice(1) }).output();
      const long = overrideConfig(config, { rl: { updates: 800 } }, "test");
      try {
        await experiment(
          { out: join(disk, "out"), seeds: [0, 1], config: long, jobs: 2, keep: 1 },
          async (out, run) => {
            await rejects(run(), (error: unknown) =>
              error instanceof FailureError &&
              /the disk is full … free space or choose another disk; the same command then goes on/.test(
                error.message,
              ));
            await mount("mount", "-o", "remount,size=20m", disk);
            const { record } = await run();
            deepEqual(record.cells.map(({ status }) => status), ["finished", "finished"]);
            for (const { folder } of record.cells) {
              equal((await readSteps(join(out, folder, "steps.jsonl"))).length, 800);
            }
          },
        );
      } finally {
        await mount("umount", disk);
        await Deno.remove(disk);
      }
    },
  });
});
