// What a reader must know before believing a number: reward that rose without accuracy, cells that are missing or do not
// match, budgets that differ, and trainings that collapsed.

import { type Html, html, type Part } from "../html.ts";
import { fourDigits, plural, points } from "../numbers.ts";
import { type RewardWarning, RISE, SOLVED } from "../reward_warnings.ts";
import type { View } from "../view.ts";

/** The warnings, worst first; empty where there is none. */
export function warnings({ study, results, arms }: View, rewards: readonly RewardWarning[]): Html[] {
  const cells = results.cells.length, missing = arms.flatMap(({ study }) => study.missing);
  const failed = arms.flatMap(({ name, study }) =>
    study.missing.flatMap(({ seed, failure }) =>
      failure === null ? [] : [html`<li><bdi>${name}</bdi> seed ${seed}: ${failure}</li>`]
    )
  );
  return [
    study.problems.length > 0 && warning(
      "The cells are not matched",
      html`A difference may have other causes than the arm: ${study.problems.join("; ")}.`,
    ),
    missing.length > 0 && warning(
      `${missing.length} of ${plural(cells, "cell")} did not finish`,
      html`They are in no number on this page. Per arm: ${
        arms.filter(({ study }) => study.missing.length > 0).map(({ name, study }, i) =>
          html`${i > 0 && "; "}<bdi>${name}</bdi> ${
            study.missing.map(({ seed, status }) => `seed ${seed} (${status})`).join(", ")
          }`
        )
      }.${failed.length > 0 && html`<ul>${failed}</ul>`}`,
    ),
    ...[...Map.groupBy(rewards, ({ arm }) => arm)].map(([arm, of]) => rewardWarning(arm, of, study.margin)),
    results.experiment.match.uneven.length > 0 && warning(
      "Budgets differ",
      html`${results.experiment.match.uneven.join("; ")}. Tokens that were drawn and discarded count.`,
    ),
  ].filter((html) => html !== false);
}

function rewardWarning(arm: string, of: readonly RewardWarning[], margin: number): Html {
  const most = of.reduce((worst, one) => one.reward > worst.reward ? one : worst);
  const stretch = most.stretch === "whole" ? "over the whole training" : "over the second half of the training";
  const share = Math.abs(most.bonus) < 0.005
    ? "none of it from bonuses"
    : `${fourDigits(Number(most.bonus.toFixed(2)))} of it from the arm's own bonuses`;
  return warning(
    html`<bdi>${arm}</bdi>: reward rises, held-out accuracy does not`,
    html`
      In ${plural(of.length, "seed")} (${of.map(({ seed }) => seed).join(", ")}). In seed ${most.seed} the mean total
      reward changed by +${most.reward.toFixed(2)} ${stretch}, ${share}, and accuracy by ${points(
        most.accuracy,
      )} points. What
      is paid is not what is wanted here. <span
        class="rule">Rule: the reward rose by at least ${RISE} of its spread, accuracy
      by less than ${points(margin).slice(1)} points, to less than ${100 * SOLVED} %.</span>
    `,
  );
}

function warning(title: Part, body: Html): Html {
  return html`
    <div class="warning">
      <h3><span aria-hidden="true">!</span> ${title}</h3>
      <p>${body}</p>
    </div>
  `;
}
