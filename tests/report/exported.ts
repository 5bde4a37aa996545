// An experiment to export, with what is hard in it: hostile texts, sampled answers, an unfinished cell; and its files.

import type { Answer, Results } from "../../harness/records/results.ts";
import {
  type ExportFormat,
  type ExportOptions,
  type ExportSource,
  exportSource,
} from "../../harness/report/exports/export_format.ts";
import { fakeStep } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";

/** Texts that a careless writer breaks on. */
export const hostile = [
  '=HYPERLINK("http://x.test","pay")',
  '<script>alert("x")</script>\r\n</td>',
  "\u202egnp.exe\u0000\u0007\u001b[31m",
  "a,b;c\t\"d\"\n'e'",
  "- no: {yes}\n--- # &x *y",
  "a lone surrogate \ud800 here",
];

/** Two arms of two seeds and six questions; grpo's second cell has failed. */
export function exportedResults(): Results {
  const results = fakeResults({
    scores: {
      grpo: [[1, 0, 0, 1, 0, 1], [1, 0, 0, 0, 0, 0]],
      "memory-r+:k=3": [[1, 1, 0, 1, 0, 1], [1, 1, 1, 1, 0, 0]],
    },
  });
  const cells = results.cells.map((cell) => {
    const { entry, record } = cell, steps = [1, 2, 10].map((step) => ({ ...fakeStep(step), loss: 0.1 * step }));
    if (entry.arm === "grpo" && entry.seed === 1 && record) {
      return {
        entry: { ...entry, status: "failed" as const, failure: "=cmd|' /C calc'!A0", accuracy: null },
        record: { ...record, status: "failed" as const, outcome: null, digest: null },
        steps: null,
        answers: null,
      };
    }
    const answers = cell.answers?.flatMap((answer, i): Answer[] => {
      const said = answer.said && { ...answer.said, completion: `${hostile[i]} said`, extracted: i === 3 ? null : "1" };
      const greedy = { ...answer, question: `${hostile[i]}?`, said };
      return [greedy, ...[1, 2].map((sample) => ({ ...greedy, sample, status: "wrong" as const }))];
    });
    const evaluations = record?.outcome?.evaluations ?? [];
    const sampled = evaluations.slice(-1).map((one) => ({
      ...one,
      mode: "sample" as const,
      samples: 2,
      passAtSamples: 0,
    }));
    const outcome = record?.outcome && { ...record.outcome, evaluations: [...evaluations, ...sampled] };
    return { entry, record: record && { ...record, outcome: outcome ?? null }, steps, answers: answers ?? null };
  });
  return { ...results, cells };
}

const named: ExportOptions = { dataset: "owner/name", datasetTask: "no", organization: "Ünï/../Lab" };

/** What formats are made from. */
export function exported(results = exportedResults(), options: Partial<ExportOptions> = {}): ExportSource {
  return exportSource(results, { ...named, ...options });
}

/** The files of a format by path, as bytes. */
export function filesOf(format: ExportFormat, source = exported()): Map<string, Uint8Array> {
  const bytes = (piece: string | Uint8Array) => typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
  return new Map(Array.from(format.files(source), ({ path, content }) => {
    return [path, Uint8Array.from([...content].flatMap((piece) => [...bytes(piece)]))];
  }));
}

/** The files of a format by path, as text. */
export function textsOf(format: ExportFormat, source = exported()): Map<string, string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return new Map([...filesOf(format, source)].map(([path, bytes]) => [path, decoder.decode(bytes)]));
}

/** Rows of an RFC 4180 text, by its grammar, one character at a time. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [], field = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (quoted) {
      if (character !== '"') field += character;
      else if (text[i + 1] === '"') field += text[i++];
      else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ",") [row, field] = [[...row, field], ""];
    else if (character === "\r" && text[i + 1] === "\n") {
      rows.push([...row, field]);
      [row, field] = [[], ""];
      i++;
    } else field += character;
  }
  return rows;
}
