import { deepStrictEqual, ok } from "node:assert/strict";
import { DeviceMemory } from "../../harness/runtime/device_memory.ts";
import { type AnyTensors, DeviceTensor, type Session, type Tensor } from "../../harness/runtime/session.ts";

Deno.test("DeviceMemory.download() gives the copy that came down back at once", async () => {
  const copy: Tensor = { data: Float32Array.of(1, 2, 3), shape: [3] }, fed: AnyTensors[] = [];
  const session: Session = {
    run: (feeds) => Promise.resolve(fed.push(feeds)).then(() => ({ copy })),
    dispose: () => Promise.resolve(),
  };
  const memory = new DeviceMemory({ load: () => Promise.resolve(session) });
  const into = new Float32Array(3);
  await memory.download(new DeviceTensor(null as never, () => {}, [1, 3]), into);
  deepStrictEqual([...into], [1, 2, 3]);
  deepStrictEqual(fed[0]!.tensor!.shape, [3]);
  ok((copy.data.buffer as ArrayBuffer).detached);
  await memory.dispose();
});
