// What cards can do at most, from their makers' data sheets, dense (without sparsity): TFLOP/s of float32 outside of the
// tensor cores, of TF32 and of 16-bit floats with float32 sums in them, and GB/s of memory. The first name that nvidia-smi's begins
// with, "NVIDIA " and "GeForce " left out, is meant.

export interface Card {
  readonly name: string;
  /** Null: it has no such units. */
  readonly tflops: Readonly<Record<"fp32" | "tf32" | "half", number | null>>;
  readonly gigabytes: number;
  readonly source: string;
}

const card = (
  name: string,
  [fp32, tf32, half]: readonly [number, number | null, number],
  gigabytes: number,
  source: string,
): Card => ({ name, tflops: { fp32, tf32, half }, gigabytes, source });

export const CARDS: readonly Card[] = [
  card("H200", [67, 494.5, 989], 4800, "NVIDIA H200 data sheet, SXM (half of its figures with sparsity)"),
  card("H100 PCIe", [51, 378, 756], 2000, "NVIDIA H100 data sheet, PCIe (the same)"),
  card("H100", [67, 494.5, 989], 3350, "NVIDIA H100 data sheet, SXM (the same)"),
  card("A100-SXM4-80GB", [19.5, 156, 312], 2039, "NVIDIA A100 data sheet"),
  card("A100 80GB PCIe", [19.5, 156, 312], 1935, "NVIDIA A100 data sheet"),
  card("A100", [19.5, 156, 312], 1555, "NVIDIA A100 data sheet, 40 GB"),
  card("L40S", [91.6, 183, 362], 864, "NVIDIA L40S data sheet"),
  card("L4", [30.3, 60, 121], 300, "NVIDIA L4 data sheet (half of its figures with sparsity)"),
  card("Tesla T4", [8.1, null, 65], 320, "NVIDIA T4 data sheet"),
  card("RTX 4090", [82.6, 82.6, 165.2], 1008, "NVIDIA Ada GPU architecture white paper, appendix A"),
  card("RTX 3090", [35.6, 35.6, 71], 936, "NVIDIA Ampere GA102 GPU architecture white paper, appendix A"),
];

/** The card of that name; undefined: it is not in the table. */
export const cardOf = (name: string): Card | undefined =>
  CARDS.find((card) => name.replace(/^NVIDIA (GeForce )?/, "").startsWith(card.name));
