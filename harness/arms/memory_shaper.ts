// The reward shaper of the arms with an episodic memory (arXiv 2504.02273, section 2). A step goes:
//
//   embed      what is remembered of every completion in one call, the questions in another
//   score      each group in order against the memories as they were before the step: raw values (eq. 4, 5), their
//              window and range (eq. 6), weight (eq. 7)
//   remember   each group in order: correct completions as successes, the others as failures, under their question
//
// The paper leaves open whether a response is remembered before it is scored. The released code does that, one response
// after the other, and so shows the verdict to the bonus: a failure is its own nearest failure, a success part of its own
// centroid. memory.order=as-released does the same, with the released normalisation and its windows; the default scores
// first, and none of a step's completions is compared with another of that step.
// memory.key=as-released puts the groups of each two questions under the first one's key, as a batch of two did there.
//
// Deviations from paper and code in both orders: the embedder is the initial policy unless memory.embedder says
// otherwise; warm-up is a share of the budget; a group enters the window as a whole (score first); a completion that is
// blank is neither compared nor remembered, raw null and value 0.

import type { Config } from "../config.ts";
import type { Bonus, Embedder, RewardShaper, RolloutGroup, ShaperSetup, ShapingContext } from "../contract.ts";
import { EpisodicMemory } from "../memory/episodic_memory.ts";
import { centroid, exploitTo, explore } from "../memory/intrinsic.ts";
import { chooseEmbedder } from "./choose_embedder.ts";
import { type BonusWeight, RangedBonus } from "./ranged_bonus.ts";
import { rememberedText } from "./remembered_text.ts";
import { sectionOf } from "./saved_sections.ts";

/** The two memories. */
type Side = "success" | "failure";

type Vectors = readonly Float32Array[];

/** What a bonus is measured against, how, and which weight it has. */
interface Recipe {
  readonly against: readonly Side[];
  /** The measure of one response [D] against these neighbours. */
  readonly measure: (neighbours: Vectors) => (response: Float32Array) => number | null;
  readonly weight: BonusWeight;
}

const near: Recipe["measure"] = (neighbours) => {
  const centre = centroid(neighbours);
  return (response) => centre && exploitTo(response, centre);
};
const far: Recipe["measure"] = (neighbours) => (response) => explore(response, neighbours);

const recipes = {
  exploit: { against: ["success"], measure: near, weight: "exploit" },
  explore: { against: ["failure"], measure: far, weight: "novelty" },
  novelty: { against: ["success", "failure"], measure: far, weight: "novelty" },
} as const satisfies Readonly<Record<string, Recipe>>;

/** A bonus that is measured against memories: near to successes, far from failures, far from both. */
export type MemoryBonus = keyof typeof recipes;

/** A group as the memories see it. */
interface Entry {
  readonly key: string;
  readonly keyVector: Float32Array; // [D]
  /** Of the question whose memories it is compared with; null where there is none. */
  readonly query: Float32Array | null; // [D]
  /** Its completions; the vector is null where nothing is to be remembered. */
  readonly answers: readonly { readonly vector: Float32Array | null; readonly side: Side }[]; // [G]
}

/**
 * A shaper that remembers what its bonuses are measured against, and no more.
 * @param lookup whose memories a group is compared with: its own question's, or those of another one of the step
 */
