// `leaderboard build|add|check`: a folder of entries, each a bundle of records that anyone can verify, and the static site
// made of them. The work is harness/report/leaderboard; here tasks and data are found, and words and exit codes made.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { Task, TaskData } from "../contract.ts";
import type { LeaderboardAbout } from "../records/leaderboard_entry.ts";
import type { PlanRecord } from "../records/plan_schema.ts";
import { recordedStyle } from "../records/task_text.ts";
import type { GradingSources } from "../report/leaderboard/verify_results.ts";
import { visibleText } from "../report/visible_text.ts";
import { quantity } from "./format.ts";

/** Where a leaderboard lies unless another folder is named: it is committed. */
const BOARD = "results/leaderboard";
const PAPERS = fileURLToPath(new URL("../../baselines/papers/", import.meta.url));

/** Flags that tell where questions come from. */
interface SourceFlags {
  readonly taskFile?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

interface AddFlags extends SourceFlags {
  readonly board: string;
  readonly name?: string;
  readonly note?: string;
  readonly link?: string;
}

interface CheckFlags extends SourceFlags {
  readonly rewrite?: boolean;
}

interface BuildFlags {
  readonly out: string;
  readonly papers: string;
  readonly reports?: boolean;
  readonly json?: boolean;
}

/** Adds the command and its three parts to the program; `done` takes the exit code. */
export function addLeaderboard(program: Command, done: (exitCode: number) => void): void {
  const command = program.command("leaderboard")
    .description("A leaderboard of verified results: extend it, check it, build its site.")
    .addHelpText(
      "after",
      `
Examples:
  deno task leaderboard add --help
  deno task leaderboard check
  deno task leaderboard build --out site
`,
    );

  command.command("add")
    .description("Verify finished results and take them up: digests, the match, and every completion graded again.")
    .argument("<results>", "folder of an experiment, or a bundle with completions")
    .option("--board <folder>", "the leaderboard", BOARD)
    .option("--name <text>", "what the entry is called (default: the profile and the policy)")
    .option("--note <text>", "what is worth knowing of it")
    .option("--link <address>", "where to read more, http or https")
    .option("--task-file <file>", "the file that defines the task, if it is not of Matchbox")
    .option("--data-dir <folder>", "the task's files, for tasks that read files: gold answers are checked too")
    .option("--json", "what was added as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
The entry's id follows from its content. What is there already is left as it is.
Exit code: 0 added or already there, 1 it does not verify, 2 the command was wrong.

Examples:
  deno task leaderboard add results/arithmetic-embedded-quick-1a2b3c4d
  deno task leaderboard add results/arithmetic-embedded-quick-1a2b3c4d --name "Quick, 3 seeds" --note "first try"
`,
    )
    .action(async (results: string, flags: AddFlags) => done(await add(results, flags)));

  command.command("check")
    .description("Verify every entry again, and that it says what follows from its bundle.")
    .argument("[folder]", "the leaderboard", BOARD)
    .option("--rewrite", "write the entry.json of each bundle that verifies again, e.g. after an update of Matchbox")
    .option("--task-file <file>", "a file that defines tasks, if they are not of Matchbox")
    .option("--data-dir <folder>", "files of tasks that read files: gold answers are checked too")
    .option("--json", "what was found as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Exit code: 0 all is well, 1 an entry does not verify, 2 the command was wrong.

Examples:
  deno task leaderboard check
  deno task leaderboard check results/leaderboard --json
`,
    )
    .action(async (folder: string, flags: CheckFlags) => done(await check(folder, flags)));

  command.command("build")
    .description(
      "Write the leaderboard as a static site: pages, JSON, CSV and downloads. It loads nothing from elsewhere.",
    )
    .argument("[folder]", "the leaderboard", BOARD)
    .requiredOption("--out <site>", "folder of the site")
    .option("--papers <folder>", "what papers claim, shown apart (default: baselines/papers)", PAPERS)
    .option("--reports", "also the full report of each entry")
    .option("--json", "what was built as JSON in the last line of standard output")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Run check before: build believes the entries. The same entries give the same bytes.
Exit code: 0 built, 1 an entry cannot be read, 2 the command was wrong.

Examples:
  deno task leaderboard build --out site
  deno task leaderboard build results/leaderboard --out site --reports
`,
    )
    .action(async (folder: string, flags: BuildFlags) => done(await build(folder, flags)));
}

async function add(path: string, flags: AddFlags): Promise<number> {
  const { addEntry } = await import("../report/leaderboard/add_entry.ts");
  const { readResults } = await import("../records/results.ts");
  const print = flags.json ? console.error : console.log;
  const results = await readResults(path, { steps: false });
  if (results.plan === null) {
    throw new FailureError(`Cannot add "${path}": it has no plan, as results of schema version 1 … run it again`);
  }
  const { profile, policy } = results.plan, name = `${profile}, ${policy.name}`;
  const about = aboutOf({ name: name.slice(0, 80).toWellFormed(), ...flags });
  const { entry, added, bytes } = await addEntry(flags.board, results, about, await sourcesOf(results.plan, flags));
  const size = `${quantity(bytes)} bytes packed`;
  print(
    added
      ? `Added entry ${entry.id} to ${flags.board}: ${entry.rows.length} arms, ${entry.verified.answers} completions ` +
        `graded again, ${size}${entry.verified.gold ? "" : "; gold answers were not at hand and are unchecked"}`
      : `Entry ${entry.id} is in ${flags.board} already: nothing was changed`,
  );
  if (flags.json) console.log(JSON.stringify({ id: entry.id, added, bytes, verified: entry.verified }));
  return 0;
}

/** @throws MisuseError for a text that an entry cannot have */
function aboutOf(
  { name = "", note = "", link = "" }: Partial<Pick<AddFlags, "name" | "note" | "link">>,
): LeaderboardAbout {
  const longest = { "--name": [name, 80], "--note": [note, 2000], "--link": [link, 500] } as const;
  for (const [flag, [text, most]] of Object.entries(longest)) {
    if (text.length > most) {
      throw new MisuseError(`Cannot use ${flag}: it has ${text.length} characters … it may have ${most}`);
    }
    if (visibleText(text) !== text || (flag !== "--note" && text.includes("\n"))) {
      throw new MisuseError(`Cannot use ${flag}: it holds characters that cannot be seen … leave them out`);
    }
  }
  if (name.trim() === "") {
    throw new MisuseError("Cannot use --name: it is empty … leave it out for a name of the profile");
  }
  if (link !== "" && !(URL.canParse(link) && /^https?:$/.test(new URL(link).protocol))) {
    throw new MisuseError(`Cannot use --link ${JSON.stringify(link)}: it must begin with https:// or http://`);
  }
  return { name, note: note === "" ? null : note, link: link === "" ? null : link };
}

