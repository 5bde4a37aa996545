// The table of a group's rows, on the board and on an entry's page. Cells that sort carry their value in data-v.

import type { LeaderboardRow, Verified } from "../../records/leaderboard_entry.ts";
import { type Html, html, type Part } from "../html.ts";
import { points, pointsInterval, pValue, quantity, shareInterval, trimmed, UNKNOWN } from "../numbers.ts";
import type { BoardGroup, BoardRow } from "./board.ts";
import { foreignText, joined, shortText } from "./page_frame.ts";

/** How the table differs from page to page. */
export interface TableOptions {
  /** Rows to show, of the group. */
  readonly rows: readonly BoardRow[];
  /** The entry's page, relative to this one; null: this is it, and its name is not repeated. */
  readonly pageOf: ((row: BoardRow) => string) | null;
}

const CONCLUSIONS = { better: "better", worse: "worse", same: "no difference that matters", undecided: "undecided" };

/** "verified", or what is left of it. */
export function verifiedText({ gold, scores }: Verified): string {
  return gold && scores ? "verified" : "in part";
}

/** The table, in a box that scrolls sideways where it must. */
export function rowsTable(group: BoardGroup, { rows, pageOf }: TableOptions): Html {
  const axis = axisOf(rows), heads = pageOf ? HEADS : HEADS.slice(0, -1);
  const body = rows.map((row, i) => {
    const newTier = i > 0 && rows[i - 1]?.tier !== row.tier;
    return rowHtml(row, { group, axis, pageOf, newTier });
  });
  return html`
    <div class="scroll rows" role="region" aria-label="Rows of ${shortText(group.group.task)}" tabindex="0">
      <table>
        <thead>
          <tr>${heads.map(headCell)}</tr>
        </thead>
        <tbody>${body}</tbody>
      </table>
    </div>
  `;
}

interface Head {
  readonly name: string;
  readonly classes: string;
  /** What page.js sorts by, and which way first. */
  readonly key?: string;
  readonly first?: "ascending" | "descending";
}

const HEADS: readonly Head[] = [
  { name: "Tier", classes: "", key: "tier", first: "ascending" },
  { name: "Arm", classes: "", key: "arm", first: "ascending" },
  { name: "Score, %", classes: "", key: "score", first: "descending" },
  { name: "Against its reference", classes: "", key: "difference", first: "descending" },
  { name: "Seeds", classes: "n", key: "seeds", first: "descending" },
  { name: "Tokens", classes: "n wide", key: "tokens", first: "descending" },
  { name: "Device", classes: "wide" },
  { name: "Verified", classes: "wide" },
  { name: "Links", classes: "" },
];

function headCell({ name, classes, key = "", first = "descending" }: Head): Html {
  return html`<th scope="col" class="${classes}" data-key="${key}" data-first="${first}">${name}</th>`;
}

function cell(classes: string, content: Part, value: string | number | null = null): Html {
  return html`<td class="${classes}" data-v="${value}">${content}</td>`;
}

interface RowContext {
  readonly group: BoardGroup;
  readonly axis: readonly [number, number];
  readonly pageOf: TableOptions["pageOf"];
  readonly newTier: boolean;
}

