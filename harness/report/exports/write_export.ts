// Writes an export's folder whole or not at all: into a folder beside it, which then takes its place. What stood there
// before goes only if an export wrote it and nothing else lies in it: a file named .matchbox-export.json says so.

import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import process from "node:process";
import { fileError, writeFileAtomic } from "../../base/atomic_file.ts";
import { MisuseError } from "../../base/errors.ts";
import { readJsonFile } from "../../base/json_file.ts";
import type { ExportFile, ExportFormat, ExportSource } from "./export_format.ts";

const MARKER = ".matchbox-export.json";

/** What a format came to. */
export interface WrittenFormat {
  readonly format: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Writes the formats: one right into the folder, several each into a folder of its name.
 * @throws MisuseError where something else lies at the target; FailureError where the disk refuses
 */
export async function writeExport(
  target: string,
  formats: readonly ExportFormat[],
  source: ExportSource,
): Promise<readonly WrittenFormat[]> {
  await checkTarget(target);
  const whole = resolve(target), suffix = `${process.pid}.tmp`;
  const fresh = `${whole}.new-${suffix}`, old = `${whole}.old-${suffix}`;
  try {
    await mkdir(fresh, { recursive: true });
    const written = [], names: string[] = [];
    for (const format of formats) {
      const folder = formats.length > 1 ? `${format.name}/` : "";
      let files = 0, bytes = 0;
      for (const { path, content } of format.files(source)) {
        const name = folder + path;
        await mkdir(dirname(join(fresh, name)), { recursive: true });
        await writeFileAtomic(join(fresh, name), chunksOf(content, (length) => bytes += length));
        names.push(name);
        files++;
      }
      written.push({ format: format.name, files, bytes });
    }
    const marker = { kind: "matchbox.export", plan: source.results.experiment.plan, files: names.sort() };
    await writeFileAtomic(join(fresh, MARKER), `${JSON.stringify(marker, null, 2)}\n`);
    if (existsSync(whole)) await rename(whole, old);
    await rename(fresh, whole);
    return written;
  } catch (error) {
    const quietly = () => {}; // the first failure is the one to report
    if (existsSync(old) && !existsSync(whole)) await rename(old, whole).catch(quietly);
    await rm(fresh, { recursive: true, force: true }).catch(quietly);
    throw fileError("write", target, error);
  } finally {
    if (existsSync(whole)) await rm(old, { recursive: true, force: true });
  }
}

/** @throws MisuseError unless the target is not there, or is an empty folder, or an export and nothing else */
async function checkTarget(target: string): Promise<void> {
  const refuse = (what: string) => new MisuseError(`Cannot export to "${target}": ${what} … choose another folder`);
  const found = await stat(target).catch(() => null);
  if (found === null) return;
  if (!found.isDirectory()) throw refuse("it is a file");
  const entries = await readdir(target, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory())
    .map((entry) => relative(target, join(entry.parentPath, entry.name)).split(sep).join("/"));
  if (files.length === 0) return;
  if (!files.includes(MARKER)) throw refuse("it holds files that no export wrote");
  const { kind, files: listed } = await readJsonFile(join(target, MARKER));
  const ours = new Set<unknown>(kind === "matchbox.export" && Array.isArray(listed) ? listed : []);
  const other = files.find((file) => file !== MARKER && !ours.has(file));
  if (other !== undefined) throw refuse(`it holds ${JSON.stringify(other)}, which no export wrote`);
}

function* chunksOf(content: ExportFile["content"], count: (bytes: number) => void): Generator<Uint8Array> {
  for (const piece of content) {
    const chunk = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    count(chunk.length);
    yield chunk;
  }
}
