// Config: what is refused and how it is said; in what order the layers win; that flags and help come from the schema.

import { deepEqual, equal, match, throws } from "node:assert/strict";
import { MisuseError } from "../harness/base/errors.ts";
import { configFields, configSchema, parseConfig } from "../harness/config.ts";
import { applySettings, armConfig, defaultConfig, overrideConfig } from "../harness/config_options.ts";

/** The messages of a MisuseError, one a line. */
function refusal(action: () => unknown): string[] {
  let message = "";
  throws(action, (error: unknown) => {
    if (error instanceof MisuseError) message = error.message;
    return error instanceof MisuseError;
  });
  return message.split("\n");
}

Deno.test("parseConfig() fills in defaults and freezes every group", () => {
  const config = parseConfig({ rl: { updates: 3 } }, "test");
  deepEqual({ ...config, rl: { ...config.rl } }, configSchema.parse({ rl: { updates: 3 } }));
  throws(() => Object.assign(config.rl, { updates: 4 }), TypeError);
});

Deno.test("parseConfig() names each bad field with its value and what is allowed", () => {
  const bad = {
    task: { level: 4 },
    rl: { updates: 1.5, topP: 0, temperature: "hot", loss: "ppo", maskTruncated: 1, beta1: 1, epsilon: NaN, topk: 3 },
    evaluation: null,
    eval: {},
  };
  const lines = refusal(() => parseConfig(bad, "bad.yaml"));
  const expected = [
    /^Cannot use task\.level = 4 \(bad\.yaml\): must be an integer from 0 to 3 /,
    /^Cannot use rl\.updates = 1\.5 \(bad\.yaml\): must be an integer of at least 0 /,
    /^Cannot use rl\.temperature = "hot" \(bad\.yaml\): must be a number above 0 and of at most 10 /,
    /^Cannot use rl\.topP = 0 .*: must be a number above 0 and of at most 1 /,
    /^Cannot use rl\.loss = "ppo" .*: must be one of grpo, dapo, dr_grpo /,
    /^Cannot use rl\.maskTruncated = 1 .*: must be true or false /,
    /^Cannot use rl\.beta1 = 1 .*: must be a number of at least 0 and below 1 /,
    /^Cannot use rl\.epsilon = "NaN" .*: must be a number above 0 /,
    /^Cannot use config key "rl\.topk" \(bad\.yaml\): it does not exist \(did you mean "rl\.topK"\?\)$/,
    /^Cannot use evaluation = null .*: must be a mapping of keys to values$/,
    /^Cannot use config key "eval"/,
  ];
  equal(lines.length, expected.length, lines.join("\n"));
  for (const pattern of expected) equal(lines.filter((line) => pattern.test(line)).length, 1, `${pattern}`);
  match(refusal(() => parseConfig(3, "x")).join(), /^Cannot use the config = 3 \(x\): must be a mapping/);
});

Deno.test("applySettings() reads each value as its field's type", () => {
  const config = applySettings(defaultConfig, [
    "rl.learningRate=1e-5",
    " rl.updates = 7",
    "rl.maskTruncated=true",
    "rl.advantage=leave-one-out",
  ]);
  const { learningRate, updates, maskTruncated, advantage } = config.rl;
  deepEqual([learningRate, updates, maskTruncated, advantage], [1e-5, 7, true, "leave-one-out"]);
});

Deno.test("applySettings() refuses what is malformed, unknown, repeated or of the wrong type", () => {
  const message = (...settings: string[]) => refusal(() => applySettings(defaultConfig, settings)).join("\n");
  match(message("rl.updates"), /must look like key=value/);
  match(message("=3"), /must look like key=value/);
  match(message("rl.learningrate=1"), /did you mean "rl\.learningRate"/);
  match(message("updates=1"), /"updates" \(--set\): it does not exist/);
  match(message("rl=1"), /"rl" \(--set\): it does not exist/);
  match(message("rl.updates=1", "rl.updates=2"), /rl\.updates is set twice/);
  match(message("rl.updates="), /rl\.updates = "" \(--set\): must be an integer/);
  match(message("rl.updates=0x10"), /rl\.updates = "0x10"/);
  match(message("rl.learningRate=1e999"), /rl\.learningRate = "Infinity"/);
  match(message("rl.maskTruncated=yes"), /must be true or false/);
});

Deno.test("overrideConfig() replaces only what is named, and an arm's own fields come last", () => {
  const profile = overrideConfig(defaultConfig, { rl: { updates: 10, questions: 2 } }, "profile");
  const file = overrideConfig(profile, { rl: { updates: 20 }, evaluation: { every: 5 } }, "file");
  const set = applySettings(file, ["rl.advantage=std"]);
  const config = armConfig(set, { name: "rloo", overrides: { "rl.advantage": "leave-one-out" } });
  const { updates, questions, completions, advantage } = config.rl;
  deepEqual([updates, questions, completions, advantage], [20, 2, defaultConfig.rl.completions, "leave-one-out"]);
  equal(config.evaluation.every, 5);
  match(
    refusal(() => armConfig(set, { name: "mine", overrides: { "rl.advantge": "std" } })).join(),
    /\(arm "mine"\).*did you mean "rl\.advantage"/,
  );
});

Deno.test("configFields has every field of the schema with its default", () => {
  const keys = Object.entries(defaultConfig).flatMap(([group, fields]) =>
    Object.entries(fields).map(([name, value]) => [`${group}.${name}`, value])
  );
  deepEqual(configFields.map((field) => [field.key, field.default]), keys);
  for (const { key, description, range } of configFields) equal(description !== "" && range !== "", true, key);
});
