// What a cell shares with those that it is compared with, as digests: a claim that can be checked from records alone.
// What is drawn in the first update, by the initial policy, is the part of the proof that no config can fake.

import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import type { Config } from "../config.ts";
import type { MatchProof, Task, TaskData } from "../contract.ts";
import { ADAPTER_STREAMS, type AdapterOptions } from "../model/lora.ts";
import type { Policy } from "../model/policy.ts";
import type { QuestionOrder } from "./question_order.ts";

/** How samples draw: raised when a stream's key or the use of its numbers changes. */
export const STREAMS = "Philox 4x32-10 keyed by (seed, purpose, step, question, sample), one uniform a token; 1";

/** What an experiment says of all its cells. */
export interface Matched {
  /** SHA-256 of the canonical config before the arm's own fields. */
  readonly config: string;
  /** Places of the question order that its digest covers. */
  readonly places: number;
}

/**
 * Digest of what a cell begins with. An adapter begins as no change; what its first A is follows from the policy, from
 * what the adapter is, and from the seed.
 */
export function initialDigest(policy: string, adapter: AdapterOptions | undefined): string {
  return adapter ? sha256(policy, canonicalJson({ ...adapter }), ADAPTER_STREAMS) : policy;
}

/** The proof, but for the rollouts. */
export function matchProof(
  { task, data, policy, adapter, order, evaluation, matched }: {
    readonly task: Task;
    readonly data: TaskData;
    readonly policy: Policy;
    /** What is trained in place of the policy's weights. */
    readonly adapter?: AdapterOptions | undefined;
    readonly order: QuestionOrder;
    readonly evaluation: Config["evaluation"];
    readonly matched: Matched;
  },
): Omit<MatchProof, "firstRollouts"> {
  const ids = (name: "validation" | "test", count: number) => {
    const items = data.splits[name];
    return Array.from({ length: Math.min(count, items.size) }, (_, i) => items.item(i).id);
  };
  const asked = Array.from({ length: matched.places }, (_, place) => order.at(place).id);
  const example = policy.tokenizer.chat(task.prompt(task.example.item));
  return {
    weights: initialDigest(policy.digest, adapter),
    data: data.digest,
    template: sha256(example.text, "\n", example.tokens.join()),
    order: sha256(asked.join("\n")),
    items: sha256([...ids("validation", evaluation.validationItems), ...ids("test", evaluation.testItems)].join("\n")),
    streams: STREAMS,
    config: matched.config,
  };
}
