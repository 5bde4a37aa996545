// `doctor [task]`: looks a task and a policy over before they meet in training, and the machine's devices where no task is
// named. The checks are harness/rl/self_test.ts; here they get their parts and become a table, remedies and an exit code.
// The devices are doctor_devices.ts.

import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { MisuseError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import { applySettings, defaultConfig, overrideFields } from "../config_options.ts";
import type { Task, TaskData } from "../contract.ts";
import { findData } from "../experiment/find_data.ts";
import { loadTaskFile } from "../experiment/load_files.ts";
import { findPolicy } from "../experiment/policies.ts";
import { type Check, checkPrompts, checkRewards, checkRollouts } from "../rl/self_test.ts";
import type { Prober } from "../runtime/probe.ts";
import { findTask, tasks } from "../../tasks/registry.ts";
import { styleOf, styleTask } from "../../tasks/style_task.ts";
import { type DeviceFlags, findDevices, lookAtDevices, showDevices } from "./doctor_devices.ts";
import { fetchProgress } from "./fetch_progress.ts";
import { alignColumns } from "./format.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `doctor`, as commander hands them over. */
interface DoctorFlags extends DeviceFlags {
  /** False with --no-policy. */
  readonly policy: string | false;
  readonly dataDir?: string;
  readonly prompt: string;
  readonly grading: string;
  readonly taskFile?: string;
  readonly set?: readonly string[];
  readonly items: number;
  readonly questions: number;
}

/** Problems of one check that are shown; there may be one for every item. */
const SHOWN = 3;

/** Adds the command to the program; `done` takes the exit code. */
export function addDoctor(
  program: Command,
  done: (exitCode: number) => void,
  { probe }: { readonly probe?: Prober } = {},
): void {
  program.command("doctor")
    .description(
      "Check a task's rewards, a policy's prompts and first answers, and this machine's devices before training.",
    )
    .argument("[task]", `${tasks.map((task) => task.name).join(" or ")}, or one of --task-file (default: "arithmetic")`)
    .option(
      "--policy <name>",
      "embedded, embedded-cold, a Hugging Face folder (a policy or an adapter), or org/name[@revision] of the Hub",
      "embedded",
    )
    .option("--no-policy", "check the task alone")
    .option("--data-dir <folder>", "the task's files (default: the cache, into which they are fetched)")
    .option("--prompt <name>", "how the task asks: paper, or one of its others (see `bench --help`)", "paper")
    .option("--grading <mode>", "strict, or lenient: an answer out of its layout counts too", "strict")
    .option("--task-file <file>", "TypeScript file that exports a task made with defineTask")
    .option("--set <key=value>", "a config field, e.g. rl.maxCompletionTokens=200; repeatable", collect)
    .option("--items <n>", "items of each split that are checked", parseCount("--items"), 256)
    .option("--questions <n>", "questions that the policy answers", parseCount("--questions"), 32)
    .option("--devices", "look at this machine's devices alone")
    .option("--device <name>", "look at one device alone: cuda, cuda:1, webgpu, dml or coreml")
    .option("--ops", "list where the operators of the policy's graphs run, on --device or the first that is usable")
    .option("--enable-cuda <path>", "lay CUDA's libraries in: PyPI's onnxruntime-gpu wheel, or a folder with them")
    .option("--json", "the checks as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Rewards: gold answers earn the full correctness reward; gold plus one, gold with a digit more, and no answer do not.
Prompts: the chat template was applied, prompts fit, the end-of-sequence token exists.
Answers: the policy's first completions end, and differ in reward: a group without variance teaches nothing.
Devices (without a task): each is tried on a small graph in a process of its own and its numbers are compared with the
CPU's; what is missing is named with its remedy. A device that is not there is no problem, unless --device asks for it.
Exit code: 0 all is well, 1 there are problems, 2 the command was wrong.

Examples:
  deno task doctor                                     this machine, and the embedded policy on arithmetic
  deno task doctor --devices                           what this machine can compute on
  deno task doctor --device cpu --ops                  the operators of the graphs, and where they run
  deno task doctor --enable-cuda onnxruntime_gpu-1.30.0-cp311-cp311-manylinux_2_28_x86_64.whl
  deno task doctor arithmetic --policy embedded-cold --set task.level=3
  deno task doctor gsm8k --data-dir gsm8k --policy SmolLM2-135M-Instruct --questions 8
  deno task doctor --task-file my_task.ts --no-policy  a task of one's own, its rewards alone
`,
    )
    .action(async (name: string | undefined, flags: DoctorFlags) => done(await doctor(name, flags, probe)));
}

async function doctor(name: string | undefined, flags: DoctorFlags, probe?: Prober): Promise<number> {
  if (flags.devices || flags.device !== undefined || flags.ops || flags.enableCuda !== undefined) {
    return await lookAtDevices(name, flags, probe);
  }
  const print = flags.json ? console.error : console.log;
  const found = name === undefined && flags.taskFile === undefined ? await findDevices(probe) : null;
  if (found) {
    showDevices(found, print);
    print("");
  }
  const own = await chooseTask(name, flags.taskFile), task = styleTask(own, styleOf(own, flags));
  const tasked = overrideFields(defaultConfig, task.defaults, `task "${task.name}"`);
  const config = applySettings(tasked, flags.set ?? []);
  const dataDir = await findData(task, flags.dataDir ?? null, { report: fetchProgress() });
  const data = await task.load({ dataDir, level: config.task.level });
  const checks = checkRewards(task, data, flags.items);
  if (flags.policy !== false) checks.push(...await checkPolicy(flags.policy, task, data, config, flags));
  show(checks, print);
  const ok = checks.every(({ problems }) => problems.length === 0);
  if (flags.json) {
    console.log(
      JSON.stringify({ ok, task: task.name, policy: flags.policy || null, checks, ...(found && { devices: found }) }),
    );
  }
  return ok ? 0 : 1;
}

/** The named task; without a name, the only one of the file, or the first that ships. */
async function chooseTask(name: string | undefined, file: string | undefined): Promise<Task> {
  if (file === undefined) return name === undefined ? tasks[0]! : findTask(name);
  const { exports } = await loadTaskFile(file);
  const found = name === undefined && exports.length === 1 ? exports[0] : exports.find((task) => task.name === name);
  if (found) return found;
  const names = exports.map((task) => task.name).join(", ");
  throw new MisuseError(
    name === undefined
      ? `Cannot choose a task: "${file}" exports ${names}; name one of them`
      : `Cannot find task "${name}": "${file}" exports ${names}`,
  );
}

async function checkPolicy(
  name: string,
  task: Task,
  data: TaskData,
  config: Config,
  { items, questions }: DoctorFlags,
): Promise<Check[]> {
  const { folder, merged } = await findPolicy(name, { report: fetchProgress() });
  // onnxruntime-node comes with these
  const [{ readPolicy }, { residentWeights }, { chooseRuntime }, { runLength }, { Sampler }] = await Promise.all([
    import("../model/policy.ts"),
    import("../model/transformer.ts"),
    import("../runtime/choose.ts"),
    import("../rl/run_shapes.ts"),
    import("../rl/sampler.ts"),
  ]);
  const policy = await readPolicy(folder, merged), { tokenizer, weights } = policy, { rl } = config;
  const checks = checkPrompts(task, data, policy, rl, items);
  if (checks.some(({ problems }) => problems.length > 0)) return checks; // its answers would tell nothing
  const runtime = chooseRuntime("cpu", availableParallelism(), weights.layout.size);
  const length = runLength(rl.maxPromptTokens, rl.maxCompletionTokens);
  const sampler = new Sampler(runtime, policy.config, tokenizer.eosTokenIds, length);
  try {
    const caps = { maxPromptTokens: rl.maxPromptTokens, maxTokens: rl.maxCompletionTokens };
    const asker = { task, tokenizer, sampler, ...caps };
    checks.push(...await checkRollouts(asker, residentWeights(weights), data, config, { seed: 0, groups: questions }));
  } finally {
    await sampler.dispose();
    await runtime.dispose();
  }
  return checks;
}

function show(checks: readonly Check[], print: (text: string) => void): void {
  const rows = checks.map(({ name, found, problems }) => [name, problems.length === 0 ? "ok" : "problem", found]);
  print(alignColumns([["check", "", "found"], [], ...rows], 3));
  for (const { name, problems } of checks) {
    if (problems.length === 0) continue;
    const more = problems.length - SHOWN;
    print(`\n${name}:`);
    for (const problem of problems.slice(0, SHOWN)) print(`  ${problem}`);
    if (more > 0) print(`  and ${more} more`);
  }
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
