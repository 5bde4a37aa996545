// `pretrain [policy]`: rebuilds an embedded policy from scratch. The recipe is harness/experiment/pretrain.ts.

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { MisuseError } from "../base/errors.ts";
import { suggest } from "../base/suggest.ts";
import { embeddedPolicies } from "../experiment/plan.ts";
import { duration } from "./format.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `pretrain`, as commander hands them over. */
interface PretrainFlags {
  readonly out?: string;
  readonly work: string;
  readonly seed: number;
  readonly threads: number;
}

const names = Object.keys(embeddedPolicies);

/** Adds the command to the program. */
export function addPretrain(program: Command): void {
  program.command("pretrain")
    .description("Rebuild an embedded policy from scratch: first the skill, then the habits.")
    .argument("[policy]", names.join(" or "), "embedded")
    .option("--out <folder>", "folder of the new policy (default: results/<policy>)")
    .option("--work <folder>", "where the first stage, which the policies share, is kept", join("results", "pretrain"))
    .option("--seed <n>", "seed of the recipe", parseCount("--seed", 0), 0)
    .option("--threads <n>", "threads", parseCount("--threads"), availableParallelism())
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
It takes minutes. The policies share their first stage, which is made once.

Examples:
  deno task pretrain embedded --out results/again
  deno task pretrain embedded-cold --seed 1 --out results/other
`,
    )
    .action(rebuild);
}

async function rebuild(name: string, { out, work, seed, threads }: PretrainFlags): Promise<void> {
  if (!names.includes(name)) {
    throw new MisuseError(
      `Cannot rebuild policy "${name}": the recipes are ${names.join(", ")}${suggest(name, names)}`,
    );
  }
  const folder = out ?? join("results", name);
  if (existsSync(join(folder, "config.json"))) {
    throw new MisuseError(`Cannot write to "${folder}": it already holds a policy … choose another folder with --out`);
  }
  const { pretrain } = await import("../experiment/pretrain.ts"); // onnxruntime-node comes with it
  const start = performance.now();
  let stage = "", stageStart = start;
  await pretrain(name, { folder, work, seed, threads }, (progress) => {
    const now = performance.now();
    if (progress.stage !== stage) [stage, stageStart] = [progress.stage, now];
    if (progress.step % 50 !== 0 && progress.step !== progress.steps) return;
    const left = (now - stageStart) / 1000 / progress.step * (progress.steps - progress.step);
    console.error(
      `${stage}: step ${progress.step}/${progress.steps}, loss ${progress.loss.toFixed(3)}, ${duration(left)} left`,
    );
  });
  console.log(`Policy: ${folder} (${duration((performance.now() - start) / 1000)})`);
}
