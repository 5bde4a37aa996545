// A worker of the pool: sessions and resident tensors by number, one request at a time.

/// <reference lib="deno.worker" />
import type { PoolAnswer, PoolRequest } from "./pool.ts";
import { type Device, LocalRuntime, onHost, Resident, type Session, type Tensor } from "./session.ts";

const runtimes = new Map<Device, LocalRuntime>();
const sessions = new Map<number, Session>();
const residents = new Map<number, Resident>();

function runtimeOf(device: Device): LocalRuntime {
  const known = runtimes.get(device);
  if (known) return known;
  const runtime = new LocalRuntime({ device, threads: 1 });
  runtimes.set(device, runtime);
  return runtime;
}

async function answer(request: PoolRequest): Promise<Record<string, Tensor> | null> {
  switch (request.type) {
    case "load":
      sessions.set(request.session, await runtimeOf(request.device).loadModel(request.model));
      return null;
    case "resident":
      residents.set(request.resident, new Resident(request.parts));
      return null;
    case "run": {
      const resident = request.resident === null ? undefined : residents.get(request.resident);
      const results = await sessions.get(request.session)!.run(request.feeds, {
        ...(request.wanted ? { wanted: request.wanted } : {}),
        ...(resident ? { resident } : {}),
      });
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, onHost(tensor)]));
    }
    case "dispose":
      await sessions.get(request.session)?.dispose();
      sessions.delete(request.session);
      return null;
  }
}

// Requests are chained: a run must not start before the resident that was sent ahead of it is in place.
let last: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<PoolRequest>) => {
  last = last.then(async () => {
    const post = (message: PoolAnswer, transfer: Transferable[] = []) => self.postMessage(message, transfer);
    try {
      const results = await answer(data);
      post({ type: "done", results }, Object.values(results ?? {}).map((tensor) => tensor.data.buffer as ArrayBuffer));
    } catch (error) {
      post({ type: "error", message: error instanceof Error ? error.message : String(error) });
    }
  });
};
