// The command line with a worker that has no model.

import { main } from "../../harness/cli/main.ts";

Deno.exit(await main(Deno.args, { worker: new URL("./cell_worker.ts", import.meta.url) }));
