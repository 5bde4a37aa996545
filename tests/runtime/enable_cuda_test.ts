// Laying CUDA's libraries in from wheels and folders made here, into a folder that stands for onnxruntime-node's.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { CUDA_LIBRARIES, enableCuda, runtimeHome } from "../../harness/runtime/enable_cuda.ts";
import { zipOf } from "../fakes/zip.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const VERSION = "1.30.0", shared = "shared", provider = `\0${VERSION}\0`;
const capi = { [CUDA_LIBRARIES[0]]: shared, [CUDA_LIBRARIES[1]]: provider };
const home = async () => ({ folder: await Deno.makeTempDir({ dir: parent }), version: VERSION });

async function wheel(
  name: string,
  version: string,
  libraries: Readonly<Record<string, string>> = capi,
): Promise<string> {
  const path = join(await Deno.makeTempDir({ dir: parent }), "a.whl");
  const inside = Object.entries(libraries).map(([file, text]) => [`onnxruntime/capi/${file}`, text]);
  const metadata = {
    [`${name}-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
  };
  await Deno.writeFile(path, zipOf({ ...Object.fromEntries(inside), ...metadata }));
  return path;
}

async function folder(below: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = await Deno.makeTempDir({ dir: parent });
  await Deno.mkdir(join(path, below), { recursive: true });
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(path, below, name), text);
  return path;
}

Deno.test("enableCuda() lays the libraries of a wheel, or of a folder of one, beside onnxruntime-node's", async () => {
  const sources = [
    await wheel("onnxruntime-gpu", VERSION),
    await folder("", capi),
    await folder("onnxruntime/capi", { ...capi, [CUDA_LIBRARIES[1]]: "", [`libonnxruntime.so.${VERSION}`]: "" }),
    await folder("capi", capi),
  ];
  for (const source of sources) {
    const there = await home(), written = await enableCuda(source, there, "linux-x64");
    deepEqual(written.map((path) => basename(path)), [...CUDA_LIBRARIES]);
    deepEqual([...Deno.readDirSync(there.folder)].map(({ name }) => name).sort(), [...CUDA_LIBRARIES].sort());
    equal(await Deno.readTextFile(join(there.folder, CUDA_LIBRARIES[0])), shared);
  }
});

Deno.test("enableCuda() refuses another version with both, other wheels, and what lacks a library, and writes nothing", async () => {
  const cases: [string, RegExp][] = [
    [
      await wheel("onnxruntime-gpu", "1.29.1"),
      /it is of version 1\.29\.1 and onnxruntime-node of 1\.30\.0 … take .*onnxruntime-gpu==1\.30\.0/,
    ],
    [
      await folder("", { ...capi, "libonnxruntime.so.1.31.0": "" }),
      /version 1\.31\.0 and onnxruntime-node of 1\.30\.0/,
    ],
    [
      await folder("", { ...capi, [CUDA_LIBRARIES[1]]: "\x001.29.0\0" }),
      /version unknown and onnxruntime-node of 1\.30\.0/,
    ],
    [await wheel("onnxruntime", VERSION), /it is a wheel of onnxruntime … name one of onnxruntime-gpu/],
    [
      await wheel("onnxruntime-gpu", VERSION, { [CUDA_LIBRARIES[0]]: shared }),
      /it has no libonnxruntime_providers_cuda\.so … take/,
    ],
    [await folder("", {}), /it has no libonnxruntime_providers_shared\.so and no libonnxruntime_providers_cuda\.so/],
    [join(parent, "nowhere"), /there is no such file or folder/],
  ];
  for (const [source, pattern] of cases) {
    const there = await home();
    await rejects(enableCuda(source, there, "linux-x64"), { name: "MisuseError", message: pattern });
    deepEqual([...Deno.readDirSync(there.folder)], []);
  }
  const none = join(parent, "none.whl");
  await Deno.writeFile(none, zipOf({ "readme.txt": "hello" }));
  await rejects(enableCuda(none, await home(), "linux-x64"), { name: "MisuseError", message: /it is no Python wheel/ });
  await rejects(enableCuda(none, await home(), "darwin-arm64"), {
    name: "MisuseError",
    message: /CUDA on darwin-arm64/,
  });
});

Deno.test("enableCuda() leaves nothing behind where a wheel is damaged or the folder is gone", async () => {
  const source = await wheel("onnxruntime-gpu", VERSION), bytes = await Deno.readFile(source), there = await home();
  const text = new TextDecoder("latin1").decode(bytes),
    at = text.indexOf(CUDA_LIBRARIES[1]) + CUDA_LIBRARIES[1].length + 3;
  bytes.fill(0xff, at, at + 4);
  await Deno.writeFile(source, bytes);
  await rejects(enableCuda(source, there, "linux-x64"), { name: "FailureError" });
  deepEqual([...Deno.readDirSync(there.folder)], []);
  const gone = { folder: join(parent, "gone"), version: VERSION };
  await rejects(enableCuda(await folder("", capi), gone, "linux-x64"), {
    name: "FailureError",
    message: /Cannot write/,
  });
});

Deno.test("runtimeHome() finds onnxruntime-node's folder and version", async () => {
  const { folder, version } = await runtimeHome();
  match(version, /^\d+\.\d+\.\d+$/);
  equal(existsSync(join(folder, "onnxruntime_binding.node")), true);
});
