// Mathematical expressions, and a parser of our own for the LaTeX and the plain text in which answers write them.
// What has two readings is refused rather than guessed: 1/2x, \frac{1}{2}1, f(2), a sum after a function without brackets.
// Names of operators are those of MathJSON, so that engine.ts hands a tree on as it is.

import { parseDecimal, type Rational, rational } from "./rational.ts";

/** Operators and functions that the parser knows. */
export type Operator =
  | "Add"
  | "Multiply"
  | "Negate"
  | "Divide"
  | "Power"
  | "Sqrt"
  | "Root"
  | "Abs"
  | "Factorial"
  | "Binomial"
  | "Ln"
  | "Log"
  | "Sin"
  | "Cos"
  | "Tan"
  | "Cot"
  | "Sec"
  | "Csc"
  | "Arcsin"
  | "Arccos"
  | "Arctan";

/** A number, a symbol (a variable, "Pi", "ExponentialE" or "ImaginaryUnit"), or an operator with its arguments. */
export type Expression =
  | { readonly kind: "number"; readonly value: Rational }
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "apply"; readonly op: Operator; readonly args: readonly Expression[] };

const functions: Readonly<Record<string, Operator>> = {
  sin: "Sin",
  cos: "Cos",
  tan: "Tan",
  cot: "Cot",
  sec: "Sec",
  csc: "Csc", // one line a family
  arcsin: "Arcsin",
  arccos: "Arccos",
  arctan: "Arctan",
  ln: "Ln",
  log: "Log",
};

const greek = new Set(
  ("alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi varphi chi " +
    "psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega infty ell").split(" "),
);

const constants: Readonly<Record<string, string>> = { i: "ImaginaryUnit", e: "ExponentialE" };

/** Deeper or longer expressions are no answers. */
const longest = 400;
const deepest = 60;

export const number = (value: Rational): Expression => ({ kind: "number", value });
export const symbol = (name: string): Expression => ({ kind: "symbol", name });
export const apply = (op: Operator, ...args: readonly Expression[]): Expression => ({ kind: "apply", op, args });

