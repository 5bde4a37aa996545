// Numbers as the page shows them: fixed digits, a real minus, and a dash for what is not known. Nothing here asks the
// locale, so that a page is the same everywhere.

import type { Estimate } from "../stats/estimate.ts";

/** What stands for a number that is not known. */
export const UNKNOWN = "–";

/** "45.3 %" */
export function percent(share: number | null, digits = 1): string {
  return share === null || Number.isNaN(share) ? UNKNOWN : `${signed((100 * share).toFixed(digits))} %`;
}

/** Percentage points with their sign: "+12.5", "−0.3". */
export function points(difference: number): string {
  const text = signed((100 * difference).toFixed(1));
  return difference > 0 && text !== "0.0" ? `+${text}` : text;
}

/** "74.2 to 79.8", of shares in percent. */
export function shareInterval({ lower, upper }: Estimate): string {
  return `${signed((100 * lower).toFixed(1))} to ${signed((100 * upper).toFixed(1))}`;
}

/** "+9.2 to +12.0", of differences in percentage points. */
export function pointsInterval({ lower, upper }: Estimate): string {
  return `${points(lower)} to ${points(upper)}`;
}

/** "0.008", "< 0.001" */
export function pValue(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** "950", "12.3 k", "1.25 M" */
export function quantity(value: number | null): string {
  if (value === null) return UNKNOWN;
  if (Math.abs(value) < 1e3) return signed(trimmed(value, 1));
  return Math.abs(value) < 1e6 ? `${signed((value / 1e3).toFixed(1))} k` : `${signed((value / 1e6).toFixed(2))} M`;
}

/** "58 s", "1:05 min", "2:03 h" */
export function duration(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const whole = Math.round(seconds), digits = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${trimmed(seconds, 1)} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${digits(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${digits(Math.floor(whole / 60) % 60)} h`;
}

/** "1.25 GB" */
export function bytes(value: number | null): string {
  if (value === null) return UNKNOWN;
  return value < 1e9 ? `${(value / 1e6).toFixed(0)} MB` : `${(value / 1e9).toFixed(2)} GB`;
}

/** Up to so many digits after the point, no zeros at the end. */
export function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** For numbers of any size: four digits that count. */
export function fourDigits(value: number): string {
  return signed(String(Number(value.toPrecision(4))));
}

/** "1 seed", "3 seeds" */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function signed(text: string): string {
  return text.replace(/^-(?=0(?:\.0*)?$)/, "").replace(/^-/, "\u2212");
}