function rowHtml(of: BoardRow, { group, axis, pageOf, newTier }: RowContext): Html {
  const { id, entry, row, tier } = of, page = pageOf?.(of) ?? null, verified = verifiedText(entry.verified);
  const settings = (group.settings.get(entry.id) ?? []).map((pair) => pair.join("="));
  const notes: Part[] = [
    ...(page === null ? [] : [html`<a href="${page}">${foreignText(entry.about.name)}</a>`]),
    ...(row.added ? ["added after the plan"] : []),
    ...(row.collapsed > 0 ? [`${row.collapsed} of ${row.seeds.length} seeds collapsed`] : []),
    ...(settings.length > 0 ? [html`<span class="mono">${foreignText(settings.join(" "), 200)}</span>`] : []),
  ];
  const name = shortText(row.arm), devices = entry.devices.map((device) => shortText(device));
  const score = html`${(100 * row.score.value).toFixed(1)} <span class="quiet">(${shareInterval(row.score)})</span>`;
  const cells = [
    cell("", tierHtml(tier, row), tier),
    html`<th scope="row" class="arm" data-v="${name}"><b><bdi>${name}</bdi></b><small>${
      joined(notes, " · ")
    }</small></th>`,
    cell("score", [score, bar(row, axis)], row.score.value),
    cell("difference", differenceHtml(row), row.difference?.effect.value ?? null),
    cell("n", row.seeds.length, row.seeds.length),
    cell("n wide", quantity(row.tokens), row.tokens),
    cell("wide", joined(devices.map((device) => html`<bdi>${device}</bdi>`), ", ")),
    cell("wide", verifiedHtml(entry.verified)),
    page !== null && cell("go", links(of, page)),
  ];
  const classes = newTier ? "newtier" : "", device = devices.join("\n");
  return html`
    <tr id="${id}" class="${classes}" data-arm="${name}" data-device="${device}"
      data-verified="${verified}">${cells}</tr>
  `;
}

function links({ id, entry, row }: BoardRow, page: string): Html {
  const name = shortText(entry.about.name), arm = shortText(row.arm);
  return html`
    <a href="${page}" aria-label="Entry ${name}">entry</a>
    <a class="anchor" href="#${id}" aria-label="Link to ${arm} of ${name}">link</a>
  `;
}

function verifiedHtml(verified: Verified): Html {
  const text = verifiedText(verified), why = missing(verified);
  return why === "" ? html`✓ ${text}` : html`${text}<small>${why}</small>`;
}

function tierHtml(tier: number | null, row: LeaderboardRow): Html {
  if (tier !== null) return html`<span class="tier${tier === 1 && " first"}">${tier}</span>`;
  const why = row.seeds.length < 2 ? "one seed: not ranked" : "no answers kept: not ranked";
  return html`${UNKNOWN}<small>${why}</small>`;
}

function missing({ gold, scores }: Verified): string {
  return [...(gold ? [] : ["gold answers not at hand"]), ...(scores ? [] : ["sampled answers not kept"])].join(", ");
}

function differenceHtml({ reference, difference }: LeaderboardRow): Html {
  if (difference === null) return html`<span class="reference">${reference ? "the reference" : UNKNOWN}</span>`;
  const { against, effect, adjustedP, conclusion, registered, seeds } = difference;
  const p = pValue(adjustedP), how = seeds === 1 ? "one seed" : `p ${p.startsWith("<") ? p : `= ${p}`}`;
  const verdict = html`<span class="${conclusion}">${CONCLUSIONS[conclusion]}</span>`;
  const parts = [verdict, how, foreignText(against), ...(registered ? [] : ["exploratory"])];
  const interval = ` (${pointsInterval(effect)})`;
  return html`${points(effect.value)}<span class="quiet">${interval}</span><small>${joined(parts, " · ")}</small>`;
}

/** Tens of percent around all intervals. */
function axisOf(rows: readonly BoardRow[]): readonly [number, number] {
  const lower = Math.min(...rows.map(({ row }) => row.score.lower));
  const upper = Math.max(...rows.map(({ row }) => row.score.upper));
  const [low, high] = [Math.max(0, Math.floor(10 * lower) / 10), Math.min(1, Math.ceil(10 * upper) / 10)];
  return low < high ? [low, high] : [0, 1];
}

/** The interval and the mean on the group's axis; the numbers stand beside it. */
function bar({ score }: LeaderboardRow, [low, high]: readonly [number, number]): Html {
  const at = (share: number) => trimmed(100 * Math.min(1, Math.max(0, (share - low) / (high - low))), 1);
  const [from, mean, to] = [at(score.lower), at(score.value), at(score.upper)];
  return html`
    <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <path class="axis" d="M0 5H100" />
      <path class="range" d="M${from} 5H${to}" />
      <path class="point" d="M${mean} 1V9" />
    </svg>
  `;
}
