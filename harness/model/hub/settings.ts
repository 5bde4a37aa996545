// Where the Hub is and how it is asked, from the environment that Python's tools read: HF_ENDPOINT, HF_TOKEN or the token
// file, HF_HUB_OFFLINE, HF_HUB_DISABLE_SYMLINKS, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_DOWNLOAD_TIMEOUT. The token goes
// from here into one header (request.ts) and nowhere else: no message quotes it, or what may hold it. Two variables are
// Matchbox's own: MATCHBOX_GITHUB_RAW, a mirror of GitHub's files, and MATCHBOX_CACHE, the folder of tasks' data.
// Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { MisuseError } from "../../base/errors.ts";

/** How the Hub is asked. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  /** Nothing is asked; what the cache holds is used. */
  readonly offline: boolean;
  /** Snapshots link to blobs; else they hold copies. */
  readonly symlinks: boolean;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly timeout: number;
  /** Milliseconds before the first repetition; each further wait is twice as long. */
  readonly backoff: number;
  /** Where files of GitHub repositories are; without a slash at its end. */
  readonly github: string;
  /** Folder of tasks' data that was fetched. */
  readonly data: string;
}

const RAW = "https://raw.githubusercontent.com";

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws MisuseError naming the variable that cannot be used */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const isOn = (name: string) => /^(1|on|yes|true)$/i.test(environment[name] ?? "");
  return {
    endpoint: endpointOf(environment["HF_ENDPOINT"] || "https://huggingface.co"),
    token: isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? null : tokenOf(environment),
    offline: isOn("HF_HUB_OFFLINE") || isOn("TRANSFORMERS_OFFLINE"),
    symlinks: !isOn("HF_HUB_DISABLE_SYMLINKS"),
    timeout: 1000 * secondsOf(environment["HF_HUB_DOWNLOAD_TIMEOUT"] || "10"),
    backoff: 1000,
    github: endpointOf(environment["MATCHBOX_GITHUB_RAW"] || RAW, "MATCHBOX_GITHUB_RAW", RAW),
    data: join(environment["MATCHBOX_CACHE"] || join(cacheHome(environment), "matchbox"), "data"),
  };
}

function cacheHome(environment: Environment): string {
  return environment["XDG_CACHE_HOME"] || join(homedir(), ".cache");
}

function endpointOf(text: string, variable = "HF_ENDPOINT", like = "https://huggingface.co"): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.username + url.password + url.search + url.hash === "") {
    return url.href.replace(/\/+$/, "");
  }
  throw new MisuseError(
    `Cannot use ${variable}: it must be an address like ${like}, with no user, password or query`,
  );
}

function tokenOf(environment: Environment): string | null {
  const home = environment["HF_HOME"] || join(cacheHome(environment), "huggingface");
  const given = environment["HF_TOKEN"] || environment["HUGGING_FACE_HUB_TOKEN"];
  const token = (given ?? readIfThere(environment["HF_TOKEN_PATH"] || join(home, "token"))).trim();
  if (/^[\x21-\x7e]*$/.test(token)) return token || null;
  throw new MisuseError(
    `Cannot use the token of ${given ? "HF_TOKEN" : "the token file"}: it holds characters that no token has … ` +
      "copy it anew from https://huggingface.co/settings/tokens",
  );
}

function secondsOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new MisuseError(`Cannot use HF_HUB_DOWNLOAD_TIMEOUT ${text}: it must be a number of seconds`);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // most have none
  }
}
