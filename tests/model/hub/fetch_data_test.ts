// Data of tasks from a Hub and from GitHub on loopback; the real ones are asked by no test.

import { deepEqual, doesNotMatch, equal, match, ok, rejects } from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FailureError, MisuseError } from "../../../harness/base/errors.ts";
import { sha256 } from "../../../harness/base/digest.ts";
import type { DataFile } from "../../../harness/contract.ts";
import { fetchData } from "../../../harness/model/hub/fetch_data.ts";
import type { FetchProgress } from "../../../harness/model/hub/fetch_policy.ts";
import type { HubSettings } from "../../../harness/model/hub/settings.ts";
import { tasks } from "../../../tasks/registry.ts";
import { cut, FakeHub, refused, withHub } from "../../fakes/hub.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const rows = bytes('{"question": "q", "answer": "#### 1"}\n'.repeat(200)),
  table = bytes("PAR1 and so on ".repeat(1000));
const commit = "0123456789".repeat(4);

const plain: DataFile = {
  path: "some/rows.jsonl",
  host: "github",
  repository: "org/code",
  revision: commit,
  source: "data folder/rows.jsonl",
  sha256: sha256(rows),
  bytes: rows.length,
  rows: 200,
  licence: "MIT",
};
const hosted: DataFile = {
  path: "other/table.parquet",
  host: "hub",
  repository: "tiny/set",
  revision: "main",
  source: "data/table.parquet",
  sha256: null,
  bytes: null,
  rows: null,
  licence: "MIT",
};

type At = { settings: HubSettings; seen: FetchProgress[] };

/** A Hub with one dataset, and a GitHub with one file. */
const withData = (work: (hub: FakeHub, at: At) => Promise<void>) =>
  withHub(new Map(), work, () =>
    new FakeHub(
      "tiny/set",
      new Map([["README.md", bytes("#")], ["data/table.parquet", table]]),
      commit,
      "datasets",
      new Map([[`org/code/${commit}/data folder/rows.jsonl`, rows]]),
    ));

const fetched = (settings: HubSettings, seen: FetchProgress[] = [], files: readonly DataFile[] = [plain, hosted]) =>
  fetchData("some", files, { settings, report: (one) => seen.push(one) });
const refusal = (work: Promise<unknown>, kind: typeof FailureError | typeof MisuseError, ...patterns: RegExp[]) =>
  rejects(work, (error: unknown) => {
    if (!(error instanceof kind)) throw error;
    for (const pattern of patterns) match(error.message, pattern);
    match(error.message, /^Cannot .*[^.]$/);
    return true;
  });

Deno.test("fetchData() fetches each file once, checked, to where --data-dir has it, and sends GitHub no token", () =>
  withData(async (hub, { settings, seen }) => {
    const asked = { ...settings, token: "hf_secret" }, folder = await fetched(asked, seen);
    equal(folder, settings.data);
    deepEqual(new Uint8Array(readFileSync(join(folder, plain.path))), rows);
    deepEqual(new Uint8Array(readFileSync(join(folder, hosted.path))), table);
    deepEqual(seen.find(({ type }) => type === "begin"), {
      type: "begin",
      what: "the data of some",
      files: 2,
      bytes: rows.length + table.length,
    });
    deepEqual(seen.at(-1), { type: "end" });
    const counted = seen.flatMap((one) => one.type === "bytes" ? [one.done] : []);
    equal(counted.at(-1), rows.length + table.length);
    deepEqual(counted, counted.toSorted((a, b) => a - b));
    ok(seen.some((one) => one.type === "note" && one.text === `tiny/set: main is commit ${commit}`));
    for (const { path, host, authorization } of hub.requests) {
      equal(authorization, path.startsWith("/raw/") || host === "storage" ? null : "Bearer hf_secret", path);
    }
    const before = hub.requests.length;
    for (const cacheOnly of [false, true]) await fetchData("some", [plain, hosted], { settings, cacheOnly });
    equal(hub.requests.length, before);
  }));

Deno.test("fetchData() takes a file that somebody put there, and fetches one anew that is not what the task names", () =>
  withData(async (hub, { settings }) => {
    const place = join(settings.data, plain.path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, rows);
    await fetchData("some", [plain], { settings: { ...settings, offline: true } });
    equal(hub.requests.length, 0);
    for (const damaged of [rows.slice(1), Uint8Array.from(rows, (byte, i) => i === 7 ? byte ^ 1 : byte)]) {
      writeFileSync(place, damaged);
      await refusal(
        fetchData("some", [plain], { settings, cacheOnly: true }),
        MisuseError,
        /Cannot find the data of task some/,
      );
      await fetchData("some", [plain], { settings });
      deepEqual(new Uint8Array(readFileSync(place)), rows);
    }
  }));

