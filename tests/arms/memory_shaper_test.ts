import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { memoryR } from "../../harness/arms/memory_r.ts";
import { memoryRPlus } from "../../harness/arms/memory_r_plus.ts";
import { exploreAll } from "../../harness/arms/explore_all.ts";
import { exploreNovelty } from "../../harness/arms/explore_novelty.ts";
import { rememberedText } from "../../harness/arms/remembered_text.ts";
import { shuffledMemory } from "../../harness/arms/shuffled_memory.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import type { Arm, Bonus, ConfigFields, Embedder, RolloutGroup } from "../../harness/contract.ts";
import { at, embedderOf, group, named, randomEmbedder, randomSteps, shaperOf, tableEmbedder } from "./groups.ts";

// *** the naive oracle: plain arrays, eq. 4 to 8 written out ***

interface NaiveOptions {
  readonly bonuses: readonly string[];
  readonly keys: number;
  readonly values: number;
  readonly neighbours: number;
  readonly window: number;
  readonly epsilon: number;
  readonly weights: { readonly exploit: number; readonly explore: number };
  readonly annealing: number;
  readonly lookup: (g: number, groups: readonly RolloutGroup[]) => number;
}

type Remembered = { question: string; vector: Float32Array; values: Float32Array[] }[];

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function nearest(memory: Remembered, query: Float32Array, k: number): Float32Array[] {
  const ranked = memory.map((entry, age) => ({ entry, age, cosine: dot(entry.vector, query) }))
    .sort((a, b) => b.cosine - a.cosine || a.age - b.age);
  return ranked.slice(0, k).flatMap(({ entry }) => entry.values);
}

function naiveRaw(bonus: string, response: Float32Array, wins: Float32Array[], losses: Float32Array[]): number | null {
  if (bonus === "exploit") {
    if (wins.length === 0) return null;
    const centre = response.map((_, d) => wins.reduce((sum, win) => sum + win[d]!, 0) / wins.length);
    return -Math.hypot(...response.map((value, d) => value - centre[d]!));
  }
  const seen = bonus === "explore" ? losses : [...wins, ...losses];
  return seen.length === 0 ? null : 1 - Math.max(...seen.map((one) => dot(one, response)));
}

async function naive(
  steps: readonly (readonly RolloutGroup[])[],
  embedder: Embedder,
  options: NaiveOptions,
): Promise<Bonus[][][]> {
  const memories: { success: Remembered; failure: Remembered } = { success: [], failure: [] };
  const windows = options.bonuses.map((): number[] => []);
  const result: Bonus[][][] = [];
  for (const [step, groups] of steps.entries()) {
    const questions = await embedder.embed(groups.map(({ item }) => item.question));
    const responses: (Float32Array | null)[][] = [];
    for (const { completions } of groups) {
      const vectors = [];
      for (const { text } of completions) {
        const kept = rememberedText(text, "reasoning");
        vectors.push(kept === null ? null : (await embedder.embed([kept]))[0]!);
      }
      responses.push(vectors);
    }
    result.push(groups.map((_, g) => {
      const query = questions[options.lookup(g, groups)]!;
      const wins = nearest(memories.success, query, options.neighbours);
      const losses = nearest(memories.failure, query, options.neighbours);
      return options.bonuses.map((name, b) => {
        const raw = responses[g]!.map((response) => response && naiveRaw(name, response, wins, losses));
        windows[b] = [...windows[b]!, ...raw.filter((value) => value !== null)].slice(-options.window);
        const min = Math.min(...windows[b]), max = Math.max(...windows[b]);
        const weight = name === "exploit"
          ? options.weights.exploit
          : options.weights.explore * options.annealing ** step;
        const values = raw.map((value) =>
          value === null ? 0 : weight * Math.min(1, Math.max(0, (value - min) / (max - min + options.epsilon)))
        );
        return { name, raw, values };
      });
    }));
    groups.forEach(({ item, grades }, g) =>
      responses[g]!.forEach((response, i) => {
        if (!response) return;
        const memory = memories[grades[i]!.rewards[0]! > 0.5 ? "success" : "failure"];
        let entry = memory.find(({ question }) => question === item.question);
        if (!entry) {
          entry = { question: item.question, vector: questions[g]!, values: [] };
          memory.push(entry);
          memory.splice(0, memory.length - options.keys);
        }
        entry.values.push(response);
        entry.values.splice(0, entry.values.length - options.values);
      })
    );
  }
  return result;
}

