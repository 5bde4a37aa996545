// The synchronous face of the computer algebra system, which runs in a thread of its own so that it can be killed: a
// grader must answer at once and the system heeds no time limit. The thread starts with the first question and does not
// keep the process alive. Questions that are too large are not asked. A question that takes longer than the limit is
// undecided, the thread is ended, and the next question starts another: that is the one verdict that a slow machine can
// change, and only from equal or different to undecided. The limit is thousands of times what a question takes.

import { Worker } from "node:worker_threads";
import type { Expression } from "./expression.ts";
import { states } from "./engine_states.ts";
import { exactValue } from "./rational.ts";
import { atPoint, isComplex, pointCount, variablesOf } from "./sample_points.ts";

/** Equal or different by proof enough, or neither. */
export type Verdict = "equal" | "different" | "undecided";

/** MathJSON, as far as expressions need it. */
export type MathJson = string | { readonly num: string } | readonly [string, ...MathJson[]];

/** What the thread is asked: do the two of each pair have the same value? */
export interface Question {
  readonly pairs: readonly (readonly [MathJson, MathJson])[];
  /** Whether values are expected to be complex. */
  readonly complex: boolean;
}

const startMilliseconds = 60_000;
const largestPower = 4096;
const largestFactorial = 200;
const mostParts = 200;
/** Fewer digits than the points have in common, so that no answer is made for them, and far fewer than are computed. */
const mostDigits = 60;

/** The thread, and how a question is put to it. */
export class Engine {
  #thread: { readonly worker: Worker; readonly state: Int32Array } | null = null;

  /** @param milliseconds how long a question may take */
  constructor(private readonly milliseconds = 20_000) {}

  /** Whether two expressions are the same function of their variables, or the same number. */
  compare(a: Expression, b: Expression): Verdict {
    if (!isModest(a) || !isModest(b)) return "undecided";
    const variables = variablesOf(a).size + variablesOf(b).size;
    const points = Array.from({ length: variables === 0 ? 1 : pointCount }, (_, point) => point);
    const pairs = points.map((point) => [mathJson(atPoint(a, point)), mathJson(atPoint(b, point))] as const);
    return this.#ask({ pairs, complex: isComplex(a) || isComplex(b) });
  }

  /** Ends the thread; the next question starts another. */
  stop(): void {
    this.#thread?.worker.terminate();
    this.#thread = null;
  }

  #ask(question: Question): Verdict {
    const { worker, state } = this.#thread ??= start();
    if (
      Atomics.load(state, 0) === states.starting &&
      Atomics.wait(state, 0, states.starting, startMilliseconds) === "timed-out"
    ) {
      this.stop();
      throw new Error(`The thread of the computer algebra system did not start within ${startMilliseconds} ms`);
    }
    Atomics.store(state, 0, states.asked);
    worker.postMessage(question);
    if (Atomics.wait(state, 0, states.asked, this.milliseconds) === "timed-out") {
      this.stop();
      return "undecided";
    }
    const answer = Atomics.load(state, 0);
    return answer === states.equal ? "equal" : answer === states.different ? "different" : "undecided";
  }
}

function start() {
  const shared = new SharedArrayBuffer(4), state = new Int32Array(shared);
  const worker = new Worker(new URL("./engine_worker.ts", import.meta.url), { workerData: { shared } });
  worker.unref();
  return { worker, state };
}

/** Whether an expression is small enough to be worked out in milliseconds. */
function isModest(expression: Expression): boolean {
  let parts = 0, digits = 0;
  const visit = (part: Expression): boolean => {
    if (++parts > mostParts) return false;
    if (part.kind === "symbol") return true;
    if (part.kind === "number") {
      digits += `${part.value.n}${part.value.d === 1n ? "" : part.value.d}`.length;
      return digits <= mostDigits;
    }
    const [first, second] = part.args;
    const limit = (argument: Expression | undefined, largest: number) => {
      const value = argument === undefined ? null : exactValue(argument);
      return value !== null && Math.abs(Number(value.n) / Number(value.d)) <= largest;
    };
    if (part.op === "Factorial" || part.op === "Binomial") {
      return limit(first, largestFactorial) && part.args.every(visit);
    }
    if (part.op === "Power" && second !== undefined && !limit(second, largestPower)) {
      return exactValue(second) === null && variablesOf(second).size > 0 && part.args.every(visit);
    }
    return part.args.every(visit);
  };
  return visit(expression);
}

/** The tree in the engine's notation. Variables have been replaced by numbers. */
function mathJson(expression: Expression): MathJson {
  if (expression.kind === "symbol") return expression.name;
  if (expression.kind === "apply") return [expression.op, ...expression.args.map(mathJson)];
  const { n, d } = expression.value;
  return d === 1n ? { num: `${n}` } : ["Divide", { num: `${n}` }, { num: `${d}` }];
}
