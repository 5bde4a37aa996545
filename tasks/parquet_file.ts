// Rows of a Parquet file, as datasets of the Hugging Face Hub come in: the only file that imports hyparquet. Only the
// columns that are asked for are read, a row group at a time, since such files are larger than what is learned from them.
// Pages are plain or compressed by Snappy (hyparquet), Zstandard, gzip or Brotli (Node).
// Format: https://parquet.apache.org/docs/file-format/

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  asyncBufferFromFile,
  type Compressors,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { FailureError, MisuseError } from "../harness/base/errors.ts";
import { ItemRow } from "./item_file.ts";

const compressors: Compressors = {
  ZSTD: (input, maxOutputLength) => zstdDecompressSync(input, { maxOutputLength }),
  GZIP: (input, maxOutputLength) => gunzipSync(input, { maxOutputLength }),
  BROTLI: (input, maxOutputLength) => brotliDecompressSync(input, { maxOutputLength }),
};

/**
 * The rows of a file with these columns, and the SHA-256 of the file.
 * @param origin what the file is and whence it comes, for messages
 * @throws MisuseError where there is no such file
 * @throws FailureError where it cannot be read, is no Parquet file, or lacks a column
 */
export async function readParquetFile(
  path: string,
  columns: readonly string[],
  origin: string,
): Promise<{ digest: string; rows: ItemRow[] }> {
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === "ENOENT", Refusal = missing ? MisuseError : FailureError;
    throw new Refusal(
      `Cannot read ${path}: ${missing ? "it does not exist" : error.message}; give --data-dir a folder with ${origin}`,
    );
  });
  const damaged = (error: unknown) =>
    new FailureError(`Cannot read ${path}: it is no whole Parquet file (${error}); fetch it again: ${origin}`);
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch((error) => {
    throw damaged(error);
  });
  const known = parquetSchema(metadata).children.map(({ element }) => element.name);
  const lacking = columns.filter((column) => !known.includes(column));
  if (lacking.length > 0) {
    throw new FailureError(
      `Cannot use ${path}: it has no column "${lacking.join('", "')}", its columns are ${
        known.join(", ")
      }; fetch ${origin}`,
    );
  }
  const found = await parquetReadObjects({ file, metadata, columns: [...columns], compressors }).catch((error) => {
    throw damaged(error);
  });
  return { digest: await digestOf(path), rows: found.map((row, i) => new ItemRow(row, `${path}, row ${i + 1}`)) };
}

/** Piece by piece: the file may be larger than what may lie in memory twice. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(piece);
  return hash.digest("hex");
}