/** Raw values are rounded to 2^-20, and a small range magnifies that. */
function near(actual: readonly (number | null)[], expected: readonly (number | null)[], tolerance: number): void {
  equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    const wanted = expected[i]!;
    ok(value === null ? wanted === null : Math.abs(value - wanted) <= tolerance, `${actual} is not ${expected}`);
  });
}

const fields: ConfigFields = {
  "memory.neighbours": 2,
  "memory.keys": 5,
  "memory.values": 3,
  "memory.window": 15,
  "memory.exploitWeight": 0.7,
  "memory.exploreWeight": 1.5,
  "memory.annealing": 0.9,
};
const naiveOptions: NaiveOptions = {
  bonuses: [],
  keys: 5,
  values: 3,
  neighbours: 2,
  window: 15,
  epsilon: 1e-8,
  weights: { exploit: 0.7, explore: 1.5 },
  annealing: 0.9,
  lookup: (g) => g,
};

const another = (g: number, groups: readonly RolloutGroup[]) => {
  for (let i = 1; i < groups.length; i++) {
    const other = (g + i) % groups.length;
    if (groups[other]!.item.question !== groups[g]!.item.question) return other;
  }
  throw new Error("The test's questions are all the same");
};

const cases: readonly [Arm, readonly string[], NaiveOptions["lookup"]][] = [
  [memoryR, ["exploit"], (g) => g],
  [memoryRPlus, ["exploit", "explore"], (g) => g],
  [exploreNovelty, ["explore"], (g) => g],
  [exploreAll, ["novelty"], (g) => g],
  [shuffledMemory, ["exploit", "explore"], another],
];

for (const [arm, bonuses, lookup] of cases) {
  Deno.test(`${arm.name}: bonuses equal eq. 4 to 8 by naive loops, over steps, with evictions`, async () => {
    const steps = randomSteps(stream(3, "naive"), 12), embedder = randomEmbedder();
    const shaper = await shaperOf(arm, fields, embedder);
    const expected = await naive(steps, embedder, { ...naiveOptions, bonuses, lookup });
    for (const [step, groups] of steps.entries()) {
      const shaped = await shaper.shape(at(step, groups));
      shaped.forEach((group, g) => {
        deepEqual(group.map(({ name }) => name), bonuses);
        group.forEach(({ raw, values }, b) => {
          near(raw, expected[step]![g]![b]!.raw, 2 ** -20);
          near(values, expected[step]![g]![b]!.values, 1e-4);
        });
      });
    }
  });
}

// *** order ***

Deno.test("memoryShaper() scores a step before it remembers any of it, and finds it in the next", async () => {
  const shaper = await shaperOf(memoryRPlus);
  const groups = ["q", "q", "r"].map((question) =>
    group(question, [{ text: "the same words", correct: true }, { text: "the same words", correct: false }])
  );
  for (const bonuses of await shaper.shape(at(0, groups))) {
    for (const { raw, values } of bonuses) {
      deepEqual(raw, [null, null]);
      deepEqual(values, [0, 0]);
    }
  }
  const [bonuses = []] = await shaper.shape(at(1, groups.slice(0, 1)));
  deepEqual(named(bonuses, "exploit").raw, [0, 0]); // each is its own success and its own failure
  deepEqual(named(bonuses, "explore").raw, [0, 0]);
});

