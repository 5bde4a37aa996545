// What was asked, before anything ran: which arms, on which task and policy, with what budget, and by what measure.

import { adapterText } from "../../records/adapter_text.ts";
import { styleText } from "../../records/task_text.ts";
import { type Html, html } from "../html.ts";
import { plural, trimmed } from "../numbers.ts";
import { armLabel, armNamed, type View } from "../view.ts";

/** More arms than this are counted in the question, and named below it. */
const NAMED = 3;

/** The page's title: "arithmetic, embedded: 3 arms × 3 seeds". */
export function titleOf({ results: { experiment: { task, policy, seeds } }, arms }: View): string {
  return `${task.name}, ${policy}: ${plural(arms.length, "arm")} × ${plural(seeds.length, "seed")}`;
}

/** The question, in a sentence. */
export function question(view: View): Html {
  return html`<p class="question">${asked(view)}</p>`;
}

/** The facts around it. */
export function facts(view: View): Html {
  const { results: { plan, experiment }, study } = view;
  const { task, policy, seeds, profile, device, startedAt, status, cells } = experiment;
  const finished = cells.filter(({ status }) => status === "finished").length;
  const n = cells.find(({ n }) => n !== null)?.n ?? null;
  const known: readonly (readonly [string, Html])[] = [
    ["Task", html`${task.name}, version ${task.version}${styleText(task)}`],
    ["Policy", html`<bdi>${policy}</bdi>${warmed(view)}`],
    ["Seeds", html`${listed(seeds)}`],
    ["Budget of a cell", html`${plan?.budget ?? "not recorded"}`],
    [
      "Measure",
      html`${measure(view)}${n !== null && ` on ${n} test questions`}`,
    ],
    ["Least difference that matters", html`${trimmed(100 * study.margin, 2)} percentage points`],
    [
      "Begun",
      html`<time datetime="${startedAt}">${startedAt.slice(0, 16).replace("T", " ")} UTC</time>`,
    ],
    [
      "Profile",
      html`${profile}, on ${device}${device !== "cpu" && ": compared statistically, not bit for bit"}`,
    ],
    ["Cells", html`${finished} of ${cells.length} finished${status !== "finished" && `, ${status}`}`],
  ];
  return html`<dl class="facts">${
    known.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** The warm-up that made the policy what all cells began with, and the adapter that is trained in place of its weights. */
function warmed({ results: { plan } }: View): string {
  const { warmUp, adapter } = plan?.policy ?? {};
  const after = warmUp ? `, after a supervised warm-up of ${plural(warmUp.updates, "update")}` : "";
  return `${after}${adapter ? `, by ${adapterText(adapter)}` : ""}`;
}

function asked(view: View): Html {
  const { results: { plan, experiment: { task, policy } }, study: { against } } = view;
  const budget = plan ? ` for ${plan.budget}` : "";
  const after = html`after training <b><bdi>${policy}</bdi></b>${
    warmed(view)
  }${budget} on the same questions with the same seeds?`;
  if (against === null) return html`How many held-out questions of <b>${task.name}</b> does each arm answer right?`;
  const family = view.arms.filter(({ name }) => plan ? plan.claim.family.includes(name) : name !== against);
  const named = family.length > 0 && family.length <= NAMED
    ? family.map((arm, i) => html`${i > 0 && (i === family.length - 1 ? " or " : ", ")}${armLabel(arm)}`)
    : html`any of ${plural(family.length, "arm")}`;
  return html`Does ${named} answer more held-out questions of <b>${task.name}</b> right than ${
    view.arms.some(({ name }) => name === against) ? armLabel(armNamed(view, against)) : html`<bdi>${against}</bdi>`
  }, ${after}`;
}

function measure({ results: { plan, experiment }, study }: View): string {
  const samples = experiment.cells.find(({ samples }) => samples !== null)?.samples ?? null;
  const what = study.metric === "accuracy"
    ? "greedy accuracy"
    : `share of questions with a right one among ${samples ?? "the"} samples`;
  return plan?.claim.checkpoint === "best" ? `${what} of the checkpoint that is best on validation` : what;
}

/** "0 to 7", or "1, 3, 5" where there are gaps. */
function listed(seeds: readonly number[]): string {
  const [first = 0] = seeds, last = seeds.at(-1) ?? first;
  return seeds.length > 2 && last - first === seeds.length - 1 ? `${first} to ${last}` : seeds.join(", ");
}
