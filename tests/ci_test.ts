// .ci/summary reads the test runner's last line, whatever stands around it.

import { equal } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../.ci/summary", import.meta.url));

async function summary(text: string): Promise<string> {
  const child = new Deno.Command("sh", { args: [program], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

Deno.test(".ci/summary counts what the last summary says", { ignore: Deno.build.os === "windows" }, async () => {
  equal(await summary("ok | 97 passed | 0 failed | 2 ignored (5s)\n"), "97 passed, 0 failed, 2 skipped\n");
  equal(await summary("\nok | 1 passed | 0 failed (480µs)\n\n"), "1 passed, 0 failed, 0 skipped\n");
  equal(
    await summary("FAILED | 3 passed (4 steps) | 12 failed (1 step) | 1 ignored (2 steps) | 7 filtered out (1m2s)\n"),
    "3 passed, 12 failed, 1 skipped\n",
  );
  equal(
    await summary(
      "\x1b[0m\x1b[31mFAILED\x1b[0m | 1 passed | 2 failed \x1b[0m\x1b[38;5;245m(21ms)\x1b[0m\r\nerror: Test failed",
    ),
    "1 passed, 2 failed, 0 skipped\n",
  );
  equal(
    await summary("ok | 5 passed | 0 failed\nsays | 9 passed\nok | 6 passed | 0 failed\n"),
    "6 passed, 0 failed, 0 skipped\n",
  );
});

Deno.test(
  ".ci/summary counts a run without a summary as a failure",
  { ignore: Deno.build.os === "windows" },
  async () => {
    equal(await summary(""), "0 passed, 1 failed, 0 skipped\n");
    equal(await summary("error: SyntaxError: Expected ','\n"), "0 passed, 1 failed, 0 skipped\n");
  },
);