Deno.test("memoryShaper() with order=as-released remembers each completion before it scores it", async () => {
  const embedder = tableEmbedder({ q: [1, 0], a: [1, 0], b: [0, 1], c: [0.6, 0.8] });
  const answers = [{ text: "a", correct: false }, { text: "b", correct: true }, { text: "c", correct: false }];
  const shaper = await shaperOf(memoryRPlus, { "memory.order": "as-released" }, embedder);
  const [bonuses = []] = await shaper.shape(at(0, [group("q", answers)]));
  const exploit = named(bonuses, "exploit"), explore = named(bonuses, "explore");
  near(exploit.raw, [null, 0, -Math.sqrt(0.4)], 1e-6); // a: no success yet; b: its own centroid; c: (0.6, -0.2) from b
  near(explore.raw, [0, 1, 0], 1e-6); // a and c meet themselves; b is orthogonal to a
  deepEqual(exploit.values, [0, 1, 0]); // b alone in the window: 1 - distance; c: the window's minimum
  deepEqual(explore.values, [0, 1, 0]);
});

Deno.test("memoryShaper() with order=as-released keeps explore out of its window during the warm-up, and pays 1 for an empty memory", async () => {
  const shaper = await shaperOf(memoryRPlus, { "memory.order": "as-released" });
  const right = [{ text: "one", correct: true }, { text: "two", correct: true }];
  const [empty = []] = await shaper.shape(at(0, [group("q", right)]));
  deepEqual(named(empty, "explore"), { name: "explore", raw: [null, null], values: [1, 1] });
  const wrong = group("q", right.map(({ text }) => ({ text, correct: false })));
  const [early = []] = await shaper.shape(at(1, [wrong], 0.05));
  deepEqual(named(early, "explore"), { name: "explore", raw: [0, 0], values: [0, 0] });
  equal(shaper.save?.()["range.explore"]?.length, 0);
  await shaper.shape(at(2, [wrong]));
  equal(shaper.save?.()["range.explore"]?.length, 2 * 8);
});

/** Mean of a bonus over correct and over wrong completions, when vectors say nothing about correctness. */
async function meanBonuses(arm: Arm, fields: ConfigFields, name: string): Promise<{ right: number; wrong: number }> {
  const shaper = await shaperOf(arm, fields), random = stream(11, "leak");
  const values: { right: number[]; wrong: number[] } = { right: [], wrong: [] };
  for (let step = 0; step < 60; step++) {
    const groups = Array.from({ length: 4 }, (_, g) =>
      group(
        `question ${step} ${g}`,
        Array.from({ length: 16 }, (_, i) => ({ text: `answer ${step} ${g} ${i}`, correct: random.uniform() < 0.3 })),
      ));
    const shaped = await shaper.shape(at(step, groups));
    shaped.forEach((bonuses, g) =>
      named(bonuses, name).values.forEach((value, i) =>
        values[groups[g]!.grades[i]!.status === "correct" ? "right" : "wrong"].push(value)
      )
    );
  }
  const mean = (all: readonly number[]) => all.reduce((sum, value) => sum + value, 0) / all.length;
  return { right: mean(values.right), wrong: mean(values.wrong) };
}

for (const bonus of ["exploit", "explore"]) {
  Deno.test(`${bonus} tells right from wrong without knowing it when remembered first, and not when scored first`, async () => {
    const leaky = await meanBonuses(memoryRPlus, { "memory.order": "as-released" }, bonus);
    ok(leaky.right > leaky.wrong + 0.15, JSON.stringify(leaky));
    const sound = await meanBonuses(memoryRPlus, {}, bonus);
    ok(Math.abs(sound.right - sound.wrong) < 0.02, JSON.stringify(sound));
  });
}

Deno.test("memoryShaper() gives a completion the same bonus wherever it stands in its group", async () => {
  const [steps, last] = [randomSteps(stream(5, "order"), 4), randomSteps(stream(6, "order"), 1)[0]!];
  const bonuses = async (groups: readonly RolloutGroup[]) => {
    const shaper = await shaperOf(memoryRPlus);
    for (const [step, groups] of steps.entries()) await shaper.shape(at(step, groups));
    return await shaper.shape(at(4, groups));
  };
  const reversed = last.map((group) => ({
    ...group,
    completions: group.completions.toReversed(),
    grades: group.grades.toReversed(),
  }));
  const mirrored = (await bonuses(reversed)).map((group) =>
    group.map(({ name, raw, values }) => ({ name, raw: raw.toReversed(), values: values.toReversed() }))
  );
  deepEqual(mirrored, await bonuses(last));
});

// *** keys ***

