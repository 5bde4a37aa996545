import { equal } from "node:assert/strict";
import { alignColumns, duration, percent, points, quantity } from "../../harness/cli/format.ts";

Deno.test("percent(), points(), duration() and quantity() are what people read", () => {
  equal([percent(0), percent(0.4531), percent(1)].join(), "0.0 %,45.3 %,100.0 %");
  equal([points(0.125), points(0), points(-0.00001), points(-0.2)].join(), "+12.5,+0.0,0.0,-20.0");
  equal([duration(0), duration(65.4), duration(3599.9), duration(7384)].join(), "0:00,1:05,1:00:00,2:03:04");
  equal([quantity(0), quantity(999), quantity(12_345), quantity(1_250_000)].join(), "0,999,12.3k,1.25M");
});

Deno.test("alignColumns() aligns the first columns left and the rest right, and an empty row is a rule", () => {
  equal(
    alignColumns([["arm", "n"], [], ["a", "10"], ["long name"]]),
    "arm         n\n---------  --\na          10\nlong name",
  );
});
