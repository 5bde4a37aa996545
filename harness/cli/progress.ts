// What is shown while an experiment runs, on standard error: a bar for each running cell where there is a terminal,
// plain lines where there is none. The ONLY import of cli-progress.

import process from "node:process";
// @ts-types="./cli_progress.d.ts"
import cliProgress from "cli-progress";
import type { EvaluationRecord } from "../contract.ts";
import type { ExperimentPlan, PlannedCell } from "../experiment/plan.ts";
import type { ExperimentProgress } from "../experiment/run_experiment.ts";
import type { CellEntry } from "../records/schema.ts";
import { CellMeter } from "./cell_meter.ts";
import { duration, percent, points } from "./format.ts";

/** Shows a running experiment. */
export interface ProgressDisplay {
  report(progress: ExperimentProgress): void;
  /** Leaves the terminal as it was. */
  stop(): void;
}

/** Bars if standard error is a terminal, else lines. */
export function openProgress(plan: ExperimentPlan): ProgressDisplay {
  return process.stderr.isTTY ? progressBars(plan) : progressLines(plan, (line) => console.error(line));
}

/** A line for every evaluation, and for every tenth step unless the last line of that cell is younger than a second. */
export function progressLines(
  plan: ExperimentPlan,
  print: (line: string) => void,
  clock: () => number = () => performance.now(),
): ProgressDisplay {
  const meters = new Map<PlannedCell, CellMeter>(plan.cells.map((cell) => [cell, new CellMeter(cell)]));
  const printed = new Map<PlannedCell, { step: number; at: number }>();
  let ended = 0;
  return {
    report(progress) {
      const { cell } = progress, meter = meters.get(cell), now = clock();
      if (!meter) return;
      if (progress.type === "started") print(`${meter.label}: started`);
      else if (progress.type === "ended") {
        print(`${meter.label}: ${endText(progress.entry)} [${++ended} of ${plan.cells.length} cells]`);
      } else {
        const { event } = progress, last = printed.get(cell) ?? { step: 0, at: -Infinity };
        meter.take(event, now);
        if (event.type === "evaluation") print(`${meter.label}: ${evaluationText(event.record)}`);
        if (event.type === "step" && meter.step - last.step >= 10 && now - last.at >= 1000) {
          printed.set(cell, { step: meter.step, at: now });
          print(`${meter.label}: ${meter.text()}`);
        }
      }
    },
    stop() {},
  };
}

function progressBars(plan: ExperimentPlan): ProgressDisplay {
  const width = Math.max(...plan.cells.map((cell) => new CellMeter(cell).label.length), "all cells".length);
  const bars = new cliProgress.MultiBar({
    stream: process.stderr,
    format: "{label} {bar} {text}",
    barsize: 20,
    fps: 8,
    hideCursor: true,
    emptyOnZero: true,
    gracefulExit: false, // signals are the command's
  }, cliProgress.Presets.shades_grey);
  const trains = new Map(plan.arms.map((arm) => [arm.name, arm.trains]));
  const updatesOf = (cell: PlannedCell) => trains.get(cell.spec.arm) ? cell.spec.config.rl.updates : 0;
  const total = plan.cells.reduce((sum, cell) => sum + updatesOf(cell), 0);
  const running = new Map<PlannedCell, { meter: CellMeter; bar: ReturnType<typeof bars.create> }>();
  const all = bars.create(total, 0, { label: "all cells".padEnd(width), text: "" });
  const start = performance.now();
  let ended = 0, doneBefore = 0;

  const updateTotal = () => {
    const done = doneBefore + [...running.values()].reduce((sum, { meter }) => sum + meter.step, 0);
    const left = done === 0 ? null : (performance.now() - start) / 1000 * (total - done) / done;
    const time = left === null || total === done ? "" : `, about ${duration(left)} left`;
    all.update(done, { text: `${ended} of ${plan.cells.length} cells done${time}` });
  };
  return {
    report(progress) {
      const { cell } = progress;
      if (progress.type === "started") {
        const meter = new CellMeter(cell);
        const bar = bars.create(meter.updates, 0, { label: meter.label.padEnd(width), text: meter.text() });
        running.set(cell, { meter, bar });
      } else if (progress.type === "event") {
        const entry = running.get(cell);
        entry?.meter.take(progress.event, performance.now());
        entry?.bar.update(entry.meter.step, { text: entry.meter.text() });
      } else {
        const entry = running.get(cell);
        if (entry) bars.remove(entry.bar);
        running.delete(cell);
        const { entry: { status, updates } } = progress;
        if (status !== "interrupted") ended++;
        doneBefore += status === "interrupted" ? updates : updatesOf(cell);
        bars.log(`${`${cell.spec.arm} seed ${cell.spec.seed}`.padEnd(width)} ${endText(progress.entry)}\n`);
      }
      updateTotal();
    },
    stop: () => bars.stop(),
  };
}

/** "test accuracy 31.6 % after 0 updates (n = 256)" */
function evaluationText({ split, mode, accuracy, passAtSamples, samples, step, n }: EvaluationRecord): string {
  const value = mode === "greedy"
    ? `accuracy ${percent(accuracy)}`
    : `pass@1 ${percent(accuracy)}, pass@${samples} ${percent(passAtSamples)}`;
  return `${split} ${value} after ${step} updates (n = ${n})`;
}

function endText({ status, failure, accuracy, seconds }: CellEntry): string {
  if (status !== "finished") return failure ? `${status}: ${failure}` : status;
  const change = accuracy
    ? `, test accuracy ${percent(accuracy.before)} -> ${percent(accuracy.after)} (${points(accuracy.gain)})`
    : "";
  return `finished in ${duration(seconds ?? 0)}${change}`;
}