/** The expression that a normalised text writes; null where it is none, or has more than one reading. */
export function parseExpression(text: string): Expression | null {
  if (text.length > longest) return null;
  try {
    return new Parser(text).whole();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

class Unreadable extends Error {}

class Parser {
  #at = 0;
  #depth = 0;
  constructor(private readonly text: string) {}

  whole(): Expression {
    const result = this.#sum();
    this.#skip();
    if (this.#at < this.text.length) throw new Unreadable();
    return result;
  }

  /** Takes what matches here, after spaces; null where nothing does. The pattern is sticky. */
  #take(pattern: RegExp): string | null {
    this.#skip();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }

  #peek(pattern: RegExp): boolean {
    this.#skip();
    pattern.lastIndex = this.#at;
    return pattern.test(this.text);
  }

  #skip(): void {
    while (this.text[this.#at] === " ") this.#at++;
  }

  #expect(pattern: RegExp): void {
    if (this.#take(pattern) === null) throw new Unreadable();
  }

  #sum(): Expression {
    if (++this.#depth > deepest) throw new Unreadable();
    const terms: Expression[] = [];
    do {
      const sign = this.#take(/[+-]/y);
      const term = this.#product();
      terms.push(sign === "-" ? apply("Negate", term) : term);
    } while (this.#peek(/[+-]/y));
    this.#depth--;
    return terms.length === 1 ? terms[0]! : apply("Add", ...terms);
  }

  #product(): Expression {
    let result = this.#power();
    let divided = false;
    for (;;) {
      const sign = this.#take(/\*|\/|\\(?:cdot|times|div)(?![a-zA-Z])/y);
      if (sign === "/" || sign === "\\div") {
        result = apply("Divide", result, this.#signed());
        divided = true;
      } else if (sign !== null) {
        if (divided) throw new Unreadable();
        result = apply("Multiply", result, this.#signed());
      } else if (this.#beginsFactor()) {
        if (divided) throw new Unreadable();
        result = apply("Multiply", result, this.#power());
      } else return result;
    }
  }

  #signed(): Expression {
    return this.#take(/-/y) === null ? this.#power() : apply("Negate", this.#power());
  }

  /** What may follow a factor without a sign between: no number, since "2 3" and "\frac{1}{2}3" have no one reading. */
  #beginsFactor(): boolean {
    return this.#peek(/[a-zA-Z({]|\\(?!(?:cdot|times|div|pm|mp|cup|in|le|ge|ne|text|circ|end)(?![a-zA-Z]))[a-zA-Z]/y);
  }

  #power(): Expression {
    let base = this.#atom();
    for (;;) {
      if (this.#take(/\^\\circ(?![a-zA-Z])/y) !== null) {
        base = apply("Multiply", base, apply("Divide", symbol("Pi"), number(rational(180n))));
      } else if (this.#take(/!/y) !== null) base = apply("Factorial", base);
      else if (this.#take(/\^/y) !== null) {
        base = apply("Power", base, this.#exponent());
        if (this.#peek(/\^/y)) throw new Unreadable();
      } else return base;
    }
  }

  #exponent(): Expression {
    if (this.#peek(/\{/y)) return this.#group();
    if (this.#take(/-/y) !== null) return apply("Negate", this.#exponent());
    const digits = this.#take(/\d+/y); // "x^10" in plain text is a power of ten, whatever LaTeX would print
    if (digits === null) return this.#atom();
    if (this.#peek(/[.,]\d/y)) throw new Unreadable();
    return number(parseDecimal(digits));
  }

  #group(): Expression {
    this.#expect(/\{/y);
    const result = this.#sum();
    this.#expect(/\}/y);
    return result;
  }

  /** What a command takes: a group, or one digit, letter or command. */
  #argument(): Expression {
    if (this.#peek(/\{/y)) return this.#group();
    const digit = this.#take(/\d/y);
    return digit === null ? this.#atom() : number(parseDecimal(digit));
  }

  #atom(): Expression {
    if (++this.#depth > deepest) throw new Unreadable();
    const result = this.#anyAtom();
    this.#depth--;
    return result;
  }

  #anyAtom(): Expression {
    if (this.#peek(/[\d.]/y)) return this.#number();
    if (this.#take(/\(/y) !== null) {
      const result = this.#sum();
      this.#expect(/\)/y);
      return result;
    }
    if (this.#peek(/\{/y)) return this.#group();
    if (this.#take(/\|/y) !== null) {
      const result = this.#sum();
      this.#expect(/\|/y);
      return apply("Abs", result);
    }
    const command = this.#take(/\\[a-zA-Z]+/y)?.slice(1);
    if (command !== undefined) return this.#command(command);
    const word = this.#take(/(?:sqrt|pi|arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|ln|log)(?![a-zA-Z])/y);
    if (word !== null) return this.#command(word);
    const letter = this.#take(/[a-zA-Z]/y);
    if (letter === null) throw new Unreadable();
    return this.#named(letter, constants[letter]);
  }

  /** A variable or constant, with its subscript. */
  #named(name: string, constant?: string): Expression {
    if (this.#take(/_/y) !== null) {
      const index = this.#take(/\{[a-zA-Z0-9]+\}|[a-zA-Z0-9]/y);
      if (index === null) throw new Unreadable();
      return symbol(`${name}_${index.replace(/[{}]/g, "")}`);
    }
    if (/^[fgh]$/.test(name) && this.#peek(/\(/y)) throw new Unreadable();
    return symbol(constant ?? name);
  }

  #number(): Expression {
    const mixed = this.#take(/\d+ \d+\/\d+(?![\d.])/y);
    if (mixed !== null) {
      const [whole = "", n = "", d = ""] = mixed.split(/[ /]/);
      return mixedNumber(BigInt(whole), BigInt(n), BigInt(d));
    }
    const digits = this.#take(/\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?|\.\d+/y);
    if (digits === null || this.#peek(/\.\d/y)) throw new Unreadable();
    const value = parseDecimal(digits);
    const repeated = this.#take(/(?<=[\d.])\\overline\{\d+\}/y) ?? this.#take(/\.\\overline\{\d+\}/y);
    if (repeated !== null) {
      const period = repeated.replace(/\D/g, ""), places = digits.split(".")[1]?.length ?? 0;
      if (places === 0 && !repeated.startsWith(".")) throw new Unreadable();
      const tail = rational(BigInt(period), 10n ** BigInt(places) * (10n ** BigInt(period.length) - 1n));
      return number(rational(value.n * tail.d + tail.n * value.d, value.d * tail.d));
    }
    if (/^\d+$/.test(digits) && this.#peek(/\\frac(?![a-zA-Z])/y)) {
      // A whole number before a proper fraction of digits is a mixed number; before one with letters, a factor.
      const start = this.#at;
      this.#expect(/\\frac/y);
      const above = this.#argument(), below = this.#argument();
      if (above.kind === "number" && below.kind === "number") {
        if (above.value.d !== 1n || below.value.d !== 1n) throw new Unreadable();
        return mixedNumber(BigInt(digits), above.value.n, below.value.n);
      }
      this.#at = start;
    }
    return number(value);
  }

  #command(name: string): Expression {
    if (name === "frac") {
      const above = this.#argument();
      return apply("Divide", above, this.#argument());
    }
    if (name === "binom") {
      const above = this.#argument();
      return apply("Binomial", above, this.#argument());
    }
    if (name === "sqrt") {
      const degree = this.#take(/\[\d+\]/y);
      const inner = this.#argument();
      return degree === null ? apply("Sqrt", inner) : apply("Root", inner, number(parseDecimal(degree.slice(1, -1))));
    }
    if (name === "pi") return this.#named("pi", "Pi");
    if (greek.has(name)) return this.#named(name);
    const op = functions[name];
    if (op === undefined) throw new Unreadable();
    return this.#function(op);
  }

  /** sin x, sin^2 x, sin 5x, sin(x+1), log_2 8. Inverse functions are written arcsin; sin^{-1} has two readings. */
  #function(op: Operator): Expression {
    const base = op === "Log" && this.#take(/_/y) !== null ? this.#argument() : null;
    const exponent = this.#take(/\^/y) === null ? null : this.#exponent();
    if (exponent !== null && !(exponent.kind === "number" && exponent.value.n > 0n)) throw new Unreadable();
    let argument: Expression;
    if (this.#peek(/[({|]/y)) argument = this.#atom();
    else {
      argument = this.#power();
      const isFunction = /\\?(?:arc)?(?:sin|cos|tan|cot|sec|csc|ln|log)(?![a-zA-Z])/y;
      while (this.#beginsFactor() && !this.#peek(isFunction)) argument = apply("Multiply", argument, this.#power());
    }
    const logBase = base ?? number(rational(10n));
    const value = op === "Log" ? apply("Log", argument, logBase) : apply(op, argument);
    return exponent === null ? value : apply("Power", value, exponent);
  }
}

function mixedNumber(whole: bigint, n: bigint, d: bigint): Expression {
  if (n >= d) throw new Unreadable(); // not a proper fraction: "2 5/3"
  return number(rational(whole * d + n, d));
}
