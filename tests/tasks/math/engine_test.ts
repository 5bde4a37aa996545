import { equal } from "node:assert/strict";
import { Engine } from "../../../tasks/math/engine.ts";
import { type Expression, parseExpression } from "../../../tasks/math/expression.ts";

const parsed = (text: string): Expression => {
  const found = parseExpression(text);
  if (found === null) throw new Error(`cannot parse ${text}`);
  return found;
};

Deno.test("Engine.compare() gives up at its time limit, ends the thread, and answers again with a new one", () => {
  const impatient = new Engine(0), patient = new Engine();
  const [a, b] = [parsed("(x+1)^2"), parsed("x^2+2x+1")];
  equal(impatient.compare(a, b), "undecided");
  equal(impatient.compare(a, b), "undecided");
  equal(patient.compare(a, b), "equal");
  patient.stop();
  equal(patient.compare(a, b), "equal");
  patient.stop();
  impatient.stop();
});

Deno.test("Engine.compare() tells numbers apart that differ in the fiftieth digit", () => {
  const engine = new Engine();
  equal(engine.compare(parsed("\\pi"), parsed("3.14159265358979323846264338")), "different");
  equal(engine.compare(parsed("\\sqrt{2}"), parsed("\\sqrt{2}+10^{-30}")), "different");
  equal(engine.compare(parsed("\\sqrt{2}"), parsed("\\sqrt{2}+10^{-50}")), "undecided");
  equal(engine.compare(parsed("\\sqrt{2}+\\sqrt{3}"), parsed("\\sqrt{5+2\\sqrt{6}}")), "equal");
  engine.stop();
});

Deno.test("Engine.compare() decides nothing next to zero, where values lose their digits, nor where nothing is real", () => {
  const engine = new Engine();
  equal(engine.compare(parsed("e^{-1000}"), parsed("2e^{-1000}")), "undecided");
  equal(engine.compare(parsed("\\sqrt{8}-2\\sqrt{2}"), parsed("\\ln 1")), "undecided");
  equal(engine.compare(parsed("\\ln(-x^2)"), parsed("\\ln(-x^2)")), "undecided");
  engine.stop();
});

Deno.test("Engine.compare() does not ask what is too large", () => {
  const engine = new Engine();
  for (const text of ["9^{9^{9}}", "x!", "500!", "2^{5000}", "x^{9^{9^{9}}}", "0." + "3".repeat(70)]) {
    equal(engine.compare(parsed(text), parsed(text)), "undecided", text);
  }
  engine.stop();
});

Deno.test("a process that asked the engine ends by itself", async () => {
  const module = new URL("../../../tasks/math/same_answer.ts", import.meta.url);
  const code = `import { sameAnswer } from "${module}"; console.log(sameAnswer("(x+1)^2", "x^2+2x+1"));`;
  const args = ["eval", "--no-check", "--config", new URL("../../../deno.json", import.meta.url).pathname, code];
  const signal = AbortSignal.timeout(30_000);
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, signal }).output();
  equal(success, true);
  equal(new TextDecoder().decode(stdout).trim(), "equal");
});
