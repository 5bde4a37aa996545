// Numbers and tables as people read them in a terminal.

/** "45.3 %" */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Percentage points with their sign: "+12.5". */
export function points(difference: number): string {
  const text = (100 * difference).toFixed(1);
  return difference < 0 || text.startsWith("-") ? text.replace(/^-0\.0$/, "0.0") : `+${text}`;
}

/** "1:05", "2:03:00" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const digits = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${digits(minutes)}:${digits(rest)}` : `${minutes}:${digits(rest)}`;
}

/** "950", "12.3k", "1.25M" */
export function quantity(value: number): string {
  if (value < 1e3) return String(Math.round(value));
  return value < 1e6 ? `${(value / 1e3).toFixed(1)}k` : `${(value / 1e6).toFixed(2)}M`;
}

/** "950 B", "12.3 kB", "988.1 MB", "3.09 GB": of a thousand, as downloads are told. */
export function byteSize(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/**
 * Rows in aligned columns; a row of no cells is a rule.
 * @param left so many columns are aligned to the left, the others to the right.
 */
export function alignColumns(rows: readonly (readonly string[])[], left = 1): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  const align = (cell: string, i: number) => i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return rows
    .map((row) => row.length === 0 ? widths.map((width) => "-".repeat(width)) : row.map(align))
    .map((cells) => cells.join("  ").trimEnd())
    .join("\n");
}
