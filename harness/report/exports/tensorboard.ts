// TensorBoard: a folder a cell with an event file of all scalars. `tensorboard --logdir FOLDER` shows each cell as a run.

import { cellScalars } from "./cell_scalars.ts";
import { eventFile } from "./event_file.ts";
import { type ExportFormat, lacksSteps } from "./export_format.ts";

/** <arm>/seed-<seed>/events.out.tfevents.<second>.matchbox */
export const tensorboard: ExportFormat = {
  name: "tensorboard",
  summary: "event files for TensorBoard, a folder a cell: the scalars of every step and evaluation",
  lacks: lacksSteps,
  *files({ cells }) {
    for (const cell of cells) {
      const start = Date.parse(cell.record.timing.startedAt) / 1000;
      yield {
        path: `${cell.folder}/events.out.tfevents.${Math.floor(start)}.matchbox`,
        content: [eventFile(start, cellScalars(cell))],
      };
    }
  },
};
