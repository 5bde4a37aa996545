// The committed JSON Schemas in results/schema, made from the zod schemas. Run as a script, it writes them.

import { z } from "zod";
import { bundleSchema } from "./bundle.ts";
import { evaluationRecordSchema, evaluationSampleSchema } from "./evaluation_record.ts";
import { leaderboardEntrySchema } from "./leaderboard_entry.ts";
import { paperSchema } from "./papers.ts";
import { planSchema } from "./plan_schema.ts";
import {
  cellRecordSchema,
  experimentSchema,
  sampleSchema,
  stepSchema,
  tuningSchema,
  warmUpRecordSchema,
} from "./schema.ts";

const shapes = {
  "plan": { schema: planSchema, title: "plan.json: what an experiment runs and claims, written before" },
  "tuning": { schema: tuningSchema, title: "tuning.json: what was tried for each arm, and chosen" },
  "warmup": { schema: warmUpRecordSchema, title: "warmup.json: what the supervised warm-up came to" },
  "experiment": { schema: experimentSchema, title: "experiment.json: a set of matched cells" },
  "record": { schema: cellRecordSchema, title: "record.json: one cell" },
  "step": { schema: stepSchema, title: "a line of steps.jsonl: one update" },
  "bundle": { schema: bundleSchema, title: "a bundle: an experiment's records in one file" },
  "sample": { schema: sampleSchema, title: "a line of samples.jsonl: one completion of the final evaluation" },
  "evaluation": { schema: evaluationRecordSchema, title: "evaluation.json: a policy on held-out questions" },
  "evaluation-sample": { schema: evaluationSampleSchema, title: "a line of an evaluation's samples.jsonl" },
  "leaderboard-entry": {
    schema: leaderboardEntrySchema,
    title: "entry.json on a leaderboard: the rows of a bundle, and what was verified",
  },
  "paper": { schema: paperSchema, title: "a file of baselines/papers: numbers that a paper claims" },
};

/** Text of each schema file by its name: JSON Schema, draft 2020-12. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(shapes).map(([name, { schema, title }]) => {
      const { $schema, ...rest } = z.toJSONSchema(schema);
      return [`${name}.schema.json`, JSON.stringify({ $schema, title, ...rest }, null, 2) + "\n"];
    }),
  );
}

if (import.meta.main) {
  const folder = new URL("../../results/schema/", import.meta.url);
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, text] of jsonSchemas()) Deno.writeTextFileSync(new URL(name, folder), text);
}
