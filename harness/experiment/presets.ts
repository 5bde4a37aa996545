// Models of the Hub by a short name, each at one commit: instruct models of covered architectures that fit small machines,
// the three of Memory-R+ (arXiv 2504.02273) first. A name is "org/name@commit" and nothing else: it is fetched, recorded
// and verified as that.

import type { Task } from "../contract.ts";

/** A model at a commit, and what is worth knowing before it is fetched. */
export interface Preset {
  readonly repository: string;
  readonly commit: string;
  readonly note: string;
}

export const presets: Readonly<Record<string, Preset>> = {
  "qwen2.5-0.5b": {
    repository: "Qwen/Qwen2.5-0.5B-Instruct",
    commit: "7ae557604adf67be50417f59c2c2f167def9a775",
    note: "1.0 GB, Apache-2.0",
  },
  "llama3.2-1b": {
    repository: "meta-llama/Llama-3.2-1B-Instruct",
    commit: "9213176726f574b556790deb65791e0c5aa438b6",
    note: "2.5 GB, gated: Llama 3.2 Community License",
  },
  "falcon3-1b": {
    repository: "tiiuae/Falcon3-1B-Instruct",
    commit: "28ba2251970a01dd1edc7ba7dad2eb71216ccfdf",
    note: "3.3 GB, Falcon license",
  },
  "smollm2-135m": {
    repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
    commit: "12fd25f77366fa6b3b4b768ec3050bf629380bac",
    note: "0.27 GB, Apache-2.0",
  },
  "smollm2-360m": {
    repository: "HuggingFaceTB/SmolLM2-360M-Instruct",
    commit: "a10cc1512eabd3dde888204e902eca88bddb4951",
    note: "0.72 GB, Apache-2.0",
  },
  "qwen3-0.6b": {
    repository: "Qwen/Qwen3-0.6B",
    commit: "c1899de289a04d12100db370d81485cdf75e47ca",
    note: "1.5 GB, Apache-2.0",
  },
  "qwen2.5-math-1.5b": {
    repository: "Qwen/Qwen2.5-Math-1.5B-Instruct",
    commit: "aafeb0fc6f22cbf0eaeed126eff8be45b0360a35",
    note: "3.1 GB, Apache-2.0",
  },
};

/** What a preset stands for; a name that is none stays. */
export function presetName(name: string): string {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  return preset ? `${preset.repository}@${preset.commit}` : name;
}

/** The policy that a task is given where none is named: real data are beyond those that ship with the repository. */
export const usualPolicy = ({ sources }: Task): string => sources ? "qwen2.5-0.5b" : "embedded";
