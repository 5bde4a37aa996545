// The machine that figures hold for.

import { availableParallelism, cpus, totalmem } from "node:os";
import process from "node:process";

/** Processor, memory and system. */
export const machine = () => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  os: `${process.platform} ${process.arch}`,
});
