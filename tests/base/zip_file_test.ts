import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { withZip } from "../../harness/base/zip_file.ts";
import { zipOf } from "../fakes/zip.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const contentOf = (path: string, name: string): Promise<string> =>
  withZip(path, async (entries) => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of entries.find((entry) => entry.name === name)!.content()) {
      text += decoder.decode(chunk, { stream: true });
    }
    return text;
  });

const files = { "a.txt": "hello", "folder/b.txt": "x".repeat(200_000), "empty": "" };

for (const deflated of [true, false]) {
  Deno.test(`withZip() reads what is ${deflated ? "deflated" : "stored"}`, async () => {
    const path = join(folder, `${deflated}.zip`);
    await Deno.writeFile(path, zipOf(files, deflated));
    const found = await withZip(path, (entries) => Promise.resolve(entries.map(({ name, size }) => [name, size])));
    deepEqual(found, [["a.txt", 5], ["folder/b.txt", 200_000], ["empty", 0]]);
    for (const [name, text] of Object.entries(files)) equal(await contentOf(path, name), text);
  });
}

Deno.test("withZip() refuses what is no archive, cut off or damaged", async () => {
  const path = join(folder, "bad.zip"), whole = zipOf(files);
  const refused = async (bytes: Uint8Array, message: RegExp, name = "FailureError") => {
    await Deno.writeFile(path, bytes);
    await rejects(contentOf(path, "folder/b.txt"), { name, message });
  };
  await refused(new TextEncoder().encode("no archive"), /bad\.zip": it is no ZIP archive … name one/, "MisuseError");
  await refused(new Uint8Array(0), /bad\.zip": it is no ZIP archive/, "MisuseError");
  await refused(whole.slice(50), /bad\.zip": it is no ZIP archive/, "MisuseError");
  await refused(whole.slice(0, whole.length - 30), /bad\.zip": .+ … download it again/);
  const flipped = zipOf(files, false);
  flipped[5000]! ^= 1;
  await refused(flipped, /"folder\/b\.txt": .*CRC32/);
  const torn = whole.slice();
  torn.fill(0xff, 120, 150);
  await refused(torn, /"folder\/b\.txt": .+ … download it again/);
  const moved = Uint8Array.of(...whole.slice(0, 4), ...whole.slice(54)); // its entries lie before where they should
  await refused(moved, /"folder\/b\.txt": .+ … download it again/);
});
