// Parquet files that pyarrow wrote (tests/fixtures/make_parquet_fixtures.py), against the rows that it wrote.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { readParquetFile } from "../../tasks/parquet_file.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/parquet/${name}`, import.meta.url));
const written: { problem: string; solution: string }[] = JSON.parse(readFileSync(fixture("rows.json"), "utf8"));
const columns = ["problem", "solution"];

Deno.test("readParquetFile() reads the rows that pyarrow wrote, however pages are compressed and encoded", async () => {
  for (const name of ["snappy", "zstd", "gzip", "brotli", "plain", "pages_v2"]) {
    const path = fixture(`${name}.parquet`), { rows, digest } = await readParquetFile(path, columns, "the fixture");
    deepEqual(rows.map((row) => ({ problem: row.text("problem"), solution: row.text("solution") })), written, name);
    equal(rows[0]?.value("messages"), undefined);
    equal(digest, sha256(readFileSync(path)));
  }
});

Deno.test("readParquetFile() gives rows that refuse a missing text by file, row and field", async () => {
  const path = fixture("nulls.parquet"), { rows } = await readParquetFile(path, columns, "the fixture");
  equal(rows[0]?.text("problem"), "fine?");
  for (const [i, value] of [[1, "null"], [2, '""']] as const) {
    await rejects(async () => await Promise.resolve(rows[i]?.text("problem")), (error: unknown) => {
      equal(error instanceof FailureError, true);
      equal(
        String(error).includes(`${path}, row ${i + 1}: field "problem" is ${value}, must be a text`),
        true,
        `${error}`,
      );
      return true;
    });
  }
});

Deno.test("readParquetFile() refuses a file that is missing, cut off, changed, something else, or without a column", async () => {
  const folder = await Deno.makeTempDir(), whole = readFileSync(fixture("zstd.parquet"));
  const path = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const changed = Uint8Array.from(whole, (byte, i) => i > 200 && i < 1000 ? byte ^ 0x5a : byte);
  const refused = async (file: string, kind: typeof FailureError | typeof MisuseError, message: RegExp) =>
    await rejects(readParquetFile(file, columns, "its origin"), (error: unknown) => {
      if (!(error instanceof kind)) throw error;
      match(error.message, message);
      equal(error.message.includes(file), true);
      return true;
    });
  try {
    await refused(join(folder, "none"), MisuseError, /it does not exist; give --data-dir a folder with its origin/);
    for (const length of [0, 3, 100, whole.length - 1]) {
      await refused(
        path(`cut-${length}`, whole.subarray(0, length)),
        FailureError,
        /no whole Parquet file .*fetch it again/,
      );
    }
    await refused(path("changed", changed), FailureError, /no whole Parquet file/);
    await refused(path("text", "problem,solution\n".repeat(100)), FailureError, /no whole Parquet file/);
    await refused(
      fixture("other_columns.parquet"),
      FailureError,
      /no column "problem", "solution", its columns are question/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
