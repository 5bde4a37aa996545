// What is shown while an experiment runs, on standard error: a bar for each running cell where there is a terminal,
// plain lines where there is none. The ONLY import of cli-progress.

import process from "node:process";
// @ts-types="./cli_progress.d.ts"
import cliProgress from "cli-progress";
import type { EvaluationRecord } from "../contract.ts";
import type { ExperimentPlan } from "../experiment/plan.ts";
import type { PlannedCell } from "../experiment/plan_cells.ts";
import type { ExperimentProgress } from "../experiment/run_experiment.ts";
import type { CellEntry } from "../records/schema.ts";
import { CellMeter, experimentSecondsLeft } from "./cell_meter.ts";
import { duration, percent, points } from "./format.ts";

/** Shows a running experiment. */
export interface ProgressDisplay {
  report(progress: ExperimentProgress): void;
  /** A line for the user. */
  say(text: string): void;
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
  const meters = metersOf(plan);
  const printed = new Map<string, { step: number; at: number }>();
  let ended = 0;
  return {
    report(progress) {
      const { cell: { folder } } = progress, meter = meters.get(folder), now = clock();
      if (!meter) return;
      if (progress.type === "found") {
        meter.finish();
        print(`${meter.label}: finished before [${++ended} of ${meters.size} cells]`);
      } else if (progress.type === "started") print(`${meter.label}: started`);
      else if (progress.type === "ended") {
        print(`${meter.label}: ${endText(progress.entry)} [${++ended} of ${meters.size} cells]`);
      } else {
        const { event } = progress, last = printed.get(folder) ?? { step: 0, at: -Infinity };
        meter.take(event, now);
        if (event.type === "resumed") print(`${meter.label}: resumed after ${event.step} updates`);
        if (event.type === "warning") print(`${meter.label}: ${event.message}`);
        if (event.type === "evaluation") print(`${meter.label}: ${evaluationText(event.record)}`);
        if (event.type === "step" && meter.step - last.step >= 10 && now - last.at >= 1000) {
          printed.set(folder, { step: meter.step, at: now });
          print(`${meter.label}: ${meter.text()}`);
        }
      }
    },
    say: print,
    stop() {},
  };
}

/** Characters of a bar. */
const BAR = 12;

function progressBars(plan: ExperimentPlan): ProgressDisplay {
  const meters = metersOf(plan), all = [...meters.values()];
  const width = Math.max(...all.map(({ label }) => label.length), "all cells".length);
  const bars = new cliProgress.MultiBar({
    stream: process.stderr,
    format: "{label} {bar} {text}",
    barsize: BAR,
    fps: 8,
    hideCursor: true,
    emptyOnZero: true,
    gracefulExit: false, // signals are the command's
  }, cliProgress.Presets.shades_grey);
  const open = (label: string, total: number) => bars.create(total, 0, { label: label.padEnd(width), text: "" });
  const updates = () => all.reduce((sum, { updates }) => sum + updates, 0);
  const total = open("all cells", updates());
  const running = new Map<string, ReturnType<typeof open>>();
  let ended = 0;

  const update = (folder: string, meter: CellMeter) => {
    const room = (process.stderr.columns || 80) - width - BAR - 2, bar = running.get(folder);
    bar?.setTotal(meter.updates);
    bar?.update(meter.step, { text: meter.text(room) });
  };
  const updateTotal = (stopped: boolean) => {
    const left = stopped || ended === all.length ? null : experimentSecondsLeft(all, plan.jobs);
    const time = left === null ? "" : `, about ${duration(left)} left`;
    total.setTotal(updates());
    total.update(all.reduce((sum, { step }) => sum + step, 0), {
      text: `${ended} of ${all.length} cells done${time}`,
    });
  };
  return {
    report(progress) {
      const { cell: { folder } } = progress, meter = meters.get(folder), bar = running.get(folder);
      if (!meter) return;
      if (progress.type === "found") {
        meter.finish();
        ended++;
      } else if (progress.type === "started") running.set(folder, open(meter.label, meter.updates));
      else if (progress.type === "event") {
        meter.take(progress.event, performance.now());
        if (progress.event.type === "warning") bars.log(`${meter.label.padEnd(width)} ${progress.event.message}\n`);
      } else {
        meter.ended = true;
        if (progress.entry.status !== "interrupted") ended++;
        bars.log(`${meter.label.padEnd(width)} ${endText(progress.entry)}\n`);
        if (bar) bars.remove(bar); // redraws, and so writes the line: stop() would forget it
        running.delete(folder);
      }
      update(folder, meter);
      updateTotal(false);
    },
    say: (text) => bars.log(`${text}\n`),
    stop() {
      updateTotal(true);
      bars.stop();
    },
  };
}

/** A meter for each cell by its folder, with the updates that its arm will do. */
function metersOf({ arms, cells, tuning }: ExperimentPlan): ReadonlyMap<string, CellMeter> {
  const trains = new Map(arms.map((arm) => [arm.name, arm.trains]));
  const meter = ({ folder, spec: { arm, seed, config } }: PlannedCell, what: string) =>
    [folder, new CellMeter(`${what} seed ${seed}`, trains.get(arm) ? config.rl.updates : 0)] as const;
  return new Map([
    ...tuning.map((cell) => meter(cell, `${cell.spec.arm} ${cell.value}`)),
    ...cells.map((cell) => meter(cell, cell.spec.arm)),
  ]);
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