Deno.test("memoryShaper() keys each group by its question; key=as-released by the first question of each two", async () => {
  const groups = ["a", "b", "c", "d", "e"].map((question) =>
    group(question, [{ text: `yes ${question}`, correct: true }, { text: `no ${question}`, correct: false }])
  );
  for (const [key, keys] of [["question", 5], ["as-released", 3]] as const) {
    const shaper = await shaperOf(memoryRPlus, { "memory.key": key });
    await shaper.shape(at(0, groups));
    const gauges = shaper.gauges?.() ?? {};
    equal(gauges["memory.successKeys"], keys);
    equal(gauges["memory.failureKeys"], keys);
    equal(gauges["memory.successValues"], 5);
    equal(gauges["memory.failureValues"], 5);
    // The second of two is scored against what the first one's question found, or against its own.
    const again = await shaper.shape(
      at(1, ["x", "b"].map((question) => group(question, [{ text: "?", correct: true }]))),
    );
    const [first, second] = again.map((bonuses) => named(bonuses, "exploit").raw[0]);
    equal(first === second, key === "as-released");
  }
});

Deno.test("memoryShaper() merges what comes under one question, in a step and over steps", async () => {
  const shaper = await shaperOf(memoryR);
  const groups = ["q", "q"].map((question) =>
    group(question, [{ text: "a", correct: true }, { text: "b", correct: true }])
  );
  await shaper.shape(at(0, groups));
  await shaper.shape(at(1, groups));
  deepEqual(shaper.gauges?.(), { "memory.successKeys": 1, "memory.successValues": 8, "memory.exploitHits": 1 });
});

// *** parts ***

Deno.test("memoryShaper() holds explore at 0 during the warm-up while its window fills, and lowers it by annealing", async () => {
  const steps = randomSteps(stream(8, "warm-up"), 6);
  const run = async (progress: (step: number) => number, fields: ConfigFields = {}) => {
    const shaper = await shaperOf(memoryRPlus, fields), shaped: (readonly (readonly Bonus[])[])[] = [];
    for (const [step, groups] of steps.entries()) shaped.push(await shaper.shape(at(step, groups, progress(step))));
    return shaped;
  };
  const late = await run(() => 0.5), cold = await run((step) => step / 10, { "memory.warmup": 0.3 });
  for (const [step, groups] of cold.entries()) {
    for (const [g, bonuses] of groups.entries()) {
      const reference = named(late[step]![g]!, "explore"), explore = named(bonuses, "explore");
      deepEqual(explore.raw, reference.raw);
      deepEqual(explore.values, step < 3 ? explore.raw.map(() => 0) : reference.values);
      deepEqual(named(bonuses, "exploit"), named(late[step]![g]!, "exploit"));
    }
  }
  const annealed = await run(() => 0.5, { "memory.annealing": 0.5 });
  for (const [step, groups] of annealed.entries()) {
    for (const [g, bonuses] of groups.entries()) {
      near(
        named(bonuses, "explore").values,
        named(late[step]![g]!, "explore").values.map((v) => v * 0.5 ** step),
        1e-12,
      );
      deepEqual(named(bonuses, "exploit"), named(late[step]![g]!, "exploit"));
    }
  }
});

Deno.test("memoryShaper() neither rewards nor remembers blank completions", async () => {
  for (const order of ["score-first", "as-released"]) {
    const shaper = await shaperOf(memoryRPlus, { "memory.order": order });
    const blank = [{ text: "", correct: false }, { text: " \n\t", correct: true }];
    await shaper.shape(at(0, [group("q", [...blank, { text: "x", correct: true }, { text: "y", correct: false }])]));
    const [bonuses = []] = await shaper.shape(at(1, [group("q", blank)]));
    for (const { raw, values } of bonuses) {
      deepEqual(raw, [null, null]);
      deepEqual(values, [0, 0]);
    }
    const gauges = shaper.gauges?.() ?? {};
    deepEqual([gauges["memory.successValues"], gauges["memory.failureValues"]], [1, 1]);
    deepEqual([gauges["memory.exploitHits"], gauges["memory.exploreHits"]], [0, 0]);
  }
});