Deno.test("fetchData() says what to fetch and where to put it, offline, unasked and without a network", () =>
  withData(async (hub, { settings }) => {
    const place = join(settings.data, plain.path).replaceAll(/[\\.]/g, "\\$&");
    const remedy = [
      new RegExp(`put there data folder/rows\\.jsonl of github\\.com/org/code at 012345678901 as ${place}, data/table`),
      /data\/table\.parquet of huggingface\.co\/datasets\/tiny\/set at main as .*table\.parquet, or give --data-dir$/,
    ];
    await refusal(
      fetched({ ...settings, offline: true }),
      MisuseError,
      /HF_HUB_OFFLINE is set … unset it, or/,
      ...remedy,
    );
    await refusal(
      fetchData("some", [plain, hosted], { settings, cacheOnly: true }),
      MisuseError,
      /nothing is fetched unasked … `deno task doctor some --no-policy` fetches them, or/,
      ...remedy,
    );
    equal(hub.requests.length, 0);
    const gone = { ...settings, github: "http://127.0.0.1:1", endpoint: "http://127.0.0.1:1" };
    await refusal(
      fetched(gone),
      FailureError,
      /Cannot fetch "\S+" .*connection to (GitHub|the Hub) failed.*check the network, or put/,
      ...remedy,
    );
  }));

Deno.test("fetchData() goes on where a connection broke, and gives up on content that stays wrong", () =>
  withData(async (hub, { settings, seen }) => {
    let broken = 0;
    hub.mishap = ({ path, range }, content) =>
      path.startsWith("/raw/") && content && broken++ === 0 ? cut(content, range, 500, "break") : null;
    await fetched(settings, seen, [plain]);
    deepEqual(hub.requests.map(({ range }) => range), [null, "bytes=500-"]);
    ok(seen.some((one) => one.type === "note" && /trying again/.test(one.text)));

    const other = { ...plain, path: "some/other.jsonl", sha256: sha256("something else") };
    hub.mishap = () => null;
    await refusal(
      fetched(settings, [], [other]),
      FailureError,
      /came with the digest [0-9a-f]{12}, and the task names [0-9a-f]{12} … try again later/,
    );
    await rejects(Deno.stat(join(settings.data, other.path)));
  }));

Deno.test("fetchData() names what a repository does not have, and repeats nothing that it answers", () =>
  withData(async (hub, { settings }) => {
    await refusal(
      fetched(settings, [], [{ ...plain, source: "gone.jsonl" }]),
      FailureError,
      /GitHub answers 404 to a file of commit 012345678901 … see at https:\/\/github\.com\/org\/code/,
    );
    await refusal(
      fetched(settings, [], [{ ...hosted, source: "data/gone.parquet" }]),
      FailureError,
      /commit 012345678901 has no data\/gone\.parquet/,
    );
    await refusal(
      fetched(settings, [], [{ ...hosted, revision: "v9" }]),
      MisuseError,
      /it has no revision "v9".*\/datasets\/tiny\/set/,
    );
    await refusal(
      fetched(settings, [], [{ ...hosted, repository: "tiny/none" }]),
      FailureError,
      /Cannot find dataset "tiny\/none"/,
    );
    await refusal(
      fetched(settings, [], [{ ...hosted, sha256: "0".repeat(64) }]),
      FailureError,
      /has another digest than the task names/,
    );
    hub.mishap = () => refused(403, "Secret", "the body says hf_other");
    await fetched(settings, [], [hosted]).catch(({ message }) => doesNotMatch(message, /hf_other/));
  }));

Deno.test("fetchData() lets one of two fetch, and the other wait", () =>
  withData(async (hub, { settings }) => {
    await Promise.all([fetched(settings), fetched(settings)]);
    equal(hub.requests.filter(({ path }) => path.startsWith("/raw/")).length, 1);
    equal(hub.fetched.length, 1);
  }));

Deno.test("every file that a task names has a place of its own, and is pinned if it is GitHub's", () => {
  const files = new Map<string, DataFile>();
  for (const file of tasks.flatMap(({ sources = [] }) => sources)) {
    match(file.path, /^[\w-][\w.-]*(\/[\w-][\w.-]*)+$/);
    deepEqual(files.get(file.path) ?? file, file, file.path);
    files.set(file.path, file);
    if (file.host === "hub") continue;
    match(file.revision, /^[0-9a-f]{40}$/);
    match(file.sha256 ?? "", /^[0-9a-f]{64}$/);
    ok(file.bytes !== null && file.bytes > 0);
  }
  deepEqual(tasks.filter(({ sources }) => !sources).map(({ name }) => name), ["arithmetic", "countdown"]);
});