export async function memoryShaper(
  setup: ShaperSetup,
  names: readonly MemoryBonus[],
  lookup: "own" | "another" = "own",
): Promise<RewardShaper> {
  const { config: { memory: options } } = setup, released = options.order === "as-released";
  const embedder = await chooseEmbedder(setup);
  const bonuses = names.map((name) => {
    const recipe: Recipe = recipes[name];
    return { ...recipe, ranged: new RangedBonus(name, recipe.weight, options, released ? 0 : options.epsilon) };
  });
  const memories = new Map(
    bonuses.flatMap(({ against }) => against)
      .map((side) => [side, new EpisodicMemory(embedder.identity.dimensions, options)] as const),
  );
  /** Share of the last step's completions that found something to be compared with, by bonus. */
  let hits: Readonly<Record<string, number>> = {};

  const neighbours = ({ query }: Entry, sides: readonly Side[]): Vectors =>
    query ? sides.flatMap((side) => memories.get(side)?.neighbours(query, options.neighbours) ?? []) : [];

  const remember = ({ key, keyVector, answers }: Entry) => {
    for (const [side, memory] of memories) {
      const values = answers.flatMap((answer) => answer.side === side && answer.vector ? [answer.vector] : []);
      memory.insert(key, keyVector, values);
    }
  };

  const scoreFirst = (context: ShapingContext, entry: Entry): readonly Bonus[] =>
    bonuses.map(({ against, measure, ranged }) => {
      const measured = measure(neighbours(entry, against));
      return ranged.shape(context, entry.answers.map(({ vector }) => vector && measured(vector)));
    });

  const rememberFirst = (context: ShapingContext, entry: Entry): readonly Bonus[] => {
    const scores = entry.answers.map((answer) => {
      remember({ ...entry, answers: [answer] });
      return bonuses.map(({ against, measure, ranged }) => {
        if (!answer.vector) return { raw: null, value: 0 };
        const raw = measure(neighbours(entry, against))(answer.vector);
        return { raw, value: ranged.valueAsReleased(context, raw) };
      });
    });
    return names.map((name, b) => ({
      name,
      raw: scores.map((score) => score[b]!.raw),
      values: scores.map((score) => score[b]!.value),
    }));
  };

  return {
    embedder: embedder.identity,
    async shape(context) {
      const entries = await readEntries(context.groups, embedder, options, lookup);
      const shaped = entries.map((entry) => (released ? rememberFirst : scoreFirst)(context, entry));
      if (!released) entries.forEach(remember);
      hits = Object.fromEntries(names.map((name, b) => {
        const raw = shaped.flatMap((group) => group[b]!.raw);
        return [`memory.${name}Hits`, raw.filter((value) => value !== null).length / raw.length];
      }));
      return shaped;
    },
    gauges: () => ({
      ...Object.fromEntries([...memories].flatMap(([side, { keyCount, valueCount }]) => [
        [`memory.${side}Keys`, keyCount],
        [`memory.${side}Values`, valueCount],
      ])),
      ...hits,
    }),
    save: () =>
      Object.assign(
        Object.fromEntries([...memories].map(([side, memory]) => [`memory.${side}`, memory.save()])),
        ...bonuses.map(({ ranged }) => ranged.save()),
      ),
    load(sections) {
      for (const [side, memory] of memories) memory.load(sectionOf(sections, `memory.${side}`));
      for (const { ranged } of bonuses) ranged.load(sections);
      return Promise.resolve();
    },
    dispose: () => embedder.dispose(),
  };
}

/** Embeds the groups of a step: all that is remembered of completions in one call, the questions in another. */
async function readEntries(
  groups: readonly RolloutGroup[],
  embedder: Embedder,
  { key, response }: Config["memory"],
  lookup: "own" | "another",
): Promise<readonly Entry[]> {
  const keys = groups.map((_, g) => groups[key === "as-released" ? g - g % 2 : g]!.item.question);
  const keyVectors = await embedder.embed(keys);
  const texts = groups.map(({ completions }) => completions.map(({ text }) => rememberedText(text, response)));
  const vectors = (await embedder.embed(texts.flat().filter((text) => text !== null))).values();
  return groups.map(({ grades }, g) => {
    const asks = lookup === "own" ? g : anotherKey(keys, g);
    return {
      key: keys[g]!,
      keyVector: keyVectors[g]!,
      query: asks === null ? null : keyVectors[asks]!,
      answers: grades.map(({ rewards }, i) => ({
        vector: texts[g]![i] === null ? null : vectors.next().value!,
        side: rewards[0]! > 0.5 ? "success" : "failure",
      })),
    };
  });
}

/** Position of the next key that differs from the one at `g`, the first after the last; null where all are the same. */
function anotherKey(keys: readonly string[], g: number): number | null {
  const others = keys.map((_, i) => (g + i) % keys.length);
  return others.find((i) => keys[i] !== keys[g]) ?? null;
}
