// `policy RESULTS`: the weights that a cell trained, as a Hugging Face folder. The work is
// harness/experiment/export_policy.ts; here is where from and where to.

import { type Command, Option } from "commander";
import { quantity } from "./format.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `policy`, as commander hands them over. */
interface PolicyFlags {
  readonly cell: string;
  readonly out: string;
  readonly step?: number;
  readonly policy?: string;
  readonly dtype: "f32" | "bf16";
  readonly merged?: boolean;
  readonly json?: boolean;
}

/** Adds the command to the program. */
export function addPolicy(program: Command): void {
  program.command("policy")
    .description(
      "Write the weights that a cell trained as a Hugging Face folder: a policy of its own, or a PEFT adapter.",
    )
    .argument("<results>", "folder of an experiment")
    .requiredOption("--cell <arm/seed>", "the cell")
    .requiredOption("--out <folder>", "the new policy's folder")
    .option(
      "--step <n>",
      "updates done, of a checkpoint that is there (default: the weights that were evaluated)",
      parseStep,
    )
    .option("--policy <name>", "where the policy that was trained lies now, if it was moved")
    .addOption(new Option("--dtype <name>", "number format of the weights").choices(["f32", "bf16"]).default("f32"))
    .option("--merged", "of an adapter: the whole policy, with the adapter merged into it")
    .option("--json", "what was written as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
The evaluated weights are the last ones, or with evaluation.checkpoint=best those that were best on validation.
Tokenizer, chat template and config are those of the policy that was trained; README.md is a model card with the results.
A cell of bench --lora has an adapter: it is written for Python's peft, or with --merged as a policy like any other.
Exit code: 0 written, 1 something failed, 2 the command was wrong.

Examples:
  deno task policy results/arithmetic-embedded-quick-1a2b3c4d --cell memory-r+/0 --out policies/mine
  deno task policy results/arithmetic-embedded-quick-1a2b3c4d --cell grpo/2 --step 110 --dtype bf16 --out policies/earlier
  deno task policy results/arithmetic-embedded-quick-5e6f7a8b --cell grpo/0 --merged --out policies/merged
  deno task bench --policy policies/mine     go on with it
`,
    )
    .action(write);
}

const parseStep = parseCount("--step");

async function write(folder: string, { cell, out, step, policy, dtype, merged, json }: PolicyFlags): Promise<void> {
  const { exportPolicy } = await import("../experiment/export_policy.ts"); // onnxruntime-node comes with it
  const written = await exportPolicy(folder, {
    cell,
    out,
    step: step ?? null,
    policy: policy ?? null,
    dtype: dtype === "f32" ? "F32" : "BF16",
    merged: merged ?? false,
  });
  const print = json ? console.error : console.log;
  print(
    `${written.adapter ? "Adapter" : "Policy"}: ${out} (${cell} after ${written.step} updates, ${
      quantity(written.parameters)
    } parameters, ${dtype})`,
  );
  if (json) console.log(JSON.stringify({ out, cell, dtype, ...written }));
}
