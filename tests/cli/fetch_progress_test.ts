// What is shown while a policy is fetched, with a terminal and without.

import { deepEqual } from "node:assert/strict";
import { fetchProgress } from "../../harness/cli/fetch_progress.ts";

function shown(live: boolean): string[] {
  const written: string[] = [];
  let now = 0;
  const report = fetchProgress({ live, write: (text) => written.push(text), clock: () => now });
  report({ type: "begin", what: "a/b@c0ffee", files: 2, bytes: 40e6 });
  for (const done of [1e6, 1.1e6, 10e6]) {
    now += done === 1.1e6 ? 1 : 1000;
    report({ type: "bytes", file: "model.safetensors", done, bytes: 40e6 });
  }
  report({ type: "note", text: "the Hub answers 503; trying again in 1.0 s" });
  now = 5000;
  report({ type: "end" });
  return written;
}

Deno.test("fetchProgress() writes bytes, speed and time left over one line of a terminal", () => {
  deepEqual(shown(true), [
    "\r\x1b[KFetching a/b@c0ffee: 1.0 MB of 40.0 MB, 1.0 MB/s, 0:39 left",
    "\r\x1b[KFetching a/b@c0ffee: 10.0 MB of 40.0 MB, 5.0 MB/s, 0:06 left",
    "\r\x1b[Kthe Hub answers 503; trying again in 1.0 s\n",
    "\r\x1b[KFetched a/b@c0ffee: 2 files in 0:05\n",
  ]);
});

Deno.test("fetchProgress() says without a terminal when it begins, what delays it, and when it is done", () => {
  deepEqual(shown(false), [
    "Fetching a/b@c0ffee: 2 files, 40.0 MB\n",
    "the Hub answers 503; trying again in 1.0 s\n",
    "Fetched a/b@c0ffee: 2 files in 0:05\n",
  ]);
});