Deno.test("memoryShaper() remembers the reasoning, or with response=whole the completion", async () => {
  const embedder = embedderOf((text) => [1, text.length, text.includes("<answer>") ? 5 : 0]);
  const texts = [
    "<reasoning>\nabc\n</reasoning>\n<answer>\n1\n</answer>\n",
    "<reasoning>abc</reasoning> <answer>22</answer>",
  ];
  const answers = texts.map((text) => ({ text, correct: false }));
  for (const [response, equalRaw] of [["reasoning", true], ["whole", false]] as const) {
    const shaper = await shaperOf(exploreNovelty, { "memory.response": response }, embedder);
    await shaper.shape(at(0, [group("q", answers.slice(0, 1))]));
    const [bonuses = []] = await shaper.shape(at(1, [group("q", answers)]));
    const [first, second] = named(bonuses, "explore").raw;
    equal(first, 0);
    equal(first === second, equalRaw);
  }
});

Deno.test("memoryShaper() embeds a step in two calls, and disposes of its embedder", async () => {
  let disposed = 0;
  const embedder = { ...randomEmbedder(), dispose: () => Promise.resolve(void disposed++) };
  const shaper = await shaperOf(memoryRPlus, {}, embedder);
  for (const [step, groups] of randomSteps(stream(1, "calls"), 3).entries()) await shaper.shape(at(step, groups));
  equal(embedder.calls, 6);
  deepEqual(shaper.embedder, embedder.identity);
  await shaper.dispose?.();
  equal(disposed, 1);
});

Deno.test("memoryShaper() uses the embedder that the config names", async () => {
  const hashing = await shaperOf(memoryR, { "memory.embedder": "hashing" });
  equal(hashing.embedder?.name, "hashing");
  equal((await shaperOf(memoryR)).embedder?.name, "toy");
});

Deno.test("memoryShaper() refuses a state that is not its own", async () => {
  const shaper = await shaperOf(memoryRPlus);
  const [groups = []] = randomSteps(stream(1, "refused"), 1);
  await shaper.shape(at(0, groups));
  const saved = shaper.save?.() ?? {};
  deepEqual(Object.keys(saved), ["memory.success", "memory.failure", "range.exploit", "range.explore"]);
  for (const name of Object.keys(saved)) {
    const { [name]: _, ...rest } = saved;
    await rejects(
      async () => await shaper.load?.(rest),
      (error: unknown) => error instanceof FailureError && error.message.includes(`no section "${name}"`),
    );
    await rejects(async () => await shaper.load?.({ ...saved, [name]: Uint8Array.of(1, 2, 3) }), FailureError);
  }
});

Deno.test("shuffled-memory needs another question: a config without is refused, a step without is not rewarded", async () => {
  await rejects(
    () => shaperOf(shuffledMemory, { "rl.questions": 1 }),
    (error: unknown) => error instanceof MisuseError && /rl\.questions = 1/.test(error.message),
  );
  const shaper = await shaperOf(shuffledMemory);
  const same = ["q", "q"].map((question) =>
    group(question, [{ text: "a", correct: true }, { text: "b", correct: false }])
  );
  await shaper.shape(at(0, same));
  for (const bonuses of await shaper.shape(at(1, same))) for (const { raw } of bonuses) deepEqual(raw, [null, null]);
});

Deno.test("shuffled-memory remembers under the right question", async () => {
  const shaper = await shaperOf(shuffledMemory), plain = await shaperOf(memoryRPlus);
  for (const [step, groups] of randomSteps(stream(4, "shuffled"), 5).entries()) {
    await shaper.shape(at(step, groups));
    await plain.shape(at(step, groups));
  }
  const memories = ({ save }: typeof plain) => {
    const { "memory.success": success, "memory.failure": failure } = save?.() ?? {};
    return { success, failure };
  };
  deepEqual(memories(shaper), memories(plain));
});

Deno.test("explore-all refuses order=as-released, under which nothing would ever be new", async () => {
  await rejects(
    () => shaperOf(exploreAll, { "memory.order": "as-released" }),
    (error: unknown) => error instanceof MisuseError && /leave memory\.order at score-first/.test(error.message),
  );
});
