import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileError, writeFileAtomic } from "../../harness/base/atomic_file.ts";
import { FailureError } from "../../harness/base/errors.ts";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "matchbox-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("writeFileAtomic() writes text, bytes and chunks, and replaces what was there", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file");
    await writeFileAtomic(path, "größer");
    assert.equal(await readFile(path, "utf8"), "größer");
    await writeFileAtomic(path, Uint8Array.of(1, 2));
    assert.deepEqual([...await readFile(path)], [1, 2]);
    await writeFileAtomic(path, [Uint8Array.of(3), Uint8Array.of(), Uint8Array.of(4, 5)]);
    assert.deepEqual([...await readFile(path)], [3, 4, 5]);
    assert.deepEqual(await readdir(folder), ["file"]);
  }));

Deno.test("writeFileAtomic() keeps the old content and leaves nothing behind when the data fail midway", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file");
    await writeFileAtomic(path, "old");
    function* chunks() {
      yield Uint8Array.of(1);
      throw new Error("no more");
    }
    await assert.rejects(writeFileAtomic(path, chunks()), /no more/);
    assert.equal(await readFile(path, "utf8"), "old");
    assert.deepEqual(await readdir(folder), ["file"]);
  }));

Deno.test("writeFileAtomic() names the path where the folder is missing or the path is a folder", () =>
  withFolder(async (folder) => {
    const missing = join(folder, "none", "file");
    await assert.rejects(writeFileAtomic(missing, ""), (error) => {
      assert.ok(error instanceof FailureError);
      assert.match(error.message, /^Cannot write ".*none.file": there is no such file or folder … check the path$/);
      return true;
    });
    const taken = join(folder, "taken");
    await mkdir(join(taken, "inside"), { recursive: true });
    await assert.rejects(writeFileAtomic(taken, ""), FailureError);
    assert.deepEqual(await readdir(folder), ["taken"]);
  }));

Deno.test("fileError() tells a full disk from a closed folder and leaves defects alone", () => {
  const refusal = (code: string) => fileError("write", "/x", Object.assign(new Error(), { code }));
  assert.match(String(refusal("ENOSPC")), /"\/x": the disk is full … free space/);
  assert.match(String(refusal("EACCES")), /permission is denied/);
  assert.match(String(refusal("EROFS")), /read-only/);
  assert.match(String(refusal("EIO")), /reports EIO/);
  assert.ok(refusal("ENOSPC") instanceof FailureError);
  const defect = new TypeError("defect");
  assert.equal(fileError("write", "/x", defect), defect);
});
