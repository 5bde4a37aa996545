// The house rules about imports, as data. A room imports rooms on lower floors only, or itself; each npm package enters
// through its owner; three refusals say what floors alone do not. Imports are what Deno's own parser finds in the
// sources, type imports and dynamic ones included. Rooms may be listed here before their first file exists.

import { deepEqual, equal } from "node:assert/strict";
import { arms } from "../harness/arms/registry.ts";
import { tasks } from "../tasks/registry.ts";
import deno from "../deno.json" with { type: "json" };
import { codeOf, findSources, root } from "./sources.ts";

/** Floor of each room, by the beginning of its files' paths. */
const floors: Readonly<Record<string, number>> = {
  "deno.json": 0,
  "harness/base/": 0,
  "harness/config": 0.5, // config.ts and config_options.ts: what the contract's arms are made with
  "harness/contract.ts": 1,
  "harness/graph/": 2,
  "harness/records/": 2,
  "tasks/": 2,
  "harness/runtime/": 3,
  "harness/memory/": 3,
  "harness/stats/": 3,
  "harness/model/": 4,
  "harness/rl/": 5,
  "harness/arms/": 6,
  "harness/report/": 6,
  "harness/experiment/": 7,
  "harness/cli/": 8,
  "mod.ts": 8,
};

/** Where each npm package may be imported, by the beginnings of paths; none: by tests alone. */
const owners: Readonly<Record<string, readonly string[]>> = {
  "@cortex-js/compute-engine": ["tasks/math/engine_worker.ts"],
  "@huggingface/hub": ["harness/model/hub/repository.ts"],
  "@huggingface/jinja": ["harness/model/chat_template.ts"],
  "@huggingface/tokenizers": ["harness/model/tokenizer.ts"],
  "@huggingface/transformers": ["harness/memory/minilm_embedder.ts"],
  "ajv": [],
  "chart.js": ["harness/report/chart_library.ts"],
  "cli-progress": ["harness/cli/progress.ts"],
  "cliffy": ["harness/cli/explore/shell.ts"],
  "commander": ["harness/cli/"],
  "hyparquet": ["tasks/parquet_file.ts"],
  "@zip.js/zip.js": ["harness/base/zip_file.ts"],
  "onnx-proto": ["harness/graph/encode.ts"],
  "onnxruntime-node": ["harness/runtime/session.ts"],
  "playwright-core": [],
  "usearch": ["harness/memory/knn_index.ts"],
  "yaml": ["harness/cli/config_file.ts", "harness/report/exports/"],
  "zod": [
    "harness/contract.ts",
    "harness/config.ts",
    "harness/records/",
    "harness/experiment/protocol.ts",
    "harness/experiment/evaluation_protocol.ts",
  ],
};

/** What a room must not reach, directly or through others, although the floors would allow it. */
const refusals = [
  { room: "harness/rl/", never: ["harness/memory/"], why: "an arm hands the loop a reward shaper" },
  { room: "harness/stats/", never: ["harness/rl/", "harness/runtime/"], why: "statistics are made from records alone" },
  { room: "harness/report/", never: ["harness/rl/", "harness/runtime/"], why: "reports are made from records alone" },
];

/** Names of arms and tasks in files below their rooms, where they mean something else or are the point of the file. */
const namedBelow: Readonly<Record<string, readonly string[]>> = {
  "harness/config.ts": ["grpo", "cosine"], // a loss variant; a schedule and a group of fields
  "harness/rl/objective.ts": ["grpo"], // the same
  "harness/rl/schedule.ts": ["cosine"], // a schedule
  "harness/rl/cell_state.ts": ["replay"], // a section of a checkpoint
  "harness/rl/draw_step.ts": ["replay"], // the purpose of a random stream
  "harness/experiment/pretrain.ts": ["arithmetic"], // the recipe of the policies that ship: they learn this task
  "harness/experiment/paper_profiles.ts": ["gsm8k", "aimo"], // what the paper trained on
};

/** What the task room shows to others: its tasks by name, and the way in for one of a user's. */
const faces: readonly string[] = ["tasks/registry.ts", "tasks/define_task.ts", "tasks/style_task.ts"];

/** One import: who, on which line, what was written, and the file (or package) that it means. */
interface Import {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
  readonly to: string;
}

const roomOf = (path: string) => Object.keys(floors).find((room) => path.startsWith(room));

