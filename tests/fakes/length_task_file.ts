// The task of the engine's own tests as a file of a user's: for `--task-file`.

import { defineTask } from "../../tasks/define_task.ts";
import { lengthTask } from "../rl/length_task.ts";

export const task = defineTask(lengthTask);
