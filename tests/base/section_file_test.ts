import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FailureError } from "../../harness/base/errors.ts";
import { readSectionFile, writeSectionFile } from "../../harness/base/section_file.ts";

const text = (value: string) => new TextEncoder().encode(value);
const sections = {
  progress: text('{"step":3}'),
  weights: Uint8Array.from({ length: 5000 }, (_, i) => i % 251),
  empty: text(""),
};

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readSectionFile() reads what writeSectionFile() wrote, and equal sections are equal files", async () => {
  await inFolder(async (folder) => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    await writeSectionFile(a, sections);
    await writeSectionFile(b, sections);
    deepEqual(await readSectionFile(a), sections);
    deepEqual(await Deno.readFile(a), await Deno.readFile(b));
    // Sections are aligned copies: a Float32Array may be laid over them.
    equal((await readSectionFile(a)).weights?.byteOffset, 0);
  });
});

Deno.test("readSectionFile() refuses a file that is cut anywhere, or in which any byte was changed", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "damaged");
    await writeSectionFile(path, sections);
    const whole = await Deno.readFile(path);
    const bad = (bytes: Uint8Array) => {
      Deno.writeFileSync(path, bytes);
      return rejects(readSectionFile(path), (error: Error) => {
        match(error.message, /^Cannot read ".*damaged": /);
        return error instanceof FailureError;
      });
    };
    for (let at = 0; at < whole.length; at += at < 300 ? 3 : 197) {
      await bad(whole.slice(0, at));
      const changed = whole.slice();
      changed[at]! ^= 1;
      if (at < 20 || at >= 28 + headerLength(whole)) await bad(changed); // magic and sections; a header may stay JSON
    }
    await rejects(readSectionFile(join(folder, "missing")), FailureError);
  });
});

const headerLength = (file: Uint8Array) => new DataView(file.buffer).getUint32(20, true);

Deno.test("writeSectionFile() refuses a folder that does not exist, and makes none", async () => {
  await inFolder(async (folder) => {
    await rejects(writeSectionFile(join(folder, "no", "folder"), sections), FailureError);
    equal(existsSync(join(folder, "no")), false);
  });
});
