import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { MisuseError } from "../../harness/base/errors.ts";
import { addReport } from "../../harness/cli/report.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import type { Results } from "../../harness/records/results.ts";
import { gradedResults, runs } from "../fakes/graded_results.ts";

/** The command as the program has it, in a folder of its own, with what it prints. */
async function inFolder(
  files: Readonly<Record<string, Results>>,
  work: (run: (...args: readonly string[]) => Promise<string[]>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir(), before = Deno.cwd();
  const run = async (...args: readonly string[]) => {
    const said: string[] = [], { log, error } = console;
    const program = new Command().exitOverride().configureOutput({
      writeOut: (text) => said.push(text),
      writeErr: () => {},
    });
    let exitCode = -1;
    addReport(program, (code) => exitCode = code);
    console.log = (...parts) => said.push(parts.join(" "));
    console.error = () => {};
    try {
      await program.parseAsync(args, { from: "user" });
      equal(exitCode, 0);
    } finally {
      [console.log, console.error] = [log, error];
    }
    return said;
  };
  try {
    for (const [path, results] of Object.entries(files)) {
      await Deno.mkdir(join(folder, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, path), bundleText(toBundle(results, { completions: true })));
    }
    Deno.chdir(folder);
    await work(run, folder);
  } finally {
    Deno.chdir(before);
    await Deno.remove(folder, { recursive: true });
  }
}

const planned = gradedResults({ scores: { plain: runs(2, 6, 2), other: runs(2, 6, 5) } });
const added = gradedResults({ scores: { third: runs(2, 6, 4) } });

function helpOf(): string {
  const program = new Command();
  addReport(program, () => {});
  let text = "";
  program.commands[0]!.configureOutput({ writeOut: (part) => text += part }).outputHelp();
  return text;
}

Deno.test("report runs as its help says", async () => {
  const examples = [...helpOf().matchAll(/^ {2}deno task report (.*)$/gm)].map(([, words = ""]) => words.split(" "));
  equal(examples.length, 3);
  const [folder = "", ...files] = [examples[0]![0]!, examples[1]![0]!, examples[2]![0]!, examples[2]![1]!];
  await inFolder({ [folder]: planned, [files[0]!]: planned, [files[1]!]: planned, [files[2]!]: added }, async (run) => {
    for (const words of examples) {
      const said = (await run("report", ...words)).join("\n"), [, path = ""] = /^Report: (.*)$/m.exec(said) ?? [];
      match(said, /other/);
      match(await Deno.readTextFile(path), /^<!doctype html>\n<html lang="en">/);
    }
    deepEqual([...Deno.readDirSync(".")].map(({ name }) => name).filter((name) => name.endsWith(".html")).sort(), [
      "both.html",
      "quick.html",
    ]);
    match(await Deno.readTextFile("both.html"), /third/);
  });
});

Deno.test("report --json says where the page is and what it answers, in one line", async () => {
  await inFolder({ "a.json": planned }, async (run) => {
    const said = await run("report", "a.json", "--json");
    equal(said.length, 1);
    const { report, answer } = JSON.parse(said[0]!);
    equal(report, "a.html");
    match(answer, /other/);
    ok((await Deno.stat("a.html")).size > 200_000);
  });
});

Deno.test("report refuses the same cells twice, with both paths, and leaves no page", async () => {
  await inFolder({ "a.json": planned, "b.json": planned }, async (run) => {
    const error = await run("report", "a.json", "b.json", "--out", "c.html").then(() => null, (error) => error);
    ok(error instanceof MisuseError);
    match(error.message, /arm "plain" with seed 0 is in "a\.json" and in "b\.json"/);
    equal([...Deno.readDirSync(".")].length, 2);
  });
});

Deno.test("report writes into an experiment's folder unless told otherwise, and the folder stays whole", async () => {
  await inFolder({}, async (run, folder) => {
    const worker = fileURLToPath(new URL("../fakes/bench.ts", import.meta.url));
    const args = ["run", "-A", "--no-check", worker, "bench", "--policy", "embedded", "--set", "rl.updates=3"];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, "--arms", "base,grpo", "--seeds", "0-1", "--out", join(folder, "mine")],
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    await run("report", "mine");
    const page = await Deno.readTextFile(join("mine", "report.html"));
    match(page, /4 of 4 finished/);
    await run("report", "mine"); // what it wrote is no obstacle
    equal(await Deno.readTextFile(join("mine", "report.html")), page);
  });
});
