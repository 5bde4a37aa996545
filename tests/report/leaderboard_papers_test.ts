// What papers claim, as baselines/papers has it: every number with a source, and the numbers of the paper itself.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { paperSchema, readPapers } from "../../harness/records/papers.ts";

const folder = fileURLToPath(new URL("../../baselines/papers", import.meta.url));
const papers = await readPapers(folder);

Deno.test("every number of baselines/papers has a table with a source, an address and a mark of how it was read", () => {
  ok(papers.length > 0);
  for (const { id, tables, evidence, caveats } of papers) {
    ok(caveats.length > 0, id);
    for (const { source, columns, rows } of tables) {
      ok(source.where !== "" && /^https:\/\//.test(source.url), id);
      for (const { values } of rows) {
        for (const [i, claimed] of values.entries()) {
          if (claimed !== null) ok((columns[i]?.evidence ?? []).every((mark) => evidence[mark] !== undefined), id);
        }
      }
    }
  }
});

/** "27.5 6.3" by column of a row; null where the paper has none. */
function rowOf(table: string, model: string | null, arm: string): (string | null)[] {
  const found = papers.find(({ id }) => id === "memory-r")?.tables.find(({ id }) => id === table)?.rows
    .find((row) => row.model === model && row.arm === arm);
  return (found?.values ?? []).map((claimed) =>
    claimed && [claimed.value, claimed.std].filter((value) => value !== undefined).join(" ")
  );
}

Deno.test("memory-r.json has the numbers of the paper's Table 1", () => {
  const [qwen, falcon, llama] = ["Qwen2.5-0.5B", "Falcon3-1B", "Llama3.2-1B"];
  deepEqual(rowOf("table-1", qwen!, "Base"), ["27.8", null, "20", null, "0", null]);
  deepEqual(rowOf("table-1", qwen!, "R1"), ["27.5 6.3", "28.8 7.5", "18.7 3.6", "18.9 3.8", "0", "1.1 1.9"]);
  deepEqual(rowOf("table-1", qwen!, "Memory-R+"), ["33.7 2.5", "34 2.3", "22.3 0.6", "24.4 0.6", "0", "1.1 1.9"]);
  deepEqual(rowOf("table-1", falcon!, "R1"), ["10.9 4.6", "16.3 1.7", "6.5 1.7", "10.8 0.4", "0", "0"]);
  deepEqual(rowOf("table-1", falcon!, "Cosine"), ["35.3 0.2", "37.4 1.3", "16.2 1.4", "17 0.9", "0", "0"]);
  deepEqual(rowOf("table-1", llama!, "Memory-R+"), ["40.5 1.1", "40.7 1.1", "20 1.2", "20.6 1.4", "0", "2.2 1.9"]);
  deepEqual(rowOf("table-1", llama!, "R1"), ["36.2 0.3", "37.2 1.3", "15.2 1", "19 0.5", "3.3 0", "2.2 1.9"]);
  const claims = papers[0]?.tables.map(({ rows }) => rows.flatMap(({ values }) => values).filter((one) => one).length);
  deepEqual(claims, [81, 24, 6, 2]);
});

Deno.test("memory-r.json has the numbers of the paper's Tables 2 and 6", () => {
  deepEqual(
    rowOf("table-2", "Qwen2.5-0.5B", "Memory-R+, K = 20"),
    ["38.2 0.9", "37.5 0.3", "25.8 0.5", "25.3 0.6", "2.2 1.9", "2.2 1.9"],
  );
  deepEqual(
    rowOf("table-2", "Qwen2.5-0.5B", "Memory-R+, K = 10"),
    ["38.7 1.2", "37.8 1.4", "25.9 0.3", "23.7 0.5", "0.7 1", "0.3 0.8"],
  );
  deepEqual(rowOf("table-6", null, "Memory-R+"), ["27.6", "9.3"]);
  deepEqual(rowOf("self-checks", null, "Base"), ["6"]);
});

Deno.test("readPapers() refuses a number without evidence, a ragged row, another name and a script as an address", async () => {
  const [paper] = papers, scratch = await Deno.makeTempDir();
  try {
    const table = paper!.tables[0]!;
    const spoilt = [
      { ...paper, tables: [{ ...table, columns: table.columns.map((one) => ({ ...one, evidence: ["none"] })) }] },
      { ...paper, tables: [{ ...table, rows: [{ ...table.rows[0], values: [] }] }] },
      { ...paper, tables: [{ ...table, source: { ...table.source, url: "javascript:alert(1)" } }] },
      { ...paper, caveats: [] },
      { ...paper, id: "another" },
    ];
    for (const value of spoilt) {
      await Deno.writeTextFile(join(scratch, "memory-r.json"), JSON.stringify(value));
      await rejects(readPapers(scratch), /Cannot read ".*memory-r\.json"/);
    }
    equal(paperSchema.safeParse(paper).success, true);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});
