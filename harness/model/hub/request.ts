// One question to the Hub: redirects followed by hand, so that the token goes to the endpoint's own origin alone; a
// connection that stalls is given up; what passes (429, 5xx, broken connections) is tried again, after the time that the
// Hub names or ever longer ones; what stays becomes a sentence. Bodies and addresses of answers never enter a message:
// a body may repeat the token, and a redirect's address may be signed.
// Source: https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/utils/_http.py (X-Error-Code)

import { FailureError, MisuseError } from "../../base/errors.ts";
import type { HubSettings } from "./settings.ts";

/** Of what repository something is asked, and who hears of delays. */
export interface HubSubject {
  readonly kind: "model" | "dataset" | "github";
  readonly settings: HubSettings;
  /** "org/name" */
  readonly name: string;
  readonly revision: string;
  /** Told why it takes longer. */
  readonly note: (text: string) => void;
}

/** The Hub did not answer, or not well, however often it was asked. */
export class HubUnreachable extends FailureError {}

/** Where it is asked. */
const endpointOf = ({ kind, settings }: HubSubject) => kind === "github" ? settings.github : settings.endpoint;
const hostOf = ({ kind }: HubSubject) => kind === "github" ? "GitHub" : "the Hub";

/** The page that a person looks at. */
function pageOf({ kind, settings: { endpoint }, name }: HubSubject): string {
  if (kind === "github") return `https://github.com/${name}`;
  return kind === "dataset" ? `${endpoint}/datasets/${name}` : `${endpoint}/${name}`;
}

/** What may be better next time. */
class Passing extends Error {
  /** @param wait milliseconds that the Hub asks for; null: it does not say */
  constructor(reason: string, readonly wait: number | null = null) {
    super(reason);
  }
}