/** What is wrong with one import; null if nothing. */
function violation({ from, line, specifier, to }: Import): string | null {
  const refuse = (why: string) => `${from}:${line}: cannot import "${specifier}": ${why}`;
  if (to.startsWith("node:")) return null;
  if (to.startsWith("npm:")) {
    const name = Object.keys(owners).find((owner) => to.startsWith(`npm:${owner}@`));
    if (name === undefined) return refuse("the package has no owner in tests/floors_test.ts");
    const owner = owners[name] ?? [];
    if (owner.some((path) => from.startsWith(path))) return null;
    return refuse(`only ${owner.join(", ") || "tests"} may import ${name}`);
  }
  const room = roomOf(from), other = roomOf(to);
  if (room === undefined) return refuse(`${from} is in no room of tests/floors_test.ts`);
  if (other === undefined) return refuse(`${to} is in no room of tests/floors_test.ts`);
  const floor = floors[room] ?? NaN, below = floors[other] ?? NaN;
  if (room === other || below < floor) return null;
  return refuse(`${other} is on floor ${below} and ${room} on floor ${floor}; imports go down`);
}

/** Chains of imports that end where a refusal forbids; one for each file and refusal. */
function refusedChains(imports: readonly Import[]): string[] {
  const files = [...new Set(imports.map(({ from }) => from))];
  return refusals.flatMap(({ room, never, why }) =>
    files.filter((file) => file.startsWith(room)).flatMap((file) => {
      const seen = new Set([file]), open = [{ file, chain: file }];
      for (const { file, chain } of open) {
        for (const { from, line, to } of imports) {
          if (from !== file || seen.has(to)) continue;
          const longer = `${chain}:${line} -> ${to}`;
          if (never.some((forbidden) => to.startsWith(forbidden))) return [`${longer}: ${why}`];
          seen.add(to);
          open.push({ file: to, chain: longer });
        }
      }
      return [];
    })
  );
}

/** Every import of the given files, as Deno's parser sees it. */
async function importsOf(files: readonly string[]): Promise<Import[]> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = `${folder}/all.ts`;
    await Deno.writeTextFile(entry, files.map((file) => `import "${new URL(file, root)}";\n`).join(""));
    const args = ["info", "--json", "--config", "deno.json", "--frozen", entry];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    equal(code, 0, text(stderr));
    const { modules }: { modules: InfoModule[] } = JSON.parse(text(stdout));
    return modules.flatMap(({ specifier, error, dependencies = [] }) => {
      const from = pathOf(specifier);
      equal(error, undefined, `${from}: ${error}`);
      if (!files.includes(from)) return [];
      return dependencies.flatMap(({ specifier, code, type }) =>
        [code, type].filter((target) => target !== undefined).map((target) => {
          equal(target.error, undefined, `${from}:${target.span.start.line + 1}: ${target.error}`);
          return { from, line: target.span.start.line + 1, specifier, to: pathOf(target.specifier ?? "") };
        })
      );
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Programs started from a file by its URL, such as workers: imports in all but name. */
function startedFrom(file: string): Import[] {
  return codeOf(read(file)).split("\n").flatMap((text, i) =>
    [...text.matchAll(/new URL\("([^"]+\.ts)", import\.meta\.url\)/g)].map(([, specifier = ""]) => (
      { from: file, line: i + 1, specifier, to: pathOf(new URL(specifier, new URL(file, root)).href) }
    ))
  );
}

/** The part of `deno info --json` that is read here. */
interface InfoModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: InfoTarget;
    readonly type?: InfoTarget;
  }[];
}
interface InfoTarget {
  readonly specifier?: string;
  readonly error?: string;
  readonly span: { readonly start: { readonly line: number } };
}

const read = (file: string) => Deno.readTextFileSync(new URL(file, root));
const pathOf = (specifier: string) => specifier.startsWith(root.href) ? specifier.slice(root.href.length) : specifier;

const sources = findSources("harness", "tasks", "mod.ts");
const imports = [...await importsOf(sources), ...sources.flatMap(startedFrom)];

Deno.test("imports go down the floors, and npm packages enter through their owners", () => {
  deepEqual(imports.map(violation).filter((message) => message !== null), []);
});

Deno.test("rl never reaches memory; stats and report never reach rl or runtime", () => {
  deepEqual(refusedChains(imports), []);
});

Deno.test("the floors name every file, and the owners every package of deno.json, each pinned", () => {
  deepEqual(sources.filter((file) => roomOf(file) === undefined), []);
  deepEqual(Object.keys(owners).sort(), Object.keys(deno.imports).sort());
  for (const [name, specifier] of Object.entries(deno.imports)) {
    equal(/^npm:(.*)@\d+\.\d+\.\d+$/.exec(specifier)?.[1], name, `${specifier} must be pinned to one version`);
  }
});

