import { deepEqual, equal, match, throws } from "node:assert/strict";
import { arms, findArm } from "../../harness/arms/registry.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import { armConfig, defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { at, group, named, shaperOf } from "./groups.ts";

Deno.test("findArm() reads config fields behind a name, with or without their group", () => {
  const config = (name: string) => armConfig(defaultConfig, findArm(name));
  equal(config("memory-r+:order=as-released").memory.order, "as-released");
  equal(config("memory-r+:memory.order=as-released").memory.order, "as-released");
  equal(config("cosine:unit=chars").cosine.unit, "chars");
  deepEqual(
    config("grpo:rl.advantage=mean:rl.loss=dr_grpo"),
    armConfig(defaultConfig, findArm("dr-grpo")),
  );
  equal(config("grpo:learningRate=1e-5").rl.learningRate, 1e-5);
  equal(config("memory-r+:intrinsicOnZeroGroups=false").rl.intrinsicOnZeroGroups, false);
  equal(config("memory-r:neighbours=20").memory.neighbours, 20);
});

Deno.test("findArm() names a variant by its text without spaces, and says in its summary what differs", () => {
  const variant = findArm(" memory-r+ : order = as-released : key=as-released ");
  equal(variant.name, "memory-r+:order=as-released:key=as-released");
  match(variant.summary, /; order=as-released, key=as-released$/);
  equal(findArm(variant.name).name, variant.name);
  equal(findArm(" grpo "), arms.find(({ name }) => name === "grpo"));
});

Deno.test("a variant's fields come after its arm's, constant or not", () => {
  deepEqual(findArm("dr-grpo:loss=dapo").overrides, { "rl.advantage": "mean", "rl.loss": "dapo" });
  const config = overrideConfig(defaultConfig, { rl: { questions: 6, completions: 4 } }, "the test");
  const { rl } = armConfig(config, findArm("big-group:questions=5"));
  deepEqual([rl.questions, rl.completions], [5, 8]);
});

Deno.test("a variant shapes rewards with its own config", async () => {
  const shaper = await shaperOf(findArm("cosine:unit=chars"));
  const [bonuses = []] = await shaper.shape(at(0, [group("q", [{ text: "four", tokens: 2, correct: true }])]));
  deepEqual(named(bonuses, "cosine").raw, [4]);
});

Deno.test("findArm() finds variants of a user's own arm too", () => {
  const mine = { name: "mine", summary: "mine", trains: true, overrides: {} };
  equal(armConfig(defaultConfig, findArm("mine:loss=dapo", [...arms, mine])).rl.loss, "dapo");
  throws(() => findArm("mine"), MisuseError);
});

Deno.test("findArm() refuses variants that are unknown, ambiguous, repeated, out of range or not an arm's to make", () => {
  const refused = (name: string, message: RegExp) =>
    throws(() => findArm(name), (error: unknown) => {
      if (!(error instanceof MisuseError)) throw error;
      match(error.message, message);
      return true;
    });
  refused("memory-r:ordr=x", /arm "memory-r:ordr=x": there is no config field "ordr" \(did you mean "order"\?\)/);
  refused("memory-r:memory.ordr=as-released", /did you mean "memory\.order"/);
  refused("memory-r:order=sideways", /memory\.order = "sideways" .* must be one of score-first, as-released/);
  refused("memory-r:neighbours=0", /memory\.neighbours = 0 .* must be/);
  refused("memory-r:neighbours=many", /memory\.neighbours = "many" .* must be an integer/);
  refused("memory-r:window=10", /"window" is one of memory\.window, collapse\.window; write which/);
  refused("memory-r:order=as-released:memory.order=score-first", /memory\.order is set twice/);
  refused("memory-r:", /"" must look like field=value/);
  refused("memory-r::order=as-released", /"" must look like field=value/);
  refused("memory-r:order", /"order" must look like field=value/);
  refused("memory-r:order=", /"order=" must look like field=value/);
  refused("memory-r:minilm=a/b", /set anything else with --set/);
  refused("grpo:rl.updates=5", /questions, evaluation and budget are the same for all arms/);
  refused("grpo:tokens=5", /"rl\.tokens"/);
  refused("grpo:evaluation.samples=5", /"evaluation\.samples"/);
  refused("grpo:level=1", /"task\.level"/);
  refused("memory-x:order=as-released", /Cannot find arm "memory-x": .* \(did you mean "memory-r\+?"\?\)/);
});