/** The plan's task, and its data where they are generated or given. @throws MisuseError where there is no such task */
async function sourcesOf(
  { task: { name, file, ...task }, config }: PlanRecord,
  flags: SourceFlags,
): Promise<GradingSources> {
  const { loadTask } = await import("../experiment/load_files.ts");
  if (file !== null && flags.taskFile === undefined) {
    throw new MisuseError(`Cannot grade task "${name}": it is defined in a file … give --task-file`);
  }
  const found = await loadTask(name, file === null ? null : flags.taskFile ?? null, recordedStyle(task));
  const level = config["task"]?.["level"];
  return { task: found, data: await dataOf(found, typeof level === "number" ? level : 1, flags.dataDir ?? null) };
}

/** null: the task reads files, no folder was given, and the cache does not hold them. */
async function dataOf(task: Task, level: number, dataDir: string | null): Promise<TaskData | null> {
  const { findData } = await import("../experiment/find_data.ts");
  try {
    return await task.load({ dataDir: await findData(task, dataDir, { cacheOnly: true }), level });
  } catch (error) {
    if (!(error instanceof MisuseError)) throw error;
    if (dataDir === null) return null;
    return await task.load({ dataDir: null, level }); // a generated task takes no folder
  }
}

async function check(folder: string, flags: CheckFlags): Promise<number> {
  const { checkEntries } = await import("../report/leaderboard/check_entries.ts");
  if (!existsSync(folder)) throw new MisuseError(`Cannot check "${folder}": there is no such folder`);
  const print = flags.json ? console.error : console.log;
  const checked = await checkEntries(folder, {
    rewrite: flags.rewrite ?? false,
    sources: (plan) => sourcesOf(plan, flags),
    report: ({ id, problem, rewritten, entry }) => {
      const what = `${entry?.rows.length} arms, ${entry?.verified.answers} completions graded again`;
      print(
        problem === null ? `ok      ${id}: ${what}${rewritten ? ", written again" : ""}` : `FAILED  ${id}: ${problem}`,
      );
    },
  });
  const failed = checked.filter(({ problem }) => problem !== null);
  print(`\n${checked.length - failed.length} ok, ${failed.length} failed`);
  if (flags.json) {
    const entries = checked.map(({ id, problem, rewritten }) => ({ id, problem, rewritten }));
    console.log(JSON.stringify({ ok: failed.length === 0, entries }));
  }
  return failed.length === 0 ? 0 : 1;
}

/** Makes the report of a bundle. */
async function reporter(): Promise<(path: string) => Promise<string>> {
  const { fromBundle, readBundle } = await import("../records/bundle.ts");
  const { pageAssets } = await import("../report/page_assets.ts");
  const { pageText } = await import("../report/page.ts");
  const assets = await pageAssets();
  return async (path) => pageText([fromBundle(await readBundle(path), "bundle.json.gz")], assets);
}

async function build(folder: string, { out, papers, reports, json }: BuildFlags): Promise<number> {
  const { buildSite } = await import("../report/leaderboard/build_site.ts");
  const { readPapers } = await import("../records/papers.ts");
  if (!existsSync(folder)) throw new MisuseError(`Cannot build from "${folder}": there is no such folder`);
  const built = await buildSite(folder, {
    out,
    papers: existsSync(papers) ? await readPapers(papers) : [],
    report: reports ? await reporter() : null,
  });
  const { entries, rows, groups, files } = built;
  const counts = [
    countOf(entries, "entry", "entries"),
    countOf(rows, "row"),
    countOf(groups, "group"),
    countOf(files, "file"),
  ];
  (json ? console.error : console.log)(`Built ${out}: ${counts.join(", ")}`);
  if (json) console.log(JSON.stringify(built));
  return 0;
}

function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
