// The shape of entry.json on a leaderboard: what follows from the bundle beside it (rows, where it ran, what was
// verified) and what its maker says of it (`about`). Everything but `about` is derived, and derived again by a check.

import { z } from "zod";
import { taskStyle } from "./schema.ts";

const sha256Hex = () => z.string().regex(/^[0-9a-f]{64}$/);
const fieldValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const estimate = z.strictObject({
  value: z.number(),
  lower: z.number(),
  upper: z.number(),
  level: z.number(),
  method: z.string(),
  note: z.string().nullable(),
});

/** Rows are ranked among those that share all of this, and never across. */
const group = z.strictObject({
  task: z.string(),
  taskVersion: z.int().min(0),
  data: sha256Hex(),
  items: sha256Hex().describe("digest of the ids of the evaluated questions"),
  questions: z.int().min(1).describe("how many they are"),
  weights: sha256Hex().describe("of the policy before training"),
  template: sha256Hex(),
  ...taskStyle,
  metric: z.enum(["accuracy", "passAtSamples"]),
  samples: z.int().min(1).describe("sampled completions a question; 1: one greedy"),
  checkpoint: z.enum(["last", "best"]),
  budget: z.strictObject({
    updates: z.int().min(0).describe("0: tokens end the training"),
    tokens: z.int().min(0).describe("0: updates end the training"),
    questions: z.int().min(1).describe("an update"),
    completions: z.int().min(1).describe("a question"),
    maxCompletionTokens: z.int().min(1),
  }),
});

const row = z.strictObject({
  arm: z.string(),
  summary: z.string(),
  reference: z.boolean().describe("the arm that its plan compares the others with"),
  added: z.boolean().describe("after the plan was made"),
  score: estimate,
  before: z.number().nullable().describe("of the policy before training"),
  seeds: z.array(z.int().min(0)).min(1),
  runs: z.array(z.string().regex(/^[01]*$/)).nullable()
    .describe(
      "a text a seed, 1 for each question that counts as right; null: the answers behind the score are not kept",
    ),
  difference: z.strictObject({
    against: z.string(),
    registered: z.boolean(),
    seeds: z.int().min(1),
    effect: estimate,
    adjustedP: z.number(),
    conclusion: z.enum(["better", "worse", "same", "undecided"]),
  }).nullable(),
  updates: z.number().nullable(),
  tokens: z.number().nullable().describe("prompt and completion tokens of training, mean over seeds"),
  seconds: z.number().nullable(),
  collapsed: z.int().min(0).describe("seeds with a collapse"),
});

/** entry.json. */
export const leaderboardEntrySchema = z.strictObject({
  version: z.literal(1).describe("of this shape"),
  kind: z.literal("matchbox.leaderboard-entry"),
  id: z.string().regex(/^[0-9a-f]{16}$/).describe("first digits of the bundle's digest; the folder's name"),
  bundle: sha256Hex().describe("the bundle's digest"),
  cells: sha256Hex().describe("of the digests of all cells: equal for the same runs, however they were packed"),
  about: z.strictObject({
    name: z.string().min(1).max(80),
    note: z.string().max(2000).nullable(),
    link: z.url({ protocol: /^https?$/ }).max(500).nullable(),
  }),
  group,
  policy: z.string(),
  profile: z.string(),
  devices: z.array(z.string()).min(1),
  cpus: z.array(z.string()),
  made: z.strictObject({
    startedAt: z.string(),
    matchbox: z.array(z.string()),
    gitCommits: z.array(z.string()),
    plan: sha256Hex(),
  }),
  config: z.record(z.string(), z.record(z.string(), fieldValue)).describe("before the arms' own fields"),
  rows: z.array(row).min(1),
  verified: z.strictObject({
    digests: z.literal(true).describe("of plan, records, answers and bundle"),
    matched: z.literal(true).describe("cells share what they must, and all that the plan names are there"),
    answers: z.int().min(1).describe("completions that were graded again, with the same verdict"),
    scores: z.boolean().describe("the scores are made of those answers"),
    gold: z.boolean().describe("questions and gold answers are the task's; false: its data was not at hand"),
    replay: z.literal(false).describe("no training was repeated"),
  }),
});

/** Read-only through and through. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type LeaderboardEntry = Frozen<z.output<typeof leaderboardEntrySchema>>;
export type LeaderboardRow = LeaderboardEntry["rows"][number];
export type LeaderboardGroup = LeaderboardEntry["group"];
export type LeaderboardAbout = LeaderboardEntry["about"];
export type Verified = LeaderboardEntry["verified"];
