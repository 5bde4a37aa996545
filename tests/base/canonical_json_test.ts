// The vectors are those of RFC 8785: sections 3.2.2 and 3.2.3, and appendix B for numbers.

import assert from "node:assert/strict";
import { canonicalJson } from "../../harness/base/canonical_json.ts";

Deno.test("canonicalJson() writes the RFC's first example as the RFC does", () => {
  const value: unknown = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
      '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  );
  assert.equal(
    canonicalJson(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

Deno.test("canonicalJson() orders keys by UTF-16 code units, as in the RFC's example", () => {
  const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
  assert.deepEqual(
    [...canonicalJson(value).matchAll(/:(\d)/g)].map(([, digit]) => digit),
    ["2", "4", "6", "7", "1", "5", "3"],
  );
});

Deno.test("canonicalJson() writes numbers as the RFC's appendix B lists them", () => {
  const vectors: readonly (readonly [bigint, string])[] = [
    [0x0000000000000000n, "0"],
    [0x8000000000000000n, "0"],
    [0x0000000000000001n, "5e-324"],
    [0x8000000000000001n, "-5e-324"],
    [0x7fefffffffffffffn, "1.7976931348623157e+308"],
    [0x4340000000000000n, "9007199254740992"],
    [0x4430000000000000n, "295147905179352830000"],
    [0x44b52d02c7e14af5n, "9.999999999999997e+22"],
    [0x44b52d02c7e14af6n, "1e+23"],
    [0x44b52d02c7e14af7n, "1.0000000000000001e+23"],
    [0x444b1ae4d6e2ef4en, "999999999999999700000"],
    [0x444b1ae4d6e2ef50n, "1e+21"],
    [0x3eb0c6f7a0b5ed8cn, "9.999999999999997e-7"],
    [0x3eb0c6f7a0b5ed8dn, "0.000001"],
    [0x41b3de4355555553n, "333333333.3333332"],
    [0x41b3de4355555557n, "333333333.33333343"],
    [0xbecbf647612f3696n, "-0.0000033333333333333333"],
    [0x43143ff3c1cb0959n, "1424953923781206.2"],
  ];
  for (const [bits, text] of vectors) {
    assert.equal(canonicalJson(new Float64Array(BigUint64Array.of(bits).buffer)[0]), text);
  }
});

Deno.test("canonicalJson() refuses what JSON cannot hold", () => {
  const sparse: unknown[] = [];
  sparse.length = 1;
  for (
    const value of [NaN, Infinity, undefined, { a: undefined }, sparse, 1n, "\ud800", new Date(0), new Map(), () => 1]
  ) {
    assert.throws(() => canonicalJson(value), TypeError);
  }
});

Deno.test("canonicalJson() ignores the order in which keys were added", () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }], a: "x" }), canonicalJson({ a: "x", b: [{ c: 2, d: 1 }] }));
});
