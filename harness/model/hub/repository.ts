// What the Hub says of a repository: the commit of a revision, and the files with their sizes and digests; and where the
// cache is that all of Hugging Face's tools share. The ONLY import of @huggingface/hub, which is loaded when it is asked.
//
// Its own downloads (downloadFileToCacheDir, snapshotDownload, 2.17.5) are not used: they begin anew after every break,
// check no digest, take no lock, do not try again, and print. Nor does it get the token, which it would send wherever a
// page of a listing points; request.ts asks for it. What it says becomes paths here, so it is checked.

import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { FailureError, MisuseError } from "../../base/errors.ts";
import { askHub, type HubSubject } from "./request.ts";

/** A file of a repository. */
export interface HubFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** What its blob is named: SHA-256 of a large file, git's SHA-1 of a small one. */
  readonly digest: string;
}

export const COMMIT = /^[0-9a-f]{40}$/;

/** The shared cache, and in it the folder of a repository and of its locks. */
export async function cacheFolders(name: string): Promise<{ cache: string; repository: string; locks: string }> {
  const { getHFHubCachePath, getRepoFolderName } = await import("@huggingface/hub");
  const cache = resolve(getHFHubCachePath().replace(/^~(?=$|[/\\])/, homedir())),
    own = getRepoFolderName({ type: "model", name });
  return { cache, repository: join(cache, own), locks: join(cache, ".locks", own) };
}

/** The commit that a branch or tag stands for. @throws as askHub does */
export async function resolveCommit(subject: HubSubject, attempts?: number): Promise<string> {
  const { datasetInfo, modelInfo } = await import("@huggingface/hub"), { kind, settings, name, revision } = subject;
  const asked = { name, revision, hubUrl: settings.endpoint, fetch: fetchFor(subject, attempts) };
  const { sha } = await understood<{ sha: string }>(
    subject,
    kind === "dataset"
      ? datasetInfo({ ...asked, additionalFields: ["sha"] })
      : modelInfo({ ...asked, additionalFields: ["sha"] }),
  );
  if (COMMIT.test(sha)) return sha;
  throw notTheHub(subject);
}

/** The files in a folder of a repository: its root, if none is named. @throws as askHub does */
export async function listFiles(
  subject: HubSubject,
  commit: string,
  { folder = "", attempts }: { readonly folder?: string; readonly attempts?: number | undefined } = {},
): Promise<HubFile[]> {
  const { listFiles } = await import("@huggingface/hub"), { settings, name, kind } = subject;
  const fetch = fetchFor(subject, attempts), repo = { type: kind === "dataset" ? "dataset" : "model", name } as const;
  const inside = folder === "" ? {} : { path: folder }, start = folder === "" ? "" : `${folder}/`;
  const listing = listFiles({ repo, revision: commit, hubUrl: settings.endpoint, fetch, ...inside });
  const entries = await understood(subject, Array.fromAsync(listing));
  const isPlain = (path: unknown) =>
    // others are not for us
    typeof path === "string" && path.startsWith(start) && /^[\w-][\w.-]*$/.test(path.slice(start.length));
  return entries.filter(({ type, path }) => type === "file" && isPlain(path)).map(({ path, size, oid, lfs }) => {
    const file = { path, size: lfs?.size ?? size, digest: lfs?.oid ?? oid ?? "" };
    if (Number.isSafeInteger(file.size) && file.size >= 0 && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(file.digest)) {
      return file;
    }
    throw notTheHub(subject);
  });
}

/** `fetch` as the package calls it: only the address and the type that it accepts are taken from it. */
function fetchFor(subject: HubSubject, attempts?: number): typeof fetch {
  return (input) => {
    const url = input instanceof Request ? input.url : String(input);
    return askHub(subject, url, () => ({ accept: "application/json" }), async ({ response, pieces }) => {
      const body = await Array.fromAsync(pieces);
      return new Response(new Blob(body.map((piece) => new Uint8Array(piece))), { headers: response.headers });
    }, attempts);
  };
}

/** What the package makes of an answer. What it cannot read did not come from a Hub. */
async function understood<T>(subject: HubSubject, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof MisuseError || error instanceof FailureError) throw error;
    throw notTheHub(subject);
  }
}

function notTheHub({ settings: { endpoint }, name }: HubSubject): FailureError {
  return new FailureError(
    `Cannot fetch "${name}": ${endpoint} does not answer as the Hub does … check HF_ENDPOINT, and whether the network ` +
      "asks for a login",
  );
}
