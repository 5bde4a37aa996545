// The embedder that a config names. The policy's own is made by the loop, which has the frozen weights.

import type { Embedder, ShaperSetup } from "../contract.ts";
import { hashingEmbedder } from "../memory/hashing_embedder.ts";
import { minilmEmbedder } from "../memory/minilm_embedder.ts";

/** The embedder of `memory.embedder`. @throws FailureError where the files of minilm cannot be had */
export async function chooseEmbedder({ config: { memory }, policyEmbedder }: ShaperSetup): Promise<Embedder> {
  switch (memory.embedder) {
    case "policy":
      return await policyEmbedder();
    case "hashing":
      return hashingEmbedder();
    case "minilm":
      return await minilmEmbedder(memory.minilm);
  }
}
