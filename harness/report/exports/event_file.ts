// TensorBoard's event files, as much of them as scalars need. A file is a sequence of TFRecords (length, its checksum,
// bytes, their checksum; checksums are CRC-32C, rotated and shifted), each an Event message of protocol buffers.
// Sources: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h
// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto (and summary.proto)
// https://protobuf.dev/programming-guides/encoding/

import type { ScalarRow } from "./cell_scalars.ts";

/** The bytes of an event file with these scalars. */
export function eventFile(startSeconds: number, rows: readonly ScalarRow[]): Uint8Array {
  const version = [...double(1, startSeconds), ...text(3, "brain.Event:2")];
  const events = rows.map(({ step, seconds, scalars }) => {
    const values = Object.entries(scalars).map(([tag, value]) => [...text(1, tag), ...float(2, value)]);
    const summary = values.flatMap((value) => bytes(1, value));
    return [...double(1, seconds), ...varint(2 << 3), ...varint(step), ...bytes(5, summary)];
  });
  return concatenate([version, ...events].map((event) => tfRecord(Uint8Array.from(event))));
}

/** A TFRecord around the data. */
function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + data.length + 4), view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}

/** CRC-32C as TFRecords hold it: a checksum of data that holds checksums would be weak. */
export function maskedCrc32c(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

/** Castagnoli's cyclic redundancy check (RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// *** fields of protocol buffers: number << 3 | wire type, then the value ***

/** @param value a whole number below 2^53 */
function varint(value: number): number[] {
  const digits: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) digits.push(value % 128 | 128);
  return [...digits, value];
}

function double(field: number, value: number): number[] {
  return [field << 3 | 1, ...new Uint8Array(littleEndian(8, (view) => view.setFloat64(0, value, true)))];
}

function float(field: number, value: number): number[] {
  return [field << 3 | 5, ...new Uint8Array(littleEndian(4, (view) => view.setFloat32(0, value, true)))];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...new TextEncoder().encode(value)]);
}

function bytes(field: number, value: readonly number[]): number[] {
  return [field << 3 | 2, ...varint(value.length), ...value];
}

function littleEndian(size: number, write: (view: DataView) => void): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(size));
  write(view);
  return view.buffer;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
