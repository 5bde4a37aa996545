import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { zipContent, zipEntries } from "../../harness/base/zip_file.ts";
import { zipOf } from "../fakes/zip.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function contentOf(path: string, name: string): Promise<string> {
  const entry = (await zipEntries(path)).find((entry) => entry.name === name), decoder = new TextDecoder();
  let text = "";
  for await (const chunk of zipContent(path, entry!)) text += decoder.decode(chunk, { stream: true });
  return text;
}

const files = { "a.txt": "hello", "folder/b.txt": "x".repeat(200_000), "empty": "" };

for (const deflated of [true, false]) {
  Deno.test(`zipEntries() and zipContent() read what is ${deflated ? "deflated" : "stored"}`, async () => {
    const path = join(folder, `${deflated}.zip`);
    await Deno.writeFile(path, zipOf(files, deflated));
    deepEqual((await zipEntries(path)).map(({ name, size }) => [name, size]), [
      ["a.txt", 5],
      ["folder/b.txt", 200_000],
      ["empty", 0],
    ]);
    for (const [name, text] of Object.entries(files)) equal(await contentOf(path, name), text);
  });
}

Deno.test("zipEntries() and zipContent() refuse what is no archive, cut off or damaged", async () => {
  const path = join(folder, "bad.zip"), whole = zipOf(files);
  const refused = async (bytes: Uint8Array, pattern: RegExp) => {
    await Deno.writeFile(path, bytes);
    await rejects(contentOf(path, "folder/b.txt"), { name: "FailureError", message: pattern });
  };
  await refused(new TextEncoder().encode("no archive"), /no directory at its end … download it again/);
  await refused(new Uint8Array(0), /no directory at its end/);
  await refused(whole.slice(0, whole.length - 30), /no directory at its end/);
  const flipped = zipOf(files, false);
  flipped[5000]! ^= 1;
  await refused(flipped, /"folder\/b\.txt" does not fit its checksum/);
  const torn = whole.slice();
  torn.fill(0xff, 120, 150);
  await refused(torn, /"folder\/b\.txt" (cannot be unpacked|does not fit)|is not where/);
  await refused(whole.slice(50), /is none|ends too early|is not where/);
});
