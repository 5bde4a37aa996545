// Where the real data files are, for the tests that want them: a folder with gsm8k, math, math500, aime24 and amc23, from
// the environment or beside the checkout. A test that does not find its files is skipped, and its name says what it needs.

import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { root } from "./sources.ts";

/** The folder of all data; it need not exist. */
export const realData = process.env["MATCHBOX_DATA"] ?? join(fileURLToPath(root), "../shared/data");

/** For the names of tests that are skipped without it. */
export const NEEDS_DATA = "needs MATCHBOX_DATA, a folder with gsm8k, math, math500, aime24 and amc23";
