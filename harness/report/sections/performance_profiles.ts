// How many runs, and how many questions, do better than a threshold: where profiles cross, no single number tells.

import { performanceProfile, type ProfilePoint } from "../../stats/profile.ts";
import type { Estimate } from "../../stats/estimate.ts";
import type { ChartSpec, Section } from "../chart_spec.ts";
import { absent, figure, reading } from "../elements.ts";
import { html } from "../html.ts";
import { rounded } from "../series.ts";
import type { View } from "../view.ts";

const STEPS = 50;

/** The profiles over runs and, where answers were kept, over questions. */
export function performanceProfiles(view: View): Section {
  const thresholds = Array.from({ length: STEPS + 1 }, (_, i) => i / STEPS);
  const profiles = view.arms.flatMap(({ study: { scores } }, arm) =>
    scores.values.length === 0 ? [] : [{ arm, points: performanceProfile(scores.values, thresholds), scores }]
  );
  const spec = (id: string, title: string, of: (point: ProfilePoint) => Estimate, band: boolean): ChartSpec => ({
    id,
    title,
    views: ["threshold, % right"],
    percent: true,
    percentBelow: true,
    range: [0, 1],
    stepped: true,
    lines: profiles.map(({ arm, points }) => ({
      arm,
      x: [points.map(({ threshold }) => threshold)],
      y: points.map((point) => rounded(of(point).value)),
      ...(band
        ? {
          lower: points.map((point) => rounded(of(point).lower)),
          upper: points.map((point) => rounded(of(point).upper)),
        }
        : {}),
    })),
  });
  const several = profiles.some(({ scores }) => scores.values.length > 1 && scores.items.length > 1);
  const charts = profiles.length === 0 ? [] : [
    spec("profile-runs", "Share of seeds above a threshold", ({ runs }) => runs, false),
    ...(several
      ? [
        spec("profile-items", "Share of questions that more than this share of seeds answer right", ({ items }) =>
          items, true),
      ]
      : []),
  ];
  return {
    id: "profiles",
    title: "Performance profiles",
    charts,
    body: charts.length === 0 ? absent("No cell has finished.") : html`
      <div class="panels two">${charts.map((chart) => figure(view, chart))}</div>
      ${reading(
        html`A line that lies higher everywhere is better at every standard. Where two cross, one arm has more good runs and the
other fewer bad ones.`,
        html`A line that falls early and flat at the left shows seeds that failed; a mean hides them.`,
      )}
    `,
  };
}
