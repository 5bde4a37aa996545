// A thread that measures: as many run at once as cells will, because they share the processor's caches and memory.

/// <reference lib="deno.worker" />
import { calibrate, type Probe, type Speed } from "./calibrate.ts";

/** What it answers. */
export type CalibrateAnswer = { readonly speed: Speed } | { readonly error: string; readonly misuse: boolean };

self.onmessage = async ({ data }: MessageEvent<Probe>) => {
  const answer = (message: CalibrateAnswer) => self.postMessage(message);
  try {
    answer({ speed: await calibrate(data) });
  } catch (error) {
    const { message, name } = error instanceof Error ? error : new Error(String(error));
    answer({ error: message, misuse: name === "MisuseError" });
  }
};
