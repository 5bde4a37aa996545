// Embeds a question as the arm of a cell did: with the same embedder, made from the same policy, which its digest
// proves. Whatever is native is loaded when the first question needs it, and kept until the shell ends.

import { FailureError, MisuseError } from "../../base/errors.ts";
import { parseConfig } from "../../config.ts";
import type { Embedder } from "../../contract.ts";
import type { CellRecord } from "../../records/schema.ts";
import { visibleText } from "../../base/visible_text.ts";

/** Embedders by their digest. */
export class QuestionEmbedder {
  readonly #open = new Map<string, { readonly embedder: Embedder; close(): Promise<void> }>();

  /** @throws FailureError where the policy or the files of the embedder are not at hand, or are others */
  async embed(record: CellRecord, text: string): Promise<Float32Array> {
    const used = record.outcome?.embedder;
    if (!used) {
      throw new FailureError("Cannot embed the question: the cell's record names no embedder … wait for its end");
    }
    const open = this.#open.get(used.digest) ?? await openEmbedder(record), { name, digest } = open.embedder.identity;
    if (digest !== used.digest) {
      await open.close();
      throw new FailureError(
        `Cannot embed the question: the cell used embedder "${visibleText(used.name)}" with another digest than ` +
          `"${visibleText(name)}" has here … ask for a question that is remembered, or bring back the policy`,
      );
    }
    this.#open.set(digest, open);
    const [vector] = await open.embedder.embed([text]);
    if (!vector) throw new Error("Cannot embed: no vector came back");
    return vector;
  }

  async close(): Promise<void> {
    for (const { close } of this.#open.values()) await close();
    this.#open.clear();
  }
}

async function openEmbedder({ config, policy }: CellRecord) {
  const { memory } = parseConfig(config, "record.json");
  if (memory.embedder === "hashing") {
    const { hashingEmbedder } = await import("../../memory/hashing_embedder.ts");
    return withoutRuntime(hashingEmbedder());
  }
  if (memory.embedder === "minilm") {
    const { minilmEmbedder } = await import("../../memory/minilm_embedder.ts");
    return withoutRuntime(await minilmEmbedder(memory.minilm));
  }
  const [{ findPolicy }, { readPolicy }, { chooseRuntime }, { policyEmbedder }] = await Promise.all([
    import("../../experiment/policies.ts"),
    import("../../model/policy.ts"),
    import("../../runtime/choose.ts"), // onnxruntime-node comes with it
    import("../../rl/policy_embedder.ts"),
  ]);
  const { folder, merged } = await findPolicy(policy, { cacheOnly: true }).catch((error) => {
    if (!(error instanceof MisuseError)) throw error;
    throw new FailureError(`${error.message}; it embeds the question`, { cause: error });
  });
  const read = await readPolicy(folder, merged), runtime = chooseRuntime("cpu", 1, read.weights.layout.size);
  const embedder = policyEmbedder(runtime, read);
  return {
    embedder,
    async close() {
      await embedder.dispose();
      await runtime.dispose();
    },
  };
}

function withoutRuntime(embedder: Embedder) {
  return { embedder, close: () => embedder.dispose() };
}
