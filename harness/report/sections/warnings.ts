// What a reader must know before believing a number: reward that rose without accuracy, cells that are missing or do not
// match, budgets that differ, and trainings that collapsed.

import { table } from "../elements.ts";
import { type Html, html, type Part } from "../html.ts";
import { plural, points } from "../numbers.ts";
import { type RewardWarning, RISE, SOLVED } from "../reward_warnings.ts";
import { armLabel, armNamed, type View } from "../view.ts";

/** The warnings, worst first; empty where there is none. */
export function warnings(view: View, rewards: readonly RewardWarning[]): Html[] {
  const { study, results, arms } = view;
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
    rewards.length > 0 && rewardWarning(view, rewards),
    results.experiment.match.uneven.length > 0 && warning(
      "Budgets differ",
      html`${results.experiment.match.uneven.join("; ")}. Tokens that were drawn and discarded count.`,
    ),
  ].filter((html) => html !== false);
}

function rewardWarning(view: View, found: readonly RewardWarning[]): Html {
  const rows = [...Map.groupBy(found, ({ arm }) => arm)].map(([arm, of]) => {
    const most = of.reduce((most, one) => one.reward > most.reward ? one : most);
    return [
      armLabel(armNamed(view, arm)),
      html`${of.length} of ${armNamed(view, arm).cells.length}`,
      most.seed,
      most.stretch,
      `+${most.reward.toFixed(2)}`,
      most.bonus.toFixed(2),
      points(most.accuracy),
    ];
  });
  return warning(
    "Reward rises, held-out accuracy does not",
    html`What is paid there is not what is wanted. The rule: over the whole training, or its second half, the mean total reward
rose by at least ${RISE} of its spread and accuracy by less than ${points(view.study.margin).slice(1)} points, to less
than ${100 * SOLVED} %.`,
    table("By arm, and the seed of each whose reward rose most", [
      { head: "arm" },
      { head: "seeds", number: true },
      { head: "most in seed", number: true },
      { head: "over" },
      { head: "reward", number: true },
      { head: "of it bonus", number: true, hint: "the arm's own bonuses" },
      { head: "accuracy, points", number: true },
    ], [{ head: null, rows }]),
  );
}

function warning(title: Part, body: Html, more: Html | null = null): Html {
  return html`<div class="warning"><h3><span aria-hidden="true">!</span> ${title}</h3><p>${body}</p>${more}</div>`;
}
