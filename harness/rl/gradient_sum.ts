// The gradient of a batch: the sum over its passes, added up in order. The first pass's tensors become the sum, so that
// a batch of one pass costs no copy.

import type { Layout } from "../model/layout.ts";
import { type AnyTensors, floats, release } from "../runtime/session.ts";
import { gradientName } from "./train_graph.ts";

/** A gradient in the layout of the weights, tensor by tensor. */
export class GradientSum {
  #parts: readonly Float32Array[] | null = null;

  constructor(readonly layout: Layout) {}

  /** Adds the gradients among a pass's results, and takes possession of their memory. */
  add(results: AnyTensors): void {
    const parts = this.layout.parameters.map(({ name }) => floats(results[gradientName(name)]));
    if (!this.#parts) {
      this.#parts = parts;
      return;
    }
    parts.forEach((part, i) => {
      const sum = this.#parts![i]!;
      for (let j = 0; j < part.length; j++) sum[j] = sum[j]! + part[j]!;
    });
    release(results);
  }

  /** Euclidean norm over all tensors; squares are summed in float64, in four lanes, in order. */
  norm(): number {
    let total = 0;
    for (const part of this.#parts ?? []) {
      let a = 0, b = 0, c = 0, d = 0, i = 0;
      for (; i + 3 < part.length; i += 4) {
        a += part[i]! * part[i]!;
        b += part[i + 1]! * part[i + 1]!;
        c += part[i + 2]! * part[i + 2]!;
        d += part[i + 3]! * part[i + 3]!;
      }
      for (; i < part.length; i++) a += part[i]! * part[i]!;
      total += a + b + (c + d);
    }
    return Math.sqrt(total);
  }

  /** Copies the floats [start, start + into.length) of the layout. */
  read(start: number, into: Float32Array): void {
    const end = start + into.length;
    this.layout.parameters.forEach(({ offset, size }, i) => {
      const from = Math.max(start, offset), to = Math.min(end, offset + size);
      if (from < to) into.set(this.#parts![i]!.subarray(from - offset, to - offset), from - start);
    });
  }

  /** Gives the memory back. */
  release(): void {
    for (const part of this.#parts ?? []) release({ part: { data: part, shape: [] } });
    this.#parts = null;
  }
}
