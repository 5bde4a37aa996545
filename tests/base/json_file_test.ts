import { deepEqual, rejects } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { FailureError } from "../../harness/base/errors.ts";
import { readJsonFile } from "../../harness/base/json_file.ts";

Deno.test("readJsonFile() unpacks a file whose name ends with .gz, and names one that is damaged", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/a.json.gz`;
  try {
    const packed = gzipSync('{"a":1}');
    await Deno.writeFile(path, packed);
    deepEqual(await readJsonFile(path), { a: 1 });
    await Deno.writeFile(path, packed.subarray(0, 12));
    await rejects(readJsonFile(path), (error) => {
      return error instanceof FailureError && error.message.startsWith(`Cannot read "${path}": it cannot be unpacked`);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