/** Questions in a row that may fail. */
const ATTEMPTS = 6;
/** Milliseconds: longer than this nobody waits before a screen. */
const LONGEST_WAIT = 300_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/** What is done with an answer. */
export interface HubAnswer {
  readonly response: Response;
  /** The pieces of its body; a piece that does not come in time, or a broken connection, is a reason to ask again. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * Asks until `take` has an answer to its end.
 * @param headers of each attempt, since a download goes on where the one before broke off
 * @param take gets a good answer (2xx, or 416), and calls `progress` where it got further than ever before: failures in
 * a row are then counted anew
 * @throws HubUnreachable after too many failures, MisuseError or FailureError for what the Hub refuses
 */
export async function askHub<T>(
  subject: HubSubject,
  url: string,
  headers: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>,
  take: (answer: HubAnswer, progress: () => void) => Promise<T>,
  attempts = ATTEMPTS,
): Promise<T> {
  const { settings: { backoff }, name, note } = subject, endpoint = endpointOf(subject);
  let failures = 0;
  for (;;) {
    const gone = new AbortController();
    try {
      const response = await send(subject, url, await headers(), gone);
      return await take({ response, pieces: piecesOf(subject, response, gone) }, () => failures = 0);
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      const wait = error.wait ?? backoff * 2 ** failures;
      failures++;
      if (failures >= attempts || wait > LONGEST_WAIT) {
        const more = wait > LONGEST_WAIT ? ` and asks to wait ${Math.round(wait / 1000)} s` : "";
        throw new HubUnreachable(
          `Cannot fetch "${name}" from ${endpoint}: ${error.message}${more} … check the network and try again; ` +
            "what was fetched is kept",
          { cause: error },
        );
      }
      note(`${error.message}; trying again in ${(wait / 1000).toFixed(wait < 10_000 ? 1 : 0)} s`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    } finally {
      gone.abort();
    }
  }
}

/** What a caller says of an answer that does not fit, so that it is asked again. */
export function tryAgain(reason: string): Error {
  return new Passing(reason);
}

async function send(
  subject: HubSubject,
  url: string,
  headers: Readonly<Record<string, string>>,
  gone: AbortController,
): Promise<Response> {
  const { settings: { timeout }, kind } = subject, endpoint = endpointOf(subject);
  const token = kind === "github" ? null : subject.settings.token;
  for (let hops = 0; hops < 10; hops++) {
    const { protocol, origin } = new URL(url);
    if (!/^https?:$/.test(protocol)) break;
    const own = origin === new URL(endpoint).origin;
    const authorization = own && token !== null ? { "Authorization": `Bearer ${token}` } : {};
    const asked = fetch(url, { headers: { ...headers, ...authorization }, redirect: "manual", signal: gone.signal });
    const response = await inTime(asked, timeout, gone, hostOf(subject));
    const location = REDIRECTS.has(response.status) ? response.headers.get("Location") : null;
    if (location === null) return await checked(subject, response, own);
    await response.body?.cancel();
    if (!URL.canParse(location, url)) break;
    url = new URL(location, url).href;
  }
  throw new FailureError(
    `Cannot fetch "${subject.name}": ${endpoint} leads to no address that can be asked … check ${
      kind === "github" ? "MATCHBOX_GITHUB_RAW" : "HF_ENDPOINT"
    }`,
  );
}

async function checked(subject: HubSubject, response: Response, own: boolean): Promise<Response> {
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  const { status, headers } = response;
  if (PASSING.has(status)) throw new Passing(`${hostOf(subject)} answers ${status}`, waitOf(headers));
  if (!own) throw new Passing(`the Hub's storage answers ${status}`); // its signed addresses last for a while only
  throw refusal(subject, status, headers.get("X-Error-Code"), headers.get("X-Error-Message") ?? "");
}

/** Milliseconds, from Retry-After (seconds or a date) or RateLimit ("…;t=42"). */
function waitOf(headers: Headers): number | null {
  const after = headers.get("Retry-After"), limited = /;\s*t=(\d+)/.exec(headers.get("RateLimit") ?? "");
  if (after === null) return limited ? 1000 * Number(limited[1]) : null;
  if (/^\d+(\.\d+)?$/.test(after)) return 1000 * Number(after);
  const wait = Date.parse(after) - Date.parse(headers.get("Date") ?? ""); // by the Hub's own clock
  return wait >= 0 ? wait : null;
}

/** What the Hub refuses, as a sentence. */
function refusal(subject: HubSubject, status: number, code: string | null, said: string): Error {
  const { kind, settings, name, revision } = subject, { endpoint, token } = settings, page = pageOf(subject);
  if (kind === "github") {
    return new FailureError(
      `Cannot fetch "${name}": GitHub answers ${status} to a file of commit ${
        revision.slice(0, 12)
      } … see at ${page} ` +
        "whether it is still there",
    );
  }
  if (code === "GatedRepo") {
    const access = token === null
      ? "set HF_TOKEN to a token of that account"
      : "see that the token is of that account and may read gated repositories";
    return new MisuseError(`Cannot fetch "${name}": it is gated … accept its conditions at ${page}, and ${access}`);
  }
  if (status === 401 && token !== null && /invalid credentials/i.test(said)) {
    return new MisuseError(
      `Cannot fetch "${name}": the Hub does not know the token of HF_TOKEN … make another at ` +
        `${endpoint}/settings/tokens, or unset it`,
    );
  }
  if (code === "RevisionNotFound") {
    return new MisuseError(
      `Cannot fetch "${name}": it has no revision "${revision}" … name a branch, a tag or a commit of ${page}`,
    );
  }
  if (code === "EntryNotFound") {
    return new FailureError(`Cannot fetch "${name}": the Hub lists a file and does not have it … try again later`);
  }
  if (kind === "dataset" && (status === 401 || status === 404)) {
    return new FailureError(
      `Cannot find dataset "${name}": ${endpoint} has no such repository, or it is private … see ${page}`,
    );
  }
  if (status === 401 || status === 404) {
    return new MisuseError(
      `Cannot find policy "${name}": there is no such folder, and ${endpoint} has no such repository, or it is ` +
        "private … check the name, or set HF_TOKEN to a token that may read it",
    );
  }
  return new FailureError(
    `Cannot fetch "${name}": the Hub answers ${status} … see at ${page} whether it may be read, and by whom`,
  );
}

async function* piecesOf(
  subject: HubSubject,
  response: Response,
  gone: AbortController,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader(), { timeout } = subject.settings;
  for (;;) {
    const { done, value } = reader ? await inTime(reader.read(), timeout, gone, hostOf(subject)) : { done: true };
    if (done || !value) return;
    yield value;
  }
}

/** What comes from the network within that time. @throws Passing where it does not */
async function inTime<T>(work: Promise<T>, timeout: number, gone: AbortController, host: string): Promise<T> {
  const timer = setTimeout(() => gone.abort(), timeout);
  try {
    return await work;
  } catch (error) {
    if (gone.signal.aborted) throw new Passing(`nothing came from ${host} for ${timeout / 1000} s`);
    throw new Passing(`the connection to ${host} failed${reasonOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** " (Connection refused)": the end of what the system says; what comes before it holds the address. */
function reasonOf(error: unknown): string {
  const first = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = first instanceof Error ? first.message.split(": ").at(-1) ?? "" : "";
  return reason === "" || reason.includes("/") ? "" : ` (${reason})`;
}