Deno.test("below the arms no file knows an arm by name, below the command line none a task", () => {
  const known = [
    ...arms.map(({ name }) => ({ name, home: "harness/arms/" })),
    ...tasks.map(({ name }) => ({ name, home: "harness/cli/" })),
  ];
  const found = sources.filter((file) => !file.startsWith("tasks/")).flatMap((file) => {
    const floor = floors[roomOf(file) ?? ""] ?? NaN;
    const hidden = known.filter(({ name, home }) => floor < (floors[home] ?? NaN) && !namedBelow[file]?.includes(name));
    return codeOf(read(file)).split("\n").flatMap((line, i) =>
      hidden.filter(({ name }) => new RegExp(`["'\`]${name}["'\`]`).test(line))
        .map(({ name }) => `${file}:${i + 1}: knows "${name}" by name`)
    );
  });
  const imported = imports
    .filter(({ from, to }) => !from.startsWith("tasks/") && to.startsWith("tasks/") && !faces.includes(to))
    .filter(({ from, to }) => !namedBelow[from]?.some((name) => to.startsWith(`tasks/${name}`)))
    .map(({ from, line, to }) => `${from}:${line}: imports ${to} past tasks/registry.ts`);
  deepEqual([...found, ...imported], []);
});

Deno.test("importsOf() and startedFrom() miss nothing that a line of source shows", () => {
  const seen = new Set(imports.map(({ from, specifier }) => `${from}: ${specifier}`));
  const pattern =
    /^(?:import|export|}) .*\bfrom "([^"]+)"|\bimport\("([^"]+)"\)|new URL\("([^"]+\.ts)", import\.meta/gm;
  const shown = sources.flatMap((file) =>
    [...codeOf(read(file)).matchAll(pattern)].map(([, from, dynamic, url]) => `${file}: ${from ?? dynamic ?? url}`)
  );
  deepEqual(shown.filter((line) => !seen.has(line)), []);
  equal(shown.length > sources.length, true);
});

Deno.test("violation() names file, line and import", () => {
  const check = (from: string, to: string) => violation({ from, line: 3, specifier: to, to });
  equal(check("harness/rl/train.ts", "harness/graph/ir.ts"), null);
  equal(check("harness/rl/train.ts", "harness/rl/learner.ts"), null);
  equal(check("harness/rl/train.ts", "node:fs"), null);
  equal(check("harness/runtime/session.ts", "npm:onnxruntime-node@1.30.0"), null);
  equal(
    check("harness/graph/ir.ts", "harness/rl/train.ts"),
    'harness/graph/ir.ts:3: cannot import "harness/rl/train.ts": ' +
      "harness/rl/ is on floor 5 and harness/graph/ on floor 2; imports go down",
  );
  equal(
    check("harness/graph/ir.ts", "harness/records/schema.ts"),
    'harness/graph/ir.ts:3: cannot import "harness/records/schema.ts": ' +
      "harness/records/ is on floor 2 and harness/graph/ on floor 2; imports go down",
  );
  equal(
    check("harness/rl/train.ts", "npm:onnxruntime-node@1.30.0"),
    'harness/rl/train.ts:3: cannot import "npm:onnxruntime-node@1.30.0": ' +
      "only harness/runtime/session.ts may import onnxruntime-node",
  );
  equal(
    check("harness/rl/train.ts", "npm:left-pad@1.0.0"),
    'harness/rl/train.ts:3: cannot import "npm:left-pad@1.0.0": the package has no owner in tests/floors_test.ts',
  );
  equal(
    check("harness/rl/train.ts", "tests/sources.ts"),
    'harness/rl/train.ts:3: cannot import "tests/sources.ts": tests/sources.ts is in no room of tests/floors_test.ts',
  );
});

Deno.test("refusedChains() finds what is reached through another file", () => {
  const edge = (from: string, to: string): Import => ({ from, line: 3, specifier: to, to });
  const chain = [
    edge("harness/report/page.ts", "harness/experiment/plan.ts"),
    edge("harness/experiment/plan.ts", "harness/runtime/session.ts"),
  ];
  deepEqual(refusedChains(chain), [
    "harness/report/page.ts:3 -> harness/experiment/plan.ts:3 -> harness/runtime/session.ts: " +
    "reports are made from records alone",
  ]);
  deepEqual(refusedChains(chain.slice(0, 1)), []);
  equal(refusedChains([edge("harness/rl/train.ts", "harness/memory/index.ts")]).length, 1);
});
