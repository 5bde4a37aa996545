// The files of a task's data as a folder: found in a cache of Matchbox's own, or fetched into it. It is laid out as
// --data-dir has it, with the same folder for all tasks, so that what somebody puts there by hand is found, too. A file
// whose digest the task names is checked against it before every use. One whose digest it does not name is checked against
// what the Hub lists when it is fetched, and stays as it is until it is removed: data must not change between two runs.

import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError } from "../../base/atomic_file.ts";
import { FailureError, MisuseError } from "../../base/errors.ts";
import { sha256 } from "../../base/digest.ts";
import { freeBytes } from "../../base/free_bytes.ts";
import type { DataFile } from "../../contract.ts";
import { blobDigest } from "./blob_digest.ts";
import { fetchFile, locked, resolveAddress } from "./download.ts";
import type { FetchOptions } from "./fetch_policy.ts";
import { COMMIT, type HubFile, listFiles, resolveCommit } from "./repository.ts";
import { type HubSubject, HubUnreachable } from "./request.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

/** A file that is to come. */
interface Coming {
  readonly file: HubFile;
  readonly target: string;
  readonly url: string;
  readonly subject: HubSubject;
}

/**
 * The folder with the files, fetched where they are not there.
 * @param task its name, for messages
 * @throws MisuseError where they are not there and may not be fetched, FailureError where network, disk or a file fail
 */
export async function fetchData(task: string, files: readonly DataFile[], options: FetchOptions = {}): Promise<string> {
  const { report = () => {}, cacheOnly = false, settings = hubSettings() } = options, folder = settings.data;
  const missing: DataFile[] = [];
  for (const file of files) if (!await isWhole(join(folder, file.path), file)) missing.push(file);
  if (missing.length === 0) return folder;
  if (cacheOnly || settings.offline) {
    const state = settings.offline ? "HF_HUB_OFFLINE is set" : "nothing is fetched unasked";
    const remedy = settings.offline ? "unset it" : `\`deno task doctor ${task} --no-policy\` fetches them`;
    throw new MisuseError(`Cannot find the data of task ${task}: ${state} … ${remedy}, or ${byHand(missing, folder)}`);
  }
  const note = (text: string) => report({ type: "note", text });
  try {
    const coming: Coming[] = [];
    for (const file of missing) coming.push(await locate(file, settings, note));
    await mkdir(folder, { recursive: true }).catch((error) => {
      throw fileError("create the folder", folder, error);
    });
    const bytes = coming.reduce((sum, { file }) => sum + file.size, 0), free = freeBytes(folder);
    if (free !== null && bytes > free) {
      throw new FailureError(
        `Cannot fetch the data of task ${task}: ${megabytes(bytes)} are to come, and "${folder}" has ${
          megabytes(free)
        } ` +
          "free … free space, or name a folder on another disk in MATCHBOX_CACHE",
      );
    }
    report({ type: "begin", what: `the data of ${task}`, files: coming.length, bytes });
    let done = 0;
    for (const [i, { file, target, url, subject }] of coming.entries()) {
      const lock = join(folder, ".locks", `${sha256(missing[i]!.path).slice(0, 16)}.lock`);
      await locked(lock, subject, async () => {
        if (await isWhole(target, missing[i]!)) return; // another process was faster
        await fetchFile(file, url, target, subject, (here) => {
          report({ type: "bytes", file: file.path, done: done + here, bytes });
        });
      });
      done += file.size;
    }
    report({ type: "end" });
    return folder;
  } catch (error) {
    if (!(error instanceof HubUnreachable)) throw error;
    const [state] = error.message.split(" … ");
    throw new FailureError(`${state} … check the network, or ${byHand(missing, folder)}`, { cause: error });
  }
}

/** Whether the file is there, and what the task says that it is. */
async function isWhole(path: string, { bytes, sha256 }: DataFile): Promise<boolean> {
  const size = await stat(path).then((entry) => entry.isFile() ? entry.size : null, () => null);
  if (size === null || (bytes !== null && size !== bytes)) return false;
  return sha256 === null || await blobDigest(path, "sha256") === sha256;
}

/** Where a file is fetched, and what must come. */
async function locate(wanted: DataFile, settings: HubSettings, note: (text: string) => void): Promise<Coming> {
  const { repository: name, revision, source, path } = wanted, target = join(settings.data, path);
  const subject: HubSubject = { kind: wanted.host === "hub" ? "dataset" : "github", settings, name, revision, note };
  if (wanted.host === "github") {
    if (wanted.sha256 === null || wanted.bytes === null || !COMMIT.test(revision)) {
      throw new TypeError(`Cannot fetch ${path}: a file of GitHub needs a commit, its bytes and its SHA-256`);
    }
    const file = { path: source, size: wanted.bytes, digest: wanted.sha256 };
    return { file, target, url: resolveAddress(subject, revision, source), subject };
  }
  const commit = COMMIT.test(revision) ? revision : await resolveCommit(subject);
  const listed = await listFiles(subject, commit, { folder: dirname(source) === "." ? "" : dirname(source) });
  const file = listed.find((one) => one.path === source);
  if (!file) throw new FailureError(`Cannot fetch "${name}": commit ${commit.slice(0, 12)} has no ${source} any more`);
  if (wanted.sha256 !== null && file.digest.length === 64 && file.digest !== wanted.sha256) {
    throw new FailureError(
      `Cannot fetch "${name}": ${source} has another digest than the task names … give --data-dir a folder with the ` +
        `file whose SHA-256 is ${wanted.sha256}`,
    );
  }
  if (revision !== commit) note(`${name}: ${revision} is commit ${commit}`);
  return { file, target, url: resolveAddress(subject, commit, source), subject };
}

/** What to fetch, and where to put it. */
function byHand(files: readonly DataFile[], folder: string): string {
  const list = files.map(({ host, repository, revision, source, path }) =>
    `${source} of ${host === "github" ? "github.com" : "huggingface.co/datasets"}/${repository} at ${
      revision.slice(0, 12)
    } as ${join(folder, path)}`
  );
  return `put there ${list.join(", ")}, or give --data-dir`;
}

const megabytes = (count: number) => `${Math.ceil(count / 1e6)} MB`;
